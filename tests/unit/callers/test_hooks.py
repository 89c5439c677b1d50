"""Hooks: once each, with the facts, and no harm to the call."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from recloser import Circuit, CircuitBreaker, CircuitOpen, LocalTrip, State, value
from recloser.testing import World

NAME = "payments-api"


def works() -> str:
    return "paid"


def test_on_state_seen(world: World, way: Callable[..., Any]) -> None:
    """Called when the state is first seen, and once for each change, with the state before."""
    seen: list[tuple[State | None, State]] = []
    breaker = world.breaker(NAME, on_state_seen=lambda before, circuit: seen.append((before, circuit.state)))
    for _ in range(3):
        way(breaker, works)
    world.trip(NAME)
    for _ in range(3):
        world.clock.advance(2)
        try:
            way(breaker, works)
        except CircuitOpen:
            continue
    assert seen == [(None, State.CLOSED), (State.CLOSED, State.OPEN)]


def test_on_state_seen_by_many_threads(world: World) -> None:
    """Threads that see a change at once call the hook once."""
    seen: list[Circuit] = []
    breaker = world.breaker(NAME, on_state_seen=lambda _, circuit: seen.append(circuit))
    together = threading.Barrier(16)

    def call() -> None:
        together.wait(timeout=10)
        breaker.call(works)

    threads = [threading.Thread(target=call) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert len(seen) == 1


def test_on_refused(world: World, function_way: Callable[..., Any]) -> None:
    """Called once for each refusal, also where a fallback answers."""
    refused: list[CircuitOpen] = []
    breaker = world.breaker(NAME, on_refused=refused.append, fallback=value("later"))
    world.force_open(NAME)
    assert [function_way(breaker, works) for _ in range(5)] == ["later"] * 5
    assert len(refused) == 5
    assert {refusal.circuit.name for refusal in refused} == {NAME}


def test_on_refused_by_the_local_trip(world: World) -> None:
    """A held call is a refusal too."""
    refused: list[CircuitOpen] = []
    breaker = world.breaker(NAME, on_refused=refused.append, local_trip=LocalTrip(failures=1))

    def fails() -> None:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        breaker.call(fails)
    for _ in range(3):
        with pytest.raises(CircuitOpen):
            breaker.call(works)
    assert len(refused) == 3


@pytest.mark.parametrize("hook", ["on_refused", "on_state_seen"])
def test_what_a_hook_raises(
    world: World, way: Callable[..., Any], hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once and goes no further."""

    def wrong(*_: object) -> None:
        raise ValueError("wrong")

    settings: Any = {hook: wrong}
    breaker = world.breaker(NAME, **settings)
    world.force_open(NAME)
    with caplog.at_level(logging.ERROR):
        for _ in range(20):
            with pytest.raises(CircuitOpen):
                way(breaker, works)
    assert [f"circuit {NAME}: hook" in record.message for record in caplog.records] == [True]


async def asynchronous(*_: object) -> None:
    """Nobody would await it."""


def generator(*_: object) -> Any:
    yield


@pytest.mark.parametrize("hook", ["on_refused", "on_state_seen"])
@pytest.mark.parametrize("given", [3, "log", asynchronous, generator])
def test_a_hook_is_a_plain_function(hook: str, given: Any) -> None:
    """Anything else is refused by name at construction."""
    with pytest.raises(TypeError, match=rf"{hook} = .* is not allowed: a (plain )?function"):
        CircuitBreaker(NAME, **{hook: given})
