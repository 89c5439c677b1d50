"""Transitions captured on AWS (September 2026), replayed: state, reason, reason data, at the very instant.

Source: the captures of alarm evaluation at ten seconds, N = 3, Average of a metric with Unit Count, above 50,
and of p90 and metric math alarms, N = 1; see "How we know" in docs/cloudwatch.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from alarm_twin import SIGNAL, at, math_alarm, publish, scalar_alarm, with_state

from recloser.lab.cloudwatch import CloudWatch, Metric

DENSE = [("05:42:25", 100.0), ("05:42:35", 0.0), ("05:42:45", 100.0)]
ISOLATED = [*DENSE, ("05:46:55", 100.0)]
RECOVERY = [*ISOLATED, ("05:49:05", 0.0), ("05:49:15", 0.0), ("05:49:25", 0.0)]
SPARSE = [*RECOVERY, ("05:50:55", 0.0), ("05:51:15", 100.0), ("05:51:35", 100.0)]
SINGLE = [*SPARSE, ("05:54:15", 0.0)]

NO_DATA = (
    "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as "
)
UNKNOWN = "Insufficient Data: 3 datapoints were unknown."


def crossed(points: str, way: str, needed: int, *, treated: str = "") -> str:
    move = "OK -> ALARM" if "not" not in way else "ALARM -> OK"
    number = points.count("(")
    noun = "datapoint" if needed == 1 else "datapoints"
    return (
        f"Threshold Crossed: {number} out of the last 3 datapoints [{points}] {way} the threshold "
        f"(50.0){treated} (minimum {needed} {noun} for {move} transition)."
    )


@dataclass(frozen=True)
class Captured:
    name: str
    needed: int
    mode: str
    published: list[tuple[str, float]]
    queried: str
    prior: str
    state: str
    reason: str
    start: str | None
    recent: list[float | None]
    evaluated: list[tuple[str, float | None]]


CAPTURED = [
    Captured(
        "two of three, not in a row", 2, "missing", DENSE, "05:43:07.551", "OK", "ALARM",
        crossed("100.0 (14/09/26 05:42:40), 100.0 (14/09/26 05:42:20)", "were greater than", 2),
        "05:42:20", [100, 0, 100], [("05:42:40", 100), ("05:42:20", 100)],
    ),
    Captured(
        "real data beats breaching", 3, "breaching", DENSE, "05:43:04.472", "ALARM", "OK",
        crossed("0.0 (14/09/26 05:42:30)", "was not greater than", 1),
        "05:42:20", [100, 0, 100], [("05:42:30", 0)],
    ),
    Captured(
        "real data beats ignore", 3, "ignore", DENSE, "05:43:00.813", "INSUFFICIENT_DATA", "OK",
        crossed("0.0 (14/09/26 05:42:30)", "was not greater than", 1),
        "05:42:20", [100, 0, 100], [("05:42:30", 0)],
    ),
    Captured(
        "one good point of two", 3, "missing", DENSE, "05:42:58.775", "INSUFFICIENT_DATA", "OK",
        crossed("0.0 (14/09/26 05:42:30)", "was not greater than", 1),
        "05:42:20", [100, 0], [("05:42:30", 0)],
    ),
    Captured(
        "the oldest breach leaves the window", 2, "missing", DENSE, "05:44:17.553", "ALARM", "OK",
        crossed("0.0 (14/09/26 05:42:30)", "was not greater than", 2),
        "05:42:30", [0, 100], [("05:43:50", None), ("05:42:30", 0)],
    ),
    Captured(
        "only an old breach is left", 2, "missing", DENSE, "05:44:27.550", "OK", "ALARM",
        crossed("100.0 (14/09/26 05:42:40)", "was greater than", 2),
        "05:42:40", [100], [("05:44:00", None), ("05:42:40", 100)],
    ),
    Captured(
        "every point has left the window", 3, "missing", DENSE, "05:44:38.775", "ALARM", "INSUFFICIENT_DATA",
        UNKNOWN, None, [], [("05:44:10", None), ("05:44:00", None), ("05:43:50", None)],
    ),
    Captured(
        "the same for two of three", 2, "missing", DENSE, "05:44:37.552", "ALARM", "INSUFFICIENT_DATA",
        UNKNOWN, None, [], [("05:44:10", None), ("05:44:00", None)],
    ),
    Captured(
        "premature, two needed", 2, "missing", ISOLATED, "05:47:27.551", "INSUFFICIENT_DATA", "ALARM",
        crossed("100.0 (14/09/26 05:46:50)", "was greater than", 2),
        "05:46:50", [100], [("05:47:00", None), ("05:46:50", 100)],
    ),
    Captured(
        "premature, three needed", 3, "missing", ISOLATED, "05:47:38.775", "INSUFFICIENT_DATA", "ALARM",
        crossed("100.0 (14/09/26 05:46:50)", "was greater than", 3),
        "05:46:50", [100], [("05:47:10", None), ("05:47:00", None), ("05:46:50", 100)],
    ),
    Captured(
        "the single breach leaves the window", 3, "missing", ISOLATED, "05:48:48.774", "ALARM",
        "INSUFFICIENT_DATA", UNKNOWN, None, [], [("05:48:20", None), ("05:48:10", None), ("05:48:00", None)],
    ),
    Captured(
        "sparse, half of it arrived", 3, "missing", SPARSE, "05:51:48.775", "INSUFFICIENT_DATA", "OK",
        crossed("0.0 (14/09/26 05:50:50)", "was not greater than", 1),
        "05:50:50", [0, None, 100], [("05:50:50", 0)],
    ),
    Captured(
        "sparse, real data beats breaching", 3, "breaching", SPARSE, "05:51:54.473", "ALARM", "OK",
        crossed("0.0 (14/09/26 05:50:50)", "was not greater than", 1),
        "05:50:50", [0, None, 100, None, 100], [("05:50:50", 0)],
    ),
    Captured(
        "sparse, two needed", 2, "missing", SPARSE, "05:51:57.551", "INSUFFICIENT_DATA", "ALARM",
        crossed("100.0 (14/09/26 05:51:30), 100.0 (14/09/26 05:51:10)", "were greater than", 2),
        "05:50:50", [0, None, 100, None, 100], [("05:51:30", 100), ("05:51:10", 100)],
    ),
    Captured(
        "sparse, the good point leaves the window", 3, "missing", SPARSE, "05:52:48.775", "OK", "ALARM",
        crossed("100.0 (14/09/26 05:51:30), 100.0 (14/09/26 05:51:10)", "were greater than", 3),
        "05:51:10", [100, None, 100], [("05:52:20", None), ("05:51:30", 100), ("05:51:10", 100)],
    ),
    Captured(
        "sparse, breaching fills up", 3, "breaching", SPARSE, "05:52:44.472", "OK", "ALARM",
        crossed(
            "100.0 (14/09/26 05:51:30), 100.0 (14/09/26 05:51:10)", "were greater than", 3,
            treated=" and 1 missing datapoint was treated as [Breaching]",
        ),
        "05:51:10", [100, None, 100], [("05:52:20", None), ("05:51:30", 100), ("05:51:10", 100)],
    ),
    Captured(
        "sparse, every point has left", 3, "missing", SPARSE, "05:53:28.775", "ALARM", "INSUFFICIENT_DATA",
        UNKNOWN, None, [], [("05:53:00", None), ("05:52:50", None), ("05:52:40", None)],
    ),
    Captured(
        "a single good point beats breaching", 3, "breaching", SINGLE, "05:54:34.473", "ALARM", "OK",
        crossed(
            "0.0 (14/09/26 05:54:10)", "was not greater than", 1,
            treated=" and 2 missing datapoints were treated as [Breaching]",
        ),
        "05:54:10", [0], [("05:54:10", 0)],
    ),
    Captured(
        "a single good point, two needed", 2, "missing", SINGLE, "05:54:37.550", "INSUFFICIENT_DATA", "OK",
        crossed("0.0 (14/09/26 05:54:10)", "was not greater than", 2),
        "05:54:10", [0], [("05:54:10", 0), ("05:54:00", None)],
    ),
    Captured(
        "the good point leaves a breaching alarm", 3, "breaching", SINGLE, "05:56:04.474", "OK", "ALARM",
        f"{NO_DATA}[Breaching].",
        None, [], [("05:55:40", None), ("05:55:30", None), ("05:55:20", None)],
    ),
    Captured(
        "breaching before any data", 3, "breaching", [], "05:40:54.474", "INSUFFICIENT_DATA", "ALARM",
        f"{NO_DATA}[Breaching].",
        None, [], [("05:40:30", None), ("05:40:20", None), ("05:40:10", None)],
    ),
]  # fmt: skip


def evaluate(
    definition: dict[str, Any], published: list[tuple[str, float]], queried: str, prior: str, metric: Metric
) -> CloudWatch:
    """One evaluation at the captured instant, over all that was published before it."""
    region = CloudWatch(phases_ms={"signal": at(queried)})
    region.put_metric_alarm(definition, at(queried) - 5_000)
    with_state(region, "signal", prior, at(queried) - 4_000)
    publish(region.metrics, [point for point in published if at(point[0]) < at(queried) - 5_000], metric)
    region.advance(at(queried))
    return region


def clock(text: str) -> str:
    return f"2026-09-14T{text}" + ("" if "." in text else ".000") + "+0000"


@pytest.mark.parametrize("captured", CAPTURED, ids=lambda captured: captured.name)
def test_scalar(captured: Captured) -> None:
    """An alarm on a metric ends where AWS's ended, with the same words and the same data."""
    definition = scalar_alarm(DatapointsToAlarm=captured.needed, TreatMissingData=captured.mode, Unit="Count")
    # The half that had not arrived yet at 05:51:48 was published by then, but its period had not ended.
    region = evaluate(definition, captured.published, captured.queried, captured.prior, SIGNAL)
    state = region.state("signal")
    assert (state.value, state.reason) == (captured.state, captured.reason)
    expected: dict[str, Any] = {"version": "1.0", "queryDate": clock(captured.queried)}
    if captured.start:
        expected["startDate"] = clock(captured.start)
    expected |= {
        "unit": "Count",
        "statistic": "Average",
        "period": 10,
        "recentDatapoints": captured.recent,
        "threshold": 50,
        "evaluatedDatapoints": [
            {"timestamp": clock(time)} | ({} if value is None else {"sampleCount": 1, "value": value})
            for time, value in captured.evaluated
        ],
    }
    assert list(json.loads(state.reason_data or "").items()) == list(expected.items())


