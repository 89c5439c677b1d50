"""The HTTP API answers 200, 502 for a call that failed, and 503 with Retry-After while its service is out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from lambda_environment import LambdaEnvironment, lambda_environment
from stored_tables import ROOT, StoredTables

EVENT = {
    "version": "2.0",
    "routeKey": "GET /payments/{payment}",
    "rawPath": "/payments/p-4711",
    "pathParameters": {"payment": "p-4711"},
    "requestContext": {"http": {"method": "GET", "path": "/payments/p-4711"}},
    "isBase64Encoded": False,
}


@pytest.fixture
def api(caller_environment: Mapping[str, str], service: Any) -> Iterator[LambdaEnvironment]:
    variables = dict(caller_environment) | {"PAYMENTS_URL": service.url}
    with lambda_environment(ROOT / "examples" / "http_api", variables) as environment:
        yield environment


def test_healthy(api: LambdaEnvironment) -> None:
    """While the circuit is closed the service's answer is handed on, and counted as a success."""
    done = api.invoke(EVENT)
    assert (done.answer["statusCode"], done.answer["body"]) == (200, '{"status": "settled"}')
    assert done.metrics()["Failure"] == [0]


def test_a_call_that_fails(api: LambdaEnvironment, service: Any) -> None:
    """A call that was made and failed is a 502, and counted as a failure."""
    service.is_failing = True
    done = api.invoke(EVENT)
    assert done.answer["statusCode"] == 502
    assert done.metrics()["Failure"] == [1]


def test_refused(api: LambdaEnvironment, service: Any, circuit: str, trip: Callable[[float], None]) -> None:
    """While the circuit is open: 503 at once, when to come back, and no call."""
    trip(90)
    done = api.invoke(EVENT)
    assert done.answer["statusCode"] == 503
    assert 80 <= int(done.answer["headers"]["Retry-After"]) <= 90
    assert json.loads(done.answer["body"])["circuit"] == circuit
    assert service.received == 0
    assert done.metrics() == {"Rejected": [1]}


def test_recovery(
    api: LambdaEnvironment, circuit: str, stored: StoredTables, trip: Callable[[float], None]
) -> None:
    """Once `retry_at` has come one call is a probe: its client gets the answer, the next one a 503."""
    trip(90)
    assert api.invoke(EVENT).answer["statusCode"] == 503
    probe = api.invoke(EVENT, advance_seconds=95)
    assert probe.answer["statusCode"] == 200
    assert probe.metrics() == {"ProbeFailure": [0]}
    assert (stored.probes(f"{circuit}#1") or {})["succeeded"] == {"NS": ["1"]}
    assert api.invoke(EVENT, advance_seconds=2).answer["statusCode"] == 503
