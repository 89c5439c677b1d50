"""What a type checker knows of guarded functions: as much as before. Read by mypy, never run."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, assert_type

from recloser import (
    Circuit,
    CircuitBreaker,
    CircuitOpen,
    LocalTrip,
    function,
    handler,
    last_good,
    respond_503,
    value,
)

breaker = CircuitBreaker(
    "payments-api",
    handled_exceptions=(OSError, TimeoutError),
    failure_if_raised=lambda error: None if isinstance(error, KeyError) else True,
    failure_if_returned=lambda answer: answer.status_code >= 500,
    fallback=respond_503,
    local_trip=LocalTrip(failures=3),
    on_store_error="allow",
    on_refused=lambda refusal: refusal.circuit.name,
)
off = CircuitBreaker("search", local_trip=None, fallback=last_good(max_age_seconds=60))
settled = CircuitBreaker("rates", fallback=value(None), fallback_on_failure=True)
told = CircuitBreaker("mail", fallback=function(lambda circuit_open: circuit_open.retry_after))


@breaker
def charge(order: str, amount: int = 1, *, currency: str = "EUR") -> dict[str, int]:
    return {order + currency: amount}


@breaker
async def refund(order: str) -> bytes:
    return order.encode()


class Client:
    @breaker
    def pay(self, amount: int) -> str:
        return str(amount)

    @staticmethod
    @breaker
    def parse(text: str) -> int:
        return int(text)


@handler
def handle(event: dict[str, str], context: object) -> int:
    return len(event)


def double(number: int) -> int:
    return 2 * number


assert_type(charge("A-1", 3, currency="USD"), dict[str, int])
coroutine: Coroutine[Any, Any, bytes] = refund("A-1")
assert_type(Client().pay(3), str)
assert_type(Client.parse("3"), int)
assert_type(handle({}, None), int)
assert_type(breaker.call(double, 3), int)
assert_type(breaker.call(double, number=3), int)
assert_type(breaker.call(lambda: "paid"), str)
assert_type(breaker.snapshot(), Circuit)
plain: Callable[[str], object] = charge


async def main() -> None:
    assert_type(await refund("A-1"), bytes)
    assert_type(await breaker.call(refund, "A-1"), bytes)
    with breaker as entered:
        assert_type(entered, CircuitBreaker)
    async with breaker as also_entered:
        assert_type(also_entered, CircuitBreaker)


def refused(refusal: CircuitOpen) -> None:
    assert_type(refusal.circuit, Circuit)
    assert_type(refusal.retry_after, float | None)
