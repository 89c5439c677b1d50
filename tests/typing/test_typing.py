"""Signatures and types survive the breaker, as a strict type checker sees it."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def mypy(*arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        cwd=ROOT,
    )
    return done.returncode, done.stdout + done.stderr


def test_what_is_right_and_what_is_wrong() -> None:
    """Arguments and answers are what they were; wrong ones are errors, each where it is expected."""
    status, output = mypy(HERE / "right.py", HERE / "wrong.py")
    assert status == 0, output


def test_the_errors_do_come(tmp_path: Path) -> None:
    """Without its `ignore` each wrong line is reported: the file is not just skipped."""
    source = (HERE / "wrong.py").read_text()
    expected = source.count("# type: ignore")
    bare = tmp_path / "bare.py"
    bare.write_text(re.sub(r"  # type: ignore\[.*\]", "", source))
    status, output = mypy(bare)
    lines = {match[1] for match in re.finditer(r"bare\.py:(\d+): error", output)}
    assert (status, len(lines)) == (1, expected), output


def test_the_package_says_that_it_is_typed() -> None:
    """A checker of a project that installs Recloser reads its types."""
    assert files("recloser").joinpath("py.typed").is_file()
