"""The arrows of the design: who may import whom."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "recloser"
MODULES = sorted(path for path in LIBRARY.rglob("*.py"))
LAYER = [path for path in MODULES if path.relative_to(LIBRARY).parts[0] not in {"cli", "lab"}]

# What is below what. A module may import from its own level and from those before it.
LEVELS: list[set[str]] = [
    {"circuit", "registry", "retry_after", "tracing"},
    {"decide", "errors", "forks"},
    {"items", "metrics", "settings", "pending_metrics"},
    {"signals", "tables", "memory", "announcement"},
    {"alarms", "flags", "publishing", "watchdog", "local_trip", "outcome", "fallbacks"},
    {"control", "permits", "lanes"},
    {"guard", "backend"},
    {"tasks", "blocks", "invocation"},
    {"breaker"},
]


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names if node.module == "recloser")


def of_ours(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("recloser.")}


def test_decide_imports_the_circuit_alone() -> None:
    """decide: frozen data in, frozen data out, the standard library, and nothing else of ours."""
    decide = LIBRARY / "decide.py"
    assert of_ours(decide) == {"circuit"}
    roots = {name.split(".")[0] for name in imports(decide)}
    assert roots <= {"__future__", "collections", "dataclasses", "recloser", "typing", "zlib"}


def test_the_circuit_imports_nothing_of_ours() -> None:
    """circuit: data that depends on nothing."""
    assert of_ours(LIBRARY / "circuit.py") == set()


@pytest.mark.parametrize("path", LAYER, ids=lambda path: path.stem)
def test_nothing_in_the_layer_imports_the_command_or_the_lab(path: Path) -> None:
    """The layer ships without cli and lab."""
    assert not of_ours(path) & {"cli", "lab"}


@pytest.mark.parametrize("path", LAYER, ids=lambda path: path.stem)
def test_the_layer_needs_the_standard_library_and_botocore_only(path: Path) -> None:
    """What else it touches is the user's own: a library whose exceptions it is asked about, or pytest."""
    asked_for = {"predicates": {"httpx", "requests"}, "pytest_plugin": {"pytest"}}
    allowed = {"botocore", "recloser"} | asked_for.get(path.stem, set())
    roots = {name.split(".")[0] for name in imports(path)}
    assert roots - set(sys.stdlib_module_names) <= allowed


@pytest.mark.parametrize("level", range(len(LEVELS)))
def test_arrows_point_down(level: int) -> None:
    """Tables, signals and metrics know decide; decide knows the circuit; none knows what is above it."""
    below = set().union(*LEVELS[: level + 1])
    for module in LEVELS[level]:
        assert of_ours(LIBRARY / f"{module}.py") <= below, module


def test_functions_are_thin() -> None:
    """A function reads its event, and hands a signal to the library: no function is a library of its own."""
    for path in (ROOT / "functions").glob("*/app.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 80, path
