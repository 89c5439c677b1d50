"""The JavaScript example as a program: what it prints, what it reports, and how it signs its requests."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from lambda_environment import EMF
from stored_tables import ROOT, StoredTables

PROGRAM = ROOT / "examples" / "other_language" / "main.mjs"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="there is no node on this machine")


def run_program(environment: Mapping[str, str], url: str) -> subprocess.CompletedProcess[str]:
    assert NODE is not None
    return subprocess.run(
        [NODE, PROGRAM, url],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_program_calls(caller_environment: Mapping[str, str], service: Any) -> None:
    """The program guards a call and prints one line of metrics, and nothing else on standard output."""
    ended = run_program(caller_environment, service.url)
    assert (ended.returncode, ended.stderr) == (0, 'answered {"status":"settled"}\n')
    line = json.loads(ended.stdout)
    EMF.validate(line)
    assert line["Failure"] == 0


def test_the_program_counts_a_failure(caller_environment: Mapping[str, str], service: Any) -> None:
    """A call that fails is counted, and its error reaches the user."""
    service.is_failing = True
    ended = run_program(caller_environment, service.url)
    assert (ended.returncode, ended.stderr) == (1, "failed the service answered 500\n")
    assert json.loads(ended.stdout)["Failure"] == 1


def test_the_program_is_refused(
    caller_environment: Mapping[str, str], service: Any, circuit: str, trip: Callable[[float], None]
) -> None:
    """While the circuit is open the service is left alone."""
    trip(600)
    ended = run_program(caller_environment, service.url)
    assert (ended.returncode, ended.stderr) == (
        1,
        f"refused circuit {circuit} is OPEN: the call is refused\n",
    )
    assert json.loads(ended.stdout)["Rejected"] == 1
    assert service.received == 0


def test_a_failed_probe_is_reported(
    caller_environment: Mapping[str, str],
    service: Any,
    circuit: str,
    stored: StoredTables,
    trip: Callable[[float], None],
) -> None:
    """A probe that fails is reported as failed and counted apart."""
    trip(0.1)
    time.sleep(1.2)  # until the last of a fleet may ask; another process has another clock than a test's
    service.is_failing = True
    ended = run_program(caller_environment, service.url)
    assert json.loads(ended.stdout)["ProbeFailure"] == 1
    probes = stored.probes(f"{circuit}#1") or {}
    assert (probes["failed"], "succeeded" in probes) == ({"NS": ["1"]}, False)


def test_without_the_table_it_calls(caller_environment: Mapping[str, str], service: Any) -> None:
    """When the flag cannot be read and none is known, the call is made and counted as unprotected."""
    nowhere = dict(caller_environment) | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    ended = run_program(nowhere, service.url)
    assert ended.returncode == 0, ended.stderr
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    for line in lines:
        EMF.validate(line)
    assert [line.get("Unprotected") for line in lines] == [1, None]
    assert lines[1]["Failure"] == 0


# --- The signature -------------------------------------------------------------------------------


@dataclass
class Received:
    """A request as a server received it."""

    headers: dict[str, str]
    body: bytes


@pytest.fixture
def listener() -> Iterator[tuple[str, list[Received]]]:
    """A server that keeps what it receives, and knows of no item."""
    received: list[Received] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(Received({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()
    thread.join()


class _AsReceived(SigV4Auth):
    """AWS's own signer, at the time at which the request was signed."""

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        """Leave the headers as they were received."""


@pytest.mark.parametrize("token", [None, "a-session-token"])
def test_requests_are_signed_as_aws_signs_them(
    token: str | None,
    caller_environment: Mapping[str, str],
    service: Any,
    listener: tuple[str, list[Received]],
) -> None:
    """The signature of a request is the one that AWS's SDK makes for it, with a session token and without."""
    url, received = listener
    environment = dict(caller_environment) | {"AWS_ENDPOINT_URL": url}
    if token is not None:
        environment["AWS_SESSION_TOKEN"] = token
    assert run_program(environment, service.url).returncode == 0
    [request] = received
    signed = request.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    again = AWSRequest(
        "POST", f"{url}/", data=request.body, headers={name: request.headers[name] for name in signed}
    )
    again.context["timestamp"] = request.headers["x-amz-date"]
    credentials = Credentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], token)
    signer = _AsReceived(credentials, "dynamodb", environment["AWS_REGION"])
    signature = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    assert request.headers["authorization"].endswith(f"Signature={signature}")
    assert ("x-amz-security-token" in signed) == (token is not None)
