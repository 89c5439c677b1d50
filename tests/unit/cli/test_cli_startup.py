"""The command as a process: quick to help, clear about what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COMMANDS = (
    "status",
    "history",
    "open",
    "close",
    "release",
    "reset",
    "policy",
    "forget",
    "export",
    "import",
    "demo",
)


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


MAIN = "from recloser.cli import run; run()"


def test_help_needs_no_aws() -> None:
    """Help imports neither botocore nor the laboratory: it answers at once, and offline."""
    program = (
        "import sys, atexit\n"
        "heavy = ('boto3', 'botocore', 'matplotlib', 'simpy', 'lark', 'recloser.lab')\n"
        "atexit.register(lambda: print('heavy:', [name for name in heavy if name in sys.modules]))\n" + MAIN
    )
    answer = run(program, "--help")

    assert answer.returncode == 0, answer.stderr
    assert all(f" {command} " in answer.stdout for command in COMMANDS)
    assert answer.stdout.endswith("heavy: []\n")


def test_help_of_every_command() -> None:
    """Every command explains itself, and no argument asks AWS for that."""
    program = (
        "from typer.testing import CliRunner\n"
        "from recloser.cli.main import app\n"
        f"for command in {COMMANDS[:-1]!r}:\n"
        "    answer = CliRunner().invoke(app, [command, '--help'])\n"
        "    assert answer.exit_code == 0 and 'Usage: recloser ' + command in answer.stdout, command\n"
    )
    answer = run(program)
    assert answer.returncode == 0, answer.stderr


def test_unknown_command() -> None:
    """A command that is not there is bad input."""
    answer = run(MAIN, "opne")
    assert answer.returncode == 2
    assert "opne" in answer.stderr


def test_without_its_extra() -> None:
    """Without typer one line says which extra to install; there is no traceback."""
    program = (
        "import sys, importlib.util as util\n"
        "found = util.find_spec\n"
        "util.find_spec = lambda name, *more: None if name == 'typer' else found(name, *more)\n"
    )
    answer = run(program + MAIN)
    assert answer.returncode == 1
    assert answer.stderr == "recloser: the command needs its extra: pip install 'recloser[cli]'\n"
    assert answer.stdout == ""


FLEET = "cost --circuits 3 --calls-per-second 5 --environments 4"


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell closes the streams")
@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        (f"{FLEET} >&-", 0, ""),
        (f"{FLEET} --json >&-", 0, ""),
        ("import - <&-", 2, "recloser: -: no JSON: Expecting value: line 1 column 1 (char 0)\n"),
        (f"{FLEET} >/dev/full", 1, "recloser: [Errno 28] No space left on device\n"),
        (f"{FLEET} --json >/dev/full", 1, "recloser: [Errno 28] No space left on device\n"),
        (f"{FLEET} | head -c 1 >&-", None, ""),
    ],
)
def test_streams_that_are_closed_or_full(command: str, code: int | None, told: str) -> None:
    """Where standard streams are closed, full or not read to the end, there is no traceback."""
    if "/dev/full" in command and not Path("/dev/full").exists():
        pytest.skip("the system has no /dev/full")
    answer = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -c "{MAIN}" {command}', sys.executable],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert code in (None, answer.returncode)
    assert answer.stderr == told or code is None
    assert "Traceback" not in answer.stderr
