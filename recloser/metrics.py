"""The metrics that callers publish: one CloudWatch embedded metric format (EMF) document per line.

Source: "Specification: Embedded metric format", CloudWatch user guide.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)

NAMESPACE = "Recloser"
DIMENSION = "Circuit"

FAILURE = "Failure"
DURATION = "Duration"
PROBE_FAILURE = "ProbeFailure"
REJECTED = "Rejected"
UNPROTECTED = "Unprotected"
STATE = "State"
TRIPS = "Trips"

# Alarms on these trip. Probes and refusals are counted apart, so that they never do.
TRIP_METRICS = frozenset({FAILURE, DURATION})

_UNITS = {DURATION: "Milliseconds"}
_HIGH_RESOLUTION_SECONDS = 1


def emf_document(
    circuit: str, values: dict[str, float], at_ms: int, properties: dict[str, str]
) -> dict[str, Any]:
    """Build one document.

    Args:
        circuit: the only dimension's value.
        values: metric name to value; Duration in milliseconds, all others counts.
        at_ms: when it happened, epoch milliseconds.
        properties: what rides along without being a dimension.

    """
    definitions = [
        {"Name": name, "Unit": _UNITS.get(name, "Count"), "StorageResolution": _HIGH_RESOLUTION_SECONDS}
        for name in values
    ]
    directive = {"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": definitions}
    return {
        "_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [directive]},
        DIMENSION: circuit,
        **properties,
        **values,
    }


def lambda_properties() -> dict[str, str]:
    """What the Lambda runtime says of this environment; empty elsewhere."""
    found = {
        "function_name": os.environ.get("AWS_LAMBDA_FUNCTION_NAME"),
        "function_version": os.environ.get("AWS_LAMBDA_FUNCTION_VERSION"),
    }
    return {name: value for name, value in found.items() if value}


def write_line(line: str) -> None:
    """Write to standard output, which Lambda sends to CloudWatch Logs; a line is never torn."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Recorder:
    """Publishes what happened to the calls of one circuit, a line per call.

    Args:
        circuit: the circuit's name.
        now_ms: the clock.
        write: where a line goes.

    """

    def __init__(
        self, circuit: str, now_ms: Callable[[], int], write: Callable[[str], None] = write_line
    ) -> None:
        self._circuit = circuit
        self._now_ms = now_ms
        self._write = write
        self._properties = lambda_properties()

    def call(self, *, failed: bool, duration_ms: float) -> None:
        self._publish({FAILURE: int(failed), DURATION: round(duration_ms, 3)})

    def probe(self, *, failed: bool) -> None:
        self._publish({PROBE_FAILURE: int(failed)})

    def rejected(self) -> None:
        self._publish({REJECTED: 1})

    def unprotected(self) -> None:
        self._publish({UNPROTECTED: 1})

    def _publish(self, values: dict[str, float]) -> None:
        document = emf_document(self._circuit, values, self._now_ms(), self._properties)
        try:
            self._write(json.dumps(document, separators=(",", ":")))
        except Exception:
            # A metric that cannot be written must not spoil the call that it counts.
            logger.exception("circuit %s: metrics cannot be written", self._circuit)
