"""After a metric has fallen silent old data keeps deciding until it leaves the window."""

from __future__ import annotations

from typing import Any

import pytest
from alarm_twin import SIGNAL, at, math_alarm, publish, scalar_alarm, states_of

from recloser.lab.cloudwatch import CloudWatch, Metric

START = "10:00:00"


def silence(definition: dict[str, Any], breaching_periods: int, metric: Metric) -> list[tuple[float, str]]:
    """Seconds from the start of the last breaching period to each change after it, with the new state."""
    period = definition.get("Period") or definition["Metrics"][0]["MetricStat"]["Period"]
    first = at(START)
    last = first + (breaching_periods - 1) * period * 1000
    region = CloudWatch(phases_ms={"signal": 0})
    region.put_metric_alarm(definition, first - 1)
    for number in range(breaching_periods):
        region.metrics.add(metric, first + number * period * 1000, 100.0, storage_resolution_seconds=1)
    changes: list[tuple[float, str]] = []
    while (now := region.next_evaluation_at_ms()) is not None and now < last + 3_600_000:
        seconds = (now - last) / 1000
        changes += [(seconds, str(event["detail"]["state"]["value"])) for event in region.advance(now)]
    trip = next(index for index, (_, state) in enumerate(changes) if state == "ALARM")
    return changes[trip + 1 :]


def expression(period: int, needed: int, mode: str) -> dict[str, Any]:
    return math_alarm("m1", "m1", Period=period, DatapointsToAlarm=needed, TreatMissingData=mode)


@pytest.mark.parametrize(
    ("period", "needed", "mode", "expected"),
    [
        (10, 2, "notBreaching", [(90, "OK")]),
        (10, 2, "missing", [(100, "INSUFFICIENT_DATA")]),
        (10, 2, "ignore", []),
        (10, 3, "notBreaching", [(80, "OK")]),
        (10, 3, "missing", [(100, "INSUFFICIENT_DATA")]),
        (10, 3, "ignore", []),
        (60, 2, "notBreaching", [(480, "OK")]),
        (60, 2, "missing", [(540, "INSUFFICIENT_DATA")]),
        (60, 2, "ignore", []),
    ],
)
def test_metric_math_after_an_outage(
    period: int, needed: int, mode: str, expected: list[tuple[float, str]]
) -> None:
    """A 3-period alarm stays in ALARM for one to nine minutes after the last breach, or for ever."""
    assert silence(expression(period, needed, mode), 3, Metric("Test", "m1")) == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("notBreaching", [(420, "OK")]), ("missing", [(420, "INSUFFICIENT_DATA")]), ("ignore", [])],
)
def test_one_of_one_minute(mode: str, expected: list[tuple[float, str]]) -> None:
    """A 1-of-1 alarm of a minute on a metric holds its last datapoint for about five minutes.

    Evaluated at second 0 of a minute, the 10 s lag moves the window back by a whole one.
    """
    definition = scalar_alarm(Period=60, EvaluationPeriods=1, DatapointsToAlarm=1, TreatMissingData=mode)
    assert silence(definition, 1, SIGNAL) == expected


def test_three_events_without_new_data() -> None:
    """Captured on AWS: X 0 X and then silence gives ALARM, OK, ALARM again, and INSUFFICIENT_DATA."""
    region = CloudWatch(phases_ms={"signal": at("05:42:57.551")})
    region.put_metric_alarm(scalar_alarm(DatapointsToAlarm=2), at("05:42:50"))
    publish(region.metrics, [("05:42:25", 100.0), ("05:42:35", 0.0), ("05:42:45", 100.0)])
    assert states_of(region.advance(at("05:50:00"))) == [
        ("05:42:57.551", "OK"),
        ("05:43:07.551", "ALARM"),
        ("05:44:17.551", "OK"),
        ("05:44:27.551", "ALARM"),
        ("05:44:37.551", "INSUFFICIENT_DATA"),
    ]


def test_one_failure_every_seventy_seconds_never_leaves_alarm() -> None:
    """A 1-of-1 alarm of ten seconds treats missing data as fine, yet one failure in 70 s holds it."""
    definition = scalar_alarm(EvaluationPeriods=1, DatapointsToAlarm=1, TreatMissingData="notBreaching")
    region = CloudWatch()
    region.put_metric_alarm(definition, at(START))
    changes = []
    for second in range(1800):
        now = at(START) + second * 1000
        if second % 70 == 0:
            region.metrics.add(SIGNAL, now, 100.0, storage_resolution_seconds=1)
        changes += states_of(region.advance(now))
    assert [state for _, state in changes][-1] == "ALARM"
    assert len(changes) <= 2
