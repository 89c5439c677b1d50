"""Reads `CloudWatch Alarm State Change` events, and makes signals of them.

Source: "Alarm events and EventBridge", CloudWatch user guide.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from recloser.control.alarm_circuit import EveryCircuit, MetricKey, circuit_in_name, circuit_of_alarm
from recloser.control.ignored import Ignored
from recloser.control.stack import Stack
from recloser.errors import EventError
from recloser.signals import AlarmRaised

# An alarm looks back over a week at most ("PutMetricAlarm", CloudWatch API reference).
LONGEST_PERIOD_SECONDS = 604_800

_NO_DATA = 0


def from_alarm_event(
    event: Mapping[str, Any], stack: Stack | None = None
) -> tuple[str, AlarmRaised] | Ignored:
    """Read a `CloudWatch Alarm State Change` event, already validated by its schema.

    Args:
        event: the whole event.
        stack: whose circuits are meant; None: those of a stack with the default names.

    Returns:
        The circuit's name and the signal; or why the event asks for nothing.

    Raises:
        EventError: the circuit cannot be told, or the alarm's data cannot be understood.

    """
    stack = stack or Stack()
    detail = event["detail"]
    alarm: str = detail["alarmName"]
    state = detail["state"]
    foreign = stack.foreign(event)
    if foreign is not None:
        return foreign
    if state["value"] != "ALARM":
        # Never a recovery: an open circuit makes no traffic, so its metric falls silent.
        return Ignored(f"alarm {alarm} went to {state['value']}; only ALARM trips")
    if detail.get("previousState", {}).get("value") == "ALARM":
        return Ignored(f"alarm {alarm} was in ALARM before: nothing changed")
    circuit = _circuit(alarm, detail.get("configuration", {}), stack)
    if isinstance(circuit, Ignored):
        return circuit
    if isinstance(circuit, EveryCircuit):
        return Ignored(f"alarm {alarm} watches every circuit: its contributors trip, each with an event")
    begins_ms, ends_ms = _newest_data_ms(alarm, state)
    if ends_ms == _NO_DATA:
        return Ignored(
            f"alarm {alarm} rests on no datapoint at all: silence says nothing about the dependency"
        )
    reason = state.get("reason") or "no reason given"
    threshold, datapoints = (None, ()) if ends_ms is None else _figures(state)
    return circuit, AlarmRaised(alarm, reason, ends_ms, begins_ms, threshold=threshold, datapoints=datapoints)


def _circuit(alarm: str, configuration: Mapping[str, Any], stack: Stack) -> str | EveryCircuit | Ignored:
    if "alarmRule" in configuration:
        return circuit_in_name(alarm, stack)
    return circuit_of_alarm(alarm, _event_metrics(configuration), event_expressions(configuration), stack)


def event_expressions(configuration: Mapping[str, Any]) -> Iterable[object]:
    """Return the expressions of an alarm as its events have them."""
    return [entry["expression"] for entry in configuration.get("metrics", []) if "expression" in entry]


def _event_metrics(configuration: Mapping[str, Any]) -> Iterable[MetricKey]:
    for entry in configuration.get("metrics", []):
        metric = entry.get("metricStat", {}).get("metric")
        if metric is not None:
            dimensions = metric.get("dimensions", {})
            yield MetricKey(metric.get("namespace", ""), metric["name"], dimensions, entry.get("accountId"))


def _newest_data_ms(alarm: str, state: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """When the newest breaching datapoint began and ended, epoch ms; no end: the alarm was set manually.

    SetAlarmState passes its caller's reasonData on as it is, or none; an evaluation's names its own version
    and the instant of its query. `evaluatedDatapoints` is optional: events of 2019 have none. A composite
    alarm has no data: its own move stands for it, since it moves only when a child does.
    """
    data = _json_object(state.get("reasonData"))
    try:
        if "triggeringAlarms" in data:
            return None, epoch_ms(state["timestamp"])
        if "version" not in data or "queryDate" not in data:
            return None, None
        period_ms = _period_ms(data["period"])
        ends_ms = max(_data_ends_ms(data, period_ms), default=_NO_DATA)
        return ends_ms - period_ms, ends_ms
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise EventError(f"alarm {alarm}: state.reasonData is not understood: {error!r}") from error


def _figures(state: Mapping[str, Any]) -> tuple[float | None, tuple[float, ...]]:
    """The threshold, and the newest datapoints, newest first. For people: what is no number is left out."""
    data = _json_object(state.get("reasonData"))
    recent = data.get("recentDatapoints")
    threshold = next(_numbers([data.get("threshold")]), None)
    return threshold, tuple(_numbers(reversed(recent))) if isinstance(recent, list) else ()


def _numbers(values: Iterable[object]) -> Iterator[float]:
    return (value for value in values if isinstance(value, int | float) and not isinstance(value, bool))


def _json_object(text: str | None) -> Mapping[str, Any]:
    try:
        data = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _period_ms(seconds: object) -> int:
    match seconds:
        case bool():
            pass
        case int() | float() if 1 <= seconds <= LONGEST_PERIOD_SECONDS:  # NaN is not
            return int(seconds * 1000)
    raise ValueError(f"period = {seconds!r} is not allowed: 1 to {LONGEST_PERIOD_SECONDS} seconds")


def _data_ends_ms(data: Mapping[str, Any], period_ms: int) -> Iterable[int]:
    if "evaluatedDatapoints" in data:
        for point in data["evaluatedDatapoints"]:
            if "value" in point:  # without one it is a gap that was filled
                yield epoch_ms(point["timestamp"]) + period_ms
    elif data.get("startDate"):
        start_ms = epoch_ms(data["startDate"])
        for index, value in enumerate(data["recentDatapoints"], start=1):
            if value is not None:
                yield start_ms + index * period_ms


def epoch_ms(timestamp: str) -> int:
    """Read CloudWatch's `2026-09-14T05:42:40.000+0000`.

    Raises:
        ValueError: it is not a time with a zone.

    """
    moment = datetime.fromisoformat(timestamp)
    if moment.tzinfo is None:
        raise ValueError(f"{timestamp!r} has no time zone")
    return round(moment.timestamp() * 1000)
