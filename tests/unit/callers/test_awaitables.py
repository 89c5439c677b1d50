"""Functions that are not `async def` and answer later all the same: admitted when their work begins."""

# ruff: noqa: PLW0108  (a lambda around a function is what is tested here)
from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from unittest.mock import AsyncMock

import pytest

from recloser import CircuitOpen, State
from recloser.caller import awaitables
from recloser.testing import World

NAME = "payments-api"


class Down(Exception):  # noqa: N818
    """The dependency's failure."""


async def dependency() -> str:
    await asyncio.sleep(0)
    raise Down


class Lazy:
    """An awaitable that is no coroutine, as HTTP clients return it."""

    def __await__(self) -> Iterator[Any]:
        return dependency().__await__()


class Client:
    async def __call__(self) -> str:
        return await dependency()


def annotated() -> Awaitable[str]:
    return dependency()


async def in_threads() -> str:
    def fails() -> str:
        raise Down

    return await asyncio.get_running_loop().run_in_executor(None, fails)


WAYS: dict[str, Callable[[], Any]] = {
    "async def": dependency,
    "lambda": lambda: dependency(),
    "annotated": annotated,
    "partial": functools.partial(dependency),
    "partial of a lambda": functools.partial(lambda: dependency()),
    "object": Client(),
    "mock": AsyncMock(side_effect=Down),
    "awaitable": lambda: Lazy(),
    "task": lambda: asyncio.ensure_future(dependency()),
    "gather": lambda: asyncio.gather(dependency()),
    "executor": lambda: asyncio.get_running_loop().run_in_executor(None, raises),
    "wait_for": lambda: asyncio.wait_for(dependency(), 1),
    "async with threads": in_threads,
}


def raises() -> None:
    raise Down


@pytest.fixture(params=WAYS, ids=list(WAYS))
def function(request: pytest.FixtureRequest) -> Callable[[], Any]:
    return WAYS[request.param]


@pytest.mark.parametrize("by", ["decorator", "call"])
def test_its_failure_is_counted(world: World, function: Callable[[], Any], by: str) -> None:
    """The outcome is that of the work, not of having begun it."""
    breaker = world.breaker(NAME, local_trip=None)
    guarded = breaker(function) if by == "decorator" else functools.partial(breaker.call, function)

    async def main() -> None:
        for _ in range(3):
            with pytest.raises(Down):
                await guarded()
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert world.metric("Failure") == [1, 1, 1]
    assert breaker._guard.running == {}


def test_its_refusal_is_awaited(world: World, function: Callable[[], Any]) -> None:
    """Once it is known how a function answers, a refusal is where its answer would have been."""
    first = world.breaker("first", local_trip=None)

    async def main() -> None:
        with contextlib.suppress(Down):
            await first(function)()
        for breaker in (first, world.breaker(NAME)):
            world.force_open(breaker.name)
            refused = breaker(function)()
            with pytest.raises(CircuitOpen):
                await refused

    asyncio.run(main())


def test_a_group_of_them_closes_the_circuit(world: World) -> None:
    """They are admitted one by one when they are awaited, not all when the group is put together."""

    async def literal(number: int) -> int:
        return number

    call = world.breaker(NAME)(lambda number: literal(number))

    async def request() -> tuple[int, int, int]:
        return await asyncio.gather(call(1), call(2), call(3))

    asyncio.run(request())
    world.trip(NAME)
    world.clock.advance(11)
    for _ in range(30):
        with contextlib.suppress(CircuitOpen):
            asyncio.run(request())
        world.clock.advance(1)
    assert world.tables.read(NAME).state is State.CLOSED


@pytest.mark.parametrize("how", ["closed", "dropped"])
def test_what_is_never_awaited_leaves_nothing(world: World, how: str) -> None:
    """No call is counted, none is thought to be running, no permit is out."""
    breaker = world.breaker(NAME)

    async def answer() -> str:
        return "paid"

    call = breaker(lambda: answer())
    assert asyncio.run(call()) == "paid"
    world.metrics.clear()
    world.trip(NAME)
    world.clock.advance(11)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for _ in range(3):
            coroutine: Any = call()
            if how == "closed":
                coroutine.close()
            del coroutine
            gc.collect()
    probes = world.tables.read_probes(NAME, 1)
    assert probes is not None
    assert (probes.granted, breaker._guard.running, world.metrics) == (0, {}, [])


