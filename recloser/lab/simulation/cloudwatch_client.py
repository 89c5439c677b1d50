"""The twin of CloudWatch behind the calls of botocore's client that the functions make."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from recloser.lab.cloudwatch import CloudWatch, Metric
from recloser.lab.cloudwatch.series import Span
from recloser.lab.simulation.event_queue import MS_PER_SECOND, EventQueue


class CloudWatchClient:
    """What `DescribeAlarms` and `GetMetricData` answer now, whatever the asking function's clock says."""

    def __init__(self, cloudwatch: CloudWatch, queue: EventQueue) -> None:
        self._cloudwatch = cloudwatch
        self._queue = queue

    def describe_alarms(
        self,
        *,
        AlarmNamePrefix: str = "",  # noqa: N803
        AlarmNames: Sequence[str] | None = None,  # noqa: N803
        **_rest: Any,
    ) -> dict[str, Any]:
        """Answer DescribeAlarms, in one page."""
        found = self._cloudwatch.describe_alarms(AlarmNames)
        return {
            kind: [alarm for alarm in alarms if alarm["AlarmName"].startswith(AlarmNamePrefix)]
            for kind, alarms in found.items()
        }

    def get_metric_data(
        self,
        *,
        MetricDataQueries: Sequence[dict[str, Any]],  # noqa: N803
        StartTime: datetime,  # noqa: N803
        EndTime: datetime,  # noqa: N803
        **_rest: Any,
    ) -> dict[str, Any]:
        """Answer GetMetricData for queries of a metric's SampleCount, in one page."""
        return {
            "MetricDataResults": [
                self._result(query, StartTime.timestamp(), EndTime.timestamp()) for query in MetricDataQueries
            ]
        }

    def _result(self, query: dict[str, Any], begins: float, ends: float) -> dict[str, Any]:
        stat = query["MetricStat"]
        period, asked = stat["Period"], stat["Metric"]
        dimensions = {each["Name"]: each["Value"] for each in asked["Dimensions"]}
        metric = Metric.of(asked["Namespace"], asked["MetricName"], dimensions)
        start = int(begins) // period * period
        span = Span(start * MS_PER_SECOND, period, max(0, -(-int(ends - start) // period)))
        found = self._cloudwatch.metrics.aggregates(metric, None, span, self._queue.now_ms)
        points = [
            (start + index * period, each.count) for index, each in enumerate(found) if each is not None
        ]
        return {
            "Id": query["Id"],
            "Label": asked["MetricName"],
            "Timestamps": [datetime.fromtimestamp(at, UTC) for at, _ in points],
            "Values": [count for _, count in points],
            "StatusCode": "Complete",
        }
