"""Finished datapoints of GetMetricData under an alarm."""

from __future__ import annotations

from pathlib import Path

import pytest
from alarm_twin import SIGNAL, at, math_alarm, scalar_alarm

from recloser.lab.backtest.alarm_files import alarm_set
from recloser.lab.backtest.backtest import Settings, backtest
from recloser.lab.backtest.input_files import InputFileError
from recloser.lab.backtest.query_results import QueryResult, with_results
from recloser.lab.cloudwatch import metric_alarm

START = at("10:00:00")
SOURCE = Path("data.json")


def result(name: str, values: list[float], every_seconds: int = 60, label: str = "x") -> QueryResult:
    points = [(START + number * every_seconds * 1000, value) for number, value in enumerate(values)]
    return QueryResult(name, label, points, 3)


def test_percentiles_are_taken_as_they_are() -> None:
    """A p99 that was fetched is the p99 that the alarm sees, and its reason data names it."""
    alarm = metric_alarm(
        scalar_alarm(Statistic=None, ExtendedStatistic="p99", Period=60, DatapointsToAlarm=1)
    )
    replayed, samples = with_results(alarm, [result("anything", [10, 20, 99])], SOURCE)
    (run,) = backtest(alarm_set([replayed]), samples, Settings())
    data = run.transitions[-1].reason_data
    assert data is not None
    assert (data["statistic"], data["recentDatapoints"]) == ("p99", [10.0, 20.0, 99.0])


def test_two_statistics_of_one_metric_do_not_mix() -> None:
    """Sum and SampleCount of the same metric are results of their own."""
    definition = math_alarm(
        "100 * m1 / m2",
        "m1",
        "m2",
        Period=60,
        Statistics={"m2": "SampleCount"},
        EvaluationPeriods=1,
        DatapointsToAlarm=1,
    )
    for query in definition["Metrics"][:2]:
        query["MetricStat"]["Metric"] = {"Namespace": SIGNAL.namespace, "MetricName": SIGNAL.name}
    replayed, samples = with_results(
        metric_alarm(definition), [result("m1", [8, 2]), result("m2", [10, 10])], SOURCE
    )
    (run,) = backtest(alarm_set([replayed]), samples, Settings())
    assert [transition.after.value for transition in run.transitions] == ["ALARM", "OK"]
    assert "[80.0 (" in run.transitions[0].reason


def test_sums_may_be_finer_than_the_alarm() -> None:
    """Sums of a minute add up to the five minutes that an alarm asks for."""
    alarm = metric_alarm(scalar_alarm(Statistic="Sum", Period=300, EvaluationPeriods=1, DatapointsToAlarm=1))
    replayed, samples = with_results(alarm, [result("m1", [11] * 5)], SOURCE)
    (run,) = backtest(alarm_set([replayed]), samples, Settings(phase_seconds=30))
    assert any("[55.0 (14/09/26 10:00:00)]" in transition.reason for transition in run.transitions)


@pytest.mark.parametrize(
    ("statistic", "period", "every", "reason"),
    [
        ("Average", 300, 60, "cannot be made of these"),
        ("Average", 10, 60, "has datapoints of 60 s"),
        ("Sum", 10, 60, "has datapoints of 60 s"),
    ],
)
def test_other_periods_are_refused(statistic: str, period: int, every: int, reason: str) -> None:
    """An average of averages, and datapoints coarser than the alarm's periods, would be wrong numbers."""
    alarm = metric_alarm(scalar_alarm(Statistic=statistic, Period=period))
    with pytest.raises(InputFileError) as refusal:
        with_results(alarm, [result("m1", [1.0] * 6, every)], SOURCE)
    assert reason in str(refusal.value)
    assert refusal.value.line == 3


def test_a_scalar_alarm_finds_its_result_by_label() -> None:
    """Of several results an alarm on one metric takes the one labeled with the metric's name."""
    alarm = metric_alarm(scalar_alarm(Period=60))
    results = [result("a", [1], label="Other"), result("b", [2], label="Signal Average")]
    _, samples = with_results(alarm, results, SOURCE)
    assert [sample.value for sample in samples] == [2]


def test_a_missing_result_is_told() -> None:
    """A query without a result is refused, with what there is."""
    alarm = metric_alarm(math_alarm("m1 + m2", "m1", "m2", Period=60))
    with pytest.raises(InputFileError) as refusal:
        with_results(alarm, [result("m1", [1], label="Signal")], SOURCE)
    assert str(refusal.value) == (
        "data.json: alarm 'signal' needs Sum of Test/m2, query 'm2'; the file has the results m1 (Signal)"
    )
