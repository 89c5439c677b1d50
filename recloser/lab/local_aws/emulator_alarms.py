"""What the local AWS changes in ministack's alarms, inside ministack's own process.

ministack moves alarms by a rule of its own (no dimensions, no periods, no missing data) and refuses or
forgets metric math. Here its alarms become what the local AWS needs: complete definitions whose state only
SetAlarmState changes. `recloser.lab.local_aws.alarm_service` evaluates them.

The names below are private to ministack. A version without them is refused at the start, loudly, so that its
own evaluation cannot come back unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

SELF_MOVING_FUNCTIONS = ("_evaluate_alarm", "_evaluate_parent_alarms", "_transition_composite")

# Settings of PutMetricAlarm that ministack does not store.
FORGOTTEN_SETTINGS = ("Metrics", "EvaluateLowSampleCountPercentile")
# What it stores for every alarm, and what an alarm on metric math does not have.
SCALAR_SETTINGS = (
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Period",
    "Dimensions",
    "Unit",
)

Definition = dict[str, Any]


def patch(cloudwatch: Any, provisioners: Any) -> None:
    """Make ministack keep alarms whole and still.

    Args:
        cloudwatch: ministack's CloudWatch.
        provisioners: ministack's CloudFormation resources.

    Raises:
        RuntimeError: this version of ministack does it in some other way.

    """
    _require(cloudwatch, *SELF_MOVING_FUNCTIONS, "_put_metric_alarm")
    _require(provisioners, "_cw_metric_alarm_record")
    for name in SELF_MOVING_FUNCTIONS:
        setattr(cloudwatch, name, _leave_alone)
    cloudwatch._put_metric_alarm = _storing_everything(cloudwatch._put_metric_alarm, cloudwatch)  # noqa: SLF001
    provisioners._cw_metric_alarm_record = _accepting_metric_math(provisioners._cw_metric_alarm_record)  # noqa: SLF001


def _leave_alone(*_arguments: object, **_options: object) -> None:
    """Do nothing: the alarm's state belongs to `recloser.lab.local_aws.alarm_service`."""


def _storing_everything(put: Callable[..., Any], cloudwatch: Any) -> Callable[..., Any]:
    """PutMetricAlarm that keeps what ministack forgets."""

    def put_metric_alarm(parameters: Any, request: Mapping[str, Any], *protocol: Any) -> Any:
        answer = put(parameters, request, *protocol)
        name = request.get("AlarmName")
        if name in cloudwatch._alarms:  # noqa: SLF001 - otherwise the request was refused
            _complete(cloudwatch._alarms[name], request)  # noqa: SLF001
        return answer

    return put_metric_alarm


def _accepting_metric_math(
    record: Callable[[str, Definition], Definition],
) -> Callable[[str, Definition], Definition]:
    """The record of an AWS::CloudWatch::Alarm, also one with `Metrics`."""

    def alarm_record(name: str, properties: Definition) -> Definition:
        if not properties.get("Metrics"):
            return _complete(record(name, properties), properties)
        acceptable = {key: value for key, value in properties.items() if key != "Metrics"}
        alarm = record(name, acceptable | {"MetricName": "-", "Namespace": "-"})
        return _complete(
            alarm, properties | {"Metrics": [_typed_query(query) for query in properties["Metrics"]]}
        )

    return alarm_record


def _complete(alarm: Definition, settings: Mapping[str, Any]) -> Definition:
    alarm.update({key: settings[key] for key in FORGOTTEN_SETTINGS if settings.get(key)})
    if settings.get("Metrics"):
        for key in SCALAR_SETTINGS:
            alarm.pop(key, None)
    elif alarm.get("ExtendedStatistic"):
        alarm.pop("Statistic", None)  # ministack also stores its default
    return alarm


def _typed_query(query: Definition) -> Definition:
    """A query as PutMetricAlarm takes it; CloudFormation also lets numbers and booleans be texts."""
    typed = dict(query)
    if "ReturnData" in typed:
        typed["ReturnData"] = str(typed["ReturnData"]).lower() == "true"
    if "Period" in typed:
        typed["Period"] = int(typed["Period"])
    if "MetricStat" in typed:
        typed["MetricStat"] = typed["MetricStat"] | {"Period": int(typed["MetricStat"]["Period"])}
    return typed


def _require(module: ModuleType, *names: str) -> None:
    missing = [name for name in names if not callable(getattr(module, name, None))]
    if missing:
        raise RuntimeError(
            f"{module.__name__} has no {', '.join(missing)}: "
            "this version of ministack treats alarms in a way that the local AWS does not know"
        )
