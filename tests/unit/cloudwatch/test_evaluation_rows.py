"""What an alarm reads and decides, in rows: the cases that AWS's tables leave out."""

from __future__ import annotations

from typing import Any

import pytest
from alarm_twin import SIGNAL, at, math_alarm, scalar_alarm

from recloser.lab.cloudwatch import (
    Metric,
    MetricStore,
    State,
    decide,
    evaluation_window,
    metric_alarm,
    read_datapoints,
)
from recloser.lab.cloudwatch.evaluate import Datapoints, Decision, Window

X, G = 100.0, 0.0
KEEP = None


def row(*values: float | None, counts: list[float | None] | None = None) -> Datapoints:
    return Datapoints(Window(0, len(values) * 60_000, 60_000, len(values)), list(values), counts)


@pytest.mark.parametrize(
    ("values", "needed", "mode", "expected"),
    [
        # With breaching, each missing period counts as bad, and a good one does not.
        ((None, G, G), 2, "breaching", State.OK),
        ((None, None, G), 2, "breaching", State.ALARM),
        ((None, X, G), 2, "breaching", State.ALARM),
        ((X, G, G), 2, "breaching", State.OK),
        ((None, X, G), 3, "breaching", State.OK),
        ((None, None, X), 3, "breaching", State.ALARM),
        # Where the real datapoints do not suffice for an alarm, one good among them is enough.
        ((X, X, G), 3, "missing", State.OK),
        ((X, X, G), 3, "ignore", State.OK),
        ((X, X, None), 3, "notBreaching", State.OK),
        ((X, X, X), 3, "notBreaching", State.ALARM),
        # Of more datapoints than N only the newest N count.
        ((X, X, X, G, G, G), 3, "missing", State.OK),
        ((X, X, X, None, G, X, X), 3, "missing", State.OK),
        ((G, X, X, None, X), 3, "missing", State.ALARM),
    ],
)
def test_what_is_missing(
    values: tuple[float | None, ...], needed: int, mode: str, expected: State | None
) -> None:
    """Missing periods are counted by the mode, in addition to the bad and good ones."""
    alarm = metric_alarm(scalar_alarm(Period=60, DatapointsToAlarm=needed, TreatMissingData=mode))
    assert decide(alarm, row(*values)).state is expected


def low_samples(statistic: str, count: float) -> Decision:
    """Two breaches and a good datapoint, of so many samples each."""
    alarm = metric_alarm(
        scalar_alarm(
            Period=60,
            Statistic=None,
            ExtendedStatistic=statistic,
            DatapointsToAlarm=2,
            EvaluateLowSampleCountPercentile="ignore",
        )
    )
    return decide(alarm, row(X, G, X, counts=[count] * 3))


@pytest.mark.parametrize(
    ("statistic", "enough"),
    # 10 / (1 - p) from the median on, 10 / p below it; a part of a sample is one more.
    [("p50", 20), ("p90", 100), ("p99", 1000), ("p10", 100), ("p20", 50), ("p95.5", 223), ("p100", 1)],
)
def test_how_many_samples_a_percentile_needs(statistic: str, enough: int) -> None:
    """With fewer the state stays as it is, and the datapoints are told all the same."""
    assert low_samples(statistic, enough) == Decision(State.ALARM, [2, 0], [1])
    if enough > 1:
        assert low_samples(statistic, enough - 1) == Decision(KEEP, [2, 0], [1])


@pytest.mark.parametrize("statistic", ["tm90", "PR(50:)"])
def test_other_statistics_need_no_number_of_samples(statistic: str) -> None:
    """The setting is for percentiles."""
    assert low_samples(statistic, 1).state is State.ALARM


def test_only_an_alarm_on_a_metric_counts_samples() -> None:
    """Datapoints of metric math have no number of samples."""
    store = MetricStore()
    store.add(SIGNAL, at("10:00:05"), 1.0, 7.0, storage_resolution_seconds=1)
    scalar = read_datapoints(metric_alarm(scalar_alarm()), store, at("10:00:25"))
    assert scalar.sample_counts is not None
    assert scalar.sample_counts[-1] == 7.0
    query = {"Id": "m", "MetricStat": {"Metric": metric(), "Period": 10, "Stat": "Average"}}
    assert seen(store, [query | {"ReturnData": True}]).sample_counts is None


def test_metric_math_keeps_no_state_for_few_samples() -> None:
    """Without numbers of samples the setting for low counts says nothing."""
    definition = math_alarm("a", "a", Statistics={"a": "p99"}, EvaluateLowSampleCountPercentile="ignore")
    assert decide(metric_alarm(definition), row(X, X, X)).state is State.ALARM


# --- Which metrics --------------------------------------------------------------------------------


