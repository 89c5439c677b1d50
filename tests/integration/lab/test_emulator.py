"""ministack starts on loopback only, and nothing of it is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path

import boto3
import psutil  # type: ignore[import-untyped]
import pytest

from recloser.lab.local_aws.emulator import ACCOUNT, REGION, Emulator, EmulatorError, client_environment
from recloser.lab.local_aws.emulator_alarms import patch

REPOSITORY = Path(__file__).parents[3]


def wait_for(condition: Callable[[], bool], within_seconds: float = 10) -> bool:
    deadline = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_answers_on_loopback_only_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A started emulator answers AWS calls on 127.0.0.1 alone; once stopped, nothing is left."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    emulator = Emulator(tmp_path / "ministack.log")
    emulator.start()
    try:
        client = boto3.client(
            "sts",
            endpoint_url=emulator.endpoint_url,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="local",
        )
        assert client.get_caller_identity()["Account"] == ACCOUNT
        process = psutil.Process(emulator._process.pid)  # type: ignore[union-attr]
        listening = {c.laddr.ip for c in process.net_connections() if c.status == psutil.CONN_LISTEN}
        assert listening == {"127.0.0.1"}
        assert [*tmp_path.glob("recloser-local-aws-*")]
    finally:
        emulator.stop()
    assert gone(process)
    assert not [*tmp_path.glob("recloser-local-aws-*")]
    emulator.stop()


def test_dies_with_its_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the parent is killed without warning, the emulator ends too, and leaves no file."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    script = (
        "import sys, time; from pathlib import Path; from recloser.lab.local_aws.emulator import Emulator\n"
        "emulator = Emulator(Path(sys.argv[1])); emulator.start()\n"
        "print(emulator._process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "ministack.log")],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        emulator = psutil.Process(int(parent.stdout.readline()))
        assert emulator.is_running()
        assert [*tmp_path.glob("recloser-local-aws-*")]
        os.kill(parent.pid, signal.SIGKILL)
    assert wait_for(lambda: gone(emulator))
    assert wait_for(lambda: not [*tmp_path.glob("recloser-local-aws-*")])


def test_reports_why_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An emulator that cannot start says so with the last lines of its log."""
    first = Emulator(tmp_path / "first.log")
    first.start()
    try:
        monkeypatch.setattr("recloser.lab.local_aws.emulator._free_port", lambda: first.port)
        with pytest.raises(EmulatorError, match=r"(?s)ended before it was ready.*already in use"):
            Emulator(tmp_path / "second.log").start()
    finally:
        first.stop()


def test_tells_when_it_has_died(tmp_path: Path) -> None:
    """A check after the emulator's death raises instead of leaving callers to time out."""
    emulator = Emulator(tmp_path / "ministack.log")
    emulator.start()
    try:
        emulator.check()
        os.killpg(emulator._process.pid, signal.SIGKILL)  # type: ignore[union-attr]
        assert wait_for(emulator._ended)
        with pytest.raises(EmulatorError, match="ministack ended by itself"):
            emulator.check()
    finally:
        emulator.stop()


def test_client_environment_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's AWS settings reaches the tools that speak to the emulator."""
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    environment = client_environment("http://127.0.0.1:1")
    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert environment["AWS_CONFIG_FILE"] == os.devnull


def test_unknown_ministack_is_refused() -> None:
    """A ministack whose alarm evaluation cannot be switched off is an error, not a quiet second evaluator."""
    strange = types.ModuleType("strange")
    with pytest.raises(RuntimeError, match="strange has no _evaluate_alarm, _evaluate_parent_alarms"):
        patch(strange, strange)
