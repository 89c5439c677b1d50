"""Async calls that are cut off: a permit is given back or reported, whatever is cancelled and when."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from recloser import CircuitBreaker
from recloser.circuit import Probes
from recloser.store.memory import MemoryTables
from recloser.testing import World

NAME = "payments-api"


class SlowTables(MemoryTables):
    """Tables whose claims and reports wait until they are let go."""

    def __init__(self, world: World) -> None:
        super().__init__(on_probes=world.tables.on_probes)
        self.slow = ""
        self.asked = threading.Event()
        self.let_go = threading.Event()

    def _wait(self, what: str) -> None:
        if self.slow == what:
            self.asked.set()
            assert self.let_go.wait(timeout=10)

    def claim(self, *args: Any) -> int | None:
        number = super().claim(*args)
        self._wait("claim")
        return number

    def report(self, *args: Any, **kwargs: Any) -> None:
        self._wait("report")
        super().report(*args, **kwargs)

    def give_back(self, *args: Any) -> None:
        self._wait("give back")
        super().give_back(*args)


@pytest.fixture
def tables(world: World) -> SlowTables:
    """A circuit that waits for its canary."""
    slow = SlowTables(world)
    world.tables = world.control.tables = slow
    world.trip(NAME)
    world.clock.advance(11)
    return slow


def probes_settled(tables: MemoryTables) -> Probes:
    """The first generation's probes, once none is out any more."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        probes = tables.read_probes(NAME, 1)
        assert probes is not None
        if probes.out == 0:
            return probes
        time.sleep(0.005)
    raise AssertionError(f"a permit is lost: {probes}")


Calling = Callable[[CircuitBreaker, Callable[[], Awaitable[None]]], Awaitable[None]]


async def by_decorator(breaker: CircuitBreaker, function: Callable[[], Awaitable[None]]) -> None:
    async def asynchronous() -> None:
        await function()

    await breaker(asynchronous)()


async def by_call(breaker: CircuitBreaker, function: Callable[[], Awaitable[None]]) -> None:
    await breaker.call(function)


async def by_block(breaker: CircuitBreaker, function: Callable[[], Awaitable[None]]) -> None:
    async with breaker:
        await function()


WAYS = pytest.mark.parametrize("way", [by_decorator, by_call, by_block])


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def started_and_asked(way: Calling, breaker: CircuitBreaker, tables: SlowTables) -> asyncio.Task[None]:
    task = asyncio.ensure_future(way(breaker, forever))
    await asyncio.to_thread(tables.asked.wait, 10)
    return task


@WAYS
def test_cancelled_in_its_claim(world: World, tables: SlowTables, way: Calling) -> None:
    """The permit that the claim still brings is given back, and counts for nothing."""
    tables.slow = "claim"
    breaker = world.breaker(NAME, tables=tables)

    async def main() -> None:
        task = await started_and_asked(way, breaker, tables)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        tables.let_go.set()

    asyncio.run(main())
    probes = probes_settled(tables)
    assert (probes.returned, probes.available) == (frozenset({1}), 1)
    assert world.metrics == []
    assert breaker._guard.running == {}


@WAYS
def test_the_loop_ends_in_its_claim(world: World, tables: SlowTables, way: Calling) -> None:
    """The permit is given back although the event loop that asked for it is gone."""
    tables.slow = "claim"
    breaker = world.breaker(NAME, tables=tables)

    async def main() -> None:
        await started_and_asked(way, breaker, tables)
        threading.Timer(0.1, tables.let_go.set).start()  # asyncio.run waits for its threads at the end

    asyncio.run(main())
    assert probes_settled(tables).returned == {1}


@WAYS
def test_every_task_is_cancelled_in_its_claim(world: World, tables: SlowTables, way: Calling) -> None:
    """As a server does that shuts down: nothing of ours among the tasks may be needed for the permit."""
    tables.slow = "claim"
    breaker = world.breaker(NAME, tables=tables)

    async def main() -> None:
        await started_and_asked(way, breaker, tables)
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        tables.let_go.set()

    asyncio.run(main())
    assert probes_settled(tables).returned == {1}


@WAYS
def test_cancelled_in_its_probe(world: World, tables: SlowTables, way: Calling) -> None:
    """A cancellation says nothing about the dependency: the permit is given back."""
    breaker = world.breaker(NAME, tables=tables)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(way(breaker, forever), timeout=0.05)

    asyncio.run(main())
    assert probes_settled(tables).returned == {1}
    assert world.metrics == []


@WAYS
def test_a_cancellation_that_is_handled(world: World, tables: SlowTables, way: Calling) -> None:
    """Where cancellations are handled exceptions, a cancelled probe is reported as failed."""
    breaker = world.breaker(NAME, tables=tables, handled_exceptions=(Exception, asyncio.CancelledError))

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(way(breaker, forever), timeout=0.05)

    asyncio.run(main())
    assert probes_settled(tables).failed == {1}