def metric(name: str = SIGNAL.name) -> dict[str, Any]:
    return {"Namespace": SIGNAL.namespace, "MetricName": name}


def seen(store: MetricStore, queries: list[dict[str, Any]], query_at: str = "10:01:05") -> Datapoints:
    """What an alarm over queries sees; its newest period ends at 10:01:00 or later."""
    alarm = scalar_alarm(Metrics=queries, Namespace=None, MetricName=None, Statistic=None, Period=None)
    return read_datapoints(metric_alarm(alarm), store, at(query_at))


def stored(**values: list[float]) -> MetricStore:
    store = MetricStore()
    for name, each in values.items():
        for value in each:
            store.add(Metric("Test", name), at("10:00:05"), value, storage_resolution_seconds=1)
    return store


def test_a_query_without_groups_is_one_series() -> None:
    """An alarm on SELECT without GROUP BY reads its only row; where no metric is selected, nothing."""
    query = [{"Id": "q", "Expression": "SELECT SUM(Signal) FROM Test", "Period": 60, "ReturnData": True}]
    found = seen(stored(Signal=[3.0, 4.0]), query)
    assert found.values == [None] * 7 + [7.0]
    assert found.window == Window(at("09:53:00"), at("10:01:00"), 60_000, 8)
    assert found.sample_counts is None
    assert seen(stored(Other=[1.0]), query).values == [None] * 8


def test_an_expression_over_a_query() -> None:
    """Metric math over a SELECT without GROUP BY takes it as one series."""
    select = {"Id": "q", "Expression": "SELECT SUM(Signal) FROM Test", "Period": 60, "ReturnData": False}
    double = {"Id": "e", "Expression": "q * 2", "Period": 60, "ReturnData": True}
    assert seen(stored(Signal=[3.0, 4.0]), [select, double]).values[-1] == 14.0


def test_metric_math_reads_each_metric_by_itself() -> None:
    """Two metrics, and two statistics of one, are not taken for each other; a period has its seconds."""

    def newest(expression: str, *ids: str, **statistics: str) -> float | None:
        definition = metric_alarm(math_alarm(expression, *ids, Statistics=statistics))
        store = stored(a=[1.0, 2.0, 30.0], b=[5.0])
        return read_datapoints(definition, store, at("10:00:15")).values[-1]

    assert newest("a - b", "a", "b") == 28.0
    assert newest("a + b", "a", "b", a="Maximum", b="SampleCount") == 31.0
    median = newest("a", "a", a="p50")
    assert median is not None
    assert 1 < median < 5
    assert newest("b / PERIOD(b)", "b") == 0.5


def test_a_unit_selects() -> None:
    """An alarm with a unit reads data of this unit alone, also to find out whether they are late."""
    store = MetricStore()
    for minute in ("10:04", "10:05", "10:06"):
        store.add(SIGNAL, at(f"{minute}:00"), 1.0, unit="Seconds")
        store.add(SIGNAL, at(f"{minute}:00"), 5.0, unit="Count")
    store.add(SIGNAL, at("10:07:00"), 5.0, unit="Count")
    definition = scalar_alarm(Period=300, EvaluationPeriods=1, DatapointsToAlarm=1, Unit="Seconds")
    late = read_datapoints(metric_alarm(definition), store, at("10:08:30"))
    in_time = read_datapoints(metric_alarm(definition | {"Unit": "Count"}), store, at("10:08:30"))
    assert (late.window.end_ms, in_time.window.end_ms) == (at("10:07:00"), at("10:08:00"))
    assert (late.values[-1], in_time.values[-1]) == (1.0, 5.0)


def test_a_window_that_slides_keeps_its_length() -> None:
    """Beginning and end move back by the same minute."""
    store = MetricStore()
    for minute in ("10:04", "10:05", "10:06"):
        store.add(SIGNAL, at(f"{minute}:00"), 1.0)
    definition = metric_alarm(scalar_alarm(Period=300, EvaluationPeriods=1, DatapointsToAlarm=1))
    window = read_datapoints(definition, store, at("10:08:30")).window
    assert window == Window(at("09:52:00"), at("10:07:00"), 300_000, 3)


def test_an_alarm_of_one_minute_does_not_slide() -> None:
    """Only periods of several minutes wait for the last one."""
    store = MetricStore()
    for minute in ("10:04", "10:05", "10:06"):
        store.add(SIGNAL, at(f"{minute}:00"), 1.0)
    found = read_datapoints(metric_alarm(scalar_alarm(Period=60)), store, at("10:08:30"))
    assert found.window.end_ms == at("10:08:00")


def test_a_minute_is_read_at_its_very_end() -> None:
    """From a minute on nothing is waited for."""
    window = evaluation_window(metric_alarm(scalar_alarm(Period=60)), at("11:53:00.000"))
    assert window.end_ms == at("11:53:00")
