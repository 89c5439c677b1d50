"""The layer as it is built: what is in it, and that it works where Lambda would put it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from transformed_template import ROOT, Document, of_type

# What Lambda's Python runtimes bring of their own: botocore and what it needs.
RUNTIME_PACKAGES = ("botocore", "dateutil", "jmespath", "six", "urllib3")


@pytest.fixture
def library(built_layer: Path) -> Path:
    return built_layer / "python" / "recloser"


@pytest.fixture(scope="session")
def runtime_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with botocore and nothing of ours or of this machine's."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in RUNTIME_PACKAGES:
        found = importlib.util.find_spec(name)
        assert found is not None
        assert found.origin is not None
        origin = Path(found.origin)
        place = origin.parent if origin.name == "__init__.py" else origin
        (folder / place.name).symlink_to(place)
    return folder


def run(program: str, *path: Path) -> str:
    """Run a program in a fresh interpreter that finds packages on this path and the standard library only."""
    setup = f"import sys; sys.path[:0] = {[str(entry) for entry in path]!r}\n"
    done = subprocess.run(
        # -I and -S: no user or site packages, no environment, no current folder.
        [sys.executable, "-I", "-S", "-W", "error", "-c", setup + program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_contents(library: Path) -> None:
    """The layer is the library without the operator's command and the local AWS, and without leftovers."""
    shipped = {str(path.relative_to(library)) for path in library.rglob("*") if path.is_file()}
    source = ROOT / "recloser"
    left_out = {"cli", "lab", "Makefile", "__pycache__"}
    expected = {
        str(path.relative_to(source))
        for path in source.rglob("*")
        if path.is_file() and not left_out & set(path.relative_to(source).parts)
    }
    assert expected
    assert shipped == expected


def test_nothing_beside_the_library(built_layer: Path) -> None:
    """The layer holds the library and no copy of anything that the runtime brings."""
    assert [path.name for path in built_layer.iterdir()] == ["python"]
    assert [path.name for path in (built_layer / "python").iterdir()] == ["recloser"]


def test_every_module_imports(built_layer: Path, runtime_packages: Path) -> None:
    """Every module of the layer imports in a fresh interpreter that has botocore and nothing else."""
    program = """
import importlib, pkgutil, recloser
names = [module.name for module in pkgutil.walk_packages(recloser.__path__, "recloser.")]
for name in names:
    importlib.import_module(name)
print(recloser.__file__, *names)
"""
    place, *names = run(program, built_layer / "python", runtime_packages).split()
    assert place == str(built_layer / "python" / "recloser" / "__init__.py")
    assert {"recloser.caller.breaker", "recloser.decide", "recloser.store.dynamodb"} <= set(names)
    assert not {"recloser.cli", "recloser.lab"} & set(names)


def test_it_works(built_layer: Path, runtime_packages: Path) -> None:
    """A circuit of the built layer trips, refuses, lets a probe through, and closes."""
    program = """
from recloser import CircuitOpen
from recloser.policy import RecoveryPolicy
from recloser.testing import World

world = World(RecoveryPolicy(jitter=0, successes_to_close=1))
breaker = world.breaker("payments-api")
print(breaker.call(lambda: "answered"))
world.trip("payments-api")
world.clock.advance(5)
try:
    breaker.call(lambda: "answered")
except CircuitOpen as refusal:
    print("refused", round(refusal.retry_after))
world.clock.advance(6)
print(breaker.call(lambda: "probed"), world.tables.read("payments-api").state)
"""
    assert run(program, built_layer / "python", runtime_packages).splitlines() == [
        "answered",
        "refused 5",
        "probed CLOSED",
    ]


def test_settings(resources: Document) -> None:
    """The layer serves every runtime and architecture of the stack; old versions stay for their users."""
    ((name, layer),) = of_type(resources, "AWS::Lambda::LayerVersion").items()
    assert layer["CompatibleRuntimes"] == ["python3.11", "python3.12", "python3.13", "python3.14"]
    assert layer["CompatibleArchitectures"] == ["arm64", "x86_64"]
    assert resources[name]["DeletionPolicy"] == "Retain"
