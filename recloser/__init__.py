"""A circuit breaker for AWS Lambda that trips on CloudWatch alarms."""

from recloser.breaker import CircuitBreaker
from recloser.circuit import Circuit, Override, Policy, PolicyError, State
from recloser.errors import CircuitOpen, RecloserError

__all__ = [
    "Circuit",
    "CircuitBreaker",
    "CircuitOpen",
    "Override",
    "Policy",
    "PolicyError",
    "RecloserError",
    "State",
]