@WAYS
@pytest.mark.parametrize("times", [1, 2])
def test_cancelled_in_its_report(world: World, tables: SlowTables, way: Calling, times: int) -> None:
    """A probe that has ended is reported though its task is cancelled meanwhile, even twice."""
    tables.slow = "report"
    breaker = world.breaker(NAME, tables=tables)

    async def nothing() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        task = asyncio.ensure_future(way(breaker, nothing))
        await asyncio.to_thread(tables.asked.wait, 10)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        threading.Timer(0.05, tables.let_go.set).start()

    asyncio.run(main())
    assert probes_settled(tables).succeeded == {1}


@WAYS
def test_cancelled_where_every_thread_is_busy(world: World, tables: SlowTables, way: Calling) -> None:
    """A probe is reported though the event loop's own threads have no time for it."""
    breaker = world.breaker(NAME, tables=tables)
    free = threading.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(max_workers=1))
        begun = asyncio.Event()

        async def probe() -> None:
            begun.set()
            await forever()

        task = asyncio.ensure_future(way(breaker, probe))
        await begun.wait()
        busy = loop.run_in_executor(None, free.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, timeout=5)
        free.set()
        await busy

    asyncio.run(main())
    assert probes_settled(tables).returned == {1}


def test_a_coroutine_that_is_closed(world: World, tables: SlowTables) -> None:
    """A coroutine thrown away in its probe gives the permit back and raises nothing."""
    breaker = world.breaker(NAME, tables=tables)

    async def main() -> None:
        reached = asyncio.Event()

        async def probe() -> None:
            reached.set()
            await forever()

        coroutine = breaker.call(probe)
        driver = _Driver(coroutine)
        driving = asyncio.ensure_future(driver.drive(reached))
        await driving
        coroutine.close()

    asyncio.run(main())
    assert probes_settled(tables).returned == {1}


class _Driver:
    """Drives a coroutine by hand, as a task would, until an event; then leaves it where it is."""

    def __init__(self, coroutine: Any) -> None:
        self._coroutine = coroutine

    async def drive(self, until: asyncio.Event) -> None:
        while not until.is_set():
            future = self._coroutine.send(None)
            if until.is_set():
                return
            future._asyncio_future_blocking = False
            await asyncio.wait([future])


@WAYS
def test_cancelled_while_closed(world: World, way: Calling) -> None:
    """A cancelled call of a closed circuit publishes nothing and leaves nothing behind."""
    breaker = world.breaker(NAME)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(way(breaker, forever), timeout=0.02)

    asyncio.run(main())
    assert world.metrics == []
    assert breaker._guard.running == {}


def test_a_table_that_hangs_does_not_hold_up_the_loop(world: World, tables: SlowTables) -> None:
    """Other tasks go on while a claim waits for its answer."""
    tables.slow = "claim"
    breaker = world.breaker(NAME, tables=tables)

    async def main() -> int:
        task = await started_and_asked(by_call, breaker, tables)
        turns = 0
        for _ in range(100):
            await asyncio.sleep(0)
            turns += 1
        task.cancel()
        tables.let_go.set()
        return turns

    assert asyncio.run(main()) == 100
    probes_settled(tables)


def test_many_event_loops(world: World) -> None:
    """One breaker serves loops one after another and at once, in threads, and counts every call."""
    breaker = world.breaker(NAME)

    @breaker
    async def pay(amount: int) -> int:
        async with breaker:
            await asyncio.sleep(0)
        return amount

    async def main() -> list[int]:
        return await asyncio.gather(*(pay(amount) for amount in range(20)))

    answers: list[list[int]] = [asyncio.run(main()) for _ in range(3)]
    threads = [threading.Thread(target=lambda: answers.append(asyncio.run(main()))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert answers == [list(range(20))] * 8
    assert world.metric("Failure") == [0] * (8 * 20 * 2)


@WAYS
def test_a_probe_that_outlives_its_loop(world: World, tables: SlowTables, way: Calling) -> None:
    """A probe whose coroutine is closed after its loop, as the collector does, gives its permit back."""
    breaker = world.breaker(NAME, tables=tables)
    loop = asyncio.new_event_loop()

    async def main() -> Awaitable[None]:
        begun = asyncio.Event()

        async def endless() -> None:
            begun.set()
            await asyncio.Event().wait()

        probe = way(breaker, endless)
        task = asyncio.ensure_future(probe)
        await begun.wait()
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        return probe

    probe = loop.run_until_complete(main())
    loop.close()
    probe.close()  # type: ignore[attr-defined]
    assert probes_settled(tables).succeeded == frozenset()
    assert breaker._guard.running == {}
