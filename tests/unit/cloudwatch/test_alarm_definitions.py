"""Which definitions of alarms are taken, and how the others are refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from alarm_twin import SIGNAL, math_alarm, rate_alarm, scalar_alarm, slow_alarm

from recloser.lab.cloudwatch import InvalidAlarmError, Metric, metric_alarm
from recloser.lab.cloudwatch.alarms import Comparison, Missing


def test_a_scalar_alarm() -> None:
    """Every setting of PutMetricAlarm arrives."""
    alarm = metric_alarm(
        scalar_alarm(Dimensions=[{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}], Unit="Count")
    )
    assert alarm.is_scalar
    assert alarm.metrics == (Metric(SIGNAL.namespace, SIGNAL.name, (("a", "1"), ("b", "2"))),)
    assert (alarm.period_seconds, alarm.evaluation_periods, alarm.datapoints_to_alarm) == (10, 3, 3)
    assert (alarm.threshold, alarm.comparison) == (50.0, Comparison.ABOVE)
    assert alarm.treat_missing_data is Missing.MISSING
    assert (alarm.returned_stat.unit, alarm.returned_stat.statistic.name) == ("Count", "Average")


def test_defaults() -> None:
    """M defaults to N, and missing data is missing."""
    alarm = metric_alarm(scalar_alarm(DatapointsToAlarm=None, TreatMissingData=None))
    assert alarm.datapoints_to_alarm == 3
    assert alarm.treat_missing_data is Missing.MISSING
    assert not alarm.ignores_low_samples


@pytest.mark.parametrize(
    ("namespaces", "given", "expected"),
    [
        (["AWS/DynamoDB"], None, Missing.IGNORE),
        (["AWS/DynamoDB"], "breaching", Missing.BREACHING),
        (["AWS/DynamoDB", "Test"], None, Missing.MISSING),
    ],
)
def test_dynamodb(namespaces: list[str], given: str | None, expected: Missing) -> None:
    """Alarms on nothing but DynamoDB's own metrics ignore missing data unless they say otherwise."""
    names = [f"m{number}" for number in range(len(namespaces))]
    definition = math_alarm("SUM(METRICS())", *names, TreatMissingData=given)
    for query, namespace in zip(definition["Metrics"], namespaces, strict=False):
        query["MetricStat"]["Metric"]["Namespace"] = namespace
    assert metric_alarm(definition).treat_missing_data is expected


def test_what_describe_alarms_shows_is_a_definition_too() -> None:
    """State, ARN and timestamps of DescribeAlarms are passed over."""
    shown = {
        **rate_alarm(),
        "AlarmArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:x",
        "StateValue": "OK",
        "StateReason": "…",
        "StateReasonData": "{}",
        "StateUpdatedTimestamp": datetime(2026, 9, 14, tzinfo=UTC),
        "StateTransitionedTimestamp": datetime(2026, 9, 14, tzinfo=UTC),
        "AlarmConfigurationUpdatedTimestamp": datetime(2026, 9, 14, tzinfo=UTC),
        "OKActions": [],
        "Dimensions": [],
    }
    assert metric_alarm(shown) == metric_alarm(rate_alarm())


def test_the_alarms_of_the_template() -> None:
    """The three default alarms are valid, and look at the metrics that Recloser publishes."""
    circuit = (("Circuit", "payments-api"),)
    for definition in (rate_alarm(), rate_alarm(period=60, minimum=3)):
        assert set(metric_alarm(definition).metrics) == {Metric("Recloser", "Failure", circuit)}
    assert metric_alarm(slow_alarm()).metrics == (Metric("Recloser", "Duration", circuit),)


def without(definition: dict[str, Any], index: int, **changes: Any) -> dict[str, Any]:
    definition["Metrics"][index] = {**definition["Metrics"][index], **changes}
    return definition


