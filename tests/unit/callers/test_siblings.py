"""Calls made together: a refused sibling cancels the probe, and the circuit closes all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from recloser import CircuitBreaker, CircuitOpen, LocalTrip, State
from recloser.testing import World

NAME = "payments-api"
SECONDS = 120

Request = Callable[[], Awaitable[Any]]
Together = Callable[[Callable[[int], Any], int], Request]


def by_gather(call: Callable[[int], Any], size: int) -> Request:
    async def request() -> None:
        await asyncio.gather(*(call(number) for number in range(size)))

    return request


def by_task_group(call: Callable[[int], Any], size: int) -> Request:
    async def request() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(size):
                group.create_task(call(number))

    return request


def by_wait(call: Callable[[int], Any], size: int) -> Request:
    """The first error ends the wait, and what has not ended is cancelled manually."""

    async def request() -> None:
        tasks = [asyncio.ensure_future(call(number)) for number in range(size)]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in done:
            task.result()

    return request


def answered(world: World, request: Request) -> int:
    """A request a second, each in an event loop of its own, as in Lambda."""
    good = 0
    for _ in range(SECONDS):
        with suppress(CircuitOpen, ExceptionGroup):
            asyncio.run(request())  # type: ignore[arg-type]
            good += 1
        world.clock.advance(1)
        world.control.tick(NAME)
    return good


@pytest.mark.parametrize("together", [by_gather, by_task_group, by_wait])
@pytest.mark.parametrize("size", [2, 3, 20])
def test_after_a_trip(world: World, together: Together, size: int) -> None:
    """A dependency that is well again is found to be, though every request is a group of calls."""

    @world.breaker(NAME)
    async def pay(number: int) -> int:
        await asyncio.sleep(0.001)
        return number

    request = together(pay, size)
    asyncio.run(request())  # type: ignore[arg-type]
    world.trip(NAME)
    world.clock.advance(11)
    assert answered(world, request) >= SECONDS - 20
    assert world.tables.read(NAME).state is State.CLOSED


@pytest.mark.parametrize("together", [by_gather, by_task_group])
def test_after_a_local_trip(world: World, together: Together) -> None:
    """The trial of a local trip is not starved by its siblings either."""
    is_down = True

    @world.breaker(NAME, local_trip=LocalTrip(failures=3))
    async def pay(number: int) -> int:
        await asyncio.sleep(0.001)
        if is_down:
            raise ConnectionError
        return number

    request = together(pay, 3)
    for _ in range(2):
        with suppress(ConnectionError, CircuitOpen, ExceptionGroup):
            asyncio.run(request())  # type: ignore[arg-type]
    is_down = False
    assert answered(world, request) >= SECONDS - 15


def test_few_go_along_with_a_failing_probe(world: World) -> None:
    """While the dependency is down a group costs it a handful of calls per recovery, not all of the group."""
    calls = 0

    @world.breaker(NAME, local_trip=None)
    async def pay(_: int) -> None:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.001)
        raise ConnectionError

    async def request() -> None:
        await asyncio.gather(*(pay(number) for number in range(50)), return_exceptions=True)

    world.trip(NAME)
    for _ in range(10):
        world.clock.advance(11)
        asyncio.run(request())
    assert calls <= 10


def test_a_cancelled_call_takes_no_others_along(world: World) -> None:
    """Only probes and trials that were cancelled do: a closed circuit counts each call as ever."""
    breaker = world.breaker(NAME)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(breaker.call(asyncio.sleep, 10), timeout=0.01)
        await breaker.call(asyncio.sleep, 0)

    asyncio.run(main())
    assert world.metric("Failure") == [0]


def many(breaker: CircuitBreaker, count: int) -> list[Any]:
    async def main() -> list[Any]:
        return await asyncio.gather(
            *(breaker.call(asyncio.sleep, 0.001, number) for number in range(count)), return_exceptions=True
        )

    return asyncio.run(main())


def test_with_return_exceptions_one_probe_is_made(world: World) -> None:
    """Siblings that cancel nobody do not widen anything: one canary, as always."""
    breaker = world.breaker(NAME)
    world.trip(NAME)
    world.clock.advance(11)
    answers = many(breaker, 10)
    assert [each for each in answers if not isinstance(each, CircuitOpen)] == [0]
