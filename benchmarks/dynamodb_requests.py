"""Count the DynamoDB requests that a million calls of one process cause. Nothing is timed: time is virtual.

Both libraries run as they are, down to the HTTP request of a real botocore client; there a hook counts it and
answers in DynamoDB's place, at once.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import random
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from unittest import mock

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.session import get_session

CALLS = 1_000_000
BEGINNING = 1_795_000_000.0
FAR_AWAY = BEGINNING + 1e9

Guard = Callable[[Callable[[], None]], Callable[[], None]]


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = BEGINNING

    def __call__(self) -> float:
        return self.seconds


class DynamoDB:
    """A botocore client whose requests end here."""

    def __init__(self, item: dict[str, Any] | None) -> None:
        self.requests = 0
        self._body = json.dumps({"Item": item} if item else {}).encode()
        self.client = get_session().create_client(
            "dynamodb",
            region_name="eu-west-1",
            aws_access_key_id="benchmark",
            aws_secret_access_key="benchmark",  # noqa: S106
        )
        events: Any = self.client.meta.events
        events.register("before-send.dynamodb", self._answer)

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        self.requests += 1
        return AWSResponse(request.url, 200, HTTPHeaders(), _Body(self._body))


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self._content


class Silent:
    """A publisher that counts nothing: metrics are no requests to DynamoDB."""

    def publish(self, circuit: str, values: Any, at_ms: int) -> None:
        """Take nothing away."""


def recloser(clock: Clock, *, is_open: bool) -> tuple[Guard, DynamoDB]:
    from recloser import CircuitBreaker  # noqa: PLC0415
    from recloser.caller.background import at_once  # noqa: PLC0415
    from recloser.caller.process import Process  # noqa: PLC0415
    from recloser.store.dynamodb import DynamoDBTables  # noqa: PLC0415

    numbers = {"generation": 1, "revision": 1, "changed_at": 1, "retry_at": int(FAR_AWAY * 1000)}
    item = {"circuit": {"S": "a"}, "state": {"S": "OPEN"}} | {
        name: {"N": str(number)} for name, number in numbers.items()
    }
    dynamodb = DynamoDB(item if is_open else None)
    tables = DynamoDBTables("circuits", "probes", client=dynamodb.client)
    process = Process(
        tables=tables,
        publisher=Silent(),
        clock=clock,
        uniform=random.Random(1).uniform,  # noqa: S311  (the same jitter every time)
        in_background=at_once,
    )
    return CircuitBreaker("a", process=process), dynamodb


def powertools(clock: Clock, *, is_open: bool) -> tuple[Guard, DynamoDB]:
    from aws_lambda_powertools.utilities import circuit_breaker as package  # noqa: PLC0415
    from aws_lambda_powertools.utilities.circuit_breaker import base  # noqa: PLC0415
    from aws_lambda_powertools.utilities.circuit_breaker.persistence import (  # noqa: PLC0415
        CircuitBreakerDynamoDBPersistence,
    )
    from aws_lambda_powertools.utilities.circuit_breaker.persistence import base as store  # noqa: PLC0415

    class Now(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Self:
            return cls.fromtimestamp(clock(), tz)

    for module in (base, store):
        mock.patch.object(module, "dt", types.SimpleNamespace(datetime=Now)).start()
    item = {"id": {"S": "a"}, "state": {"S": "OPEN"}, "opened_at": {"N": str(int(FAR_AWAY))}}
    dynamodb = DynamoDB(item if is_open else None)
    return package.circuit_breaker(
        "a", CircuitBreakerDynamoDBPersistence("circuits", boto3_client=dynamodb.client)
    ), dynamodb


Make = Callable[..., tuple[Guard, DynamoDB]]


def count(make: Make, *, calls_per_second: float, failures: int = 0, is_open: bool = False) -> int:
    """Make a million calls, of which every `failures`-th fails."""
    clock = Clock()
    guard, dynamodb = make(clock, is_open=is_open)
    fails = False

    def dependency() -> None:
        if fails:
            raise ConnectionError

    guarded = guard(dependency)
    for number in range(1, CALLS + 1):
        fails = failures > 0 and number % failures == 0
        clock.seconds = BEGINNING + number / calls_per_second
        with contextlib.suppress(Exception):  # failed or refused: the count is what matters
            guarded()
    return dynamodb.requests


SCENARIOS: dict[str, dict[str, Any]] = {
    "closed, 10 calls a second": {"calls_per_second": 10},
    "closed, 100 calls a second": {"calls_per_second": 100},
    "closed, 100 calls a second, one in a hundred fails": {"calls_per_second": 100, "failures": 100},
    "open, 100 calls a second refused": {"calls_per_second": 100, "is_open": True},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    output: Path = parser.parse_args().output
    counts = {
        scenario: {make.__name__: count(make, **settings) for make in (recloser, powertools)}
        for scenario, settings in SCENARIOS.items()
    }
    output.write_text(json.dumps(counts, indent=1) + "\n")


if __name__ == "__main__":
    main()
