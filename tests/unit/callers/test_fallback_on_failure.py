"""A fallback that also answers calls that were made and have failed: `fallback_on_failure`."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from recloser import CircuitBreaker, CircuitOpen, LocalTrip, function, last_good, respond_503, value
from recloser.testing import World

NAME = "payments-api"
Way = Callable[[CircuitBreaker, Callable[[], Any]], Any]


class Down(Exception):  # noqa: N818
    """What the dependency's client raises."""


def down() -> str:
    raise Down


def answering(world: World, fallback: Any = None, **settings: Any) -> CircuitBreaker:
    return world.breaker(NAME, fallback=fallback or value("later"), fallback_on_failure=True, **settings)


def test_a_failure_is_answered(world: World, function_way: Way) -> None:
    """A failed call gets the fallback's answer, and counts as failed all the same."""
    assert function_way(answering(world), down) == "later"
    assert world.metric("Failure", NAME) == [1]


def test_what_failed_is_given_to_who_asks(world: World, function_way: Way) -> None:
    """A parameter failed_with is the exception of a failed call; circuit_open is then None."""
    breaker = answering(world, function(lambda circuit_open, failed_with: (circuit_open, failed_with)))
    refusal, error = function_way(breaker, down)
    assert refusal is None
    assert isinstance(error, Down)
    world.trip(NAME)
    world.clock.advance(6)
    refusal, error = function_way(breaker, down)
    assert isinstance(refusal, CircuitOpen)
    assert error is None


def test_an_answer_that_is_a_failure(world: World, function_way: Way) -> None:
    """An answer that counts as failed is replaced too, and given as failed_with."""
    breaker = answering(
        world,
        function(lambda failed_with: f"not {failed_with}"),
        failure_if_returned=lambda code: code >= 500,
    )
    assert function_way(breaker, lambda: 503) == "not 503"
    assert function_way(breaker, lambda: 200) == 200
    assert world.metric("Failure", NAME) == [1, 0]


@pytest.mark.parametrize("error", [KeyError("order"), SystemExit(1), KeyboardInterrupt()])
def test_what_is_no_failure(world: World, function_way: Way, error: BaseException) -> None:
    """An exception that says nothing about the dependency is raised."""

    def raises() -> str:
        raise error

    with pytest.raises(type(error)):
        function_way(answering(world, handled_exceptions=Down), raises)
    assert world.metric("Failure", NAME) == []


def test_a_success_by_predicate(world: World, function_way: Way) -> None:
    """An exception that the predicate takes for the dependency's answer is raised."""
    with pytest.raises(Down):
        function_way(answering(world, failure_if_raised=lambda error: False), down)
    assert world.metric("Failure", NAME) == [0]


def test_what_ends_a_program(world: World) -> None:
    """What is no Exception is raised, also if it counts as a failure."""

    def leaves() -> str:
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        answering(world, handled_exceptions=BaseException).call(leaves)
    assert world.metric("Failure", NAME) == [1]


def test_a_refusal_of_another_circuit(world: World) -> None:
    """It is no failure of this one, so it is raised."""
    world.force_open("ledger")
    ledger = world.breaker("ledger")
    with pytest.raises(CircuitOpen):
        answering(world).call(lambda: ledger.call(lambda: "booked"))


def test_a_cancelled_call(world: World) -> None:
    """A task that is cancelled ends as cancelled."""

    async def main() -> None:
        guarded = answering(world)(asyncio.sleep)
        task = asyncio.create_task(guarded(60))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_an_async_fallback(world: World) -> None:
    """Of an async function the fallback may be async too."""

    async def later(failed_with: Exception) -> str:
        await asyncio.sleep(0)
        return repr(failed_with)

    @answering(world, function(later))
    async def pay() -> str:
        await asyncio.sleep(0)
        raise Down

    assert asyncio.run(pay()) == "Down()"


def test_a_function_that_returns_a_coroutine(world: World) -> None:
    """Its failure comes when it is awaited, and is answered then."""

    async def pay() -> str:
        raise Down

    def begin() -> Coroutine[Any, Any, str]:
        return pay()

    assert asyncio.run(answering(world)(begin)()) == "later"


