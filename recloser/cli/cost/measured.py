"""What the account used: by the metrics of the last days, and by its alarms."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from recloser.cli.account import Account, is_demo
from recloser.cli.aws_problems import aws_problems
from recloser.cli.cost.usage import (
    FLAG_CACHE_SECONDS,
    FUNCTION_GB,
    INDEX_READ_UNITS_PER_RUN,
    Fleet,
    Usage,
    alarm_metrics,
    modelled,
)
from recloser.cli.problems import Problem
from recloser.control.metric_data import Points, get_metric_data
from recloser.lab.prices import SECONDS_PER_MONTH
from recloser.metrics.emf import FAILURE

LOOK_BACK_DAYS = 7
HOUR_SECONDS = 3600
_ALARMS_PER_REQUEST = 100
ALARM = "AWS::CloudWatch::Alarm"
FUNCTION = "AWS::Lambda::Function"


@dataclass(frozen=True, slots=True)
class Measured:
    """A fleet and its use as the account's metrics and alarms have them.

    Args:
        fleet: what calls.
        usage: what is used in a month.
        hours: over how many hours it was measured.
        parts: the fields of the usage that were measured; the others are estimated from the fleet.

    """

    fleet: Fleet
    usage: Usage
    hours: float
    parts: frozenset[str]


def measure(account: Account, environments: float | None) -> Measured:
    """Read the metrics of the last seven days, or of as many as there are.

    Args:
        account: where the metrics are.
        environments: how many; None: as many as DynamoDB's metrics say, else one for each call a second.

    Raises:
        Problem: there are no metrics of calls, or they cannot be read.

    """
    now_s = int(time.time())
    begins_s = now_s - LOOK_BACK_DAYS * 24 * HOUR_SECONDS
    reading = _Reading(account, begins_s, now_s)
    listed = _listed(account)
    ours = reading.of([_metric_query(each) for each in listed])
    calls = [points for name, points in ours if name == FAILURE]
    counted = sum(count for points in calls for _, count in points)
    if not counted:
        raise Problem(
            f"no data: no call was counted in namespace {account.deployment.namespace} for {LOOK_BACK_DAYS} "
            "days; give --circuits, --calls-per-second and --environments"
        )
    first_s = min(at_ms for points in calls for at_ms, _ in points) / 1000
    seconds = max(now_s - first_s, HOUR_SECONDS)
    months = seconds / SECONDS_PER_MONTH
    reads, writes = reading.capacity()
    rate = counted / seconds
    if environments is None:
        environments = _environments(reads, rate, seconds)
    fleet = Fleet(len(calls), rate, environments)
    usage = modelled(fleet)
    known: dict[str, float] = {
        "metric_months": sum(len(points) for _, points in ours) / (seconds / HOUR_SECONDS),
        **_alarms(account, Counter(each["MetricName"] for each in listed)),
    }
    if reads:
        known |= {"read_units": reads / months, "write_units": writes / months}
    invocations, milliseconds = reading.functions()
    if invocations:
        known |= {
            "invocations": invocations / months,
            "gb_seconds": milliseconds / 1000 * FUNCTION_GB / months,
        }
    return Measured(fleet, replace(usage, **known), seconds / HOUR_SECONDS, frozenset(known))


def _environments(read_units: float, calls_per_second: float, seconds: float) -> float:
    """How many environments read so much: each reads half a unit in the time that a flag is trusted."""
    flags = read_units - seconds / 60 * INDEX_READ_UNITS_PER_RUN
    reading = 2 * flags / (seconds / FLAG_CACHE_SECONDS)
    return max(1.0, reading if reading > 0 else calls_per_second)


class _Reading:
    """Sums of metrics by the hour."""

    def __init__(self, account: Account, begins_s: int, ends_s: int) -> None:
        self._account = account
        self._client = account.client("cloudwatch")
        self._span_ms = (begins_s * 1000, ends_s * 1000)

    def of(self, stats: Sequence[dict[str, Any]]) -> list[tuple[str, Points]]:
        """Return the name and the datapoints of each metric that has some."""
        queries = [{"Id": f"m{number}", "MetricStat": stat} for number, stat in enumerate(stats)]
        if not queries:
            return []
        answers = get_metric_data(self._client, queries, *self._span_ms)
        return [
            (stats[int(query[1:])]["Metric"]["MetricName"], points)
            for (query, _), points in answers.items()
            if points
        ]

    def capacity(self) -> tuple[float, float]:
        """Return the read and write units of both tables, the index included."""
        deployment = self._account.deployment
        tables = [{"TableName": deployment.circuit_table}, {"TableName": deployment.probe_table}]
        places = [*tables, {"TableName": deployment.circuit_table, "GlobalSecondaryIndexName": "due"}]
        names = ("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits")
        read, written = self._sums("AWS/DynamoDB", names, places)
        return read, written

    def functions(self) -> tuple[float, float]:
        """Return how often the stack's functions ran, and for how many milliseconds in all."""
        places = [{"FunctionName": name} for name in self._account.resources(FUNCTION) if not is_demo(name)]
        runs, milliseconds = self._sums("AWS/Lambda", ("Invocations", "Duration"), places)
        return runs, milliseconds

    def _sums(self, namespace: str, names: Sequence[str], places: Sequence[Mapping[str, str]]) -> list[float]:
        stats = [_stat(namespace, name, place, "Sum") for name in names for place in places]
        found = self.of(stats)
        return [sum(value for each, points in found if each == name for _, value in points) for name in names]


def _listed(account: Account) -> list[dict[str, Any]]:
    """The metrics of the namespace that had data in the last two weeks ("ListMetrics", CloudWatch)."""
    with aws_problems("CloudWatch"):
        pages = account.client("cloudwatch").get_paginator("list_metrics")
        return [
            each
            for page in pages.paginate(Namespace=account.deployment.namespace)
            for each in page["Metrics"]
        ]


def _metric_query(listed: Mapping[str, Any]) -> dict[str, Any]:
    place = {each["Name"]: each["Value"] for each in listed["Dimensions"]}
    return _stat(listed["Namespace"], listed["MetricName"], place, "SampleCount")


def _stat(namespace: str, name: str, place: Mapping[str, str], statistic: str) -> dict[str, Any]:
    dimensions = [{"Name": key, "Value": value} for key, value in place.items()]
    metric = {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions}
    return {"Metric": metric, "Period": HOUR_SECONDS, "Stat": statistic}


def _alarms(account: Account, metrics: Mapping[str, int]) -> dict[str, float]:
    """Count what the alarms are billed by: those that trip, and the stack's on the breaker itself."""
    described = {alarm.name: alarm.described for alarm in account.trip_alarms}
    others = [name for name in account.resources(ALARM) if name not in described]
    client = account.client("cloudwatch")
    with aws_problems("CloudWatch"):
        for start in range(0, len(others), _ALARMS_PER_REQUEST):
            answer = client.describe_alarms(AlarmNames=others[start : start + _ALARMS_PER_REQUEST])
            described |= {each["AlarmName"]: each for each in answer["MetricAlarms"]}
    counts = [alarm_metrics(each, metrics) for each in described.values()]
    names = ("alarm_metrics", "fast_alarm_metrics", "queried_metrics")
    return {name: float(sum(count[place] for count in counts)) for place, name in enumerate(names)}
