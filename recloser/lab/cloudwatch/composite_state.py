"""Why a composite alarm has its state, in CloudWatch's words and JSON."""

import json
from collections.abc import Mapping

from recloser.lab.cloudwatch.alarms import State
from recloser.lab.cloudwatch.composite import CompositeAlarm
from recloser.lab.cloudwatch.events import AlarmState, Place
from recloser.lab.cloudwatch.reasons import Reason
from recloser.lab.cloudwatch.times import iso_milliseconds, long_time


def put_reason(
    place: Place, alarm: CompositeAlarm, state: State, children: Mapping[str, AlarmState], *, created: bool
) -> Reason:
    """The reason for a state that comes from the rule itself, just created or updated."""
    done = "created and its alarm rule" if created else "updated and its new alarm rule"
    text = f"{place.alarm_arn(alarm.name)} was {done} evaluates to {state.value}"
    return Reason(text, _triggering(place, children))


def child_reason(place: Place, child: str, children: Mapping[str, AlarmState]) -> Reason:
    """The reason for a state that comes from the change of `child`."""
    changed = children[child]
    text = (
        f"{place.alarm_arn(child)} transitioned to {changed.value.value} at {long_time(changed.updated_ms)}"
    )
    return Reason(text, _triggering(place, children))


def _triggering(place: Place, children: Mapping[str, AlarmState]) -> str:
    triggering = [
        {
            "arn": place.alarm_arn(name),
            "state": {"value": state.value.value, "timestamp": iso_milliseconds(state.updated_ms)},
        }
        for name, state in children.items()
    ]
    return json.dumps({"triggeringAlarms": triggering}, separators=(",", ":"))
