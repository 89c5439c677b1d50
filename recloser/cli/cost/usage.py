"""What is used in a month: the quantities that AWS bills, each with where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recloser.control.insights_query import is_insights_query, read_insights_query
from recloser.errors import EventError
from recloser.lab.prices import BYTES_PER_LOG_EVENT, DAYS_PER_MONTH, SECONDS_PER_MONTH
from recloser.metrics.emf import DURATION, FAILURE, Value, emf_document
from recloser.metrics.recorder import GATHERING_SECONDS, VALUES_PER_DOCUMENT

# How long callers trust a closed flag ("Defaults", recloser.caller.options): a read so often, at most.
FLAG_CACHE_SECONDS = 5
# An outage is an hour in which all metrics of a circuit have data; what it writes is little.
OUTAGES_PER_CIRCUIT = 4
_HOURS_PER_MONTH = DAYS_PER_MONTH * 24
HEALTHY_METRICS = 2  # Failure and Duration
OUTAGE_METRICS = 5  # ProbeFailure, Rejected, Unprotected, State and Trips
WRITE_UNITS_PER_OUTAGE = 60  # two transactions of 8, ten probes claimed and reported, reports of failures
# The alarms of the template for each of its parameter Circuits, and those on the breaker itself.
OWN_ALARM_METRICS = 2  # failure-rate-steady
OWN_FAST_ALARM_METRICS = 4  # failure-rate-fast and slow-calls
BREAKER_ALARM_METRICS = 13
RUNS_OF_START_RECOVERY = SECONDS_PER_MONTH // 60
FUNCTION_GB = 0.25
FUNCTION_SECONDS = 0.1
INDEX_READ_UNITS_PER_RUN = 4 + 2  # the shards of the index, and now and then the whole table
STANDARD_PERIOD_SECONDS = 60  # an alarm on shorter periods is a "high resolution" one


@dataclass(frozen=True, slots=True)
class Fleet:
    """What calls, on average over the month.

    Args:
        circuits: how many are called.
        calls_per_second: of all of them together.
        environments: that run at a time; each calls one circuit.
        circuits_with_alarms: how many of the circuits have alarms of their own.

    """

    circuits: int
    calls_per_second: float
    environments: float
    circuits_with_alarms: int = 0

    @property
    def calls(self) -> float:
        return self.calls_per_second * SECONDS_PER_MONTH

    @property
    def flag_reads(self) -> float:
        """How often flags are read: once in the time that they are trusted, and no oftener than called."""
        return min(self.calls, self.environments * SECONDS_PER_MONTH / FLAG_CACHE_SECONDS)


@dataclass(frozen=True, slots=True)
class Usage:
    """The quantities of a month.

    Args:
        read_units: of DynamoDB.
        write_units: of DynamoDB.
        log_bytes: of metric lines, as CloudWatch Logs weighs them.
        metric_months: custom metrics, a metric with data in every hour being one.
        alarm_metrics: metrics of alarms with periods of a minute or more.
        fast_alarm_metrics: metrics of alarms with shorter periods.
        queried_metrics: metrics that the queries of alarms look at.
        invocations: of the stack's functions.
        gb_seconds: that they take.
        requests: to CloudWatch's API.

    """

    read_units: float
    write_units: float
    log_bytes: float
    metric_months: float
    alarm_metrics: float
    fast_alarm_metrics: float
    queried_metrics: float
    invocations: float
    gb_seconds: float
    requests: float


def modelled(fleet: Fleet) -> Usage:
    """Reckon what a fleet uses."""
    outages = fleet.circuits * OUTAGES_PER_CIRCUIT
    runs = RUNS_OF_START_RECOVERY + outages * 20  # what follows an outage: events, probes, announcements
    return Usage(
        # An eventually consistent read of an item below 4 KB is half a unit.
        read_units=fleet.flag_reads / 2 + RUNS_OF_START_RECOVERY * INDEX_READ_UNITS_PER_RUN,
        write_units=outages * WRITE_UNITS_PER_OUTAGE,
        log_bytes=fleet.calls * bytes_per_call(fleet.calls_per_second / max(fleet.environments, 1)),
        metric_months=fleet.circuits * HEALTHY_METRICS + outages / _HOURS_PER_MONTH * OUTAGE_METRICS,
        alarm_metrics=fleet.circuits_with_alarms * OWN_ALARM_METRICS + BREAKER_ALARM_METRICS,
        fast_alarm_metrics=fleet.circuits_with_alarms * OWN_FAST_ALARM_METRICS,
        queried_metrics=fleet.circuits,
        invocations=runs,
        gb_seconds=runs * FUNCTION_SECONDS * FUNCTION_GB,
        requests=RUNS_OF_START_RECOVERY,
    )


def bytes_per_call(calls_per_second: float) -> float:
    """Reckon the log bytes of a call, where an environment makes so many a second within `recloser.handler`.

    A busy environment gathers the calls of two seconds in a line; one with pauses writes a line per call.
    """
    gathered = calls_per_second * GATHERING_SECONDS if calls_per_second > 1 else 1
    calls = min(VALUES_PER_DOCUMENT, round(gathered))
    durations = [round(40 + 7.391 * number, 3) for number in range(calls)]
    values: dict[str, Value] = {FAILURE: [0] * calls, DURATION: durations}
    line = json.dumps(emf_document("payments-api", values, 1_700_000_000_000, {}), separators=(",", ":"))
    return (len(line) + BYTES_PER_LOG_EVENT) / calls


def alarm_metrics(described: Mapping[str, Any], metrics: Mapping[str, int]) -> tuple[int, int, int]:
    """Count what an alarm is billed by: metrics, metrics below 60 s, metrics that its query looks at.

    Args:
        described: as DescribeAlarms has it.
        metrics: how many metrics of each name there are, of which a query looks at all of one name.

    """
    entries = described.get("Metrics", ())
    queries = [text for entry in entries if is_insights_query(text := entry.get("Expression"))]
    if queries:
        return 0, 0, sum(metrics.get(_metric_of_query(text) or "", 0) for text in queries)
    stats = [entry["MetricStat"] for entry in entries if "MetricStat" in entry]
    periods = [stat["Period"] for stat in stats] or [described.get("Period", STANDARD_PERIOD_SECONDS)]
    is_fast = min(periods) < STANDARD_PERIOD_SECONDS
    return (0, len(periods), 0) if is_fast else (len(periods), 0, 0)


def _metric_of_query(text: str) -> str | None:
    try:
        return read_insights_query(text).metric
    except EventError:  # somebody's own, in a form that trips nothing
        return None