def test_a_future_keeps_its_failure(world: World) -> None:
    """A function that returns a future has answered: the future fails, and the failure counts."""
    future: Future[str] = Future()
    answer = answering(world).call(lambda: future)
    future.set_exception(Down())
    with pytest.raises(Down):
        answer.result()
    assert world.metric("Failure", NAME) == [1]


def test_a_probe(world: World, function_way: Way) -> None:
    """A failed probe is answered, and opens the circuit again."""
    breaker = answering(world)
    world.trip(NAME)
    world.clock.advance(11)
    assert function_way(breaker, down) == "later"
    assert world.metric("ProbeFailure", NAME) == [1]
    assert world.tables.read(NAME).state == "OPEN"


def test_a_local_trip(world: World, function_way: Way) -> None:
    """Failures that were answered trip the process as others do."""
    breaker = answering(world, function(lambda circuit_open: circuit_open), local_trip=LocalTrip(failures=2))
    assert [function_way(breaker, down) for _ in range(2)] == [None, None]
    assert isinstance(function_way(breaker, down), CircuitOpen)


def test_the_last_good_answer(world: World) -> None:
    """A failed call gets the last good answer; without one its own error is raised, unchained."""
    answers: Iterator[str | Down] = iter(["10", Down(), "11"])

    @answering(world, last_good(clock=world.clock))
    def price(of: str) -> str:
        answer = next(answers, Down())
        if isinstance(answer, str):
            return answer
        raise answer

    assert [price("A") for _ in range(4)] == ["10", "10", "11", "11"]
    with pytest.raises(Down) as error:
        price("B")
    assert error.value.__cause__ is None


def test_no_last_good_answer_of_a_bad_one(world: World, function_way: Way) -> None:
    """An answer that counts as failed is not remembered; without a good one it is returned as it is."""
    breaker = answering(world, last_good(clock=world.clock), failure_if_returned=lambda code: code >= 500)
    assert function_way(breaker, lambda: 503) == 503


def test_the_fallbacks_own_error(world: World, function_way: Way) -> None:
    """It has the failure as its cause."""

    def wrong() -> str:
        raise LookupError

    with pytest.raises(LookupError) as error:
        function_way(answering(world, function(wrong)), down)
    assert isinstance(error.value.__cause__, Down)


def test_respond_503(world: World) -> None:
    """A handler that fails answers 503; nobody knows when to come again."""

    @answering(world, respond_503)
    def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
        raise Down

    answer = handle({}, None)
    assert answer["statusCode"] == 503
    assert "Retry-After" not in answer["headers"]


@pytest.mark.parametrize("is_async", [False, True])
def test_no_garbage(world: World, *, is_async: bool) -> None:
    """An error that is raised again, for want of an answer, is gone when its caller has done with it."""
    breaker = answering(world, last_good(clock=world.clock))

    async def down_later() -> str:
        raise Down

    def call(run: Callable[[Any], object]) -> weakref.ref[Down]:
        try:
            run(breaker.call(down_later)) if is_async else breaker.call(down)
        except Down as error:
            return weakref.ref(error)
        raise AssertionError

    call(asyncio.run)
    gc.collect()
    gc.disable()
    try:
        # Sent by hand: an event loop leaves cycles of its own.
        assert call(lambda coroutine: coroutine.send(None))() is None
    finally:
        gc.enable()


def test_a_block_has_no_answer(world: World) -> None:
    """A block's failure is raised: there is no answer to replace."""
    with pytest.raises(Down), answering(world):
        raise Down


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fallback_on_failure": True}, "fallback_on_failure = True is not allowed without a fallback"),
        ({"fallback_on_failure": 1, "fallback": value(1)}, "fallback_on_failure = 1 is not allowed: True or"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    """The error names the argument, the value and what is allowed."""
    with pytest.raises((ValueError, TypeError)) as error:
        CircuitBreaker(NAME, **settings)
    assert message in str(error.value)
