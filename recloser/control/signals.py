"""From events to signals: what CloudWatch, EventBridge and the tables' streams say, read strictly.

Sources: "Alarm events and EventBridge" (CloudWatch user guide) for alarms, and the stream record of
the DynamoDB API reference.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from recloser.circuit import Circuit, validate_name
from recloser.decide import AlarmRaised, ProbesReported
from recloser.errors import EventError
from recloser.metrics.emf import DIMENSION, NAMESPACE, TRIP_METRICS
from recloser.store.rows import decode_circuit, decode_probes

ALARM_NAME_PREFIX = "recloser:"

_NO_DATA = 0


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that is in order and asks for nothing."""

    reason: str


@dataclass(frozen=True, slots=True)
class MetricKey:
    """A metric that an alarm looks at."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]


# --- Which circuit an alarm guards ---------------------------------------------------------------


def circuit_of_alarm(alarm: str, metrics: Iterable[MetricKey], *, is_composite: bool) -> str | Ignored:
    """Name the circuit that an alarm trips.

    The dimension of the metric says it; a composite alarm, which carries no metrics, must be named
    `recloser:<circuit>:<anything>`.

    Raises:
        EventError: it cannot be told, or the circuit's name is not allowed.

    """
    if is_composite:
        return _circuit_in_name(alarm)
    ours = [metric for metric in metrics if metric.namespace == NAMESPACE]
    if not ours:
        raise EventError(f"alarm {alarm}: none of its metrics is in namespace {NAMESPACE}")
    tripping = [metric for metric in ours if metric.name in TRIP_METRICS]
    if not tripping:
        names = ", ".join(sorted({metric.name for metric in ours}))
        return Ignored(f"alarm {alarm} is on {names}; only {' and '.join(sorted(TRIP_METRICS))} trip")
    circuits = {metric.dimensions.get(DIMENSION) for metric in tripping}
    if len(circuits) != 1 or None in circuits:
        raise EventError(
            f"alarm {alarm}: its metrics name {len(circuits - {None})} circuits in dimension {DIMENSION}; "
            "every one must name the same"
        )
    return _allowed(alarm, circuits.pop())


def _circuit_in_name(alarm: str) -> str:
    parts = alarm.split(":", 2)
    if not alarm.startswith(ALARM_NAME_PREFIX) or len(parts) != 3:  # noqa: PLR2004  (prefix, circuit, anything)
        raise EventError(f"alarm {alarm}: a composite alarm must be named recloser:<circuit>:<anything>")
    return _allowed(alarm, parts[1])


def _allowed(alarm: str, circuit: str | None) -> str:
    try:
        return validate_name(circuit)
    except ValueError as error:
        raise EventError(f"alarm {alarm}: {error}") from error


# --- Alarm events --------------------------------------------------------------------------------


def from_alarm_event(event: Mapping[str, Any]) -> tuple[str, AlarmRaised] | Ignored:
    """Read a `CloudWatch Alarm State Change` event, already validated by its schema.

    Returns:
        The circuit's name and the signal; or why the event asks for nothing.

    Raises:
        EventError: the alarm belongs to no circuit, or its data cannot be understood.

    """
    detail = event["detail"]
    alarm: str = detail["alarmName"]
    state = detail["state"]
    if state["value"] != "ALARM":
        # Never a recovery: an open circuit makes no traffic, so its metric falls silent.
        return Ignored(f"alarm {alarm} went to {state['value']}; only ALARM trips")
    if detail.get("previousState", {}).get("value") == "ALARM":
        return Ignored(f"alarm {alarm} was in ALARM before: nothing changed")
    configuration = detail.get("configuration", {})
    is_composite = "alarmRule" in configuration
    circuit = circuit_of_alarm(alarm, _event_metrics(configuration), is_composite=is_composite)
    if isinstance(circuit, Ignored):
        return circuit
    reason = state.get("reason") or "no reason given"
    begins_ms, ends_ms = _newest_data_ms(alarm, state)
    if ends_ms == _NO_DATA:
        return Ignored(
            f"alarm {alarm} rests on no datapoint at all: silence says nothing about the dependency"
        )
    return circuit, AlarmRaised(alarm, reason, ends_ms, begins_ms)


def _event_metrics(configuration: Mapping[str, Any]) -> Iterable[MetricKey]:
    for entry in configuration.get("metrics", []):
        metric = entry.get("metricStat", {}).get("metric")
        if metric is not None:
            yield MetricKey(metric.get("namespace", ""), metric["name"], metric.get("dimensions", {}))


def _newest_data_ms(alarm: str, state: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """When the newest breaching datapoint began and ended, epoch ms; no end: the alarm was set by hand.

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
        ends_ms = max(_data_ends_ms(data), default=_NO_DATA)
        return ends_ms - int(data.get("period", 0) * 1000), ends_ms
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EventError(f"alarm {alarm}: state.reasonData is not understood: {error!r}") from error


def _json_object(text: str | None) -> Mapping[str, Any]:
    try:
        data = json.loads(text or "")
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _data_ends_ms(data: Mapping[str, Any]) -> Iterable[int]:
    period_ms = int(data["period"] * 1000)
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


# --- Stream records ------------------------------------------------------------------------------


def from_probe_record(record: Mapping[str, Any]) -> tuple[str, ProbesReported] | Ignored:
    """Read a record of the probe table's stream.

    Returns:
        The circuit's name and the signal; or why the record asks for nothing.

    Raises:
        EventError: the record's new image is not a probe item.

    """
    if record.get("eventName") == "REMOVE":
        return Ignored("the permits of an old generation expired")
    try:
        circuit, probes, problems = decode_probes(record["dynamodb"]["NewImage"])
        validate_name(circuit)
    except (KeyError, ValueError) as error:
        raise EventError(f"record {record.get('eventID')!r} of the probe table: {error!r}") from error
    if problems:
        raise EventError(f"record {record.get('eventID')!r} of the probe table: {'; '.join(problems)}")
    return circuit, ProbesReported(probes)


def from_circuit_record(record: Mapping[str, Any]) -> tuple[Circuit, Circuit]:
    """Read a record of the circuit table's stream: the circuit before and after.

    What cannot be understood takes its safe default, as for every reader of the item. A circuit whose item
    was deleted is closed, like one that was never written.

    Raises:
        EventError: the record is not one of the circuit table.

    """
    try:
        change = record["dynamodb"]
        name = validate_name(change["Keys"]["circuit"]["S"])
    except (KeyError, ValueError) as error:
        raise EventError(f"record {record.get('eventID')!r} of the circuit table: {error!r}") from error
    before, _ = decode_circuit(name, change.get("OldImage", {}))
    if "NewImage" not in change:
        return before, _deleted(before, round(change.get("ApproximateCreationDateTime", 0) * 1000))
    after, _ = decode_circuit(name, change["NewImage"])
    return before, after


def _deleted(before: Circuit, at_ms: int) -> Circuit:
    return Circuit(
        before.name,
        generation=before.generation,
        revision=before.revision,
        changed_at_ms=at_ms,
        reason="the circuit's item was deleted",
    )
