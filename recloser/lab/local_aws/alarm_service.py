"""CloudWatch's alarms for the emulator: its definitions, evaluated by our twin, told to everyone.

The emulator keeps the alarms that people and CloudFormation make and answers DescribeAlarms; the twin in
`recloser.lab.cloudwatch` decides their states. `AlarmService.step` keeps the two the same:

    definitions     emulator ──▶ twin      made, changed and deleted alarms
    set manually     emulator ──▶ twin      a state or reason that is not ours: SetAlarmState
    evaluated       twin ──▶ emulator      so that DescribeAlarms tells the truth
    every change    twin ──▶ EventBridge   the events that CloudWatch would send
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from recloser.lab.cloudwatch import CloudWatch, Event, InvalidAlarmError, Metric, MetricAlarm, metric_alarm
from recloser.lab.cloudwatch.events import STATE_CHANGE
from recloser.lab.cloudwatch.reasons import INITIAL_REASON

logger = logging.getLogger(__name__)

Definition = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ShownState:
    """What DescribeAlarms of the emulator says of an alarm's state."""

    value: str
    reason: str
    reason_data: str | None = None


# With this every alarm of the emulator begins.
CREATED = ShownState("INSUFFICIENT_DATA", INITIAL_REASON)


class AlarmService:
    """Keeps the emulator's alarms and the twin's the same.

    Args:
        cloudwatch: the twin.
        emulator: the boto3 client of the emulator's CloudWatch.
        deliver: what brings an event to its targets.

    Attributes:
        refused: alarms that cannot be evaluated here, by name, with why.

    """

    def __init__(self, cloudwatch: CloudWatch, emulator: Any, deliver: Callable[[Event], object]) -> None:
        self._cloudwatch = cloudwatch
        self._emulator = emulator
        self._deliver = deliver
        self._definitions: dict[str, Definition] = {}
        self._alarms: dict[str, MetricAlarm] = {}
        self._known: dict[str, ShownState] = {}
        self.refused: dict[str, InvalidAlarmError] = {}

    def metrics(self) -> set[Metric]:
        """Every metric that an alarm names."""
        return {metric for alarm in self._alarms.values() for metric in alarm.metrics}

    def is_watched(self, metric: Metric) -> bool:
        """Whether an alarm looks at the metric: names it, or asks for it by a query."""
        selects = (query.select for alarm in self._alarms.values() for query in alarm.queries)
        return metric in self.metrics() or any(
            select.selects(metric) for select in selects if select is not None
        )

    def step(self, now_ms: int) -> None:
        """Take over what changed in the emulator, evaluate what is due, and tell the changes.

        Args:
            now_ms: the time, epoch milliseconds; never earlier than in the last step.

        """
        shown = self._describe()
        # Compared before anything is written: what we write from here on is not in what was described.
        set_by_hand = {
            name: state
            for name, alarm in shown.items()
            if (state := _shown_state(alarm)) != self._known.setdefault(name, CREATED)
        }
        self._forget(set(self._known) - set(shown), now_ms)
        for name, alarm in shown.items():
            self._take_definition(name, _definition(alarm), now_ms)
        for name, state in set_by_hand.items():
            self._take_state(name, state, now_ms)
        self._tell(self._cloudwatch.advance(now_ms))

    def _describe(self) -> dict[str, Definition]:
        """Every alarm of the emulator, children before the composite alarms that refer to them."""
        alarms: list[Definition] = []
        composites: list[Definition] = []
        pages = self._emulator.get_paginator("describe_alarms").paginate(
            AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        for page in pages:
            alarms += page["MetricAlarms"]
            composites += page["CompositeAlarms"]
        # A composite alarm may refer to another one only if that was there before it.
        composites.sort(key=lambda alarm: alarm["AlarmConfigurationUpdatedTimestamp"])
        return {alarm["AlarmName"]: alarm for alarm in alarms + composites}

    def _forget(self, names: Iterable[str], now_ms: int) -> None:
        # Composite alarms first: CloudWatch refuses to delete what one of them refers to.
        for name in sorted(names, key=lambda name: "AlarmRule" not in self._definitions[name]):
            del self._known[name]
            del self._definitions[name]
            self._alarms.pop(name, None)
            if self.refused.pop(name, None) is None:
                self._tell(self._cloudwatch.delete_alarms([name], now_ms))

    def _take_definition(self, name: str, definition: Definition, now_ms: int) -> None:
        if self._definitions.get(name) == definition:
            return
        self._definitions[name] = definition
        self._alarms.pop(name, None)
        try:
            events = self._put(name, definition, now_ms)
        except InvalidAlarmError as problem:
            self.refused[name] = problem
            logger.warning("not evaluated here: %s", problem)
            return
        self.refused.pop(name, None)
        self._tell(events)

    def _put(self, name: str, definition: Definition, now_ms: int) -> list[Event]:
        if "AlarmRule" in definition:
            return self._cloudwatch.put_composite_alarm(definition, now_ms)
        self._alarms[name] = alarm = metric_alarm(definition)
        return self._cloudwatch.put_metric_alarm(alarm, now_ms)

    def _take_state(self, name: str, shown: ShownState, now_ms: int) -> None:
        known, self._known[name] = self._known[name], shown
        if name in self.refused:
            return
        # The emulator keeps the reason data of an earlier state, so only new data are this caller's.
        data = shown.reason_data if shown.reason_data != known.reason_data else None
        self._tell(self._cloudwatch.set_alarm_state(name, shown.value, shown.reason, data, now_ms))

    def _tell(self, events: Iterable[Event]) -> None:
        for event in events:
            if event["detail-type"] == STATE_CHANGE:
                self._show(event["detail"]["alarmName"], event["detail"]["state"])
            self._deliver(event)

    def _show(self, name: str, state: Mapping[str, str]) -> None:
        """Write a state to the emulator, unless it came from there."""
        known = self._known[name]
        if (known.value, known.reason) == (state["value"], state["reason"]):
            return
        data = state.get("reasonData")
        try:
            self._emulator.set_alarm_state(
                AlarmName=name,
                StateValue=state["value"],
                StateReason=state["reason"],
                **({"StateReasonData": data} if data else {}),
            )
        except self._emulator.exceptions.ResourceNotFound:
            return  # deleted meanwhile, as with its stack: the next step forgets it
        self._known[name] = ShownState(state["value"], state["reason"], data or known.reason_data)


def _definition(alarm: Definition) -> Definition:
    """What was put: without what DescribeAlarms adds, and without the empty texts of the emulator."""
    added = ("AlarmArn", "AlarmConfigurationUpdatedTimestamp")
    return {
        key: value
        for key, value in alarm.items()
        if key not in added and not key.startswith("State") and value not in (None, "")
    }


def _shown_state(alarm: Definition) -> ShownState:
    return ShownState(alarm["StateValue"], alarm["StateReason"], alarm.get("StateReasonData"))
