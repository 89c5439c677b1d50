"""The twin of CloudWatch behind the calls of botocore's client that the functions make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from recloser.lab.cloudwatch import CloudWatch
from recloser.lab.simulation.event_queue import MS_PER_SECOND, EventQueue
from recloser.lab.simulation.fault_injection import FaultInjector

_TIMES = ("StateUpdatedTimestamp", "StateTransitionedTimestamp")


class CloudWatchClient:
    """Answers as of now, whatever the asking function's clock says. Each answer is one page."""

    def __init__(self, cloudwatch: CloudWatch, queue: EventQueue, faults: FaultInjector) -> None:
        self._cloudwatch = cloudwatch
        self._queue = queue
        self._faults = faults

    def describe_alarms(
        self,
        *,
        AlarmNamePrefix: str = "",  # noqa: N803
        AlarmNames: Sequence[str] | None = None,  # noqa: N803
        StateValue: str | None = None,  # noqa: N803
        **_rest: Any,
    ) -> dict[str, Any]:
        found = self._cloudwatch.describe_alarms(AlarmNames)
        return {
            kind: [
                _with_times(alarm)
                for alarm in alarms
                if alarm["AlarmName"].startswith(AlarmNamePrefix)
                and StateValue in (None, alarm["StateValue"])
            ]
            for kind, alarms in found.items()
        }

    def describe_alarm_contributors(self, *, AlarmName: str, **_rest: Any) -> dict[str, Any]:  # noqa: N803
        contributors = self._cloudwatch.describe_alarm_contributors(AlarmName)
        return {"AlarmContributors": [_with_times(each) for each in contributors]}

    def get_metric_data(
        self,
        *,
        MetricDataQueries: Sequence[Mapping[str, Any]],  # noqa: N803
        StartTime: datetime,  # noqa: N803
        EndTime: datetime,  # noqa: N803
        **_rest: Any,
    ) -> dict[str, Any]:
        if self._faults.random.happens(self._faults.now.unanswered_metric_queries):
            raise ClientError({"Error": {"Code": "Throttling", "Message": "simulated"}}, "GetMetricData")
        span = (_milliseconds(StartTime), _milliseconds(EndTime))
        found = self._cloudwatch.get_metric_data(MetricDataQueries, span, self._queue.now_ms)
        return {
            "MetricDataResults": [
                result | {"Timestamps": [_moment(at_ms) for at_ms in result["Timestamps"]]}
                for result in found
            ]
        }


def _with_times(described: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: datetime.fromisoformat(described[name]) for name in _TIMES if name in described}
    return {**described, **times}


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * MS_PER_SECOND)


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / MS_PER_SECOND, UTC)
