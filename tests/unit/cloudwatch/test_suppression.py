"""How a suppressor suppresses the actions of a composite alarm: the phases and events captured on AWS."""

from __future__ import annotations

import json
from typing import Any

from alarm_twin import at, scalar_alarm

from recloser.lab.cloudwatch import CloudWatch

ARN = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:"


def suppressed_region() -> CloudWatch:
    region = CloudWatch()
    for name in ("child", "suppressor"):
        region.put_metric_alarm(scalar_alarm(AlarmName=name, TreatMissingData="ignore"), at("06:41:38"))
        region.set_alarm_state(name, "OK", "by hand", None, at("06:41:40.710"))
    region.put_composite_alarm(
        {
            "AlarmName": "all",
            "AlarmRule": 'ALARM("child")',
            "ActionsSuppressor": "suppressor",
            "ActionsSuppressorWaitPeriod": 5,
            "ActionsSuppressorExtensionPeriod": 5,
        },
        at("06:41:43.225"),
    )
    return region


def phases(events: list[dict[str, Any]]) -> list[tuple[str, str, str | None, str, str | None]]:
    """(time, previous value, previous phase, value, phase) of the composite's state changes."""
    return [
        (
            event["detail"]["state"]["timestamp"][11:23],
            event["detail"]["previousState"]["value"],
            event["detail"]["previousState"].get("actionsSuppressedBy"),
            event["detail"]["state"]["value"],
            event["detail"]["state"].get("actionsSuppressedBy"),
        )
        for event in events
        if event["detail"]["alarmName"] == "all" and "previousState" in event["detail"]
    ]


def test_the_captured_history() -> None:
    """Wait, release, wait, held by the alarm, extension, release: six phases, each with its event."""
    region = suppressed_region()
    events = region.advance(at("06:42:00"))
    events += region.set_alarm_state("child", "ALARM", "by hand", None, at("06:42:02.864"))
    events += region.advance(at("06:42:20"))
    events += region.set_alarm_state("child", "OK", "by hand", None, at("06:42:30.399"))
    events += region.set_alarm_state("suppressor", "ALARM", "by hand", None, at("06:42:31.856"))
    events += region.set_alarm_state("child", "ALARM", "by hand", None, at("06:42:35.644"))
    events += region.advance(at("06:43:00"))
    events += region.set_alarm_state("suppressor", "OK", "by hand", None, at("06:43:01.000"))
    events += region.advance(at("06:43:30"))
    assert phases(events) == [
        ("06:41:48.225", "OK", "WaitPeriod", "OK", None),
        ("06:42:02.864", "OK", None, "ALARM", "WaitPeriod"),
        ("06:42:07.864", "ALARM", "WaitPeriod", "ALARM", None),
        ("06:42:30.399", "ALARM", None, "OK", "WaitPeriod"),
        ("06:42:31.856", "OK", "WaitPeriod", "OK", "Alarm"),
        ("06:42:35.644", "OK", "Alarm", "ALARM", "Alarm"),
        ("06:43:01.000", "ALARM", "Alarm", "ALARM", "ExtensionPeriod"),
        ("06:43:06.000", "ALARM", "ExtensionPeriod", "ALARM", None),
    ]


def test_the_words() -> None:
    """The reason stays that of the change; the suppression has a reason of its own."""
    region = suppressed_region()
    region.set_alarm_state("suppressor", "ALARM", "by hand", None, at("06:42:31.856"))
    events = region.set_alarm_state("child", "ALARM", "by hand", None, at("06:42:35.644"))
    state = events[1]["detail"]["state"]
    assert state["actionsSuppressedReason"] == (
        f"Actions suppressed by {ARN}suppressor that transitioned to ALARM "
        "at Monday 14 September, 2026 06:42:31 UTC"
    )
    assert state["reason"] == f"{ARN}child transitioned to ALARM at Monday 14 September, 2026 06:42:35 UTC"
    assert list(state) == [
        "actionsSuppressedBy", "actionsSuppressedReason", "value", "reason", "reasonData", "timestamp",
    ]  # fmt: skip
    assert events[1]["detail"]["configuration"] == {
        "alarmRule": 'ALARM("child")',
        "actionsSuppressor": "suppressor",
        "actionsSuppressorWaitPeriod": 5,
        "actionsSuppressorExtensionPeriod": 5,
    }


def test_a_late_suppressor_holds_nothing_back() -> None:
    """Once the wait is over the actions have run: a suppressor that comes then starts no new phase."""
    region = suppressed_region()
    region.set_alarm_state("child", "ALARM", "by hand", None, at("06:42:02.864"))
    region.advance(at("06:42:20"))
    assert phases(region.set_alarm_state("suppressor", "ALARM", "by hand", None, at("06:42:21"))) == []


def test_the_state_is_never_suppressed() -> None:
    """A suppressor suppresses actions only: the composite still changes its state."""
    region = suppressed_region()
    region.set_alarm_state("suppressor", "ALARM", "by hand", None, at("06:42:00"))
    region.set_alarm_state("child", "ALARM", "by hand", None, at("06:42:01"))
    (shown,) = region.describe_alarms(["all"])["CompositeAlarms"]
    assert (shown["StateValue"], shown["ActionsSuppressedBy"]) == ("ALARM", "Alarm")
    assert json.loads(shown["StateReasonData"])["triggeringAlarms"][0]["arn"] == f"{ARN}child"


def test_a_change_of_phase_is_no_transition() -> None:
    """StateUpdatedTimestamp moves with the phase, StateTransitionedTimestamp with the state alone."""
    region = suppressed_region()
    region.set_alarm_state("child", "ALARM", "by hand", None, at("06:42:02.864"))
    region.advance(at("06:42:20"))
    (shown,) = region.describe_alarms(["all"])["CompositeAlarms"]
    assert shown["StateUpdatedTimestamp"] == "2026-09-14T06:42:07.864+0000"
    assert shown["StateTransitionedTimestamp"] == "2026-09-14T06:42:02.864+0000"


def test_a_deleted_composite_has_no_release_left() -> None:
    """Deleting a composite during a wait leaves nothing to do."""
    region = suppressed_region()
    region.set_alarm_state("child", "ALARM", "by hand", None, at("06:42:02.864"))
    region.delete_alarms(["all"], at("06:42:03"))
    assert phases(region.advance(at("06:43:00"))) == []
