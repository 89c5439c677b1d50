"""CloudWatch's events as EventBridge delivers them.

The shapes are those of AWS's "Alarm events and EventBridge" and of events captured on AWS.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recloser.lab.cloudwatch.alarms import MetricAlarm, MetricQuery
from recloser.lab.cloudwatch.composite import CompositeAlarm
from recloser.lab.cloudwatch.contributors import Contributor
from recloser.lab.cloudwatch.states import AlarmState, Place
from recloser.lab.cloudwatch.times import iso_milliseconds, iso_seconds

Event = dict[str, Any]
Alarm = MetricAlarm | CompositeAlarm

STATE_CHANGE = "CloudWatch Alarm State Change"
CONTRIBUTOR_STATE_CHANGE = "CloudWatch Alarm Contributor State Change"
CONFIGURATION_CHANGE = "CloudWatch Alarm Configuration Change"
_NAMESPACE = uuid.UUID("6f1c6f0e-3c39-5b0c-9d0b-7a1f3a3f8f52")


@dataclass(frozen=True, slots=True)
class Configured:
    """An alarm, and when it was configured so."""

    alarm: Alarm
    at_ms: int


class EventMaker:
    """Makes the events of one region. The same history gives the same ids: a run repeats to the byte."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._sequence = 0

    def state_change(self, alarm: Alarm, previous: AlarmState, state: AlarmState) -> Event:
        """The event of an alarm that has gone from `previous` to `state`."""
        detail = {
            "alarmName": alarm.name,
            "state": _state(state),
            "previousState": _state(previous),
            "configuration": _short_configuration(alarm),
        }
        return self._envelope(STATE_CHANGE, alarm.name, state.updated_ms, detail)

    def contributor_change(self, alarm: Alarm, contributor: Contributor, state: AlarmState) -> Event:
        """The event of one contributor: without a previous state and without reason data (captured)."""
        detail = {
            "alarmName": alarm.name,
            "alarmContributor": {"id": contributor.id, "attributes": dict(contributor.attributes)},
            "state": _state(state),
            "configuration": _short_configuration(alarm),
        }
        return self._envelope(CONTRIBUTOR_STATE_CHANGE, alarm.name, state.updated_ms, detail)

    def created(self, now: Configured, state: AlarmState) -> Event:
        return self._configuration_change("create", now, _bare(state), now.at_ms)

    def updated(self, now: Configured, state: AlarmState, before: Configured) -> Event:
        event = self._configuration_change("update", now, _bare(state), now.at_ms)
        event["detail"]["previousConfiguration"] = _full_configuration(before)
        return event

    def deleted(self, last: Configured, state: AlarmState, at_ms: int) -> Event:
        shown = {"value": state.value.value, "reason": state.reason, "timestamp": _bare(state)["timestamp"]}
        return self._configuration_change("delete", last, shown, at_ms)

    def _configuration_change(
        self, operation: str, configured: Configured, state: Mapping[str, str], at_ms: int
    ) -> Event:
        detail = {
            "alarmName": configured.alarm.name,
            "operation": operation,
            "state": state,
            "configuration": _full_configuration(configured),
        }
        return self._envelope(CONFIGURATION_CHANGE, configured.alarm.name, at_ms, detail)

    def _envelope(self, detail_type: str, name: str, at_ms: int, detail: Mapping[str, Any]) -> Event:
        self._sequence += 1
        place = self._place
        identity = f"{place.account}/{place.region}/{name}/{detail_type}/{at_ms}/{self._sequence}"
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


def _bare(state: AlarmState) -> dict[str, str]:
    return {"value": state.value.value, "timestamp": iso_milliseconds(state.updated_ms)}


def _state(state: AlarmState) -> dict[str, str]:
    shown = {}
    if state.suppressed_by is not None and state.suppressed_reason is not None:
        shown["actionsSuppressedBy"] = state.suppressed_by
        shown["actionsSuppressedReason"] = state.suppressed_reason
    shown["value"] = state.value.value
    shown["reason"] = state.reason
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


def _full_configuration(configured: Configured) -> dict[str, Any]:
    alarm, definition = configured.alarm, configured.alarm.definition
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
    shown["timestamp"] = iso_milliseconds(configured.at_ms)
    shown["okActions"] = list(definition.get("OKActions", ()))
    shown["alarmActions"] = list(definition.get("AlarmActions", ()))
    shown["insufficientDataActions"] = list(definition.get("InsufficientDataActions", ()))
    return shown


def _composite_rule(alarm: CompositeAlarm) -> dict[str, Any]:
    shown: dict[str, Any] = {"alarmRule": alarm.rule_text}
    if alarm.suppressor is not None:
        shown["actionsSuppressor"] = alarm.definition["ActionsSuppressor"]
        shown["actionsSuppressorWaitPeriod"] = alarm.suppressor.wait_seconds
        shown["actionsSuppressorExtensionPeriod"] = alarm.suppressor.extension_seconds
    return shown


def _metrics(alarm: MetricAlarm) -> list[dict[str, Any]]:
    return [_metric(alarm, query) for query in alarm.queries]


def _metric(alarm: MetricAlarm, query: MetricQuery) -> dict[str, Any]:
    # The only metric of an alarm defined with MetricName has no id of the user's: CloudWatch makes one up,
    # and another one with every change of the alarm.
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
    if query.select is not None:
        shown["period"] = alarm.period_seconds
    return shown
