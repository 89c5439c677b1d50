"""Alarms are made, changed, set manually, switched off and deleted: what changes and which events tell it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from alarm_twin import (
    SIGNAL,
    at,
    call_line,
    math_alarm,
    rate_alarm,
    scalar_alarm,
    slow_alarm,
    slow_share_alarm,
    states_of,
)
from jsonschema import Draft202012Validator

from recloser.lab.cloudwatch import CloudWatch, InvalidAlarmError, NoSuchAlarmError, Place

NOW = at("10:00:00")
SCHEMAS = Path(__file__).parents[3] / "events" / "schemas"
PLACE = Place("123456789012", "eu-west-1")
ARN = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:signal"


def validated(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events, each of which fulfills the schema of its kind."""
    for event in events:
        kind = event["detail-type"].removeprefix("CloudWatch ").lower().replace(" ", "-")
        schema = json.loads((SCHEMAS / f"{kind}.schema.json").read_text())
        Draft202012Validator(schema).validate(event)
    return events


def evaluated(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same for events of evaluated metric alarms, whose reason data has a schema too."""
    schema = json.loads((SCHEMAS / "alarm-state-change.schema.json").read_text())
    reason_data = Draft202012Validator(schema["$defs"]["evaluated_reason_data"])
    for event in events:
        if "previousState" in event["detail"]:
            reason_data.validate(json.loads(event["detail"]["state"]["reasonData"]))
    return validated(events)


def region_with(definition: dict[str, Any]) -> CloudWatch:
    region = CloudWatch(PLACE, phases_ms={"signal": 0})
    region.put_metric_alarm(definition, NOW)
    return region


def test_creation() -> None:
    """A new alarm has insufficient data, says so, and sends a configuration change."""
    definition = scalar_alarm(
        AlarmDescription="a signal", OKActions=["arn:ok"], Dimensions=[{"Name": "a", "Value": "1"}]
    )
    region = CloudWatch(PLACE)
    (event,) = validated(region.put_metric_alarm(definition, at("05:42:25.543")))
    assert event["detail-type"] == "CloudWatch Alarm Configuration Change"
    assert event["time"] == "2026-09-14T05:42:25Z"
    assert event["resources"] == [ARN]
    (query,) = event["detail"]["configuration"]["metrics"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", query["id"])
    assert event["detail"] == {
        "alarmName": "signal",
        "operation": "create",
        "state": {"value": "INSUFFICIENT_DATA", "timestamp": "2026-09-14T05:42:25.543+0000"},
        "configuration": {
            "evaluationPeriods": 3,
            "datapointsToAlarm": 3,
            "threshold": 50.0,
            "comparisonOperator": "GreaterThanThreshold",
            "treatMissingData": "missing",
            "metrics": [
                {
                    "id": query["id"],
                    "metricStat": {
                        "metric": {"namespace": "Test", "name": "Signal", "dimensions": {"a": "1"}},
                        "period": 10,
                        "stat": "Average",
                    },
                    "returnData": True,
                }
            ],
            "alarmName": "signal",
            "description": "a signal",
            "actionsEnabled": True,
            "timestamp": "2026-09-14T05:42:25.543+0000",
            "okActions": ["arn:ok"],
            "alarmActions": [],
            "insufficientDataActions": [],
        },
    }
    (shown,) = region.describe_alarms()["MetricAlarms"]
    assert shown["StateReason"] == "Unchecked: Initial alarm creation"
    assert "StateReasonData" not in shown
    assert shown["AlarmArn"] == ARN


def test_an_identical_put_is_nothing() -> None:
    """The same definition once more changes no timestamp and sends no event."""
    region = region_with(scalar_alarm())
    before = region.describe_alarms()
    assert region.put_metric_alarm(scalar_alarm(), NOW + 5_000) == []
    assert region.describe_alarms() == before


def test_an_update_replaces_everything_but_the_state() -> None:
    """Settings that are left out are lost, the state stays, and the event shows before and after."""
    region = region_with(scalar_alarm(AlarmDescription="old"))
    region.set_alarm_state("signal", "ALARM", "by hand", None, NOW + 1_000)
    (event,) = validated(region.put_metric_alarm(scalar_alarm(Threshold=20), NOW + 2_000))
    detail = event["detail"]
    assert detail["operation"] == "update"
    assert detail["state"] == {"value": "ALARM", "timestamp": "2026-09-14T10:00:01.000+0000"}
    assert "description" not in detail["configuration"]
    assert detail["previousConfiguration"]["description"] == "old"
    assert (detail["configuration"]["threshold"], detail["previousConfiguration"]["threshold"]) == (20, 50)
    assert detail["configuration"]["metrics"][0]["id"] != detail["previousConfiguration"]["metrics"][0]["id"]


def test_an_update_may_change_the_cadence() -> None:
    """An alarm that becomes a 60 s alarm is evaluated every minute from then on."""
    region = region_with(scalar_alarm())
    region.put_metric_alarm(scalar_alarm(Period=60), NOW + 1_000)
    assert region.next_evaluation_at_ms() == NOW + 60_000


def test_deletion() -> None:
    """Deleting sends a configuration change with the last state and its reason, and no state change."""
    region = region_with(scalar_alarm())
    region.set_alarm_state("signal", "ALARM", "by hand", None, NOW + 1_000)
    (event,) = validated(region.delete_alarms(["signal", "unknown"], NOW + 2_000))
    assert event["detail"]["operation"] == "delete"
    assert event["detail"]["state"] == {
        "value": "ALARM",
        "reason": "by hand",
        "timestamp": "2026-09-14T10:00:01.000+0000",
    }
    assert region.describe_alarms() == {"MetricAlarms": [], "CompositeAlarms": []}
    assert region.next_evaluation_at_ms() is None
    assert region.advance(NOW + 60_000) == []


def test_set_by_hand() -> None:
    """SetAlarmState sends the caller's reason and data as they are; the initial state has no data."""
    region = region_with(scalar_alarm())
    (event,) = validated(region.set_alarm_state("signal", "ALARM", "a drill", '{"by":"hand"}', NOW + 1_000))
    assert event["detail"]["state"] == {
        "value": "ALARM",
        "reason": "a drill",
        "reasonData": '{"by":"hand"}',
        "timestamp": "2026-09-14T10:00:01.000+0000",
    }
    assert event["detail"]["previousState"] == {
        "value": "INSUFFICIENT_DATA",
        "reason": "Unchecked: Initial alarm creation",
        "timestamp": "2026-09-14T10:00:00.000+0000",
    }


def test_the_same_state_by_hand_is_nothing() -> None:
    """A new reason for the same state changes nothing and sends nothing."""
    region = region_with(scalar_alarm())
    region.set_alarm_state("signal", "ALARM", "a drill", None, NOW + 1_000)
    before = region.describe_alarms()
    assert region.set_alarm_state("signal", "ALARM", "another", "{}", NOW + 2_000) == []
    assert region.describe_alarms() == before


def test_a_state_by_hand_lasts_until_the_next_evaluation() -> None:
    """An alarm set to OK over breaching data is raised again within ten seconds."""
    region = region_with(scalar_alarm(EvaluationPeriods=1, DatapointsToAlarm=1))
    region.metrics.add(SIGNAL, NOW + 1_000, 100.0, storage_resolution_seconds=1)
    assert states_of(region.advance(NOW + 21_000)) == [("10:00:20.000", "ALARM")]
    region.set_alarm_state("signal", "OK", "re-armed", None, NOW + 22_000)
    assert states_of(region.advance(NOW + 31_000)) == [("10:00:30.000", "ALARM")]


def test_by_hand_it_sticks_where_missing_data_is_ignored() -> None:
    """With `ignore` and no data a state set manually stays."""
    region = region_with(scalar_alarm(TreatMissingData="ignore"))
    region.set_alarm_state("signal", "ALARM", "a drill", None, NOW + 1_000)
    assert region.advance(NOW + 3_600_000) == []
    assert region.state("signal").value == "ALARM"


def test_disabled_actions_do_not_stop_events() -> None:
    """Disabling actions is an update of the configuration; state changes are told all the same."""
    region = region_with(scalar_alarm())
    (event,) = validated(region.disable_alarm_actions(["signal"], NOW + 1_000))
    assert event["detail"]["operation"] == "update"
    assert event["detail"]["configuration"]["actionsEnabled"] is False
    assert event["detail"]["previousConfiguration"]["actionsEnabled"] is True
    assert region.disable_alarm_actions(["signal"], NOW + 2_000) == []
    assert len(region.set_alarm_state("signal", "ALARM", "a drill", None, NOW + 3_000)) == 1
    assert len(region.enable_alarm_actions(["signal"], NOW + 4_000)) == 1


def test_unknown_alarms() -> None:
    """What needs an alarm that is not there says which."""
    region = CloudWatch()
    with pytest.raises(NoSuchAlarmError, match="there is no alarm 'signal'"):
        region.set_alarm_state("signal", "OK", "", None, NOW)
    with pytest.raises(NoSuchAlarmError):
        region.disable_alarm_actions(["signal"], NOW)
    assert region.describe_alarms(["signal"])["MetricAlarms"] == []
    with pytest.raises(InvalidAlarmError):
        region.put_metric_alarm(scalar_alarm(Period=7), NOW)


def test_unit_mismatch() -> None:
    """An alarm with another unit than the metric's never sees a datapoint."""
    region = region_with(
        scalar_alarm(Unit="Seconds", TreatMissingData="missing", EvaluationPeriods=1, DatapointsToAlarm=1)
    )
    region.set_alarm_state("signal", "OK", "", None, NOW)
    for second in range(60):
        region.metrics.add(SIGNAL, NOW + second * 1000, 100.0, unit="Count", storage_resolution_seconds=1)
    assert states_of(region.advance(NOW + 60_000)) == [("10:00:10.000", "INSUFFICIENT_DATA")]


def test_events_of_a_metric_math_alarm() -> None:
    """A state change shows the expression and its metrics, neither threshold nor periods."""
    definition = math_alarm(
        "m1 * 2", "m1", EvaluationPeriods=1, DatapointsToAlarm=1, TreatMissingData="breaching"
    )
    definition["Metrics"][1]["Label"] = "twice"
    definition["AlarmDescription"] = "doubled"
    region = region_with(definition)
    (event,) = evaluated(region.advance(NOW + 10_000))
    assert event["detail"]["configuration"] == {
        "metrics": [
            {
                "id": "m1",
                "metricStat": {
                    "metric": {"namespace": "Test", "name": "m1", "dimensions": {}},
                    "period": 10,
                    "stat": "Sum",
                },
                "returnData": False,
            },
            {"id": "result", "expression": "m1 * 2", "label": "twice", "returnData": True},
        ],
        "description": "doubled",
    }
    assert list(event) == [
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail",
    ]  # fmt: skip


def test_the_default_alarms_in_an_outage() -> None:
    """In an outage of two minutes each of the default alarms trips, and calms down after it."""
    region = CloudWatch(PLACE)
    events: list[dict[str, Any]] = []
    slow_scalar = {**slow_alarm(), "AlarmName": "recloser:payments-api:slow-scalar"}
    for definition in (rate_alarm(), rate_alarm(period=60, minimum=3), slow_share_alarm(), slow_scalar):
        events += region.put_metric_alarm(definition, NOW)
    for second in range(1800):
        now = NOW + second * 1000
        failed = 600 <= second < 720
        for call in range(3):
            line = call_line(now + call * 300, failed=failed, duration_ms=2500 if failed else 40)
            assert region.put_emf(line, now + call * 300, now + 2_000).dropped == []
        events += region.advance(now)
    evaluated(events)
    expected = {
        "failure-rate-fast": (20, 40),
        "slow-calls": (20, 40),
        "slow-scalar": (30, 50),
        "failure-rate-steady": (60, 180),
    }
    for name, (soonest, latest) in expected.items():
        changes = states_of(events, f"recloser:payments-api:{name}")
        assert [state for _, state in changes] == ["OK", "ALARM", "OK"], name
        tripped = (at(changes[1][0]) - at("10:10:00")) / 1000
        assert soonest <= tripped <= latest, name


def test_an_outage_in_thin_traffic() -> None:
    """Four calls a minute are too few for the fast alarm, and enough for the steady one."""
    region = CloudWatch(PLACE)
    events: list[dict[str, Any]] = []
    for definition in (rate_alarm(), rate_alarm(period=60, minimum=3)):
        events += region.put_metric_alarm(definition, NOW)
    for second in range(0, 900, 15):
        now = NOW + second * 1000
        region.put_emf(call_line(now, failed=second >= 300), now)
        events += region.advance(now)
    assert "ALARM" not in [state for _, state in states_of(events, "recloser:payments-api:failure-rate-fast")]
    assert "ALARM" in [state for _, state in states_of(events, "recloser:payments-api:failure-rate-steady")]


def test_memory_is_bounded() -> None:
    """A day of samples leaves only what the alarms can look at, and some retention."""
    region = CloudWatch(PLACE)
    region.put_metric_alarm(scalar_alarm(Period=60), NOW)
    for minute in range(1440):
        now = NOW + minute * 60_000
        region.metrics.add(SIGNAL, now, float(minute))
        region.advance(now)
    assert len(region.metrics.series(SIGNAL)._cells) < 20
