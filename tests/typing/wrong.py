"""What a type checker refuses. Read by mypy, never run: an error that did not come is an unused ignore."""

from __future__ import annotations

from recloser import CircuitBreaker, LocalTrip, function, handler, last_good, value
from recloser.testing import World

breaker = CircuitBreaker("payments-api")


@breaker
def charge(order: str, *, currency: str = "EUR") -> int:
    return len(order + currency)


@breaker
async def refund(order: str) -> bytes:
    return order.encode()


@handler
def handle(event: dict[str, str], context: object) -> int:
    return len(event)


charge(3)  # type: ignore[arg-type]
charge()  # type: ignore[call-arg]
charge("A-1", "USD")  # type: ignore[call-arg]
charge("A-1", curency="USD")  # type: ignore[call-arg]
text: str = charge("A-1")  # type: ignore[assignment]
answer: bytes = refund("A-1")  # type: ignore[assignment]
handle({})  # type: ignore[call-arg]
breaker.call(charge, 3)  # type: ignore[arg-type]
breaker.call(3)  # type: ignore[arg-type]
breaker(3)  # type: ignore[arg-type]
CircuitBreaker()  # type: ignore[call-arg]
CircuitBreaker("a", "b")  # type: ignore[arg-type, call-arg]
CircuitBreaker("a", timeout_seconds="3")  # type: ignore[arg-type]
CircuitBreaker("a", on_store_error="ignore")  # type: ignore[arg-type]
CircuitBreaker("a", local_trip=3)  # type: ignore[arg-type]
CircuitBreaker("a", handled_exceptions="OSError")  # type: ignore[arg-type]
CircuitBreaker("a", failure_if_raised=lambda: True)  # type: ignore[arg-type, misc]
CircuitBreaker("a", fallback="later")  # type: ignore[arg-type]
CircuitBreaker("a", fallback=None)  # type: ignore[arg-type]
CircuitBreaker("a", fallback=lambda: "later")  # type: ignore[arg-type]
CircuitBreaker("a", fallback=last_good)  # type: ignore[arg-type]
CircuitBreaker("a", fallback=value)  # type: ignore[arg-type]
CircuitBreaker("a", fallback=value("later"), fallback_on_failure="yes")  # type: ignore[arg-type]
CircuitBreaker("a", falback=value("later"))  # type: ignore[call-arg]
World().breaker("a", fallback="later")  # type: ignore[arg-type]
World().breaker("a", falback=value("later"))  # type: ignore[call-arg]
function("later")  # type: ignore[arg-type]
last_good(max_age_seconds="60")  # type: ignore[arg-type]
LocalTrip(failures="3")  # type: ignore[arg-type]
