"""A flaky dependency: a real HTTP server on loopback that behaves as it is told.

    GET /payments-api            a call: 200, or 503 when it fails, late when slow, never when hanging
    PUT /behavior/payments-api   {"failure_rate": 1.0}: from now on calls of this name fail
    PUT /behavior                the same for every name
    GET /counts                  {"payments-api": {"received": 12, "succeeded": 7, "failed": 5}}

The first segment of a call's path is the name of the dependency, so one server plays several.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

# No call is held longer, so that a forgotten "hang" cannot keep a thread for ever.
LONGEST_WAIT_SECONDS = 60.0


def _require_within(name: str, value: object, highest: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number, not {value!r}")
    if not 0 <= value <= highest:
        raise ValueError(f"{name} must be from 0 to {highest:g}, not {value!r}")


@dataclass(frozen=True, slots=True)
class Behavior:
    """How a dependency treats its calls.

    Attributes:
        failure_rate: the share of calls answered 503, 0 to 1. It is kept exactly (every second call fails at
            0.5), so that a run can be repeated.
        latency_seconds: how long an answer takes, 0 to 60.
        hang: hold every call until the behavior changes, and answer none.

    """

    failure_rate: float = 0.0
    latency_seconds: float = 0.0
    hang: bool = False

    def __post_init__(self) -> None:
        """Refuse what no dependency can do."""
        _require_within("failure_rate", self.failure_rate, 1.0)
        _require_within("latency_seconds", self.latency_seconds, LONGEST_WAIT_SECONDS)
        if not isinstance(self.hang, bool):
            raise TypeError(f"hang must be true or false, not {self.hang!r}")

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Read a behavior; what is left out is healthy.

        Raises:
            TypeError: the document is no object, or a value has the wrong type.
            ValueError: a value is out of range, or a setting is unknown.

        """
        if not isinstance(document, Mapping):
            raise TypeError(f"a behavior must be a JSON object, not {document!r}")
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(document) - set(known)):
            raise ValueError(f"unknown setting {', '.join(unknown)}: a behavior has {', '.join(known)}")
        return cls(**document)


HEALTHY = Behavior()
FAILING = Behavior(failure_rate=1.0)
HANGING = Behavior(hang=True)


@dataclass(slots=True)
class Counts:
    """What a dependency has received and answered; received and not answered: it hung, or still works."""

    received: int = 0
    succeeded: int = 0
    failed: int = 0


class FlakyDependency:
    """The server. `with FlakyDependency() as dependency:` serves at `dependency.url` until the block ends."""

    def __init__(self) -> None:
        """Bind a free loopback port; calls are answered from `__enter__` on."""
        self._changed = threading.Condition()
        self._default = HEALTHY
        self._behaviors: dict[str, Behavior] = {}
        self._counts: dict[str, Counts] = {}
        self._stopping = False
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.dependency = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="flaky-dependency", daemon=True
        )

    @property
    def url(self) -> str:
        """The address that callers use; they append the dependency's name."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def behave(self, behavior: Behavior, name: str | None = None) -> None:
        """Change the behavior, also of the calls that hang at this moment.

        Args:
            behavior: what to do from now on.
            name: which dependency; None: all of them.

        """
        with self._changed:
            if name is None:
                self._default = behavior
                self._behaviors.clear()
            else:
                self._behaviors[name] = behavior
            self._changed.notify_all()

    def counts(self, name: str) -> Counts:
        """A snapshot of what one dependency has received so far."""
        with self._changed:
            return Counts(**asdict(self._counts.get(name, Counts())))

    def all_counts(self) -> dict[str, dict[str, int]]:
        """A snapshot for every name that was ever called."""
        with self._changed:
            return {name: asdict(counts) for name, counts in self._counts.items()}

    def answer(self, name: str) -> HTTPStatus:
        """Receive one call and take as long over it as the behavior says.

        Returns:
            The status to answer with.

        """
        with self._changed:
            behavior = self._behavior(name)
            counts = self._counts.setdefault(name, Counts())
            counts.received += 1
            fails = _fails(counts.received, behavior.failure_rate)
            if behavior.hang:
                self._changed.wait_for(
                    lambda: self._stopping or not self._behavior(name).hang, LONGEST_WAIT_SECONDS
                )
            elif behavior.latency_seconds:
                self._changed.wait_for(lambda: self._stopping, behavior.latency_seconds)
            if fails or behavior.hang:
                counts.failed += 1
                return HTTPStatus.SERVICE_UNAVAILABLE
            counts.succeeded += 1
            return HTTPStatus.OK

    def _behavior(self, name: str) -> Behavior:
        return self._behaviors.get(name, self._default)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a held call ends by itself; nobody needs to wait for it
    request_queue_size = 128
    dependency: FlakyDependency


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        path = self.path.strip("/")
        if path == "counts":
            self._reply(HTTPStatus.OK, self.server.dependency.all_counts())
            return
        name = path.partition("/")[0]
        status = self.server.dependency.answer(name)
        self._reply(status, {"dependency": name, "answer": status.phrase})

    def do_PUT(self) -> None:
        resource, _, name = self.path.strip("/").partition("/")
        if resource != "behavior":
            self._reply(
                HTTPStatus.NOT_FOUND, {"error": f"no such resource {self.path}: PUT /behavior[/NAME]"}
            )
            return
        try:
            length = int(self.headers.get("Content-Length", 0))
            behavior = Behavior.from_json(json.loads(self.rfile.read(length)))
        except (TypeError, ValueError) as problem:
            self._reply(HTTPStatus.BAD_REQUEST, {"error": str(problem)})
            return
        self.server.dependency.behave(behavior, name or None)
        self._reply(HTTPStatus.OK, asdict(behavior))

    def _reply(self, status: HTTPStatus, document: Mapping[str, Any]) -> None:
        body = json.dumps(document).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = (
                True  # the caller gave up waiting: its time-out is the point of being slow
            )

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Say nothing: `GET /counts` is the record."""


def _fails(call_number: int, failure_rate: float) -> bool:
    """Whether this call brings the failures to the next whole number that the rate asks for."""
    return int(call_number * failure_rate) > int((call_number - 1) * failure_rate)