MATH = ("m1 + m2", "m1", "m2")


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        (scalar_alarm(AlarmName=None), "alarm None: AlarmName must be 1 to 255 characters"),
        (scalar_alarm(AlarmName="n" * 256), "AlarmName must be 1 to 255 characters"),
        (scalar_alarm(Period=15), "Period must be 10, 20, 30 or a multiple of 60 s, not 15"),
        (scalar_alarm(Period=None), "Period must be 10, 20, 30 or a multiple of 60 s, not None"),
        (scalar_alarm(Period=0), "Period must be"),
        (scalar_alarm(EvaluationPeriods=0), "EvaluationPeriods must be a whole number of at least 1, not 0"),
        (scalar_alarm(EvaluationPeriods=1.5), "EvaluationPeriods must be a whole number"),
        (
            scalar_alarm(EvaluationPeriods=None),
            "EvaluationPeriods must be a whole number of at least 1, not None",
        ),
        (scalar_alarm(DatapointsToAlarm=4), "DatapointsToAlarm may be EvaluationPeriods, 3, at most, not 4"),
        (scalar_alarm(Period=60, EvaluationPeriods=1441), "86400 s at most, not 86460 s"),
        (scalar_alarm(Period=86_400, EvaluationPeriods=8), "604800 s at most, not 691200 s"),
        (scalar_alarm(Threshold=None), "Threshold must be a number, not None"),
        (scalar_alarm(Threshold="50"), "Threshold must be a number, not '50'"),
        (scalar_alarm(ComparisonOperator="Above"), "ComparisonOperator must be one of"),
        (
            scalar_alarm(ComparisonOperator="GreaterThanUpperThreshold", ThresholdMetricId="ad1"),
            "ThresholdMetricId cannot be evaluated here",
        ),
        (scalar_alarm(EvaluationCriteria={}), "EvaluationCriteria cannot be evaluated here"),
        (scalar_alarm(TreatMissingData="notbreaching"), "TreatMissingData must be one of missing, ignore"),
        (scalar_alarm(EvaluateLowSampleCountPercentile="no"), "must be one of evaluate, ignore, not 'no'"),
        (scalar_alarm(Statistic="p99"), "Statistic must be one of SampleCount, Sum, Average"),
        (scalar_alarm(Statistic=None), "exactly one of Statistic and ExtendedStatistic"),
        (scalar_alarm(ExtendedStatistic="p99"), "exactly one of Statistic and ExtendedStatistic"),
        (scalar_alarm(Statistic=None, ExtendedStatistic="q99"), "unknown statistic 'q99'"),
        (scalar_alarm(MetricName=None), "MetricName must be a text, not None"),
        (scalar_alarm(Dimensions=[{"Name": "a"}]), "a dimension must have a Name and a Value"),
        (scalar_alarm(Unit="Apples"), "Unit must be one of"),
        ({**math_alarm(*MATH), "Statistic": "Sum"}, "Statistic cannot be given with Metrics"),
        ({**math_alarm(*MATH), "Metrics": {}}, "Metrics must be a list with at least one entry"),
        ({**math_alarm(*MATH), "Metrics": []}, "exactly one of Statistic and ExtendedStatistic"),
        (without(math_alarm(*MATH), 1, Id="m1"), "Metrics has an Id twice: m1, m1, result"),
        (without(math_alarm(*MATH), 1, Id="M2"), "Id must start with a lower-case letter"),
        (without(math_alarm(*MATH), 0, ReturnData=True), "must have ReturnData true, not 2 (m1, result)"),
        (without(math_alarm(*MATH), 2, ReturnData=False), "must have ReturnData true, not 0"),
        (without(math_alarm(*MATH), 2, Expression=None), "either MetricStat or Expression"),
        (without(math_alarm(*MATH), 0, MetricStat={"Period": 10, "Stat": "Sum"}), "Metric with Namespace"),
        (without(math_alarm("m1 + m9", "m1"), 0), "unknown id 'm9'"),
        (math_alarm("SEARCH('{a} b', 'Sum')", "m1"), "SEARCH is not supported on Metric Alarms."),
        (math_alarm("SUM(m1)", "m1"), "an alarm needs a time series"),
        (
            math_alarm("SUM(METRICS())", *(f"m{number}" for number in range(11))),
            "Metrics may hold at most 10 metrics",
        ),
    ],
)
def test_refused(definition: dict[str, Any], why: str) -> None:
    """What cannot be evaluated is refused with the alarm, the setting, its value and what is allowed."""
    with pytest.raises(InvalidAlarmError) as refusal:
        metric_alarm(definition)
    assert why in str(refusal.value)


def test_periods_must_agree() -> None:
    """All metrics of an alarm have the same period."""
    definition = math_alarm(*MATH)
    definition["Metrics"][1]["MetricStat"]["Period"] = 60
    with pytest.raises(InvalidAlarmError, match="must have the same Period, not 10, 60"):
        metric_alarm(definition)


def test_a_single_metric_may_be_given_in_metrics() -> None:
    """An alarm defined with Metrics and no expression watches the metric that returns data."""
    definition = math_alarm("m1", "m1")
    definition["Metrics"] = [{**definition["Metrics"][0], "ReturnData": True}]
    alarm = metric_alarm(definition)
    assert not alarm.is_scalar
    assert alarm.returned_stat.metric == Metric("Test", "m1")
