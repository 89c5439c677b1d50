"""What is shipped is what is tested: the wheel, built and imported as a user would."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it with what is installed, so that nothing is fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    [built] = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_library_only(wheel: Path) -> None:
    """The wheel is the library with its type marker: no tests, functions, events, or files of the build."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert "recloser/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"recloser"}
    assert "recloser/Makefile" not in names


def test_the_wheel_works_without_the_extras(wheel: Path, tmp_path: Path) -> None:
    """The library guards calls with nothing but the standard library on the path, cli and lab removed."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(
            tmp_path, [n for n in archive.namelist() if not n.startswith(("recloser/cli/", "recloser/lab/"))]
        )
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import recloser\n"
        "from recloser.testing import World\n"
        "world = World()\n"
        "breaker = world.breaker('payments-api', fallback=recloser.value('sorry'))\n"
        "world.trip('payments-api')\n"
        "print(recloser.__file__, breaker.call(lambda: 'paid'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / "recloser" / "__init__.py"), "sorry"]
