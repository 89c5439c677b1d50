"""The tables of docs/callers.md say what the code does."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from recloser import CircuitBreaker
from recloser.metrics import emf as metrics

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "callers.md").read_text(encoding="utf-8")

# Described by the page's first example.
PARTS = {"name"}


def rows(heading: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_defaults() -> None:
    """Every setting is there with its default, in the order of the signature."""
    parameters = inspect.signature(CircuitBreaker).parameters
    expected = [
        (f"`{name}`", "`" + repr(parameter.default).replace("'", '"') + "`")
        for name, parameter in parameters.items()
        if name not in PARTS
    ]
    assert [(row[0], row[1]) for row in rows("Defaults")] == expected


def test_metrics() -> None:
    """Every metric that callers publish is there, with its unit."""
    published = {metrics.FAILURE, metrics.DURATION, metrics.SLOW, metrics.PROBE_FAILURE}
    published |= {metrics.REJECTED, metrics.UNPROTECTED}
    assert {row[0].strip("`"): row[1] for row in rows("Metrics")} == {
        name: metrics.unit_of(name) for name in published
    }
    assert f"Namespace `{metrics.NAMESPACE}`, dimension `{metrics.DIMENSION}`" in PAGE


def test_it_is_short() -> None:
    """A page that is read in one go, with links that lead somewhere."""
    assert len(PAGE.splitlines()) < 400
    headings = {
        line.removeprefix("## ").lower().replace(" ", "-") for line in PAGE.splitlines() if "## " in line
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= headings