def wrapped(function: Callable[[], Any]) -> Callable[[], Any]:
    """A decorator as many are: the same code around whatever function."""

    def wrapper() -> Any:
        return function()

    return wrapper


@pytest.mark.parametrize("decorate", [wrapped, lambda function: functools.wraps(function)(wrapped(function))])
def test_a_wrapper_of_both_kinds(world: World, decorate: Callable[..., Any]) -> None:
    """What one function in a wrapper has returned says nothing of another in the same wrapper."""

    async def later() -> str:
        return "paid"

    breaker = world.breaker(NAME)
    for _ in range(2):
        assert asyncio.run(breaker(decorate(later))()) == "paid"
        assert breaker(decorate(lambda: "paid"))() == "paid"
        assert breaker.call(decorate(lambda: "paid")) == "paid"


def test_closures_made_for_each_call(world: World) -> None:
    """A lambda with the call's own data is known by its code: its probe is admitted once, when it is
    awaited.
    """

    async def literal(number: int) -> int:
        return number

    async def request(number: int) -> int:
        answer: int = await breaker.call(lambda: literal(number))
        return answer

    breaker = world.breaker(NAME)
    asyncio.run(request(1))
    world.trip(NAME)
    for number in range(20):
        world.clock.advance(2)
        with contextlib.suppress(CircuitOpen):
            asyncio.run(request(number))
    assert world.tables.read(NAME).state is State.CLOSED


def test_it_may_also_answer_at_once(world: World) -> None:
    """A function that answers from its memory or by a coroutine is awaited either way, once it has done
    both.
    """
    memory: dict[str, str] = {}

    async def ask() -> str:
        memory["answer"] = "paid"
        return "paid"

    @world.breaker(NAME)
    def pay() -> Any:
        return memory.get("answer") or ask()

    async def main() -> list[str]:
        return [await pay(), await pay()]

    assert asyncio.run(main()) == ["paid", "paid"]
    assert world.metric("Failure") == [0, 0]


def test_the_future_of_an_executor(world: World) -> None:
    """What a pool of threads returns counts when it is done, and is returned as it is."""
    breaker = world.breaker(NAME)
    with ThreadPoolExecutor(1) as pool:
        submit = breaker(pool.submit)
        future: Future[Any] = submit(raises)
        with pytest.raises(Down):
            future.result()
        assert submit(len, "four").result() == 4
    assert world.metric("Failure") == [1, 0]
    world.force_open(NAME)
    with pytest.raises(CircuitOpen):
        submit(len, "four")


def test_a_cancelled_task_says_nothing(world: World) -> None:
    """A future that is cancelled is no outcome; the probe that it was is given back."""
    breaker = world.breaker(NAME)
    call = breaker(lambda: asyncio.ensure_future(asyncio.sleep(10)))
    world.trip(NAME)
    world.clock.advance(11)

    async def main() -> None:
        future = call()
        await asyncio.sleep(0)
        future.cancel()
        await asyncio.sleep(0.05)

    asyncio.run(main())
    probes = world.tables.read_probes(NAME, 1)
    assert probes is not None
    assert (probes.granted, probes.out, world.metrics) == (1, 0, [])


def generator() -> Iterator[int]:
    yield 1


@contextlib.contextmanager
def manager() -> Iterator[int]:
    yield 1


async def async_generator() -> Any:
    yield 1


@contextlib.asynccontextmanager
async def async_manager() -> Any:
    yield 1


class Methods:
    @staticmethod
    def static() -> None: ...

    @classmethod
    def of_class(cls) -> None: ...


