"""What the tests of the callers' library share: a world, and every way of calling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from recloser import CircuitBreaker
from recloser.caller import process
from recloser.testing import World

Way = Callable[[CircuitBreaker, Callable[[], Any]], Any]


def by_decorator(breaker: CircuitBreaker, function: Callable[[], Any]) -> Any:
    return breaker(function)()


def by_call(breaker: CircuitBreaker, function: Callable[[], Any]) -> Any:
    return breaker.call(function)


def by_block(breaker: CircuitBreaker, function: Callable[[], Any]) -> Any:
    with breaker:
        return function()


def by_async_decorator(breaker: CircuitBreaker, function: Callable[[], Any]) -> Any:
    return asyncio.run(breaker(as_async(function))())


def by_async_call(breaker: CircuitBreaker, function: Callable[[], Any]) -> Any:
    return asyncio.run(breaker.call(as_async(function)))


def by_async_block(breaker: CircuitBreaker, function: Callable[[], Any]) -> Any:
    async def block() -> Any:
        async with breaker:
            return await as_async(function)()

    return asyncio.run(block())


def as_async(function: Callable[[], Any]) -> Callable[[], Any]:
    async def asynchronous() -> Any:
        await asyncio.sleep(0)
        return function()

    return asynchronous


FUNCTION_WAYS = (by_decorator, by_call, by_async_decorator, by_async_call)
BLOCK_WAYS = (by_block, by_async_block)


@pytest.fixture(params=[*FUNCTION_WAYS, *BLOCK_WAYS], ids=lambda way: way.__name__)
def way(request: pytest.FixtureRequest) -> Way:
    """Every way of calling, each as a function of a breaker and a plain function."""
    chosen: Way = request.param
    return chosen


@pytest.fixture(params=FUNCTION_WAYS, ids=lambda way: way.__name__)
def function_way(request: pytest.FixtureRequest) -> Way:
    """The ways that have an answer, which a fallback can take the place of."""
    chosen: Way = request.param
    return chosen


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A `Process` for breakers that are given none, made anew for this test."""
    monkeypatch.delenv("RECLOSER_CIRCUIT_TABLE", raising=False)
    monkeypatch.delenv("RECLOSER_PROBE_TABLE", raising=False)
    process.forget_default()
    yield
    process.forget_default()
