"""A Lambda function that guards its calls to a dependency with a circuit breaker."""

from __future__ import annotations

import functools
import os
import urllib.request
from typing import Any

from recloser import CircuitBreaker, CircuitOpen

DEPENDENCY_URL = os.environ["DEPENDENCY_URL"]
# Well below the function's own time limit, so that a call that hangs ends as a failure and is counted.
TIMEOUT_SECONDS = 1.0


@functools.cache
def breaker(circuit: str) -> CircuitBreaker:
    """One breaker per circuit and execution environment: it remembers the flag between invocations."""
    # All that urllib raises is an OSError: connection refused, timed out, or an answer 4xx or 5xx.
    return CircuitBreaker(circuit, handled_exceptions=OSError)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Call the dependency once and tell what came of it, and in which execution environment."""
    payments = breaker(event.get("circuit", os.environ["CIRCUIT"]))
    try:
        answer = payments.call(fetch, f"{DEPENDENCY_URL}/{payments.name}")
        result = {"outcome": "succeeded", "answer": answer}
    except CircuitOpen as refusal:
        cause, seconds = refusal.cause, refusal.retry_after
        result = {"outcome": "refused", "cause": cause, "retry_after_seconds": seconds}
    except OSError as problem:
        result = {"outcome": "failed", "problem": str(problem)}
    return {"environment": context.log_stream_name, **result}


def fetch(url: str) -> str:
    """Get a document, or raise OSError within a second."""
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 - an address of our own
        return str(response.read().decode())
