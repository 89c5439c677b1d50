"""A circuit breaker for AWS Lambda that trips on CloudWatch alarms."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from recloser.caller.breaker import CircuitBreaker
    from recloser.caller.fallback_kinds import function, last_good, respond_503, value
    from recloser.caller.handler import handler
    from recloser.caller.local_trip import LocalTrip
    from recloser.caller.process import Process
    from recloser.circuit import Circuit, State
    from recloser.errors import CircuitOpen, RecloserError

# Where each name is. A name is imported when it is asked for, so that the stack's functions, which import
# other parts of this package, do not pay for the callers' half.
_HOMES = {
    "Circuit": "circuit",
    "CircuitBreaker": "caller.breaker",
    "CircuitOpen": "errors",
    "LocalTrip": "caller.local_trip",
    "Process": "caller.process",
    "RecloserError": "errors",
    "State": "circuit",
    "function": "caller.fallback_kinds",
    "handler": "caller.handler",
    "last_good": "caller.fallback_kinds",
    "respond_503": "caller.fallback_kinds",
    "value": "caller.fallback_kinds",
}

__all__ = [
    "Circuit",
    "CircuitBreaker",
    "CircuitOpen",
    "LocalTrip",
    "Process",
    "RecloserError",
    "State",
    "function",
    "handler",
    "last_good",
    "respond_503",
    "value",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
