"""The JavaScript breaker and the library agree on every case of the contract, against the same tables."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from contract import Case, cases
from jsonschema import Draft202012Validator
from stored_tables import ROOT, StoredTables

from recloser import CircuitBreaker, CircuitOpen
from recloser.lab.emulator import Emulator
from recloser.publishing import EmfPublisher

EXAMPLE = ROOT / "examples" / "other_language"
NODE = shutil.which("node")
CASES = cases()
EMF = Draft202012Validator(json.loads((ROOT / "events/schemas/emf.schema.json").read_text()))

needs_node = pytest.mark.skipif(NODE is None, reason="there is no node on this machine")


@dataclass(frozen=True)
class Answer:
    """What one call through a breaker did."""

    called: bool
    refusal: str | None
    lines: list[dict[str, Any]]

    def published(self) -> list[str]:
        return [name for line in self.lines for name in line if name not in ("_aws", "Circuit")]


Caller = Callable[[Emulator, StoredTables, list[str]], list[Answer]]

# The clock of every caller: it stands still, so that no flag is read twice and nothing comes due.
NOW_MS = time.time_ns() // 1_000_000


def by_the_library(_: Emulator, stored: StoredTables, circuits: list[str]) -> list[Answer]:
    """Call once for each name, through one breaker per name."""
    lines: list[dict[str, Any]] = []

    @functools.cache
    def breaker(circuit: str) -> CircuitBreaker:
        publisher = EmfPublisher(lambda line: lines.append(json.loads(line)))
        return CircuitBreaker(
            circuit, tables=stored.tables(), publisher=publisher, clock=lambda: NOW_MS / 1000
        )

    def call(circuit: str) -> Answer:
        lines.clear()
        calls: list[str] = []
        try:
            breaker(circuit).call(calls.append, "made")
        except CircuitOpen as refused:
            return Answer(bool(calls), type(refused).__name__, lines.copy())
        return Answer(bool(calls), None, lines.copy())

    return [call(circuit) for circuit in circuits]


def by_javascript(emulator: Emulator, stored: StoredTables, circuits: list[str]) -> list[Answer]:
    """Call once for each name, through one breaker per name."""
    assert NODE is not None
    wanted = {
        "endpoint": emulator.endpoint_url,
        "circuitTable": stored.circuit_table,
        "probeTable": stored.probe_table,
        "circuits": circuits,
        "nowMs": NOW_MS,
    }
    script = Path(__file__).with_name("run_breaker.mjs")
    ended = subprocess.run(
        [NODE, script], input=json.dumps(wanted), capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return [Answer(**json.loads(line)) for line in ended.stdout.splitlines()]


CALLERS = [
    pytest.param(by_the_library, id="library"),
    pytest.param(by_javascript, id="javascript", marks=needs_node),
]


@pytest.fixture(scope="module", params=CALLERS)
def caller(request: pytest.FixtureRequest) -> Caller:
    found: Caller = request.param
    return found


@pytest.fixture(scope="module")
def answers(caller: Caller, emulator: Emulator, stored: StoredTables) -> Mapping[int, Answer]:
    """Every case, called once on a circuit of its own."""
    circuits = [f"{caller.__name__}-{case.number}" for case in CASES]
    for case, circuit in zip(CASES, circuits, strict=True):
        case.store(stored, circuit, NOW_MS)
    called = caller(emulator, stored, circuits)
    return {case.number: answer for case, answer in zip(CASES, called, strict=True)}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(caller: Caller, case: Case, answers: Mapping[int, Answer], stored: StoredTables) -> None:
    """A caller does what the contract's table says: calls or not, publishes that, claims and reports that."""
    answer = answers[case.number]
    assert answer.called == (case.then != "refuse")
    assert answer.refusal == ("CircuitOpen" if case.then == "refuse" else None)
    assert sorted(answer.published()) == sorted(case.published)
    for line in answer.lines:
        EMF.validate(line)
    probes = stored.probes(f"{caller.__name__}-{case.number}#{case.generation}") or {}
    if case.then == "probe":
        assert probes["granted"] == {"N": str(case.granted + 1)}
        assert probes["succeeded"] == {"NS": [str(case.granted + 1)]}
    else:
        assert int(probes.get("granted", {"N": "0"})["N"]) == case.granted
        assert "succeeded" not in probes


def test_one_claim_per_reading(caller: Caller, emulator: Emulator, stored: StoredTables) -> None:
    """A caller that stays in memory claims one permit on one reading of the flag, however many there are."""
    [case] = [
        case for case in CASES if (case.state, case.permits, case.then) == ("HALF_OPEN", "1 of 10", "probe")
    ]
    circuit = f"{caller.__name__}-again"
    case.store(stored, circuit, NOW_MS)
    answers = caller(emulator, stored, [circuit] * 3)
    assert [answer.called for answer in answers] == [True, False, False]
    assert (stored.probes(f"{circuit}#{case.generation}") or {})["granted"] == {"N": "2"}


def test_the_table_has_every_answer() -> None:
    """The table of cases was found, and each kind of answer is in it more than once."""
    answers = [case.then for case in CASES]
    assert {then: answers.count(then) > 1 for then in ("call", "probe", "refuse")} == dict.fromkeys(
        ("call", "probe", "refuse"), True
    )
    assert len(CASES) == len({case.row for case in CASES})


# --- The program ---------------------------------------------------------------------------------


def run_program(environment: Mapping[str, str], url: str) -> subprocess.CompletedProcess[str]:
    assert NODE is not None
    return subprocess.run(
        [NODE, EXAMPLE / "main.mjs", url],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@needs_node
def test_the_program_calls(caller_environment: Mapping[str, str], service: Any) -> None:
    """The program guards a call and prints one line of metrics, and nothing else on standard output."""
    ended = run_program(caller_environment, service.url)
    assert (ended.returncode, ended.stderr) == (0, 'answered {"status":"settled"}\n')
    line = json.loads(ended.stdout)
    EMF.validate(line)
    assert line["Failure"] == 0


@needs_node
def test_the_program_counts_a_failure(caller_environment: Mapping[str, str], service: Any) -> None:
    """A call that fails is counted, and its error reaches the user."""
    service.is_failing = True
    ended = run_program(caller_environment, service.url)
    assert (ended.returncode, ended.stderr) == (1, "failed the service answered 500\n")
    assert json.loads(ended.stdout)["Failure"] == 1


@needs_node
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


@needs_node
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


@needs_node
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


@needs_node
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
