"""Retry-After: where it is found, how it is read, and what it does to the local hold."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest

from recloser import CircuitBreaker, CircuitOpen, LocalTrip
from recloser.caller.retry_after import retry_after_seconds
from recloser.testing import World

NAME = "payments-api"
Way = Callable[[CircuitBreaker, Callable[[], Any]], Any]


class Answer:
    """What httpx and requests call a response."""

    def __init__(self, status: Any, headers: Any) -> None:
        self.status_code = status
        self.headers = headers


class Refused(Exception):  # noqa: N818
    """What httpx and requests raise for a status: the response rides along."""

    def __init__(self, response: Answer) -> None:
        self.response = response


def answer(status: Any, value: Any) -> Answer:
    return Answer(status, {"Retry-After": value})


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("wrap", [Refused, lambda answered: answered], ids=["raised", "answered"])
def test_seconds(status: int, wrap: Callable[[Answer], Any]) -> None:
    """Whole seconds are taken from an exception's response and from an answer alike."""
    assert retry_after_seconds(wrap(answer(status, " 120 "))) == 120


def test_http_dates() -> None:
    """An HTTP date is as many seconds from now; one that has passed is none."""
    now = time.time()
    assert retry_after_seconds(answer(503, formatdate(now + 60, usegmt=True))) == pytest.approx(60, abs=5)
    assert retry_after_seconds(answer(503, formatdate(now - 60, usegmt=True))) == 0


@pytest.mark.parametrize("status", [200, 404, 500, 502, 504, None, "503", [503]])
def test_other_statuses(status: Any) -> None:
    """Only 429 and 503 are asked to be left alone; a redirect's or a 500's header is not that."""
    assert retry_after_seconds(answer(status, "120")) is None


@pytest.mark.parametrize("value", [None, "", "soon", "-5", "1.5", 120, b"5", [], "²"])
def test_what_cannot_be_understood(value: Any) -> None:
    """A value that is neither seconds nor a date is no hint."""
    assert retry_after_seconds(answer(503, value)) is None


def test_botocore() -> None:
    """A ClientError's metadata has the status and the headers in lower case."""
    error = ValueError()
    metadata = {"HTTPStatusCode": 503, "HTTPHeaders": {"retry-after": "7"}}
    error.response = {"ResponseMetadata": metadata}  # type: ignore[attr-defined]
    assert retry_after_seconds(error) == 7


class Hostile(Exception):  # noqa: N818
    """An exception whose attributes cannot be read, like httpx's `request` outside a request."""

    @property
    def response(self) -> Any:
        raise RuntimeError("the response has not been set")


def test_an_exception_that_cannot_be_looked_into(world: World, way: Way) -> None:
    """It reaches the caller as it is, is counted, and its permit is reported."""
    breaker = world.breaker(NAME)
    world.trip(NAME)
    world.clock.advance(11)

    def raises() -> None:
        raise Hostile

    with pytest.raises(Hostile):
        way(breaker, raises)
    probes = world.tables.read_probes(NAME, 1)
    assert probes is not None
    assert probes.failed == {1}


@pytest.mark.parametrize(("asked", "held"), [("30", 30), ("3", 10), ("99999", 300), (None, 10)])
def test_it_lengthens_the_hold(world: World, way: Way, asked: str | None, held: float) -> None:
    """The hold is the longer of its own and the dependency's wish, and at most five minutes."""
    breaker = world.breaker(NAME, local_trip=LocalTrip(failures=1, hold_seconds=10), closed_cache_seconds=900)

    def overloaded() -> None:
        raise Refused(answer(429, asked))

    with pytest.raises(Refused):
        way(breaker, overloaded)
    with pytest.raises(CircuitOpen) as refusal:
        way(breaker, overloaded)
    assert refusal.value.retry_after == pytest.approx(held)
    world.clock.advance(held - 0.1)
    with pytest.raises(CircuitOpen):
        way(breaker, overloaded)
    world.clock.advance(0.1)
    with pytest.raises(Refused):
        way(breaker, overloaded)


def test_an_answer_judged_a_failure_is_asked_too(world: World, function_way: Way) -> None:
    """A 503 that is returned and not raised holds as long as it asks for."""
    breaker = world.breaker(
        NAME,
        local_trip=LocalTrip(failures=1),
        failure_if_returned=lambda response: response.status_code >= 500,
    )
    function_way(breaker, lambda: answer(503, "45"))
    with pytest.raises(CircuitOpen) as refusal:
        function_way(breaker, lambda: None)
    assert refusal.value.retry_after == pytest.approx(45)