@pytest.mark.parametrize("lazy", [generator, manager, async_generator, async_manager])
def test_generators_are_refused(world: World, lazy: Callable[[], Any]) -> None:
    """At decoration where it can be seen, at the call where it cannot; nothing is counted."""
    breaker = world.breaker(NAME)
    guards: list[Callable[..., Any]] = [breaker, breaker.call]
    for guard in guards:
        with pytest.raises(TypeError, match="guard what it calls, or use a `with` block inside it"):
            guard(lazy)
    with pytest.raises(TypeError, match="guard what it calls"):
        breaker(lambda: lazy())()
    assert (world.metrics, breaker._guard.running) == ([], {})


@pytest.mark.parametrize("name", ["static", "of_class"])
def test_method_objects_are_refused(world: World, name: str) -> None:
    """The error says which decorator comes first."""
    with pytest.raises(TypeError, match=r"put @(staticmethod|classmethod) above the breaker"):
        world.breaker(NAME)(vars(Methods)[name])


def test_under_another_event_loop(world: World) -> None:
    """Without asyncio an async call that must wait is refused with a sentence, and counts as nothing."""

    async def pay() -> str:
        return "paid"

    coroutine: Coroutine[Any, Any, str] = world.breaker(NAME).call(pay)
    with pytest.raises(RuntimeError, match="under asyncio only"):
        coroutine.send(None)
    assert world.metrics == []


def test_functions_without_end(world: World) -> None:
    """Of functions that are made without end, a bounded number is remembered."""
    breaker = world.breaker(NAME)
    for number in range(5000):
        namespace: dict[str, Any] = {}
        exec(f"def function(): return {number}", namespace)
        assert breaker.call(namespace["function"]) == number
    assert len(awaitables._kinds) <= awaitables.MOST_REMEMBERED


class AsyncClient:
    async def get(self) -> str:
        await asyncio.sleep(0)
        return "later"


class PlainClient:
    def get(self) -> str:
        return "at once"


class Operation:
    """What can be called, and holds its client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __call__(self) -> Any:
        return self._client.get()


def closure_by_name(client: Any) -> Callable[[], Any]:
    def get(*, client: Any = client) -> Any:
        return client.get()

    return get


def fetch(*, client: Any) -> Any:
    return client.get()


@pytest.mark.parametrize(
    "holding",
    [lambda client: functools.partial(fetch, client=client), closure_by_name, Operation],
    ids=["partial", "default of a name", "object"],
)
def test_what_a_function_holds_by_name(world: World, holding: Callable[[Any], Callable[[], Any]]) -> None:
    """How a function answers is known by what it holds, however it does: a plain client answers at once."""
    breaker = world.breaker(NAME)

    async def main() -> Any:
        return await breaker.call(holding(AsyncClient()))

    assert asyncio.run(main()) == "later"
    assert breaker.call(holding(PlainClient())) == "at once"


class NotHashable(type):
    """A metaclass that compares its classes, and so makes them unhashable."""

    def __eq__(cls, other: object) -> bool:
        return cls is other

    __hash__ = None  # type: ignore[assignment]


class OfNotHashable(metaclass=NotHashable):
    pass


class Unbound:
    """A proxy of something that is not there, as LocalProxy, SimpleLazyObject or weakref.proxy may be."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(f"nothing is here that has {name}")


@pytest.mark.parametrize("make", [OfNotHashable, Unbound])
def test_odd_answers_and_odd_things_held(
    world: World, function_way: Callable[..., Any], make: Callable[[], Any]
) -> None:
    """Neither an answer nor what a function holds is touched: the caller gets it, and the call is counted."""
    breaker, thing = world.breaker(NAME), make()
    assert function_way(breaker, lambda: thing) is thing
    assert function_way(breaker, functools.partial(lambda held: held, thing)) is thing
    assert (world.metric("Failure"), breaker._guard.running) == ([0, 0], {})


class Unreadable(Future[str]):
    """A future that does not say how it ended."""

    def exception(self, timeout: float | None = None) -> BaseException | None:
        raise LookupError


def test_a_future_that_does_not_say_how_it_ended(world: World) -> None:
    """What it raises when it is asked counts; nothing is left running."""
    breaker, future = world.breaker(NAME), Unreadable()
    assert breaker.call(lambda: future) is future
    future.set_result("paid")
    assert (world.metric("Failure"), breaker._guard.running) == ([1], {})
