"""An emulator with both tables, and a service on loopback, for every example."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import boto3
import pytest
from stored_tables import StoredTables, create_tables

from recloser.control.control import Control
from recloser.lab.local_aws.emulator import ACCOUNT, REGION, Emulator, client_environment
from recloser.policy import RecoveryPolicy
from recloser.signals import AlarmRaised

Clients = Callable[[str], Any]


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    emulator = Emulator(tmp_path_factory.mktemp("emulator") / "ministack.log")
    emulator.start()
    yield emulator
    emulator.stop()


@pytest.fixture(scope="session")
def client(emulator: Emulator) -> Clients:
    session: Any = boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="local", region_name=REGION)
    return lambda service: session.client(service, endpoint_url=emulator.endpoint_url)


@pytest.fixture(scope="session")
def stored(client: Clients) -> StoredTables:
    return create_tables(client("dynamodb"), "examples")


@pytest.fixture
def circuit() -> str:
    """A circuit of the test's own."""
    return f"api-{uuid.uuid4()}"


@pytest.fixture
def trip(stored: StoredTables, circuit: str) -> Callable[[float], None]:
    """Trip the circuit, as an alarm set manually does; probes are due so many seconds later."""

    def trip(recovery_timeout_seconds: float) -> None:
        policy = RecoveryPolicy(
            recovery_timeout_seconds=recovery_timeout_seconds, max_recovery_timeout_seconds=86400, jitter=0
        )
        alarm = AlarmRaised("by hand", "tripped by a test", None)
        Control(stored.tables(), defaults=policy).apply(circuit, alarm)

    return trip


@pytest.fixture
def caller_environment(emulator: Emulator, stored: StoredTables, circuit: str) -> Mapping[str, str]:
    """What the template gives a caller, and where AWS is."""
    return client_environment(emulator.endpoint_url) | {
        "CIRCUIT": circuit,
        "RECLOSER_CIRCUIT_TABLE": stored.circuit_table,
        "RECLOSER_PROBE_TABLE": stored.probe_table,
    }


class Service:
    """A real HTTP server: answers every GET with `answer`, or 500 while it is failing, and counts."""

    def __init__(self) -> None:
        self.answer: Any = {"status": "settled"}
        self.is_failing = False
        self.received = 0
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.received += 1
                body = json.dumps(service.answer).encode()
                self.send_response(500 if service.is_failing else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.stop()
