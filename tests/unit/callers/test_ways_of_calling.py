"""One behavior for every way of calling: decorator, call and block, plain and async."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from recloser import CircuitBreaker, CircuitOpen, State, function
from recloser.testing import World

NAME = "payments-api"
Way = Callable[[CircuitBreaker, Callable[[], Any]], Any]


class Down(Exception):  # noqa: N818
    """The dependency's failure."""


def works() -> str:
    return "paid"


def fails() -> str:
    raise Down("no route to host")


def open_circuit(world: World, breaker: CircuitBreaker, seconds: float = 6) -> None:
    world.trip(breaker.name)
    world.clock.advance(seconds)


def test_success(world: World, way: Way) -> None:
    """A closed circuit lets the call through; its answer is the caller's, and a zero is published."""
    assert way(world.breaker(NAME), works) == "paid"
    assert (world.metric("Failure"), world.metric("Duration")) == ([0], [0])


def test_failure(world: World, way: Way) -> None:
    """The caller gets the very exception, not a copy and not wrapped, and a one is published."""
    error = Down()

    def raises() -> str:
        raise error

    with pytest.raises(Down) as raised:
        way(world.breaker(NAME), raises)
    assert raised.value is error
    assert raised.value.__cause__ is None
    assert world.metric("Failure") == [1]


def test_ignored(world: World, way: Way) -> None:
    """An exception that says nothing about the dependency passes through and publishes nothing."""
    with pytest.raises(Down):
        way(world.breaker(NAME, ignored_exceptions=Down), fails)
    assert world.metrics == []


def test_refusal(world: World, way: Way) -> None:
    """An open circuit refuses with the snapshot and the seconds to wait; the function does not run."""
    ran: list[int] = []
    refusals: list[CircuitOpen] = []
    breaker = world.breaker(NAME, on_refused=refusals.append)
    open_circuit(world, breaker)
    with pytest.raises(CircuitOpen) as refusal:
        way(breaker, lambda: ran.append(1))
    assert ran == []
    assert (refusal.value.circuit.state, refusal.value.circuit.generation) == (State.OPEN, 1)
    assert refusal.value.retry_after == pytest.approx(4)
    assert world.metric("Rejected") == [1]
    assert world.metric("Failure") == []
    assert refusals == [refusal.value]


def test_probe_that_succeeds(world: World, way: Way) -> None:
    """From retry_at on the call is a probe: reported to the tables, counted apart from the failure rate."""
    breaker = world.breaker(NAME)
    open_circuit(world, breaker, 11)
    assert way(breaker, works) == "paid"
    probes = world.tables.read_probes(NAME, 1)
    assert probes is not None
    assert probes.succeeded == {1}
    assert (world.metric("ProbeFailure"), world.metric("Failure")) == ([0], [])


def test_probe_that_fails(world: World, way: Way) -> None:
    """A failed probe trips again; the prober gets its exception."""
    breaker = world.breaker(NAME)
    open_circuit(world, breaker, 11)
    with pytest.raises(Down):
        way(breaker, fails)
    assert world.tables.read(NAME).generation == 2
    assert (world.metric("ProbeFailure"), world.metric("Failure")) == ([1], [])


def test_probe_that_says_nothing(world: World, way: Way) -> None:
    """A probe that ends in an ignored exception gives its permit back."""
    breaker = world.breaker(NAME, ignored_exceptions=Down)
    open_circuit(world, breaker, 11)
    with pytest.raises(Down):
        way(breaker, fails)
    probes = world.tables.read_probes(NAME, 1)
    assert probes is not None
    assert (probes.available, probes.out) == (1, 0)
    assert world.metric("ProbeFailure") == []


def test_slow(world: World, way: Way) -> None:
    """A call slower than slow_after_seconds counts as slow and not as failed."""
    breaker = world.breaker(NAME, slow_after_seconds=2)

    def takes(seconds: float) -> Callable[[], None]:
        return lambda: world.clock.advance(seconds)

    way(breaker, takes(2))
    way(breaker, takes(2.001))
    assert world.metric("Slow") == [0, 1]
    assert world.metric("Failure") == [0, 0]
    assert world.metric("Duration") == [2000, 2001]


def test_hang(world: World, way: Way) -> None:
    """A call past its timeout counts as failed at once, and not again when it ends after all."""
    breaker = world.breaker(NAME, timeout_seconds=3)
    seen: list[list[float]] = []

    def hangs() -> str:
        world.clock.advance(3)
        seen.append(world.metric("Failure"))
        return "late"

    assert way(breaker, hangs) == "late"
    assert seen == [[1]]
    assert world.metric("Failure") == [1]


