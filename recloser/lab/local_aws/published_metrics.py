"""Metrics that reach the emulator by PutMetricData, or that it publishes itself, brought to our CloudWatch.

Only what an alarm asks for is brought: `AWS/Lambda` of the watched functions, and what Step Functions or a
script put. The emulator tells statistics of whole seconds, so there are no percentiles of them, as with every
statistic set. A datum with a timestamp in the past is not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from recloser.lab.cloudwatch import Metric, StatisticSet

# The emulator may still be writing the current second.
SETTLED_AFTER_MS = 1_000


class PublishedMetrics:
    """Follows metrics of the emulator, second by second.

    Args:
        emulator: the boto3 client of the emulator's CloudWatch.

    """

    def __init__(self, emulator: Any) -> None:
        self._emulator = emulator
        self._read_until_s = 0

    def collect(self, is_wanted: Callable[[Metric], bool], now_ms: int) -> list[StatisticSet]:
        """Return what was published in the seconds that ended since the last call.

        Args:
            is_wanted: whether to follow a metric.
            now_ms: the time, epoch milliseconds.

        """
        until_s = (now_ms - SETTLED_AFTER_MS) // 1000
        since_s, self._read_until_s = self._read_until_s or until_s - 1, until_s
        if until_s <= since_s:
            return []
        return [
            _statistics(metric, datapoint, now_ms)
            for metric in sorted(filter(is_wanted, self._existing()))
            for datapoint in self._datapoints(metric, since_s, until_s)
        ]

    def _existing(self) -> set[Metric]:
        pages = self._emulator.get_paginator("list_metrics").paginate()
        return {
            Metric.of(
                found["Namespace"],
                found["MetricName"],
                {dimension["Name"]: dimension["Value"] for dimension in found["Dimensions"]},
            )
            for page in pages
            for found in page["Metrics"]
        }

    def _datapoints(self, metric: Metric, since_s: int, until_s: int) -> list[dict[str, Any]]:
        answer = self._emulator.get_metric_statistics(
            Namespace=metric.namespace,
            MetricName=metric.name,
            Dimensions=[{"Name": name, "Value": value} for name, value in metric.dimensions],
            StartTime=datetime.fromtimestamp(since_s, UTC),
            EndTime=datetime.fromtimestamp(until_s, UTC),
            Period=1,
            Statistics=["SampleCount", "Sum", "Minimum", "Maximum"],
        )
        datapoints: list[dict[str, Any]] = answer["Datapoints"]
        return datapoints


def _statistics(metric: Metric, datapoint: Mapping[str, Any], now_ms: int) -> StatisticSet:
    return StatisticSet(
        metric,
        int(datapoint["Timestamp"].timestamp() * 1000),
        count=datapoint["SampleCount"],
        total=datapoint["Sum"],
        minimum=datapoint["Minimum"],
        maximum=datapoint["Maximum"],
        available_at_ms=now_ms,
        unit=datapoint["Unit"],
        storage_resolution_seconds=1,
    )
