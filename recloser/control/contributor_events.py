"""Reads `CloudWatch Alarm Contributor State Change` events.

An alarm over a query with GROUP BY has a contributor for each circuit, which rises by itself. Its events
carry neither a previous state nor reason data, so they are not read like those of other alarms.
Source: "Alarm events and EventBridge", CloudWatch user guide; captured in `events/`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from recloser.control.alarm_circuit import OTHER, EveryCircuit, allowed_circuit, circuit_of_alarm
from recloser.control.alarm_events import event_expressions
from recloser.control.ignored import Ignored
from recloser.control.stack import Stack
from recloser.errors import EventError
from recloser.metrics.emf import DIMENSION

# "Metrics Insights alarms": no period below a minute, and no look back over more than three hours.
_SHORTEST_PERIOD_SECONDS, _LONGEST_PERIOD_SECONDS = 60, 10_800

# In the reason: [20.0 (23/09/26 19:53:00)], the start of a breaching minute, UTC, or several.
_DATAPOINT = re.compile(r"[\[,] ?[-+.0-9A-Za-z]+ \((\d\d/\d\d/\d\d \d\d:\d\d:\d\d)\)")


@dataclass(frozen=True, slots=True)
class ContributorRaised:
    """One circuit of an alarm that watches every circuit went to ALARM.

    `newest_data_begins_ms` is when its newest breaching period began, which takes `period_ms`.
    """

    circuit: str
    alarm: str
    reason: str
    watches: EveryCircuit
    period_ms: int
    newest_data_begins_ms: int


def from_contributor_event(
    event: Mapping[str, Any], stack: Stack | None = None
) -> ContributorRaised | Ignored:
    """Read a `CloudWatch Alarm Contributor State Change` event, already validated by its schema.

    Args:
        event: the whole event.
        stack: whose circuits are meant; None: those of a stack with the default names.

    Returns:
        What was raised; or why the event asks for nothing.

    Raises:
        EventError: the alarm's query does not guard circuits, or its circuit has no name that is allowed.

    """
    stack = stack or Stack()
    detail = event["detail"]
    alarm: str = detail["alarmName"]
    state = detail["state"]
    foreign = stack.foreign(event)
    if foreign is not None:
        return foreign
    configuration = detail["configuration"]
    watches = circuit_of_alarm(alarm, (), event_expressions(configuration), stack)
    if isinstance(watches, Ignored):
        return watches
    circuit = circuit_of_attributes(alarm, detail["alarmContributor"]["attributes"])
    if isinstance(circuit, Ignored):
        return circuit
    if not isinstance(watches, EveryCircuit):
        raise EventError(f"alarm {alarm}: it has contributors, but its query has no GROUP BY {DIMENSION}")
    if state["value"] != "ALARM":
        # An open circuit makes no traffic: its series falls silent, and CloudWatch calls that OK.
        return Ignored(f"alarm {alarm}: {circuit} went to {state['value']}; only ALARM trips")
    reason = state.get("reason") or ""
    begins_ms = newest_datapoint_ms(alarm, reason)
    if begins_ms is None:
        return Ignored(
            f"alarm {alarm}: {circuit} rests on no datapoint: silence says nothing of the dependency"
        )
    return ContributorRaised(circuit, alarm, reason, watches, _period_ms(alarm, configuration), begins_ms)


def circuit_of_attributes(alarm: str, attributes: Mapping[str, Any]) -> str | Ignored:
    """Name the circuit of a contributor.

    Raises:
        EventError: it has none, or its name is not allowed.

    """
    if DIMENSION not in attributes:
        raise EventError(f"alarm {alarm}: its contributor {dict(attributes)!r} names no {DIMENSION}")
    if attributes[DIMENSION] == OTHER:
        return Ignored(f"alarm {alarm}: contributor {OTHER} stands for metrics without a {DIMENSION}")
    return allowed_circuit(alarm, attributes[DIMENSION])


def newest_datapoint_ms(alarm: str, reason: str) -> int | None:
    """Read when the newest breaching period began from a contributor's reason; None: it names none.

    Raises:
        EventError: the reason names a time that is none.

    """
    try:
        moments = [
            datetime.strptime(text, "%d/%m/%y %H:%M:%S").replace(tzinfo=UTC)
            for text in _DATAPOINT.findall(reason)
        ]
    except ValueError as error:
        raise EventError(f"alarm {alarm}: state.reason is not understood: {error}") from error
    if not moments:
        return None
    return round(max(moments).timestamp() * 1000)


def _period_ms(alarm: str, configuration: Mapping[str, Any]) -> int:
    periods = [entry.get("period") for entry in configuration["metrics"]]
    [period, *_] = periods
    allowed = isinstance(period, int) and _SHORTEST_PERIOD_SECONDS <= period <= _LONGEST_PERIOD_SECONDS
    if not allowed:
        raise EventError(
            f"alarm {alarm}: period = {period!r} is not allowed: "
            f"{_SHORTEST_PERIOD_SECONDS} to {_LONGEST_PERIOD_SECONDS} seconds"
        )
    return int(period) * 1000
