"""Every Python block of README, CONTRIBUTING and docs runs, in the page's order."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from recloser.caller import process

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```\s*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Snippet:
    """One block: its page, the line its code begins in, and the code."""

    page: Path
    line: int
    source: str

    def compiled(self) -> CodeType:
        """Compile it so that a traceback shows the page's own lines."""
        return compile("\n" * (self.line - 1) + self.source, str(self.page), "exec")


def pages() -> list[Path]:
    """The README, CONTRIBUTING, and every page of the docs."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def snippets(page: Path) -> list[Snippet]:
    """Every block of a page that says it is Python."""
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in _FENCE.finditer(text):
        if fence["info"].split()[:1] == ["python"]:
            line = text.count("\n", 0, fence.start("body")) + 1
            found.append(Snippet(page, line, fence["body"]))
    return found


@pytest.fixture
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that knows of no tables, as a reader's who tries an example."""
    monkeypatch.delenv("RECLOSER_CIRCUIT_TABLE", raising=False)
    monkeypatch.delenv("RECLOSER_PROBE_TABLE", raising=False)
    process.forget_default()
    yield
    process.forget_default()


def run_tests_in(namespace: dict[str, Any], request: pytest.FixtureRequest) -> None:
    """Run what a block calls a test, with the fixtures it asks for, as pytest would."""
    for name in [name for name in namespace if name.startswith("test_")]:
        test = namespace.pop(name)
        test(**{fixture: request.getfixturevalue(fixture) for fixture in inspect.signature(test).parameters})


PAGES = [page for page in pages() if snippets(page)]


@pytest.mark.usefixtures("fresh_process")
@pytest.mark.filterwarnings("ignore:RECLOSER_CIRCUIT_TABLE and RECLOSER_PROBE_TABLE:RuntimeWarning")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page(page: Path, request: pytest.FixtureRequest) -> None:
    """Every Python block of a page runs, in the page's order, as one program."""
    namespace: dict[str, Any] = {"__name__": page.stem}
    for snippet in snippets(page):
        exec(snippet.compiled(), namespace)
        run_tests_in(namespace, request)


def test_there_are_pages() -> None:
    """The runner finds what it is for."""
    assert {ROOT / "README.md", ROOT / "docs" / "callers.md"} <= set(PAGES)


def test_a_wrong_example_is_found() -> None:
    """An example that does not hold fails, on the page's own line."""
    snippet = Snippet(Path("page.md"), 7, "price = 1\nassert price == 2\n")
    with pytest.raises(AssertionError) as error:
        exec(snippet.compiled(), {})
    assert error.traceback[-1].lineno + 1 == 8
