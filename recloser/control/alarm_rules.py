"""Reads an alarm as it is in CloudWatch now: its threshold, its minimum of calls, its M of N.

Operators tune alarms in the console, so nothing here is taken from the template.
Source: "DescribeAlarms", CloudWatch API reference.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from recloser.metrics.emf import DURATION, SLOW
from recloser.signals import Limits

_BREACHES: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
# What the template's alarms are, and what operators write who start from them.
_FILLED = re.compile(r"FILL\((\w+),0\)")
_GUARDED = re.compile(r"IF\((?P<calls>\w+)(?P<comparison>>=?)(?P<minimum>\d+),(?P<rate>.+?)(?:,0)?\)")
_RATE = re.compile(r"(?P<before>100\*)?\(?(?P<bad>\w+)/(?P<calls>\w+)\)?(?P<after>\*100)?")


@dataclass(frozen=True, slots=True)
class Rule:
    """When datapoints are an ALARM: `datapoints` of the newest `periods` that have data breach."""

    comparison: str
    threshold: float
    periods: int
    datapoints: int
    period_ms: int

    def newest_breach_ms(self, points: Iterable[tuple[int, float]]) -> int | None:
        """Say when the newest breaching period began, if these datapoints are an ALARM; else None.

        Args:
            points: when each period began, epoch milliseconds, and its value.

        """
        breaches = _BREACHES[self.comparison]
        newest = sorted(points, reverse=True)[: self.periods]
        bad = [begins_ms for begins_ms, value in newest if breaches(value, self.threshold)]
        return bad[0] if len(bad) >= self.datapoints else None


def read_rule(alarm: Mapping[str, Any]) -> Rule | None:
    """Read the rule of an alarm with a threshold; None: it has another kind of rule (an anomaly band)."""
    comparison, threshold = alarm.get("ComparisonOperator"), alarm.get("Threshold")
    if comparison not in _BREACHES or not isinstance(threshold, int | float) or not math.isfinite(threshold):
        return None
    periods = int(alarm.get("EvaluationPeriods", 1))
    return Rule(
        comparison,
        float(threshold),
        periods,
        int(alarm.get("DatapointsToAlarm", periods)),
        1000 * _period_seconds(alarm),
    )


def _period_seconds(alarm: Mapping[str, Any]) -> int:
    if "Period" in alarm:
        return int(alarm["Period"])
    for entry in alarm.get("Metrics", []):
        period = entry.get("Period") or entry.get("MetricStat", {}).get("Period")
        if period:
            return int(period)
    return 60


def read_limits(alarm: Mapping[str, Any], metric: str, minimum_calls: int) -> Limits | None:
    """Read which share of bad calls, of how many, raises an alarm on one circuit.

    Args:
        alarm: as DescribeAlarms has it.
        metric: Failure for alarms on the failure rate, Slow for alarms on the share of slow calls.
        minimum_calls: for an alarm that asks for none itself.

    Returns:
        None: it is no such alarm, or its expression is another than those that are understood.

    """
    rule = read_rule(alarm)
    if rule is None or not rule.comparison.startswith("Greater"):
        return None
    share = _share(alarm, metric)
    if share is None:
        return None
    percent, minimum = share
    return Limits(
        _exceeded(percent * rule.threshold, rule.comparison), minimum_calls if minimum is None else minimum
    )


def read_group_limits(rule: Rule, minimum_calls: int) -> Limits:
    """Read the limits of an alarm over `AVG(metric)` by circuit, whose threshold is a fraction."""
    return Limits(_exceeded(100 * rule.threshold, rule.comparison), minimum_calls)


def _exceeded(percent: float, comparison: str) -> float:
    """What must be exceeded, where a threshold that is reached is enough: the next number below."""
    return math.nextafter(percent, -math.inf) if comparison == "GreaterThanOrEqualToThreshold" else percent


def _share(alarm: Mapping[str, Any], metric: str) -> tuple[float, int | None] | None:
    """By how much to multiply the threshold to have percent, and the minimum of calls."""
    if alarm.get("MetricName") == metric and alarm.get("Statistic") == "Average":
        return 100, None
    returned = [entry for entry in alarm.get("Metrics", []) if entry.get("ReturnData", True)]
    if len(returned) != 1:
        return None
    stats = dict(_stats(alarm))
    entry = returned[0]
    if "Expression" not in entry:
        return (100, None) if stats.get(entry.get("Id")) == (metric, "Average") else None
    return _share_of_expression(entry["Expression"], stats, metric)


def _share_of_expression(
    expression: str, stats: Mapping[str, tuple[str, str]], metric: str
) -> tuple[float, int | None] | None:
    text = _FILLED.sub(r"\1", "".join(expression.split()))
    minimum = None
    guarded = _GUARDED.fullmatch(text)
    if guarded:
        if stats.get(guarded["calls"], ("", ""))[1] != "SampleCount":
            return None
        minimum = int(guarded["minimum"]) + (guarded["comparison"] == ">")
        text = guarded["rate"]
    factor = _percent_of(text, stats, metric)
    return None if factor is None else (factor, minimum)


def _percent_of(rate: str, stats: Mapping[str, tuple[str, str]], metric: str) -> float | None:
    if metric == SLOW and rate in stats:
        name, stat = stats[rate]
        return 1 if name == DURATION and stat.startswith("PR(") else None
    divided = _RATE.fullmatch(rate)
    if divided is None:
        return None
    bad, calls = stats.get(divided["bad"]), stats.get(divided["calls"])
    if bad != (metric, "Sum") or calls is None or calls[1] != "SampleCount":
        return None
    return 1 if divided["before"] or divided["after"] else 100


def _stats(alarm: Mapping[str, Any]) -> Iterable[tuple[str, tuple[str, str]]]:
    for entry in alarm.get("Metrics", []):
        stat = entry.get("MetricStat")
        if stat is not None:
            yield entry["Id"], (stat["Metric"]["MetricName"], stat["Stat"])
