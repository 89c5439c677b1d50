"""CloudWatch's alarms, as the control side needs them: which stand in ALARM, and setting one to OK."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from recloser.control.signals import ALARM_NAME_PREFIX, Ignored, MetricKey, circuit_of_alarm
from recloser.errors import EventError

logger = logging.getLogger(__name__)

SET_ALARM_STATE_PER_SECOND = 3  # "CloudWatch service quotas": SetAlarmState, per Region, not adjustable


@dataclass(frozen=True, slots=True)
class RaisedAlarm:
    """An alarm that stands in ALARM, and the circuit it guards."""

    name: str
    circuit: str
    since_ms: int
    reason: str = "no reason given"
    is_composite: bool = False


class Alarms(Protocol):
    """What the control side asks of CloudWatch."""

    def raised(self) -> Iterator[RaisedAlarm]:
        """Yield the trip alarms that stand in ALARM."""

    def rearm(self, alarm: str, reason: str) -> None:
        """Set a metric alarm to OK, so that it can raise again. If it is true, the next evaluation does.

        A composite alarm is left alone: it is evaluated only when a child changes, so that setting it would
        make it deaf ("SetAlarmState", CloudWatch API reference).
        """


class CloudWatchAlarms:
    """The alarms of this account and Region.

    Args:
        client: a botocore or boto3 CloudWatch client.
        sleep: how to wait between two SetAlarmState calls, in seconds.

    """

    def __init__(self, client: Any, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._sleep = sleep
        self._has_set = False

    def raised(self) -> Iterator[RaisedAlarm]:
        pages = self._client.get_paginator("describe_alarms").paginate(
            StateValue="ALARM", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        for page in pages:
            for alarm in (*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ())):
                circuit = _circuit(alarm)
                if circuit is not None:
                    yield _raised(alarm, circuit)

    def rearm(self, alarm: str, reason: str) -> None:
        if self._is_composite(alarm):
            logger.info("alarm %s is composite: it is not set, and raises when a child changes", alarm)
            return
        if self._has_set:
            self._sleep(1 / SET_ALARM_STATE_PER_SECOND)
        self._has_set = True
        self._client.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason=reason)

    def _is_composite(self, alarm: str) -> bool:
        if not alarm.startswith(ALARM_NAME_PREFIX):  # a composite alarm that trips is named so
            return False
        answer = self._client.describe_alarms(AlarmNames=[alarm], AlarmTypes=["CompositeAlarm"])
        return bool(answer.get("CompositeAlarms"))


def _raised(alarm: Mapping[str, Any], circuit: str) -> RaisedAlarm:
    return RaisedAlarm(
        name=alarm["AlarmName"],
        circuit=circuit,
        since_ms=round(alarm["StateUpdatedTimestamp"].timestamp() * 1000),
        reason=alarm.get("StateReason", "no reason given"),
        is_composite="AlarmRule" in alarm,
    )


def _circuit(alarm: Mapping[str, Any]) -> str | None:
    is_composite = "AlarmRule" in alarm
    try:
        circuit = circuit_of_alarm(alarm["AlarmName"], _described_metrics(alarm), is_composite=is_composite)
    except EventError:
        return None  # somebody else's alarm: the account is full of them
    return None if isinstance(circuit, Ignored) else circuit


def _described_metrics(alarm: Mapping[str, Any]) -> Iterator[MetricKey]:
    """Read both shapes that DescribeAlarms has: one metric, or a list of metrics and expressions."""
    described = [entry["MetricStat"]["Metric"] for entry in alarm.get("Metrics", []) if "MetricStat" in entry]
    if "MetricName" in alarm:
        described.append(alarm)
    for metric in described:
        dimensions = {entry["Name"]: entry["Value"] for entry in metric.get("Dimensions", [])}
        yield MetricKey(metric.get("Namespace", ""), metric["MetricName"], dimensions)
