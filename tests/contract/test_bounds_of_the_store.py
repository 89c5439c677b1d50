"""The store's bound, with the client that callers get: names that do not resolve, silence, no credentials."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from recloser.circuit import State
from recloser.errors import StoreError
from recloser.store import dynamodb as dynamodb_tables
from recloser.store.deadline import Deadline, NoAnswer
from recloser.store.dynamodb import DynamoDBTables

NAME = "payments-api"
# What a busy machine may add to a wait. Without a bound each trouble takes five seconds or more.
SLACK_SECONDS = 2.0


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, no_real_aws: Mapping[str, str]) -> pytest.MonkeyPatch:
    """An environment that names no AWS, for the client that the tables make."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    return monkeypatch


# Nobody waits for these requests any more, and they may still find the server of a later test.
IN_TROUBLE = "table-in-trouble"


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A host that takes every connection and never says a word."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0), backlog=100)) as silent:
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


def no_names(environment: pytest.MonkeyPatch, _: str) -> None:
    asked = threading.Event()

    def slow(*_: Any, **__: Any) -> Any:
        asked.wait(5)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    environment.setattr(socket, "getaddrinfo", slow)


def silence(environment: pytest.MonkeyPatch, black_hole: str) -> None:
    environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", black_hole)


def no_credentials(environment: pytest.MonkeyPatch, black_hole: str) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        environment.delenv(variable, raising=False)
    environment.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{black_hole}/credentials")


CALLS: dict[str, Callable[[DynamoDBTables], object]] = {
    "read": lambda tables: tables.read(NAME),
    "read_many": lambda tables: tables.read_many([NAME, "search"]),
    "claim": lambda tables: tables.claim(NAME, 1, 1),
    "report": lambda tables: tables.report(NAME, 1, 1, succeeded=True),
    "give_back": lambda tables: tables.give_back(NAME, 1, 1),
}


@pytest.mark.parametrize("trouble", [no_names, silence, no_credentials])
def test_no_trouble_holds_a_call_up_for_longer(
    environment: pytest.MonkeyPatch, black_hole: str, trouble: Any
) -> None:
    """The first wait is 1.5 s at most, and after it everything is turned away in a tenth of a second."""
    trouble(environment, black_hole)
    tables = DynamoDBTables(IN_TROUBLE, IN_TROUBLE)
    waits = []
    for call in CALLS.values():
        began = time.monotonic()
        with pytest.raises(StoreError):
            call(tables)
        waits.append(time.monotonic() - began)
    assert waits[0] < 1.5 + SLACK_SECONDS
    assert max(waits[1:]) < 1.4, "shorter than the first wait, however busy the machine"


class DynamoDB(BaseHTTPRequestHandler):
    """Answers GetItem with the circuit that was asked for, and UpdateItem with the first permit."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if IN_TROUBLE in str(request):
            self.answer(400, {"__type": "ResourceNotFoundException"})
            return
        self.server.connections.add(self.client_address[1])  # type: ignore[attr-defined]
        error = next(self.server.errors, None)  # type: ignore[attr-defined]
        if error is not None:
            self.answer(error[0], {"__type": error[1], "message": "no"})
            return
        if self.headers["X-Amz-Target"].endswith("UpdateItem"):
            self.answer(200, {"Attributes": {"granted": {"N": "1"}}})
            return
        name = request["Key"]["circuit"]["S"]
        numbers = {"generation": {"N": "7"}, "revision": {"N": "9"}}
        self.answer(200, {"Item": {"circuit": {"S": name}, "state": {"S": "OPEN"}, **numbers}})

    def answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("x-amz-crc32", str(zlib.crc32(body)))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Credentials(BaseHTTPRequestHandler):
    """A container's credentials endpoint, that fails as often as the server says."""

    def do_GET(self) -> None:
        fails = self.server.is_down  # type: ignore[attr-defined]
        document = {
            "AccessKeyId": "AKIA",
            "SecretAccessKey": "none",
            "Token": "t",
            "Expiration": "2099-01-01T00:00:00Z",
        }
        body = b"" if fails else json.dumps(document).encode()
        self.send_response(404 if fails else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler], **attributes: Any) -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        vars(server).update(attributes)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


@pytest.fixture
def dynamodb(environment: pytest.MonkeyPatch) -> Iterator[Any]:
    with serving(DynamoDB, connections=set(), errors=iter(())) as server:
        environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{server.server_port}")
        # What is tested with it is what becomes of an answer, however busy the machine.
        environment.setattr(dynamodb_tables, "Deadline", lambda: Deadline(30, 30))
        yield server


