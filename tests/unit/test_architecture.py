"""The arrows of the design: who may import whom."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "recloser"
MODULES = sorted(path for path in LIBRARY.rglob("*.py"))
LAYER = [path for path in MODULES if path.relative_to(LIBRARY).parts[0] not in {"cli", "lab"}]

# Which room may import from which. A room is a folder of the library, or a file beside them.
CORE = {"circuit", "policy"}
ROOMS: dict[str, set[str]] = {
    "frozen": set(),
    "circuit": {"frozen"},
    "policy": {"frozen"},
    "errors": {"circuit"},
    "signals": {"circuit"},
    "decide": CORE | {"signals"},
    "admit": CORE | {"frozen"},
    "wrapped": set(),
    "predicates": {"wrapped"},
    "plain_text": set(),
    "store": CORE | {"decide", "errors", "frozen", "plain_text"},
    "metrics": set(),
    "control": CORE | {"decide", "errors", "metrics", "signals", "store"},
    "caller": CORE | {"admit", "control", "errors", "frozen", "metrics", "signals", "store", "wrapped"},
    "testing": CORE | {"admit", "caller", "control", "metrics", "signals", "store"},
    "pytest_plugin": {"caller", "testing"},
    "__init__": {"caller", "circuit", "errors"},
    "cli": CORE | {"control", "errors", "lab", "metrics", "plain_text", "signals", "store"},
    "lab": CORE
    | {"admit", "caller", "cli", "control", "decide", "errors", "metrics", "signals", "store", "testing"},
}


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def of_ours(path: Path) -> set[str]:
    """The rooms that a file imports from. What `recloser` itself exports is no room."""
    rooms = {name.split(".")[1] for name in imports(path) if name.startswith("recloser.")}
    return {each for each in rooms if (LIBRARY / each).is_dir() or (LIBRARY / f"{each}.py").exists()}


def room(path: Path) -> str:
    """The room that a module stands in."""
    return path.relative_to(LIBRARY).with_suffix("").parts[0]


def test_decide_imports_circuit_policy_and_signals_alone() -> None:
    """decide: frozen data in, frozen data out, the standard library, and nothing else of ours."""
    decide = LIBRARY / "decide.py"
    assert of_ours(decide) == {"circuit", "policy", "signals"}
    roots = {name.split(".")[0] for name in imports(decide)}
    assert roots <= {"__future__", "collections", "dataclasses", "recloser", "typing", "zlib"}


def test_admit_imports_circuit_and_policy_alone() -> None:
    """admit: the same for callers, with what makes its own types."""
    admit = LIBRARY / "admit.py"
    assert of_ours(admit) == {"circuit", "frozen", "policy"}
    roots = {name.split(".")[0] for name in imports(admit)}
    assert roots <= {"__future__", "dataclasses", "enum", "math", "recloser", "typing"}


def test_the_circuit_imports_nothing_of_ours() -> None:
    """circuit: data that depends on nothing but what makes such types."""
    assert of_ours(LIBRARY / "circuit.py") == {"frozen"}


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


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_arrows_point_down(path: Path) -> None:
    """Each room imports from itself and from the rooms below it that the table names."""
    assert of_ours(path) <= ROOMS[room(path)] | {room(path)}


def test_no_circle() -> None:
    """No module imports, by however many others, one that imports it."""
    files = [path for path in MODULES if path.stem != "__init__"]  # which re-export what is below them
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in files}
    graph = {name: {each for each in imports(path) if each in names} for name, path in names.items()}
    order = list(TopologicalSorter(graph).static_order())
    assert len(order) == len(graph)


def test_functions_are_thin() -> None:
    """A function reads its event, and hands a signal to the library: no function is a library of its own."""
    for path in (ROOT / "functions").glob("*/app.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 80, path
