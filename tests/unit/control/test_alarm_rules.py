"""What an alarm says as it stands in CloudWatch: thresholds that operators tuned are read, not assumed."""

from __future__ import annotations

from typing import Any

import pytest

from recloser.control.alarm_rules import Rule, read_group_limits, read_limits, read_rule
from recloser.signals import Limits

MINUTE = 60_000


def described(expression: str | None = None, threshold: float = 50, **other: Any) -> dict[str, Any]:
    """An alarm on a failure rate, as DescribeAlarms has it."""

    def query(name: str, stat: str, metric: str = "Failure") -> dict[str, Any]:
        watched = {"Namespace": "Recloser", "MetricName": metric, "Dimensions": []}
        return {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {"Metric": watched, "Period": 60, "Stat": stat},
        }

    metrics = [
        query("failures", "Sum"),
        query("calls", "SampleCount"),
        query("slow", "PR(2000:)", "Duration"),
    ]
    metrics += [query("slow_calls", "Sum", "Slow"), query("timed", "SampleCount", "Slow")]
    if expression is not None:
        metrics.append({"Id": "rate", "Expression": expression, "ReturnData": True})
    rule = {
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": threshold,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
    }
    return {"AlarmName": "a", "Metrics": metrics} | rule | other


# expression, the threshold's percent, the minimum of calls
UNDERSTOOD: list[tuple[str, float, int]] = [
    ("IF(calls >= 10, 100 * failures / calls, 0)", 50, 10),
    ("IF(FILL(calls, 0) >= 10, 100 * failures / calls, 0)", 50, 10),
    ("IF(FILL(calls,0)>=3,100*FILL(failures,0)/calls,0)", 50, 3),
    ("IF(calls > 10, 100 * failures / calls)", 50, 11),
    ("if".upper() + "(calls >= 20, failures / calls * 100, 0)", 50, 20),
    ("100 * failures / calls", 50, 7),
    ("100 * (failures / calls)", 50, 7),
]


@pytest.mark.parametrize(("expression", "percent", "minimum"), UNDERSTOOD)
def test_failure_rates_are_understood(expression: str, percent: float, minimum: int) -> None:
    """The template's expressions, with the figures that an operator put in their places."""
    assert read_limits(described(expression), "Failure", 7) == Limits(percent, minimum)


def test_a_fraction_is_percent_all_the_same() -> None:
    """An alarm on failures / calls, or on the Average of Failure, has its threshold between 0 and 1."""
    assert read_limits(described("failures / calls", 0.8), "Failure", 7) == Limits(80, 7)
    average = {"MetricName": "Failure", "Statistic": "Average", "Period": 60}
    rule = {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 0.8, "EvaluationPeriods": 1}
    assert read_limits(average | rule, "Failure", 7) == Limits(80, 7)


@pytest.mark.parametrize(
    "expression",
    [
        "failures",
        "100 * calls / failures",
        "100 * failures / failures",
        "IF(failures >= 10, 100 * failures / calls, 0)",
        "IF(calls >= 10, 100 * failures / calls, 100)",
        "IF(calls >= 10 AND failures > 3, 100 * failures / calls, 0)",
        "ANOMALY_DETECTION_BAND(failures, 2)",
        "100 * unknown / calls",
        "",
        "(" * 1000,
    ],
)
def test_other_expressions_have_no_limits(expression: str) -> None:
    """An expression that is not understood says nothing: other limits hold."""
    assert read_limits(described(expression), "Failure", 7) is None


@pytest.mark.parametrize("comparison", ["LessThanThreshold", "LessThanLowerOrGreaterThanUpperThreshold"])
def test_other_comparisons_have_no_limits(comparison: str) -> None:
    """An alarm that is raised by too few failures is no failure-rate alarm."""
    assert (
        read_limits(described("100 * failures / calls", ComparisonOperator=comparison), "Failure", 7) is None
    )


def test_a_threshold_that_is_reached_may_be_enough() -> None:
    """An alarm with >= is raised at its threshold, one with > above it; so is the judgement by evidence."""
    limits = read_limits(
        described("100 * failures / calls", ComparisonOperator="GreaterThanOrEqualToThreshold"), "Failure", 1
    )
    assert limits is not None
    assert 49.9 < limits.threshold_percent < 50
    assert limits.threshold_percent * 10 < 100 * 5


def test_slow_calls_have_limits_of_their_own() -> None:
    """An alarm on the share of slow calls is understood as such, and as nothing else."""
    slow = described("IF(calls >= 10, slow, 0)", 60)
    assert read_limits(slow, "Slow", 7) == Limits(60, 10)
    assert read_limits(slow, "Failure", 7) is None
    own = described("100 * slow_calls / timed", 70)
    assert read_limits(own, "Slow", 7) == Limits(70, 7)
    assert read_limits(own, "Failure", 7) is None


def test_an_alarm_over_all_circuits_has_a_fraction() -> None:
    """AVG(Failure) lies between 0 and 1, and so does the alarm's threshold."""
    rule = Rule("GreaterThanThreshold", 0.5, 1, 1, MINUTE)
    assert read_group_limits(rule, 3) == Limits(50, 3)


@pytest.mark.parametrize("threshold", [float("nan"), float("inf"), None, "50"])
def test_a_threshold_that_is_no_number_is_no_rule(threshold: Any) -> None:
    """Only CloudWatch evaluates an alarm whose threshold is no number."""
    assert read_rule({"ComparisonOperator": "GreaterThanThreshold", "Threshold": threshold}) is None


# values by minute, oldest first (None: no data), the minute of the newest breach or None
EVALUATED: list[tuple[list[float | None], int | None]] = [
    ([1, 1, 1], 2),
    ([1, 1, 0], 1),
    ([0, 1, 0], None),
    ([1, None, 1], 2),
    ([1, None, None, 1, None], 3),
    ([1, 1, 0, 0, 0], None),
    ([1], None),
    ([], None),
    ([50, 50, 0.5], None),
]


@pytest.mark.parametrize(("values", "newest"), EVALUATED)
def test_m_of_the_newest_n_that_have_data(values: list[float | None], newest: int | None) -> None:
    """Datapoints are an ALARM where M of the newest N that have data breach, as CloudWatch decides."""
    rule = Rule("GreaterThanThreshold", 0.5 if 50 not in values else 50, 3, 2, MINUTE)
    points = [(minute * MINUTE, value) for minute, value in enumerate(values) if value is not None]
    assert rule.newest_breach_ms(points) == (None if newest is None else newest * MINUTE)