def test_credentials_that_come_later(environment: pytest.MonkeyPatch, dynamodb: Any) -> None:
    """A client that found no credentials is replaced: the next request finds them."""
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        environment.delenv(variable, raising=False)
    environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with serving(Credentials, is_down=True) as credentials:
        tables = DynamoDBTables("circuits", "probes")
        with pytest.raises(StoreError, match=r"[Cc]redentials"):
            tables.read(NAME)
        environment.setenv(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{credentials.server_port}/"
        )
        credentials.is_down = False
        assert tables.read(NAME).state is State.OPEN


@pytest.mark.parametrize(
    "code", ["ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId"]
)
def test_credentials_that_are_no_longer_good(dynamodb: Any, code: str) -> None:
    """The same for a client whose credentials AWS has turned away."""
    tables = DynamoDBTables("circuits", "probes")
    before = tables._client
    dynamodb.errors = iter([(400, code)])
    with pytest.raises(StoreError, match=code):
        tables.read(NAME)
    assert tables.read(NAME).generation == 7
    assert tables._client is not before


def test_other_errors_leave_the_client(dynamodb: Any) -> None:
    """A client that works is kept: making one costs time."""
    tables = DynamoDBTables("circuits", "probes")
    before = tables._client
    dynamodb.errors = iter([(400, "ResourceNotFoundException")])
    with pytest.raises(StoreError, match="ResourceNotFoundException"):
        tables.read(NAME)
    assert tables._client is before


@pytest.mark.parametrize(
    "error",
    [
        (400, "ThrottlingException"),
        (400, "ProvisionedThroughputExceededException"),
        (500, "InternalServerError"),
        (503, "ServiceUnavailable"),
    ],
)
def test_a_read_is_sent_again(dynamodb: Any, error: tuple[int, str]) -> None:
    """A read that DynamoDB could not answer is sent again within the call."""
    dynamodb.errors = iter([error])
    assert DynamoDBTables("circuits", "probes").read(NAME).generation == 7


def test_a_read_is_not_sent_for_ever(dynamodb: Any) -> None:
    """After the second time without an answer it is an error."""
    dynamodb.errors = iter([(500, "InternalServerError")] * 2)
    with pytest.raises(NoAnswer, match=r"^DynamoDB get_item: .*InternalServerError"):
        DynamoDBTables("circuits", "probes").read(NAME)


def test_a_claim_without_an_answer_is_sent_again(dynamodb: Any) -> None:
    """A claim may have been granted when DynamoDB failed: it is repeated, with its mark."""
    dynamodb.errors = iter([(500, "InternalServerError")])
    assert DynamoDBTables("circuits", "probes").claim(NAME, 7, 1) == 1


def test_a_late_claim_is_given_back(environment: pytest.MonkeyPatch, dynamodb: Any) -> None:
    """A permit that is granted when its caller has been refused already is there for the next one."""
    environment.setattr(dynamodb_tables, "Deadline", lambda: Deadline(0.5))
    told: list[tuple[Any, ...]] = []
    given_back = threading.Event()
    may_go_on = threading.Event()

    class Slow(DynamoDBTables):
        def _claim(self, *arguments: Any) -> int | None:
            may_go_on.wait(30)
            return super()._claim(*arguments)

        def give_back(self, *arguments: Any) -> None:
            told.append(arguments)
            given_back.set()

    with pytest.raises(StoreError, match="no answer within"):
        Slow("circuits", "probes").claim(NAME, 7, 1)
    may_go_on.set()
    assert given_back.wait(10)
    assert told == [(NAME, 7, 1)]


FORKING = """
import json, os, sys
from recloser.store import dynamodb
from recloser.store.deadline import Deadline
dynamodb.Deadline = lambda: Deadline(30, 30)
given = None
if sys.argv[1] == "given":
    import botocore.session
    given = botocore.session.get_session().create_client("dynamodb")
tables = dynamodb.DynamoDBTables("circuits", "probes", given)
tables.read("warm")
readers = []
for number in range(6):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        wrong = 0
        try:
            for _ in range(20):
                name = f"circuit-{number}"
                wrong += tables.read(name).generation != 7
            os.write(writer, json.dumps(wrong).encode())
        except Exception as error:
            os.write(writer, json.dumps(repr(error)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    readers.append((child, reader))
for child, reader in readers:
    os.waitpid(child, 0)
    print(os.read(reader, 10_000).decode())
tables.read("parent")
"""


@pytest.mark.parametrize("client", ["own", "given"])
def test_forked_processes_share_no_connection(dynamodb: Any, client: str) -> None:
    """Each worker of a server that forks reads on connections of its own, and only its own circuit."""
    done = subprocess.run(
        [sys.executable, "-c", FORKING, client], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["0"] * 6, done.stderr
    assert len(dynamodb.connections) >= 7  # one each at least, on a slow machine a second one
