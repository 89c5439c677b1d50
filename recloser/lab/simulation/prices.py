"""What a month of it would cost. On-demand prices of us-east-1 in 2026; check the price pages.

Not counted: what the callers themselves cost, free tiers, log storage, and the dashboard.
"""

from __future__ import annotations

from dataclasses import dataclass

from recloser.lab.simulation.simulation import Run

DAYS_PER_MONTH = 30
_SECONDS_PER_MONTH = DAYS_PER_MONTH * 24 * 3600

READS_PER_MILLION = 0.125  # DynamoDB, read request units; an eventually consistent read is half a one
WRITES_PER_MILLION = 0.625
LOGS_PER_GB = 0.50
METRIC_PER_MONTH = 0.30
ALARM_METRIC_PER_MONTH = 0.10
HIGH_RESOLUTION_ALARM_METRIC_PER_MONTH = 0.30
INVOCATIONS_PER_MILLION = 0.20
GB_SECOND = 0.0000133334  # arm64
_FUNCTION_GB = 0.25
_FUNCTION_SECONDS = 0.1
_BYTES_PER_GB = 1024**3
_UNITS_PER_CIRCUIT_WRITE = 3  # an item of up to 2 KB, and its entry in the index
_UNITS_PER_TRANSACTION = 8  # the same and a permit, twice
_METRICS = 7  # Failure, Duration, Rejected, ProbeFailure, Unprotected, State, Trips
_METRICS_PER_ALARM = 2

ASSUMPTIONS = (
    "on-demand prices of us-east-1, no free tier; 1 circuit; "
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
    months = run.scenario.duration_seconds / _SECONDS_PER_MONTH
    usage = run.usage
    reads = usage.eventual_reads / 2 + usage.consistent_reads + usage.index_queries / 2
    writes = (
        usage.permit_writes
        + usage.circuit_writes * _UNITS_PER_CIRCUIT_WRITE
        + usage.transactions * _UNITS_PER_TRANSACTION
    )
    alarms = ALARM_METRIC_PER_MONTH * _METRICS_PER_ALARM
    if run.scenario.alarms.fast_alarms:
        alarms += 2 * HIGH_RESOLUTION_ALARM_METRIC_PER_MONTH * _METRICS_PER_ALARM
    invocation = INVOCATIONS_PER_MILLION / 1e6 + GB_SECOND * _FUNCTION_GB * _FUNCTION_SECONDS
    return MonthlyCost(
        dynamodb=(reads * READS_PER_MILLION + writes * WRITES_PER_MILLION) / 1e6 / months,
        logs=run.written.bytes / _BYTES_PER_GB * LOGS_PER_GB / months,
        metrics=_METRICS * METRIC_PER_MONTH,
        alarms=alarms,
        functions=run.function_invocations * invocation / months,
    )
