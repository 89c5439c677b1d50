"""What a month of a run would cost, at the list prices of `recloser.lab.prices`.

Not counted: what the callers themselves cost, free tiers, log storage, and the dashboard.
"""

from __future__ import annotations

from dataclasses import dataclass

from recloser.lab.prices import (
    ALARM_METRICS,
    AS_OF,
    BYTES_PER_GB,
    FAST_ALARM_METRICS,
    GB_SECONDS,
    INVOCATIONS,
    LOG_GB,
    METRIC_MONTHS,
    READ_UNITS,
    REGION,
    SECONDS_PER_MONTH,
    WRITE_UNITS,
)
from recloser.lab.simulation.simulation import Run

_FUNCTION_GB = 0.25
_FUNCTION_SECONDS = 0.1
_UNITS_PER_CIRCUIT_WRITE = 3  # an item of up to 2 KB, and its entry in the index
_UNITS_PER_TRANSACTION = 8  # the same and a permit, twice
_METRICS = 7  # Failure, Duration, Rejected, ProbeFailure, Unprotected, State, Trips
_METRICS_PER_ALARM = 2

ASSUMPTIONS = (
    f"on-demand prices of {REGION} as of {AS_OF}, no free tier; 1 circuit; "
    f"{_METRICS} custom metrics; functions of 256 MB that run {_FUNCTION_SECONDS} s on arm64; "
    f"a circuit's item takes {_UNITS_PER_CIRCUIT_WRITE} write units, "
    f"{_UNITS_PER_TRANSACTION} in a transaction"
)


@dataclass(frozen=True, slots=True)
class MonthlyCost:
    """Dollars per month, if every hour were like the run."""

    dynamodb: float
    logs: float
    metrics: float
    alarms: float
    functions: float

    @property
    def total(self) -> float:
        return self.dynamodb + self.logs + self.metrics + self.alarms + self.functions


def monthly_cost(run: Run) -> MonthlyCost:
    """Extrapolate what a run used to a month of 30 days."""
    months = run.scenario.duration_seconds / SECONDS_PER_MONTH
    usage = run.usage
    reads = usage.eventual_reads / 2 + usage.consistent_reads + usage.index_queries / 2
    writes = (
        usage.permit_writes
        + usage.circuit_writes * _UNITS_PER_CIRCUIT_WRITE
        + usage.transactions * _UNITS_PER_TRANSACTION
    )
    alarms = ALARM_METRICS.of(_METRICS_PER_ALARM)
    if run.scenario.alarms.fast_alarms:
        alarms += FAST_ALARM_METRICS.of(2 * _METRICS_PER_ALARM)
    invocations = run.function_invocations / months
    return MonthlyCost(
        dynamodb=READ_UNITS.of(reads / months) + WRITE_UNITS.of(writes / months),
        logs=LOG_GB.of(run.written.billed_bytes / BYTES_PER_GB / months),
        metrics=METRIC_MONTHS.of(_METRICS),
        alarms=alarms,
        functions=INVOCATIONS.of(invocations) + GB_SECONDS.of(invocations * _FUNCTION_GB * _FUNCTION_SECONDS),
    )