def test_numbers_are_written_as_doubles() -> None:
    """CloudWatch writes 50.0, not 50, in its reason data."""
    region = evaluate(scalar_alarm(DatapointsToAlarm=2), DENSE, "05:43:07.551", "OK", SIGNAL)
    assert region.state("signal").reason_data == (
        '{"version":"1.0","queryDate":"2026-09-14T05:43:07.551+0000","startDate":"2026-09-14T05:42:20.000+0000",'
        '"statistic":"Average","period":10,"recentDatapoints":[100.0,0.0,100.0],"threshold":50.0,'
        '"evaluatedDatapoints":[{"timestamp":"2026-09-14T05:42:40.000+0000","sampleCount":1.0,"value":100.0},'
        '{"timestamp":"2026-09-14T05:42:20.000+0000","sampleCount":1.0,"value":100.0}]}'
    )


# Percentiles on few samples, and metric math: N = 1, above 5. Published: (clock, value, count).
COUNTED = [("06:43:01", 10.0, 99), ("06:45:41", 0.0, 100), ("06:46:11", 10.0, 101)]
SINGLE_PERIOD = {"EvaluationPeriods": 1, "DatapointsToAlarm": 1, "Threshold": 5, "TreatMissingData": "ignore"}


@pytest.mark.parametrize(
    ("low_samples", "queried", "prior", "expected", "point"),
    [
        ("evaluate", "06:43:25.741", "INSUFFICIENT_DATA", "ALARM", ("06:43:00", 99, 10)),
        ("evaluate", "06:46:05.740", "ALARM", "OK", ("06:45:40", 100, 0)),
        ("evaluate", "06:46:35.741", "OK", "ALARM", ("06:46:10", 101, 10)),
        ("ignore", "06:43:25.741", "INSUFFICIENT_DATA", "INSUFFICIENT_DATA", None),
        ("ignore", "06:46:04.128", "INSUFFICIENT_DATA", "OK", ("06:45:40", 100, 0)),
        ("ignore", "06:46:34.128", "OK", "ALARM", ("06:46:10", 101, 10)),
    ],
)
def test_percentile_of_few_samples(
    low_samples: str, queried: str, prior: str, expected: str, point: tuple[str, int, int] | None
) -> None:
    """99 samples are too few for a p90 that ignores low samples, 100 and 101 are enough."""
    definition = scalar_alarm(
        **SINGLE_PERIOD, Statistic=None, ExtendedStatistic="p90", EvaluateLowSampleCountPercentile=low_samples
    )
    region = CloudWatch(phases_ms={"signal": at(queried)})
    region.put_metric_alarm(definition, at(queried) - 5_000)
    with_state(region, "signal", prior, at(queried) - 4_000)
    for time, value, count in COUNTED:
        if at(time) < at(queried):
            region.metrics.add(SIGNAL, at(time), value, count, storage_resolution_seconds=1)
    region.advance(at(queried))
    state = region.state("signal")
    assert state.value == expected
    if point is None:
        return
    data = json.loads(state.reason_data or "")
    assert data["statistic"] == "p90"
    assert data["evaluatedDatapoints"] == [
        {"timestamp": clock(point[0]), "sampleCount": point[1], "value": point[2]}
    ]


