"""Blocks: nested, in generators, across threads and tasks, entered by an ExitStack."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, suppress
from typing import Any

import pytest

from recloser import CircuitBreaker, CircuitOpen, value
from recloser.testing import World

NAME = "payments-api"


class Down(Exception):  # noqa: N818
    """The dependency's failure."""


@pytest.fixture
def breaker(world: World) -> CircuitBreaker:
    return world.breaker(NAME)


def reading(breaker: CircuitBreaker, error: Exception | None = None) -> Iterator[int]:
    """A generator that guards its work by a block, as the refusal of generators advises."""
    with breaker:
        yield 1
        yield 2
        if error is not None:
            raise error


async def reading_later(breaker: CircuitBreaker, error: Exception | None = None) -> AsyncIterator[int]:
    async with breaker:
        yield 1
        if error is not None:
            raise error


def test_nested(world: World, breaker: CircuitBreaker) -> None:
    """The inner block ends the inner call: each has its own duration."""
    with breaker:
        world.clock.advance(1)
        with breaker:
            world.clock.advance(2)
    assert world.metric("Duration") == [2000, 3000]


def test_interleaved_generators(world: World, breaker: CircuitBreaker) -> None:
    """Each generator's block ends its own call, though the first that began ends first."""
    first = reading(breaker)
    next(first)
    world.clock.advance(1)
    second = reading(breaker)
    next(second)
    list(first)
    world.clock.advance(1)
    list(second)
    assert world.metric("Duration") == [1000, 1000]


def test_interleaved_async_generators(world: World, breaker: CircuitBreaker) -> None:
    """The same for async generators in one task."""

    async def main() -> None:
        first, second = reading_later(breaker), reading_later(breaker)
        await anext(first)
        world.clock.advance(1)
        await anext(second)
        assert [each async for each in first] == []
        world.clock.advance(1)
        assert [each async for each in second] == []

    asyncio.run(main())
    assert world.metric("Duration") == [1000, 1000]


def test_a_probe_among_generators(world: World, breaker: CircuitBreaker) -> None:
    """The failure of a call that is no probe is not reported as the probe's."""
    ordinary = reading(breaker, Down())
    next(ordinary)
    world.trip(NAME)
    world.clock.advance(11)
    probe = reading(breaker)
    next(probe)
    with pytest.raises(Down):
        list(ordinary)
    list(probe)
    probes = world.tables.read_probes(NAME, 1)
    assert probes is not None
    assert (probes.succeeded, probes.failed) == (frozenset({1}), frozenset())


def test_left_in_another_thread(world: World, breaker: CircuitBreaker) -> None:
    """A generator may be advanced by one thread after the other, as web servers do with a stream."""
    stream = reading(breaker)
    found: list[Any] = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: found.append(next(stream, "end")))
        thread.start()
        thread.join(timeout=10)
    assert found == [1, 2, "end"]
    assert world.metric("Failure") == [0]
    assert breaker._guard.running == {}


def test_left_in_another_task(world: World, breaker: CircuitBreaker) -> None:
    """An async generator may be advanced by one task and closed by another."""

    async def main() -> None:
        stream = reading_later(breaker)
        await asyncio.create_task(stream.__anext__())  # type: ignore[arg-type]
        with pytest.raises(StopAsyncIteration):
            await asyncio.create_task(stream.__anext__())  # type: ignore[arg-type]

    asyncio.run(main())
    assert world.metric("Failure") == [0]
    assert breaker._guard.running == {}


def test_a_generator_thrown_away(world: World, breaker: CircuitBreaker) -> None:
    """A generator that is closed early says nothing about the dependency."""
    stream = reading(breaker)
    next(stream)
    del stream
    assert world.metrics == []
    assert breaker._guard.running == {}


def test_exit_stack(world: World, breaker: CircuitBreaker) -> None:
    """Blocks that an ExitStack enters are left newest first."""
    with ExitStack() as stack:
        stack.enter_context(breaker)
        world.clock.advance(1)
        stack.enter_context(breaker)
        with breaker:
            world.clock.advance(1)
    assert world.metric("Duration") == [1000, 1000, 2000]


def test_exit_stacks_that_do_not_nest(world: World) -> None:
    """Two stacks of one thread, the first left first: each ends its own call, with its own outcome."""
    breaker = world.breaker(NAME)
    first, second = ExitStack(), ExitStack()
    first.enter_context(breaker)
    world.clock.advance(1)
    second.enter_context(breaker)
    world.clock.advance(1)
    error = Down()
    first.__exit__(Down, error, None)
    world.clock.advance(1)
    second.close()
    assert (world.metric("Failure"), world.metric("Duration")) == ([1, 0], [2000, 2000])


