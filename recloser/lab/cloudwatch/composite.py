"""Composite alarms: from PutCompositeAlarm or DescribeAlarms to frozen data; why they have their state."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from recloser.lab.cloudwatch.alarms import State
from recloser.lab.cloudwatch.definitions import Reader
from recloser.lab.cloudwatch.reasons import Reason
from recloser.lab.cloudwatch.rules import Rule, RuleError, parse_rule
from recloser.lab.cloudwatch.states import AlarmState, Place
from recloser.lab.cloudwatch.times import iso_milliseconds, long_time

MAXIMUM_RULE_LENGTH = 10_240
MAXIMUM_CHILDREN = 100
MAXIMUM_ELEMENTS = 500


@dataclass(frozen=True, slots=True)
class Suppressor:
    """ActionsSuppressor: an alarm that suppresses the actions, not the state, of a composite alarm."""

    alarm: str
    wait_seconds: int
    extension_seconds: int


@dataclass(frozen=True, slots=True)
class CompositeAlarm:
    """An alarm that is in ALARM while its rule holds, else OK. `children` are the names in the rule."""

    name: str
    rule_text: str
    children: tuple[str, ...]
    suppressor: Suppressor | None
    definition: Mapping[str, Any] = field(compare=False)
    rule: Rule = field(compare=False, repr=False)

    @property
    def depends_on(self) -> tuple[str, ...]:
        return self.children if self.suppressor is None else (*self.children, self.suppressor.alarm)


_SETTINGS = {
    "AlarmName",
    "AlarmDescription",
    "AlarmRule",
    "ActionsEnabled",
    "OKActions",
    "AlarmActions",
    "InsufficientDataActions",
    "ActionsSuppressor",
    "ActionsSuppressorWaitPeriod",
    "ActionsSuppressorExtensionPeriod",
}


def composite_alarm(definition: Mapping[str, Any]) -> CompositeAlarm:
    """The alarm that PutCompositeAlarm would make of `definition`, or that DescribeAlarms shows.

    Raises InvalidAlarmError, naming what is wrong and where in the rule.
    """
    reader = Reader(definition)
    reader.refuse_unknown(_SETTINGS)
    name, text = reader.text("AlarmName"), reader.text("AlarmRule")
    if len(text) > MAXIMUM_RULE_LENGTH:
        raise reader.error(f"AlarmRule must be at most {MAXIMUM_RULE_LENGTH} characters, not {len(text)}")
    try:
        parsed = parse_rule(text)
    except RuleError as error:
        raise reader.error(str(error)) from None
    if len(parsed.alarms) > MAXIMUM_CHILDREN:
        raise reader.error(
            f"AlarmRule may refer to at most {MAXIMUM_CHILDREN} alarms, not {len(parsed.alarms)}"
        )
    if parsed.elements > MAXIMUM_ELEMENTS:
        raise reader.error(f"AlarmRule may have at most {MAXIMUM_ELEMENTS} elements, not {parsed.elements}")
    if name in parsed.alarms:
        raise reader.error("AlarmRule refers to the alarm itself")
    return CompositeAlarm(name, text, parsed.alarms, _suppressor(reader), reader.settings, parsed.rule)


def _suppressor(reader: Reader) -> Suppressor | None:
    if "ActionsSuppressor" not in reader.settings:
        return None
    return Suppressor(
        reader.text("ActionsSuppressor").split(":alarm:", 1)[-1],
        reader.whole_number("ActionsSuppressorWaitPeriod", 0),
        reader.whole_number("ActionsSuppressorExtensionPeriod", 0),
    )


StateOf = Callable[[str], AlarmState]


def put_reason(
    place: Place, alarm: CompositeAlarm, state: State, state_of: StateOf, *, created: bool
) -> Reason:
    """The reason for a state that comes from the rule itself, just created or updated."""
    done = "created and its alarm rule" if created else "updated and its new alarm rule"
    text = f"{place.alarm_arn(alarm.name)} was {done} evaluates to {state.value}"
    return Reason(text, _triggering(place, alarm, state_of))


def child_reason(place: Place, alarm: CompositeAlarm, child: str, state_of: StateOf) -> Reason:
    """The reason for a state that comes from the change of `child`."""
    return Reason(transitioned(place, child, state_of(child)), _triggering(place, alarm, state_of))


def transitioned(place: Place, name: str, state: AlarmState) -> str:
    return f"{place.alarm_arn(name)} transitioned to {state.value.value} at {long_time(state.updated_ms)}"


def _triggering(place: Place, alarm: CompositeAlarm, state_of: StateOf) -> str:
    causes = dict.fromkeys(alarm.rule.causes(lambda name: state_of(name).value))
    triggering = [
        {
            "arn": place.alarm_arn(name),
            "state": {
                "value": state_of(name).value.value,
                "timestamp": iso_milliseconds(state_of(name).updated_ms),
            },
        }
        for name in causes
    ]
    return json.dumps({"triggeringAlarms": triggering}, separators=(",", ":"))