@pytest.mark.parametrize(
    ("queried", "prior", "expected", "point"),
    [
        ("06:43:18.195", "INSUFFICIENT_DATA", "ALARM", ("06:43:00", 11)),
        ("06:45:58.197", "ALARM", "OK", ("06:45:40", 1)),
        ("06:46:28.197", "OK", "ALARM", ("06:46:10", 11)),
    ],
)
def test_metric_math(queried: str, prior: str, expected: str, point: tuple[str, float]) -> None:
    """An alarm on m1 + 1 tells neither statistic nor unit nor sample counts."""
    definition = math_alarm("m1 + 1", "m1", Statistics={"m1": "Average"}, **SINGLE_PERIOD)
    published = [(time, value) for time, value, _ in COUNTED]
    region = evaluate(definition, published, queried, prior, Metric("Test", "m1"))
    state = region.state("signal")
    assert state.value == expected
    way = "greater than" if expected == "ALARM" else "not greater than"
    move = "OK -> ALARM" if expected == "ALARM" else "ALARM -> OK"
    assert state.reason == (
        f"Threshold Crossed: 1 out of the last 1 datapoints [{point[1]:.1f} (14/09/26 {point[0]})] "
        f"was {way} the threshold (5.0) (minimum 1 datapoint for {move} transition)."
    )
    assert json.loads(state.reason_data or "") == {
        "version": "1.0",
        "queryDate": clock(queried),
        "startDate": clock(point[0]),
        "period": 10,
        "recentDatapoints": [point[1]],
        "threshold": 5,
        "evaluatedDatapoints": [{"timestamp": clock(point[0]), "value": point[1]}],
    }


