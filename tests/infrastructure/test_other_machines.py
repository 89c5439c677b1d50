"""The build on other machines: a Windows checkout, a container that sees one folder, an older sam."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from transformed_template import ROOT

FUNCTIONS = ("FlipState", "StartRecovery", "Announce", "Console", "ConsoleAct", "DemoCallerFunction")
BUILDS = [("functions", name) for name in FUNCTIONS] + [("recloser", "RecloserLayer")]
# What every container of sam's has.
CONTAINER = {"PATH": "/usr/bin:/bin"}

# "Naming Files, Paths, and Namespaces", Windows documentation.
FORBIDDEN = re.compile(r'[<>:"\\|?*\x00-\x1f]|[ .]$')
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
LONGEST_PATH = 200  # of 260, with the folder that holds the checkout


def git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_windows_can_hold_every_file() -> None:
    """No name is forbidden there, too long, or the same as another but for the case."""
    paths = git("ls-files").splitlines()
    parts = {part for path in paths for part in path.split("/")}
    assert [part for part in parts if FORBIDDEN.search(part) or RESERVED.match(part)] == []
    assert [path for path in paths if len(path) > LONGEST_PATH] == []
    assert len({path.lower() for path in paths}) == len(paths)


def test_a_windows_checkout_keeps_line_ends(tmp_path: Path) -> None:
    """Git writes line feeds also where it is set to write carriage returns: make would choke on them."""
    archive = tmp_path / "checkout.tar"
    settings = ("-c", "core.autocrlf=true", "-c", "core.eol=crlf")
    files = ("functions", "recloser/Makefile", "recloser/__init__.py", "Makefile", "template.yaml")
    git(*settings, "archive", f"--output={archive}", "HEAD", *files)
    shutil.unpack_archive(archive, tmp_path / "checkout", filter="data")
    written = [path for path in (tmp_path / "checkout").rglob("*") if path.is_file()]
    assert len(written) > len(files)
    assert [path for path in written if b"\r" in path.read_bytes()] == []


@pytest.mark.parametrize(("folder", "target"), BUILDS)
def test_a_container_builds_from_one_folder(folder: str, target: str, tmp_path: Path) -> None:
    """A build needs its own folder alone, writes nothing into it, and needs no Python and no network."""
    shutil.copytree(ROOT / folder, tmp_path / "source", ignore=shutil.ignore_patterns("__pycache__"))
    before = sorted((tmp_path / "source").rglob("*"))
    artifacts = tmp_path / "artifacts with a space"
    artifacts.mkdir()
    done = subprocess.run(
        ["make", "--silent", f"build-{target}"],
        cwd=tmp_path / "source",
        env=CONTAINER | {"ARTIFACTS_DIR": str(artifacts)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sorted((tmp_path / "source").rglob("*")) == before
    assert [path for path in artifacts.rglob("*") if path.suffix not in {"", ".py", ".typed"}] == []
    assert len(list(artifacts.rglob("*.py"))) > 1 or target == "DemoCallerFunction"


def with_sam(folder: Path, version: str | None) -> subprocess.CompletedProcess[str]:
    """Run `make build` where `sam` is a program that tells a version, and what it was asked for."""
    tools = folder / "tools"
    tools.mkdir()
    if version is not None:
        sam = tools / "sam"
        sam.write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && echo "SAM CLI, version {version}" || echo "sam $*"\n'
        )
        sam.chmod(0o755)
    return subprocess.run(
        ["make", "--silent", "build", f"VENV={folder / 'none'}"],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{tools}:{_python_only(folder)}:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _python_only(folder: Path) -> Path:
    """Make a folder with a python3 and make, and no sam."""
    place = folder / "python"
    place.mkdir()
    for name in ("python3", "make"):
        found = shutil.which(name)
        assert found is not None
        (place / name).symlink_to(os.path.realpath(found))
    return place


def needed() -> str:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    found: str
    [found] = [each.partition(">=")[2] for each in extras["lab"] if each.startswith("aws-sam-cli")]
    return found


@pytest.mark.parametrize("version", ["1.99.0", "1.150.2", "0.53.0"])
def test_an_older_sam_is_told(version: str, tmp_path: Path) -> None:
    """`make build` ends with one sentence that names what is needed and what is there, and builds nothing."""
    done = with_sam(tmp_path, version)
    assert done.returncode != 0
    assert f"Recloser needs SAM {needed()} or newer; {tmp_path}/tools/sam is {version}\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_no_sam_is_told(tmp_path: Path) -> None:
    """Without any sam the sentence says how to get one."""
    done = with_sam(tmp_path, None)
    assert done.returncode != 0
    assert "there is no sam on the PATH: make setup" in done.stderr


@pytest.mark.parametrize("version", ["{needed}.0", "1.999.1", "2.0.0"])
def test_a_sam_that_is_new_enough_builds(version: str, tmp_path: Path) -> None:
    """From the needed version on, it is `sam build`."""
    done = with_sam(tmp_path, version.format(needed=needed()))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "sam build\n"


def test_the_documentation_names_the_needed_version() -> None:
    """The page about deploying states the version that is checked."""
    assert f"SAM {needed()} or newer" in (ROOT / "docs" / "deploying.md").read_text()