def test_hanging_probe(world: World, way: Way) -> None:
    """A probe that hangs is reported as failed at its timeout, once."""
    breaker = world.breaker(NAME, timeout_seconds=3)
    open_circuit(world, breaker, 11)

    def hangs() -> str:
        world.clock.advance(3)
        return "late"

    assert way(breaker, hangs) == "late"
    probes = world.tables.read_probes(NAME, 1)
    assert probes is not None
    assert (probes.failed, probes.succeeded) == (frozenset({1}), frozenset())
    assert world.metric("ProbeFailure") == [1]


def test_local_trip(world: World, way: Way) -> None:
    """Five failures in a row refuse the sixth call, and the refusal is a failure for the alarm."""
    breaker = world.breaker(NAME)
    for _ in range(5):
        with pytest.raises(Down):
            way(breaker, fails)
    with pytest.raises(CircuitOpen, match="local trip"):
        way(breaker, works)
    assert world.metric("Failure") == [1] * 6
    assert world.metric("Rejected") == [1]


def test_fallback(world: World, function_way: Way) -> None:
    """A refused call is answered by the fallback; the refusal is counted all the same."""
    breaker = world.breaker(NAME, fallback=function(lambda: "later"))
    open_circuit(world, breaker)
    assert function_way(breaker, works) == "later"
    assert world.metric("Rejected") == [1]


def test_result_predicate(world: World, function_way: Way) -> None:
    """An answer that the predicate calls a failure is given to the caller and counted as one."""
    breaker = world.breaker(NAME, failure_if_returned=lambda answer: answer >= 500)
    assert function_way(breaker, lambda: 503) == 503
    assert function_way(breaker, lambda: 404) == 404
    assert world.metric("Failure") == [1, 0]


def test_functions_keep_their_names() -> None:
    """A guarded function has its name, docstring and signature, and an async one is still one."""
    breaker = CircuitBreaker(NAME)

    @breaker
    def pay(amount: int, *, currency: str = "EUR") -> str:
        """Pay."""
        return f"{amount} {currency}"

    @breaker
    async def pay_later(amount: int) -> str:
        return f"{amount}"

    assert (pay.__name__, pay.__doc__) == ("pay", "Pay.")
    assert str(inspect.signature(pay)) == "(amount: 'int', *, currency: 'str' = 'EUR') -> 'str'"
    assert inspect.iscoroutinefunction(pay_later)


def test_methods(world: World) -> None:
    """A decorated method gets its object; so do static and class methods under their own decorators."""
    breaker = world.breaker(NAME)

    class Client:
        rate = 2

        @breaker
        def pay(self, amount: int) -> int:
            return amount * self.rate

        @classmethod
        @breaker
        def pay_all(cls, amount: int) -> int:
            return amount * cls.rate

        @staticmethod
        @breaker
        def refund(amount: int) -> int:
            return -amount

    assert (Client().pay(3), Client.pay_all(4), Client.refund(5)) == (6, 8, -5)
    assert world.metric("Failure") == [0, 0, 0]


def numbers() -> Iterator[int]:
    yield 1


async def async_numbers() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    "function", [numbers, async_numbers, functools.partial(numbers)], ids=["plain", "async", "partial"]
)
def test_generators_are_refused(function: Callable[[], Any]) -> None:
    """A generator's work is done after the call: it is refused, with what to do instead."""
    breaker = CircuitBreaker(NAME)
    for guard in (breaker, breaker.call):
        with pytest.raises(TypeError, match=r"generator, whose work is done after the call.*`with` block"):
            guard(function)


def test_only_functions_are_guarded() -> None:
    """Anything that cannot be called is refused by name."""
    with pytest.raises(TypeError, match="3 is not allowed: only functions"):
        CircuitBreaker(NAME)(3)  # type: ignore[arg-type]


class Asynchronous:
    """An object whose call is async, as clients of some libraries are."""

    async def __call__(self) -> str:
        await asyncio.sleep(0)
        raise Down


async def fails_later() -> str:
    await asyncio.sleep(0)
    raise Down


def makes_a_coroutine() -> Any:
    return fails_later()


@pytest.mark.parametrize("function", [Asynchronous(), makes_a_coroutine, functools.partial(fails_later)])
@pytest.mark.parametrize("decorated", [True, False])
def test_what_returns_a_coroutine_is_guarded_to_its_end(
    world: World, function: Callable[[], Any], *, decorated: bool
) -> None:
    """The failure that comes while it is awaited counts, not the making of the coroutine."""
    breaker = world.breaker(NAME, local_trip=None)

    async def main() -> None:
        for _ in range(3):
            with pytest.raises(Down):
                await (breaker(function)() if decorated else breaker.call(function))

    asyncio.run(main())
    assert world.metric("Failure") == [1, 1, 1]
