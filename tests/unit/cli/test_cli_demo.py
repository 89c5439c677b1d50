"""`recloser demo` is the laboratory's; the command only finds it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from recloser.cli import demo


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module to run in the place of the real demo, which takes minutes."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(demo, "MODULE", "a_short_demo")
    monkeypatch.setattr(sys, "argv", sys.argv)
    return tmp_path / "a_short_demo.py"


def test_arguments_and_exit_code_pass_through(module: Path, recloser: Callable[..., Result]) -> None:
    """What is given goes to the demo, its help too, and its exit code comes back."""
    module.write_text("import sys\nprint(sys.argv)\nsys.exit(1)\n")
    answer = recloser("demo", "--help", "--seconds", "3")

    assert answer.stdout == "['recloser demo', '--help', '--seconds', '3']\n"
    assert answer.exit_code == 1


def test_missing_package(module: Path, recloser: Callable[..., Result]) -> None:
    """A package that is missing is named, with the extra that brings it."""
    module.write_text("import a_package_nobody_has\n")
    answer = recloser("demo")

    assert answer.exit_code == 1
    assert answer.stderr == (
        "recloser: recloser demo needs a_package_nobody_has, which is not installed: "
        "pip install 'recloser[lab]'\n"
    )


def test_missing_laboratory(module: Path, recloser: Callable[..., Result]) -> None:
    """So is the laboratory itself."""
    answer = recloser("demo")
    assert answer.exit_code == 1
    assert "needs a_short_demo, which this installation of Recloser does not have" in answer.stderr