@pytest.mark.parametrize(
    ("expression", "queried", "prior", "expected", "newest"),
    [
        ("m1+1", "07:58:33.125", "INSUFFICIENT_DATA", "ALARM", ("07:58:20", None)),
        ("TIME_SERIES(0)", "07:59:20.482", "ALARM", "OK", ("07:59:10", 0)),
    ],
)
def test_metric_math_without_data(
    expression: str, queried: str, prior: str, expected: str, newest: tuple[str, float | None]
) -> None:
    """An expression over a metric that was never published is valid; it reads up to the last full period."""
    definition = math_alarm(
        expression, "m1", **{**SINGLE_PERIOD, "Threshold": 10, "TreatMissingData": "breaching"}
    )
    region = evaluate(definition, [], queried, prior, SIGNAL)
    state = region.state("signal")
    assert state.value == expected
    time, value = newest
    assert json.loads(state.reason_data or "")["evaluatedDatapoints"] == [
        {"timestamp": clock(time)} | ({} if value is None else {"value": value})
    ]
    if value is None:
        assert state.reason == (
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated "
            "as [Breaching]."
        )


def test_awss_own_sample_of_a_five_minute_alarm() -> None:
    """Queried at 17:04:40.985, a five-minute alarm reads the period from 16:59:00: its periods slide."""
    definition = scalar_alarm(EvaluationPeriods=1, DatapointsToAlarm=1, Period=300)
    region = CloudWatch(phases_ms={"signal": at("17:04:40.985")})
    region.put_metric_alarm(definition, at("17:04:00"))
    region.metrics.add(SIGNAL, at("16:59:00"), 99.50160229693434)
    region.advance(at("17:04:40.985"))
    state = region.state("signal")
    assert state.reason == (
        "Threshold Crossed: 1 out of the last 1 datapoints [99.50160229693434 (14/09/26 16:59:00)] "
        "was greater than the threshold (50.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    assert json.loads(state.reason_data or "")["startDate"] == clock("16:59:00")
