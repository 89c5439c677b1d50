"""Async callers: the event loop never waits for the table, and neither do the user's threads for ours."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from recloser import CircuitBreaker, Process
from recloser.circuit import Circuit
from recloser.errors import StoreError
from recloser.store.memory import MemoryTables

SLOW_SECONDS = 0.4
# A busy machine may keep a thread waiting; a table that is waited for takes longer.
LONGEST_GAP_SECONDS = 0.25


class Silent:
    def publish(self, *_: Any) -> None: ...


class SlowTables(MemoryTables):
    """Tables that take their time once they are told to, and may have no answer at its end."""

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__()
        self.is_slow = False
        self.reads = 0
        self._fails = fails

    def read_many(self, names: Iterable[str]) -> dict[str, Circuit]:
        self.reads += 1
        if self.is_slow:
            time.sleep(SLOW_SECONDS)
            if self._fails:
                raise StoreError("timed out")
        return super().read_many(names)


def breakers_on(tables: MemoryTables, count: int = 1, **settings: Any) -> list[CircuitBreaker]:
    process = Process(tables=tables, publisher=Silent())
    return [CircuitBreaker(f"c{number}", process=process, **settings) for number in range(count)]


async def longest_gap(work: Awaitable[Any]) -> float:
    """How long the loop stood still at most while `work` was done."""
    gaps: list[float] = []

    async def tick() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.005)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.02)
    gaps.clear()
    with suppress(ConnectionError):
        await work
    await asyncio.sleep(0.02)
    ticking.cancel()
    return max(gaps)


async def answers(seconds: float) -> None:
    await asyncio.sleep(seconds)


async def fails(seconds: float) -> None:
    await asyncio.sleep(seconds)
    raise ConnectionError


@pytest.mark.parametrize("dependency", [answers, fails])
@pytest.mark.parametrize("when", ["at the first call", "when the flag is due", "at the end of a long call"])
@pytest.mark.parametrize("table_fails", [False, True])
def test_the_loop_goes_on(
    dependency: Callable[[float], Awaitable[None]], when: str, *, table_fails: bool
) -> None:
    """A slow or unreachable table holds up no other task, wherever a call meets it."""
    tables = SlowTables(fails=table_fails)
    [breaker] = breakers_on(tables, closed_cache_seconds=0.3)
    call = breaker(dependency)

    async def main() -> float:
        if when != "at the first call":
            await breaker.call(answers, 0)
        if when == "when the flag is due":
            await asyncio.sleep(0.4)
        tables.is_slow = True
        return await longest_gap(call(1.2 if when == "at the end of a long call" else 0))

    assert asyncio.run(main()) < LONGEST_GAP_SECONDS


def test_the_users_threads_are_the_users() -> None:
    """A closed circuit answers at once though every thread of the loop's executor is busy, and takes none."""
    tables = SlowTables()
    [breaker] = breakers_on(tables, closed_cache_seconds=0.05)
    free = threading.Event()

    async def main() -> float:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(max_workers=1))
        busy = loop.run_in_executor(None, free.wait, 10)
        await breaker.call(answers, 0)
        await asyncio.sleep(0.1)
        started = time.perf_counter()
        await asyncio.wait_for(breaker.call(answers, 0), timeout=5)
        took = time.perf_counter() - started
        free.set()
        await busy
        return took

    assert asyncio.run(main()) < SLOW_SECONDS


@pytest.mark.parametrize("count", [12, 40])
def test_many_first_calls_of_tasks(count: int) -> None:
    """Breakers used for the first time over an unreachable table wait for one time-out together, not in a
    row.
    """
    tables = SlowTables(fails=True)
    tables.is_slow = True
    breakers = breakers_on(tables, count)

    async def main() -> float:
        started = time.perf_counter()
        await asyncio.gather(*(breaker.call(answers, 0) for breaker in breakers))
        return time.perf_counter() - started

    assert asyncio.run(main()) < 2.5 * SLOW_SECONDS


def test_many_first_calls_of_threads() -> None:
    """The same for threads: each is held up by one time-out at most."""
    tables = SlowTables(fails=True)
    tables.is_slow = True
    breakers = breakers_on(tables, 20)
    took: list[float] = []

    def first_call(breaker: CircuitBreaker) -> None:
        started = time.perf_counter()
        breaker.call(lambda: None)
        took.append(time.perf_counter() - started)

    threads = [threading.Thread(target=first_call, args=(breaker,)) for breaker in breakers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(took) == 20
    assert max(took) < 2.5 * SLOW_SECONDS


def test_first_calls_one_after_the_other() -> None:
    """An unreachable table is not asked anew for each circuit: once a second is enough to know."""
    tables = SlowTables(fails=True)
    tables.is_slow = True
    for breaker in breakers_on(tables, 200):
        breaker.call(lambda: None)
    assert tables.reads <= 3


def test_eight_thousand_circuits() -> None:
    """A first call costs the same whether a process has ten circuits or thousands: the readings do not add
    up.
    """

    def steps(count: int) -> int:
        tables = SlowTables()
        breakers = breakers_on(tables, count)
        for breaker in breakers:
            breaker.call(lambda: None)
        return tables.reads

    assert steps(8000) <= 8000


def test_where_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has too many threads already makes its calls all the same."""

    def no_more_threads(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_more_threads)
    tables = SlowTables()
    [breaker] = breakers_on(tables, closed_cache_seconds=0.05)

    async def main() -> None:
        for _ in range(3):
            await breaker.call(answers, 0)
            time.sleep(0.1)  # noqa: ASYNC251  (so that the flag is due)

    asyncio.run(main())
    for _ in range(3):
        assert breaker.call(lambda: "paid") == "paid"
        time.sleep(0.1)
