"""docs/architecture.md says what the code says."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def table(text: str) -> list[list[str]]:
    """The cells of a text's table."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "---" not in line]


def section(heading: str) -> str:
    return PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(
    ("heading", "module"), [("What a signal does", "decide.py"), ("What becomes of a call", "admit.py")]
)
def test_the_tables_are_those_of_the_code(heading: str, module: str) -> None:
    """Each table is the one in the docstring of its module."""
    source = (ROOT / "recloser" / module).read_text(encoding="utf-8")
    assert table(section(heading)) == table(ast.get_docstring(ast.parse(source)) or "")


def test_every_file_that_is_named_is_there() -> None:
    """A reader who opens what the page names finds it."""
    named = set(re.findall(r"`((?:recloser|functions|tests|events)/[\w/.]+)`", PAGE))
    assert len(named) > 25
    assert not [name for name in named if not (ROOT / name).exists()]


def rooms() -> ModuleType:
    path = ROOT / "tests" / "unit" / "test_architecture.py"
    spec = importlib.util.spec_from_file_location("rooms", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_who_imports_whom() -> None:
    """The page's table is the one that the imports are tested by."""
    rows = table(section("Who imports whom"))
    found = {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[1])) for row in rows}
    found.pop("room")
    expected = dict(rooms().ROOMS)
    expected.pop("__init__")
    assert found == expected
