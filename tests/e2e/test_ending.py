"""Whatever ends the local AWS, nothing of it is left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from recloser.lab.local_aws.deployment import Deployment, DeploymentError
from recloser.lab.local_aws.local_aws import LocalAws

REPOSITORY = Path(__file__).parents[2]


def emulators(parent: psutil.Process) -> list[psutil.Process]:
    return [
        child
        for child in parent.children()
        if "recloser.lab.local_aws.emulator_process" in " ".join(child.cmdline())
    ]


def test_an_interrupted_start_leaves_nothing() -> None:
    """Ctrl-C while the stack is about to be deployed stops the emulator that runs already."""
    running: list[psutil.Process] = []

    def interrupt(what: str) -> None:
        if what.startswith("deploying"):
            running.extend(emulators(psutil.Process()))
            raise KeyboardInterrupt

    before = emulators(psutil.Process())
    with pytest.raises(KeyboardInterrupt):
        LocalAws(progress=interrupt).__enter__()
    assert len(running) == len(before) + 1
    assert emulators(psutil.Process()) == before


def test_a_failed_deployment_says_why(tmp_path: Path) -> None:
    """When sam fails, the error ends with sam's own last words."""
    deployment = Deployment(tmp_path)
    with pytest.raises(DeploymentError, match=r"(?s)`sam deploy` failed with exit code \d; .*template.yaml"):
        deployment.deploy("http://127.0.0.1:1", {})


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C reaches what is started, also where the tests themselves run in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_demo_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C in the middle of the demo stops the emulator and everything that it started."""
    with subprocess.Popen(
        [sys.executable, "-m", "recloser.lab.demo", "--output", str(tmp_path)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "the dependency is healthy" in line:
                break
        running = psutil.Process(demo.pid).children(recursive=True)
        assert running
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=120)  # calls that are under way end by themselves first
        assert demo.returncode not in (0, None)
    deadline = time.monotonic() + 10
    while left := [process for process in running if process.is_running()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
    assert not list(tmp_path.iterdir())
