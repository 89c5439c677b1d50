"""What captures of contributor alarms do not show: silence, a hundred and one circuits, math, settings."""

from __future__ import annotations

from typing import Any

import pytest
from alarm_twin import at

from recloser.lab.cloudwatch import (
    CloudWatch,
    Event,
    InvalidAlarmError,
    Metric,
    NoSuchAlarmError,
    metric_alarm,
)
from recloser.lab.cloudwatch.contributors import GONE

QUERY = 'SELECT AVG(Failure) FROM SCHEMA("Recloser", Circuit) GROUP BY Circuit ORDER BY MAX() DESC'
START = at("10:00:00")


def any_circuit(**changes: Any) -> dict[str, Any]:
    return {
        "AlarmName": "any",
        "Metrics": [{"Id": "q", "Expression": QUERY, "Period": 60, "ReturnData": True}],
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        **changes,
    }


def watched(*circuits: str, minutes: int = 2, **changes: Any) -> tuple[CloudWatch, list[Event]]:
    """Circuits that fail all their calls for some minutes, and the events of half an hour."""
    region = CloudWatch(retention_seconds=3600)
    for circuit in circuits:
        for minute in range(minutes):
            region.metrics.add(
                Metric.of("Recloser", "Failure", {"Circuit": circuit}), START + minute * 60_000, 1
            )
    region.put_metric_alarm(any_circuit(**changes), START, first_evaluation_ms=START + 125_000)
    return region, region.advance(START + 1_800_000)


def moves(events: list[Event]) -> list[tuple[str, str, str]]:
    """Contributor events: circuit, state, seconds after the start as minute:second."""
    return [
        (detail["alarmContributor"]["attributes"]["Circuit"], detail["state"]["value"], event["time"][14:19])
        for event in events
        if "alarmContributor" in (detail := event["detail"])
    ]


def reasons(events: list[Event]) -> list[str]:
    return [one["detail"]["state"]["reason"] for one in events if "alarmContributor" in one["detail"]]


@pytest.mark.parametrize("mode", ["missing", "ignore", "breaching", "notBreaching"])
def test_a_silent_contributor_ends_when_its_last_minute_leaves_the_window(mode: str) -> None:
    """Its last bad minute holds it for six minutes; then it is OK, whatever TreatMissingData says."""
    region, events = watched("a", TreatMissingData=mode)
    assert moves(events) == [("a", "ALARM", "02:05"), ("a", "OK", "08:05")]
    assert reasons(events)[-1] == GONE
    assert region.describe_alarm_contributors("any") == []


def test_at_most_a_hundred_contributors_stand_in_alarm() -> None:
    """The first hundred in the order of the query are raised; the parent says that there are more."""
    region, events = watched(*(f"c{number:03}" for number in range(101)), minutes=8)
    raised = [circuit for circuit, state, _ in moves(events) if state == "ALARM"]
    assert len(raised) == 100
    assert "c100" not in raised
    parent = [one["detail"]["state"]["reason"] for one in events if "previousState" in one["detail"]]
    assert parent[0] == "100+ time series evaluated to ALARM"
    assert region.state("any").value == "OK"


def test_five_bad_minutes_name_the_newest_only() -> None:
    """The text counts all datapoints that crossed, and shows one."""
    _, events = watched("a", minutes=2, EvaluationPeriods=5, DatapointsToAlarm=2)
    assert reasons(events)[0] == (
        "Threshold Crossed: 2 out of the last 5 datapoints were greater than the threshold (0.5) and 3 "
        "missing datapoints were treated as [NonBreaching]. The most recent datapoint which crossed the "
        "threshold: [1.0 (14/09/26 10:01:00)] (minimum 2 datapoints for OK -> ALARM transition)."
    )


def test_the_phase_is_drawn_with_every_change() -> None:
    """A change of the settings is first evaluated 22 to 117 s later, at another instant of the minute."""
    region, phases = CloudWatch(), set()
    for number in range(10):
        region.put_metric_alarm(any_circuit(AlarmDescription=str(number)), START)
        first_ms = region.next_evaluation_at_ms()
        assert first_ms is not None
        assert 22_000 <= first_ms - START <= 117_000
        phases.add(first_ms % 60_000)
    assert len(phases) > 5


def test_math_on_a_query() -> None:
    """Math reduces the series of a query to one, and the alarm is then one without contributors."""
    math = [
        {"Id": "q", "Expression": QUERY, "Period": 60, "ReturnData": False},
        {"Id": "e", "Expression": "SUM(q)", "Period": 60, "ReturnData": True},
    ]
    region, events = watched("a", "b", Metrics=math, Threshold=1.5)
    assert [event["detail"]["state"]["value"] for event in events] == ["ALARM", "OK"]
    with pytest.raises(ValueError, match="Alarm any is not a multi time series alarm"):
        region.describe_alarm_contributors("any")
    with pytest.raises(NoSuchAlarmError):
        region.describe_alarm_contributors("other")


def test_history_shows_contributors_only_when_asked() -> None:
    """Their items are there by kind or by id, without an old state; else the parent's alone."""
    region, _ = watched("a")
    kinds = {item["HistoryItemType"] for item in region.describe_alarm_history("any")}
    assert kinds == {"ConfigurationUpdate", "StateUpdate"}
    (ok, alarm) = region.describe_alarm_history("any", "AlarmContributorStateUpdate")
    assert ok["AlarmContributorAttributes"] == {"Circuit": "a"}
    assert "oldState" not in alarm["HistoryData"]
    assert region.describe_alarm_history("any", contributor_id=ok["AlarmContributorId"]) == [ok, alarm]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"EvaluationPeriods": 181}, "MetricsInsights monitors cannot be checked across more than 3 hours"),
        (
            {"InsufficientDataActions": ["arn:aws:sns:eu-west-1:1:t"]},
            "InsufficientData actions are not supported",
        ),
        ({"EvaluationWindow": "WallClockWindow"}, "EvaluationWindow must be one of SlidingWindow"),
        ({"Threshold": float("nan")}, "Threshold must be finite, not nan"),
        ({"EvaluationPeriods": float("nan")}, "EvaluationPeriods must be a whole number"),
        (
            {"Metrics": [{"Id": "q", "Expression": "q" * 3000, "Period": 60}]},
            "may have 2048 characters, not 3000",
        ),
        (
            {
                "Metrics": [
                    {"Id": "q", "Expression": QUERY, "Period": 60, "ReturnData": False},
                    {"Id": "e", "Expression": "q / 2", "Period": 60},
                ]
            },
            "are only allowed for MetricsInsights expression with an ORDER BY clause",
        ),
    ],
)
def test_what_is_refused(changes: dict[str, Any], why: str) -> None:
    """A setting that CloudWatch refuses, or that is evaluated another way, is named."""
    with pytest.raises(InvalidAlarmError) as refusal:
        metric_alarm(any_circuit(**changes))
    assert why in refusal.value.problem