def test_a_probe_and_a_call_in_stacks_that_do_not_nest(world: World, breaker: CircuitBreaker) -> None:
    """The probe's failure is reported as the probe's, though another block was entered after it."""
    world.trip(NAME)
    world.clock.advance(11)
    probe, ordinary = ExitStack(), ExitStack()
    probe.enter_context(breaker)
    with ThreadPoolExecutor(1) as elsewhere:
        world.force_closed(NAME)
        elsewhere.submit(ordinary.enter_context, breaker).result()
    probe.__exit__(Down, Down(), None)
    ordinary.close()
    assert (world.metric("ProbeFailure"), world.metric("Failure")) == ([1], [0])


def test_a_stack_that_is_handed_over(world: World, breaker: CircuitBreaker) -> None:
    """`pop_all` moves blocks to another stack, which leaves them in its stead."""
    with ExitStack() as stack:
        stack.enter_context(breaker)
        kept = stack.pop_all()
    with breaker:
        world.clock.advance(1)
    kept.close()
    assert world.metric("Duration") == [1000, 1000]


def test_looking_for_the_methods_changes_nothing(world: World, breaker: CircuitBreaker) -> None:
    """Frameworks ask an object whether it is a context manager: that is no use of it."""
    for _ in range(2):
        assert hasattr(breaker, "__exit__")
        assert hasattr(breaker, "__enter__")
        with breaker:
            assert hasattr(breaker, "__exit__")
            world.clock.advance(1)
    assert world.metric("Duration") == [1000, 1000]


def test_async_exit_stacks_of_two_tasks(world: World, breaker: CircuitBreaker) -> None:
    """Each task's stack leaves its own block."""

    async def task(*, fails: bool, turn: asyncio.Event, other: asyncio.Event) -> None:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(breaker)
            other.set()
            await turn.wait()
            if fails:
                raise Down

    async def main() -> None:
        one, two = asyncio.Event(), asyncio.Event()
        results = await asyncio.gather(
            task(fails=True, turn=one, other=two),
            task(fails=False, turn=two, other=one),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [Down, type(None)]

    asyncio.run(main())
    assert sorted(world.metric("Failure")) == [0, 1]


def test_a_refused_block_does_not_run(world: World, breaker: CircuitBreaker) -> None:
    """A block has no answer that a fallback could replace: it raises, whatever the fallback."""
    guarded = world.breaker(NAME, fallback=value("sorry"))
    world.trip(NAME)
    world.clock.advance(6)
    with pytest.raises(CircuitOpen), guarded:
        pytest.fail("the block ran")


def test_left_without_being_entered(breaker: CircuitBreaker) -> None:
    """Leaving by hand what was not entered is an error that says so."""
    with pytest.raises(RuntimeError, match="left that was not entered"):
        breaker.__exit__(None, None, None)


def test_many_threads(world: World) -> None:
    """Each thread leaves its own blocks: a failure is counted with its own duration."""
    together = threading.Barrier(8)

    def fails(*, really: bool) -> None:
        if really:
            raise Down

    def work(index: int) -> None:
        for round_number in range(50):
            together.wait(timeout=10)
            with suppress(Down), many, many:
                fails(really=bool((index + round_number) % 2))

    many = world.breaker(NAME, local_trip=None)
    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(world.metric("Failure")) == [0] * 400 + [1] * 400


FORKED_INSIDE = """
import asyncio, os, sys
from recloser import CircuitBreaker
breaker = CircuitBreaker("payments-api")

async def block():
    async with breaker:
        return await calls()

async def calls():
    return forked()

def forked():
    child = os.fork()
    if child == 0:
        breaker.call(lambda: None)
    return child

if sys.argv[1] == "async":
    child = asyncio.run(block())
else:
    with breaker:
        child = forked()
if child:
    _, status = os.waitpid(child, 0)
    print("child ended with", status)
"""


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_a_fork_inside_a_block(kind: str) -> None:
    """The child leaves the block as the parent does, whatever calls of its own it has made."""
    done = subprocess.run(
        [sys.executable, "-c", FORKED_INSIDE, kind], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.endswith("child ended with 0\n"), done.stderr
