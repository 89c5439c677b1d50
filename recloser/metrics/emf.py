"""The metrics that callers publish: one CloudWatch embedded metric format (EMF) document per line.

Source: "Specification: Embedded metric format", CloudWatch user guide.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

NAMESPACE = "Recloser"
DIMENSION = "Circuit"

FAILURE = "Failure"
DURATION = "Duration"
PROBE_FAILURE = "ProbeFailure"
REJECTED = "Rejected"
UNPROTECTED = "Unprotected"
SLOW = "Slow"
STATE = "State"
TRIPS = "Trips"

# Alarms on these trip. Probes and refusals are counted apart, so that they never do.
TRIP_METRICS = frozenset({FAILURE, DURATION, SLOW})

Value = float | Sequence[float]

_UNITS = {DURATION: "Milliseconds"}
HIGH_RESOLUTION_SECONDS = 1


def unit_of(metric: str) -> str:
    """Name a metric's unit: the same wherever it is published, or CloudWatch would keep two metrics."""
    return _UNITS.get(metric, "Count")


def emf_document(
    circuit: str, values: Mapping[str, Value], at_ms: int, properties: Mapping[str, str]
) -> dict[str, Any]:
    """Build one document.

    Args:
        circuit: the only dimension's value.
        values: metric name to a value, or to at most 100; Duration in milliseconds, all others counts.
        at_ms: when it happened, epoch milliseconds.
        properties: what rides along without being a dimension.

    """
    definitions = [
        {"Name": name, "Unit": unit_of(name), "StorageResolution": HIGH_RESOLUTION_SECONDS} for name in values
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
