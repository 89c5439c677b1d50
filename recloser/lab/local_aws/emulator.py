"""ministack as a child process: on a free loopback port, ready when `start` returns, gone when stopped."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import recloser

REGION = "us-east-1"
# ministack takes an access key of twelve digits as the account.
ACCOUNT = "123456789012"

SERVICES = (
    "cloudformation", "dynamodb", "dynamodbstreams", "events", "iam", "lambda", "logs",
    "monitoring", "s3", "scheduler", "sns", "sqs", "ssm", "states", "sts",
)  # fmt: skip

# What the emulator, and with it every Lambda environment, gets of this machine's environment: on AWS a
# function does not see its developer's shell either.
INHERITED_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL")

READY_WITHIN_SECONDS = 60.0

# Tells the emulator's process where our CloudWatch is.
CLOUDWATCH_URL = "RECLOSER_LAB_CLOUDWATCH_URL"


class EmulatorError(RuntimeError):
    """The emulator did not start, or ended by itself."""


@dataclass
class Emulator:
    """A running ministack.

    Attributes:
        log_path: where ministack's output goes.
        port: the loopback port, once started.
        cloudwatch_url: where it asks for what only our CloudWatch knows; empty: nowhere.

    """

    log_path: Path
    port: int = 0
    cloudwatch_url: str = ""
    # By this word in its health report we know our own child from another ministack that took the port.
    _edition: str = field(default_factory=lambda: f"recloser-{uuid.uuid4()}", repr=False)
    _scratch: str = field(default="", repr=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def endpoint_url(self) -> str:
        """The address of every service: what `AWS_ENDPOINT_URL` must be."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start ministack and wait until it answers.

        Raises:
            EmulatorError: when it ends early or is not ready within `READY_WITHIN_SECONDS`; the message ends
                with the last lines of its log.

        """
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self.port = _free_port()
        self._spawn()
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop ministack and every Lambda environment it started. Stopping twice is harmless.

        Nothing of it outlives the run, so nothing is asked to end in order: the whole group is killed.
        """
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):  # the whole group has ended by itself
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()  # its end is awaited, and our end of its standard input closed
        shutil.rmtree(self._scratch, ignore_errors=True)

    def check(self) -> None:
        """Raise EmulatorError when ministack has ended by itself."""
        if self._ended():
            raise EmulatorError(f"ministack ended by itself\n{self._log_tail()}")

    def _spawn(self) -> None:
        self._scratch = tempfile.mkdtemp(prefix="recloser-local-aws-")
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "recloser.lab.local_aws.emulator_process"],
                cwd=Path(recloser.__file__).parent.parent,
                env=_emulator_environment(self.port)
                | {"MINISTACK_EDITION": self._edition, "TMPDIR": self._scratch}
                | ({CLOUDWATCH_URL: self.cloudwatch_url} if self.cloudwatch_url else {}),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C in the terminal reaches us alone, and we stop the group in order.
                start_new_session=True,
            )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while not self._answers():
            if self._ended():
                raise EmulatorError(f"ministack ended before it was ready\n{self._log_tail()}")
            if time.monotonic() > deadline:
                raise EmulatorError(
                    f"ministack was not ready within {READY_WITHIN_SECONDS:.0f} s\n{self._log_tail()}"
                )
            time.sleep(0.05)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", "/_ministack/health")
            return bool(json.load(connection.getresponse())["edition"] == self._edition)
        except (OSError, ValueError, KeyError):
            return False
        finally:
            connection.close()

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _log_tail(self, lines: int = 20) -> str:
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def client_environment(endpoint_url: str) -> dict[str, str]:
    """The variables with which AWS tools talk to the emulator, and to nothing else.

    Args:
        endpoint_url: the emulator's address.

    """
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # A profile of this machine could name another endpoint or region.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _emulator_environment(port: int) -> dict[str, str]:
    return (
        _this_machine()
        | client_environment(f"http://127.0.0.1:{port}")
        | {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "SERVICES": ",".join(SERVICES),
            "LOG_LEVEL": "INFO",
            # Every function may do what its role allows, and no more; the account's own key, everything.
            "AUTH": "true",
            # Listeners of services that nobody asked for.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "PYTHONUNBUFFERED": "1",
        }
    )


def _this_machine() -> dict[str, str]:
    return {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
