"""CloudWatch's events as EventBridge delivers them.

The shapes are those of AWS's "Alarm events and EventBridge" and of events captured on AWS.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recloser.lab.cloudwatch.alarms import MetricAlarm, MetricQuery, State
from recloser.lab.cloudwatch.composite import CompositeAlarm
from recloser.lab.cloudwatch.times import iso_milliseconds, iso_seconds

Event = dict[str, Any]
Alarm = MetricAlarm | CompositeAlarm

STATE_CHANGE = "CloudWatch Alarm State Change"
CONFIGURATION_CHANGE = "CloudWatch Alarm Configuration Change"
_NAMESPACE = uuid.UUID("6f1c6f0e-3c39-5b0c-9d0b-7a1f3a3f8f52")


@dataclass(frozen=True, slots=True)
class AlarmState:
    """A state with its reason; `reason_data` is JSON text, or None where CloudWatch has none."""

    value: State
    reason: str
    reason_data: str | None
    updated_ms: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where the alarms are; names of alarms become ARNs here."""

    account: str = "000000000000"
    region: str = "us-east-1"

    def alarm_arn(self, name: str) -> str:
        return f"arn:aws:cloudwatch:{self.region}:{self.account}:alarm:{name}"


def state_change(place: Place, alarm: Alarm, previous: AlarmState, state: AlarmState, sequence: int) -> Event:
    """The event of an alarm that has gone from `previous` to `state`."""
    detail = {
        "alarmName": alarm.name,
        "state": _state(state),
        "previousState": _state(previous),
        "configuration": _short_configuration(alarm),
    }
    return _envelope(place, STATE_CHANGE, alarm.name, state.updated_ms, detail, sequence)


def configuration_change(
    place: Place,
    operation: str,
    alarm: Alarm,
    state: AlarmState,
    configured_ms: int,
    at_ms: int,
    sequence: int,
    *,
    previous: tuple[Alarm, int] | None = None,
) -> Event:
    """The event of an alarm that was created, updated or deleted (`operation`).

    `previous` is what the alarm was before an update, and when that was configured.
    """
    shown = {"value": state.value.value, "timestamp": iso_milliseconds(state.updated_ms)}
    if operation == "delete":
        shown = {**shown, "reason": state.reason}
    detail: dict[str, Any] = {
        "alarmName": alarm.name,
        "operation": operation,
        "state": shown,
        "configuration": _full_configuration(alarm, configured_ms),
    }
    if previous is not None:
        detail["previousConfiguration"] = _full_configuration(*previous)
    return _envelope(place, CONFIGURATION_CHANGE, alarm.name, at_ms, detail, sequence)


def _envelope(
    place: Place, detail_type: str, name: str, at_ms: int, detail: Mapping[str, Any], sequence: int
) -> Event:
    # The same history gives the same ids, so that a simulation can be replayed to the byte.
    identity = f"{place.account}/{place.region}/{name}/{detail_type}/{at_ms}/{sequence}"
    return {
        "version": "0",
        "id": str(uuid.uuid5(_NAMESPACE, identity)),
        "detail-type": detail_type,
        "source": "aws.cloudwatch",
        "account": place.account,
        "time": iso_seconds(at_ms),
        "region": place.region,
        "resources": [place.alarm_arn(name)],
        "detail": dict(detail),
    }


def _state(state: AlarmState) -> dict[str, str]:
    shown = {"value": state.value.value, "reason": state.reason}
    if state.reason_data is not None:
        shown["reasonData"] = state.reason_data
    shown["timestamp"] = iso_milliseconds(state.updated_ms)
    return shown


def _short_configuration(alarm: Alarm) -> dict[str, Any]:
    """What a state change shows: neither threshold nor periods."""
    if isinstance(alarm, CompositeAlarm):
        return _composite_rule(alarm)
    shown: dict[str, Any] = {"metrics": _metrics(alarm)}
    if "AlarmDescription" in alarm.definition:
        shown["description"] = alarm.definition["AlarmDescription"]
    return shown


def _full_configuration(alarm: Alarm, configured_ms: int) -> dict[str, Any]:
    definition = alarm.definition
    if isinstance(alarm, CompositeAlarm):
        shown = _composite_rule(alarm)
    else:
        shown = {
            "evaluationPeriods": alarm.evaluation_periods,
            "datapointsToAlarm": alarm.datapoints_to_alarm,
            "threshold": alarm.threshold,
            "comparisonOperator": alarm.comparison.value,
            "treatMissingData": alarm.treat_missing_data.value,
            "metrics": _metrics(alarm),
        }
        if "EvaluateLowSampleCountPercentile" in definition:
            shown["evaluateLowSampleCountPercentile"] = definition["EvaluateLowSampleCountPercentile"]
    shown["alarmName"] = alarm.name
    if "AlarmDescription" in definition:
        shown["description"] = definition["AlarmDescription"]
    shown["actionsEnabled"] = definition.get("ActionsEnabled", True)
    shown["timestamp"] = iso_milliseconds(configured_ms)
    shown["okActions"] = list(definition.get("OKActions", ()))
    shown["alarmActions"] = list(definition.get("AlarmActions", ()))
    shown["insufficientDataActions"] = list(definition.get("InsufficientDataActions", ()))
    return shown


def _composite_rule(alarm: CompositeAlarm) -> dict[str, Any]:
    return {"alarmRule": alarm.rule_text}


def _metrics(alarm: MetricAlarm) -> list[dict[str, Any]]:
    return [_metric(alarm, query) for query in alarm.queries]


def _metric(alarm: MetricAlarm, query: MetricQuery) -> dict[str, Any]:
    # The only metric of an alarm defined with MetricName has no id of the user's: CloudWatch makes one up, and
    # another one with every change of the alarm.
    name = (
        str(uuid.uuid5(_NAMESPACE, repr(sorted(alarm.definition.items())))) if alarm.is_scalar else query.id
    )
    shown: dict[str, Any] = {"id": name}
    if query.stat is not None:
        metric = query.stat.metric
        shown["metricStat"] = {
            "metric": {
                "namespace": metric.namespace,
                "name": metric.name,
                "dimensions": dict(metric.dimensions),
            },
            "period": alarm.period_seconds,
            "stat": query.stat.statistic.name,
        }
        if query.stat.unit is not None:
            shown["metricStat"]["unit"] = query.stat.unit
    else:
        shown["expression"] = query.expression
    if query.label is not None:
        shown["label"] = query.label
    shown["returnData"] = query.returns_data
    return shown
