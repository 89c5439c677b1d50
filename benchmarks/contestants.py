"""The libraries side by side: how each guards a function that does nothing, as its documentation shows it.

A contestant is a function that returns the call to measure. Each imports its library itself, so that a
process measures one library with nothing of the others loaded.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

Call = Callable[[], object]
AsyncCall = Callable[[], Awaitable[object]]

LONG_SECONDS = 300
"""Longer than any measurement: no refusal turns into a probe."""


class DependencyError(Exception):
    """What the dependency raises when a peer's breaker is tripped."""


def nothing() -> None:
    """The dependency, when it answers."""


def failing() -> None:
    """The dependency, when it is down."""
    raise DependencyError


async def nothing_async() -> None:
    """The dependency of async callers."""


async def failing_async() -> None:
    """The same, when it is down."""
    raise DependencyError


def tripped(call: Call, failures: int = 5) -> Call:
    """Fail as often as it takes, and see that the next call is refused."""
    for _ in range(failures):
        try:
            call()
        except Exception as error:  # noqa: BLE001  (a peer may raise its own error at the trip already)
            last: BaseException = error
    try:
        call()
    except Exception as error:  # noqa: BLE001  (each peer has its own)
        last = error
    assert not isinstance(last, DependencyError), f"{last!r}: the breaker is not open"
    return call


# --- Recloser ------------------------------------------------------------------------------------


def lambda_surroundings() -> None:
    """Make lines as long as in Lambda, and write them where they cost a system call and no more."""
    os.environ["AWS_LAMBDA_FUNCTION_NAME"] = "orders-prod-place-order"
    os.environ["AWS_LAMBDA_FUNCTION_VERSION"] = "$LATEST"
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  (until the process ends)
    warnings.simplefilter("ignore")  # that no table is configured


def recloser_breaker(**settings: Any) -> Any:
    lambda_surroundings()
    from recloser import CircuitBreaker  # noqa: PLC0415

    return CircuitBreaker("payments-api", **settings)


def recloser() -> Call:
    call: Call = recloser_breaker()(nothing)
    return call


def recloser_async() -> AsyncCall:
    call: AsyncCall = recloser_breaker()(nothing_async)
    return call


def recloser_open() -> Any:
    """Make a breaker whose flag an alarm has set to OPEN, as the whole fleet sees it."""
    from recloser.caller.process import in_process_tables  # noqa: PLC0415
    from recloser.control.control import Control  # noqa: PLC0415
    from recloser.policy import RecoveryPolicy  # noqa: PLC0415
    from recloser.signals import AlarmRaised  # noqa: PLC0415

    tables = in_process_tables()
    policy = RecoveryPolicy(recovery_timeout_seconds=LONG_SECONDS)
    Control(tables, defaults=policy).apply(
        "payments-api", AlarmRaised("recloser:payments-api:fast", "9 of 10", None)
    )
    from recloser.caller.process import Process  # noqa: PLC0415

    return recloser_breaker(process=Process(tables=tables))


def recloser_refused() -> Call:
    return tripped(recloser_open()(nothing), failures=1)


def recloser_refused_async() -> AsyncCall:
    call: AsyncCall = recloser_open()(nothing_async)
    return call


def recloser_held() -> Call:
    """Refuse by the local trip: this process has seen five failures in a row, as the peers have."""
    from recloser import LocalTrip  # noqa: PLC0415

    return tripped(recloser_breaker(local_trip=LocalTrip(failures=5, hold_seconds=LONG_SECONDS))(failing))


# --- Powertools ----------------------------------------------------------------------------------


def powertools_guarded(function: Callable[[], None]) -> Call:
    """Its persistence layer answers at once, from a dict; the layer's own cache of 5 s stays on."""
    from aws_lambda_powertools.utilities.circuit_breaker import (  # noqa: PLC0415
        CircuitBreakerConfig,
        circuit_breaker,
    )
    from aws_lambda_powertools.utilities.circuit_breaker.persistence.base import (  # noqa: PLC0415
        CircuitBreakerPersistenceLayer,
    )

    class InMemory(CircuitBreakerPersistenceLayer):
        def __init__(self) -> None:
            super().__init__()
            self.records: dict[str, Any] = {}

        def _get_record(self, name: str) -> Any:
            return self.records.get(name)

        def _put_record(
            self,
            record: Any,
            condition: str | None = None,  # noqa: ARG002  (one process has nobody to race with)
            expected_opened_at: int | None = None,  # noqa: ARG002
        ) -> None:
            self.records[record.name] = record

        def _update_record(self, record: Any) -> None:
            self.records[record.name] = record

    config = CircuitBreakerConfig(recovery_timeout=LONG_SECONDS)
    call: Call = circuit_breaker("payments-api", InMemory(), config=config)(function)
    return call


def powertools() -> Call:
    return powertools_guarded(nothing)


def powertools_refused() -> Call:
    return tripped(powertools_guarded(failing))


# --- circuitbreaker ------------------------------------------------------------------------------


def circuitbreaker_guarded(function: Callable[[], Any]) -> Any:
    import circuitbreaker  # type: ignore[import-untyped]  # noqa: PLC0415

    return circuitbreaker.CircuitBreaker(recovery_timeout=LONG_SECONDS)(function)


def circuitbreaker() -> Call:
    call: Call = circuitbreaker_guarded(nothing)
    return call


def circuitbreaker_async() -> AsyncCall:
    call: AsyncCall = circuitbreaker_guarded(nothing_async)
    return call


def circuitbreaker_refused() -> Call:
    return tripped(circuitbreaker_guarded(failing))


# --- pybreaker -----------------------------------------------------------------------------------


def pybreaker_guarded(function: Callable[[], None]) -> Call:
    import pybreaker  # noqa: PLC0415

    call: Call = pybreaker.CircuitBreaker(reset_timeout=LONG_SECONDS)(function)
    return call


def pybreaker() -> Call:
    return pybreaker_guarded(nothing)


def pybreaker_refused() -> Call:
    return tripped(pybreaker_guarded(failing))


# --- purgatory -----------------------------------------------------------------------------------


def purgatory_guarded(function: Callable[[], None]) -> Call:
    from purgatory import SyncCircuitBreakerFactory  # noqa: PLC0415

    call: Call = SyncCircuitBreakerFactory(default_ttl=LONG_SECONDS)("payments-api")(function)
    return call


def purgatory() -> Call:
    return purgatory_guarded(nothing)


def purgatory_async() -> AsyncCall:
    from purgatory import AsyncCircuitBreakerFactory  # noqa: PLC0415

    call: AsyncCall = AsyncCircuitBreakerFactory(default_ttl=LONG_SECONDS)("payments-api")(nothing_async)
    return call


def purgatory_refused() -> Call:
    return tripped(purgatory_guarded(failing))


# --- aiobreaker ----------------------------------------------------------------------------------


def aiobreaker_guarded(function: Callable[[], Any]) -> Any:
    import aiobreaker  # type: ignore[import-untyped]  # noqa: PLC0415

    return aiobreaker.CircuitBreaker(timeout_duration=timedelta(seconds=LONG_SECONDS))(function)


def aiobreaker() -> Call:
    call: Call = aiobreaker_guarded(nothing)
    return call


def aiobreaker_async() -> AsyncCall:
    call: AsyncCall = aiobreaker_guarded(nothing_async)
    return call


def aiobreaker_refused() -> Call:
    return tripped(aiobreaker_guarded(failing))
