"""A circuit breaker for AWS Lambda that trips on CloudWatch alarms."""

from recloser.caller.breaker import CircuitBreaker
from recloser.caller.fallback import last_good, respond_503
from recloser.caller.handler import handler
from recloser.caller.local_trip import LocalTrip
from recloser.caller.process import Process
from recloser.circuit import Circuit, State
from recloser.errors import CircuitOpen, RecloserError

__all__ = [
    "Circuit",
    "CircuitBreaker",
    "CircuitOpen",
    "LocalTrip",
    "Process",
    "RecloserError",
    "State",
    "handler",
    "last_good",
    "respond_503",
]
