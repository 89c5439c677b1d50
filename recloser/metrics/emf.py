"""The metrics that callers publish: one CloudWatch embedded metric format (EMF) document per line.

Source: "Specification: Embedded metric format", CloudWatch user guide.
"""

from __future__ import annotations

import functools
import logging
import os
import re
import sys
from collections.abc import Mapping, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

logger = logging.getLogger(__name__)

NAMESPACE = "Recloser"  # of a stack that chooses no other
NAMESPACE_VARIABLE = "RECLOSER_NAMESPACE"
# "PutMetricData", CloudWatch API reference; names that begin with AWS/ are AWS's own.
_NAMESPACE_PATTERN = r"(?!AWS/|:)[A-Za-z0-9._\-/#: ]{1,255}"
DIMENSION = "Circuit"
FUNCTION_DIMENSION = "Function"

FAILURE = "Failure"
DURATION = "Duration"
PROBE_FAILURE = "ProbeFailure"
REJECTED = "Rejected"
UNPROTECTED = "Unprotected"
SLOW = "Slow"
STATE = "State"
TRIPS = "Trips"
# With the dimension Function: a caller's process that has no tables; what a function of the stack dropped.
UNCONFIGURED = "Unconfigured"
DISCARDED = "Discarded"

# Alarms on these trip. Probes and refusals are counted apart, so that they never do.
TRIP_METRICS = frozenset({FAILURE, DURATION, SLOW})

Value = float | Sequence[float]

_UNITS = {DURATION: "Milliseconds"}
HIGH_RESOLUTION_SECONDS = 1


def unit_of(metric: str) -> str:
    """Name a metric's unit: the same wherever it is published, or CloudWatch would keep two metrics."""
    return _UNITS.get(metric, "Count")


def namespace_of(environment: Mapping[str, str]) -> str:
    """Read the namespace of the stack's metrics: `RECLOSER_NAMESPACE`, or `Recloser`.

    Raises:
        ValueError: the variable holds no name of a namespace.

    """
    name = environment.get(NAMESPACE_VARIABLE)
    if not name:
        return NAMESPACE
    if not re.fullmatch(_NAMESPACE_PATTERN, name):
        raise ValueError(
            f"environment variable {NAMESPACE_VARIABLE} = {name!r} is not allowed: 1 to 255 of "
            "A-Z a-z 0-9 . - _ / # : and space, not beginning with AWS/ or a colon"
        )
    return name


@functools.cache
def process_namespace() -> str:
    """Return the namespace that this process publishes to, read once.

    One that is not allowed is logged, and `Recloser` is taken: metrics never make a call fail.
    """
    try:
        return namespace_of(os.environ)
    except ValueError as error:
        logger.error("%s; %s is taken", error, NAMESPACE)  # noqa: TRY400  (the message says all)
        return NAMESPACE


def emf_document(
    circuit: str,
    values: Mapping[str, Value],
    at_ms: int,
    properties: Mapping[str, str],
    namespace: str | None = None,
) -> dict[str, Any]:
    """Build one document.

    Args:
        circuit: the only dimension's value.
        values: metric name to a value, or to at most 100; Duration in milliseconds, all others counts.
        at_ms: when it happened, epoch milliseconds.
        properties: what rides along without being a dimension.
        namespace: of the metrics; None: the process's.

    """
    definitions: list[dict[str, str | int]] = []
    for name in values:
        unit = _UNITS.get(name, "Count")
        definitions.append({"Name": name, "Unit": unit, "StorageResolution": HIGH_RESOLUTION_SECONDS})
    directive = {
        "Namespace": namespace or process_namespace(),
        "Dimensions": [[DIMENSION]],
        "Metrics": definitions,
    }
    return {
        "_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [directive]},
        DIMENSION: circuit,
        **properties,
        **values,
    }


def function_document(function: str, metric: str, value: float, at_ms: int) -> dict[str, Any]:
    """Build one document about a Lambda function; its only dimension is `Function`."""
    definition = {"Name": metric, "Unit": "Count", "StorageResolution": 60}
    directive = {
        "Namespace": process_namespace(),
        "Dimensions": [[FUNCTION_DIMENSION]],
        "Metrics": [definition],
    }
    return {
        "_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [directive]},
        FUNCTION_DIMENSION: function,
        metric: value,
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
