"""Calls inside calls: of the same circuit they share a probe's admission, of another they say nothing of
the outer.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from recloser import CircuitBreaker, CircuitOpen, LocalTrip, State
from recloser.caller.admitted import AdmittedCall
from recloser.testing import World

NAME = "payments-api"

Way = Callable[..., Any]

Nested = Callable[[CircuitBreaker, CircuitBreaker, Callable[[], str]], Callable[[], Any]]


def decorated(outer: CircuitBreaker, inner: CircuitBreaker, function: Callable[[], str]) -> Callable[[], Any]:
    guarded = inner(function)
    return outer(lambda: guarded() + guarded())


def called(outer: CircuitBreaker, inner: CircuitBreaker, function: Callable[[], str]) -> Callable[[], Any]:
    return lambda: outer.call(lambda: inner.call(function))


def blocks(outer: CircuitBreaker, inner: CircuitBreaker, function: Callable[[], str]) -> Callable[[], Any]:
    def nested() -> str:
        with outer, inner:
            return function()

    return nested


def recursive(outer: CircuitBreaker, inner: CircuitBreaker, function: Callable[[], str]) -> Callable[[], Any]:
    @outer
    def go(depth: int) -> str:
        return function() if depth == 0 else go(depth - 1)

    return lambda: inner.call(go, 3)


def in_async(outer: CircuitBreaker, inner: CircuitBreaker, function: Callable[[], str]) -> Callable[[], Any]:
    @outer
    async def nested() -> str:
        async with inner:
            await asyncio.sleep(0)
            return function()

    return lambda: asyncio.run(nested())


def in_tasks(outer: CircuitBreaker, inner: CircuitBreaker, function: Callable[[], str]) -> Callable[[], Any]:
    """A probe that asks in several tasks at once."""

    async def one() -> str:
        return function()

    @outer
    async def nested() -> tuple[str, str]:
        return await asyncio.gather(inner.call(one), inner.call(one))

    return lambda: asyncio.run(nested())


NESTINGS = [decorated, called, blocks, recursive, in_async, in_tasks]


@pytest.fixture(params=NESTINGS, ids=lambda each: each.__name__)
def nest(request: pytest.FixtureRequest) -> Nested:
    chosen: Nested = request.param
    return chosen


@pytest.mark.parametrize(
    "breakers", ["one breaker", "two breakers of one circuit", "two breakers of other local trips"]
)
def test_a_breaker_inside_itself(world: World, nest: Nested, breakers: str) -> None:
    """The inner calls of a probe share its admission: a dependency that is well closes the circuit."""
    outer = world.breaker(NAME)
    other = LocalTrip(failures=9) if breakers == "two breakers of other local trips" else LocalTrip()
    inner = outer if breakers == "one breaker" else world.breaker(NAME, local_trip=other)
    call = nest(outer, inner, lambda: "paid")
    call()
    world.trip(NAME)
    world.clock.advance(11)
    for _ in range(20):
        with suppress(CircuitOpen):
            call()
        world.clock.advance(1)
    circuit = world.tables.read(NAME)
    assert (circuit.state, circuit.trips) == (State.CLOSED, 1)


def test_an_inner_failure_is_the_probes(world: World, nest: Nested) -> None:
    """What the probe as a whole came to is reported, once."""

    def fails() -> str:
        raise ConnectionError

    breaker = world.breaker(NAME)
    call = nest(breaker, breaker, fails)
    world.trip(NAME)
    world.clock.advance(11)
    with pytest.raises(ConnectionError):
        call()
    probes = world.tables.read_probes(NAME, 1)
    assert probes is not None
    assert (probes.granted, probes.failed, probes.succeeded) == (1, frozenset({1}), frozenset())
    assert world.metric("ProbeFailure") == [1]


def test_beside_is_not_inside(world: World) -> None:
    """A call of another thread, while the probe runs, is refused."""
    breaker = world.breaker(NAME)
    world.trip(NAME)
    world.clock.advance(11)
    with breaker, ThreadPoolExecutor(1) as elsewhere, pytest.raises(CircuitOpen):
        elsewhere.submit(breaker.call, lambda: "paid").result()


@pytest.mark.parametrize("size", [1, 8])
def test_inside_in_other_threads(world: World, function_way: Way, size: int) -> None:
    """A probe whose work its own circuit refuses in other threads is followed by one that takes it along."""
    breaker = world.breaker(NAME)
    inner = breaker(lambda _: "paid")

    def outer() -> list[str]:
        with ThreadPoolExecutor(2) as elsewhere:
            return list(elsewhere.map(inner, range(size)))

    world.trip(NAME)
    world.clock.advance(11)
    for _ in range(30):
        with suppress(CircuitOpen):
            assert function_way(breaker, outer) == ["paid"] * size
        world.clock.advance(1)
    circuit = world.tables.read(NAME)
    assert (circuit.state, circuit.trips) == (State.CLOSED, 1)


def test_after_is_not_inside(world: World) -> None:
    """A task that a probe started and left behind shares nothing once the probe has ended."""
    breaker = world.breaker(NAME)

    async def main() -> None:
        @breaker
        async def probe() -> asyncio.Task[None]:
            async def later() -> None:
                await released.wait()
                async with breaker:
                    pass

            return asyncio.create_task(later())

        released = asyncio.Event()
        left_behind = await probe()
        world.trip(NAME)
        world.process.forget_flags()
        released.set()
        with pytest.raises(CircuitOpen):
            await left_behind

    world.trip(NAME)
    world.clock.advance(11)
    asyncio.run(main())


def test_ordinary_calls_are_counted_each(world: World) -> None:
    """While the circuit is closed a nested call is a call like any other."""
    breaker = world.breaker(NAME)
    breaker.call(lambda: breaker.call(lambda: "paid"))
    assert world.metric("Failure") == [0, 0]


def test_the_refusal_of_another_circuit_is_nobodys_failure(world: World, nest: Nested) -> None:
    """It passes through the outer call and counts as nothing: not in the metric, not for the local trip."""
    outer, inner = world.breaker("orders"), world.breaker(NAME)
    call = nest(outer, inner, lambda: "paid")
    if nest is recursive:
        outer, inner = inner, outer
    world.force_open(inner.name)
    for _ in range(20):
        with pytest.raises((CircuitOpen, ExceptionGroup)):
            call()
    assert world.metric("Failure", outer.name) == []
    assert world.refused(outer.name) == 0


def test_probes_that_end_in_another_order_are_not_kept(world: World) -> None:
    """Of two probes in one thread the first may end first; once both have ended, neither is remembered."""
    first, second = world.breaker("first"), world.breaker("second")

    def probe_both() -> None:
        for name in ("first", "second"):
            world.trip(name)
        world.clock.advance(60)
        outer, inner = ExitStack(), ExitStack()
        outer.enter_context(first)
        inner.enter_context(second)
        outer.close()
        inner.close()

    def kept() -> int:
        gc.collect()
        return sum(isinstance(each, AdmittedCall) for each in gc.get_objects())

    probe_both()
    before = kept()
    for _ in range(10):
        probe_both()
    assert kept() == before
    assert len(world.metric("ProbeFailure", "first")) == len(world.metric("ProbeFailure", "second")) == 11
