"""A circuit breaker for AWS Lambda that trips on CloudWatch alarms."""

from recloser.breaker import CircuitBreaker
from recloser.circuit import Circuit, State
from recloser.errors import CircuitOpen, RecloserError
from recloser.fallbacks import last_good, respond_503
from recloser.invocation import handler
from recloser.local_trip import LocalTrip

__all__ = [
    "Circuit",
    "CircuitBreaker",
    "CircuitOpen",
    "LocalTrip",
    "RecloserError",
    "State",
    "handler",
    "last_good",
    "respond_503",
]
