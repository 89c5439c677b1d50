"""The metrics of queues that SQS publishes and the emulator does not; dead-letter alarms need them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from recloser.lab.cloudwatch import Metric, Sample

NAMESPACE = "AWS/SQS"
# Metric: attribute of the queue.
ATTRIBUTES = {
    "ApproximateNumberOfMessagesVisible": "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed": "ApproximateNumberOfMessagesDelayed",
}
# SQS developer guide, "Monitoring queues using CloudWatch": metrics are collected at one-minute intervals.
EVERY_MS = 60_000


class QueueMetrics:
    """Looks at queues once a minute.

    Args:
        queues: the boto3 client of SQS.

    """

    def __init__(self, queues: Any) -> None:
        self._queues = queues
        self._due_ms = 0

    def collect(self, wanted: Iterable[Metric], now_ms: int) -> list[Sample]:
        """Return a sample of each wanted metric of a queue, or nothing until a minute has passed.

        Args:
            wanted: the metrics that somebody asks for; those of other services are left out.
            now_ms: the time, epoch milliseconds.

        """
        if now_ms < self._due_ms:
            return []
        self._due_ms = now_ms + EVERY_MS
        found = [(metric, self._value(metric)) for metric in sorted(set(wanted))]
        return [
            Sample(metric, now_ms, value, available_at_ms=now_ms, unit="Count")
            for metric, value in found
            if value is not None
        ]

    def _value(self, metric: Metric) -> float | None:
        attribute = ATTRIBUTES.get(metric.name)
        queue = dict(metric.dimensions).get("QueueName")
        if metric.namespace != NAMESPACE or attribute is None or queue is None:
            return None
        try:
            url = self._queues.get_queue_url(QueueName=queue)["QueueUrl"]
        except self._queues.exceptions.QueueDoesNotExist:
            return None  # an alarm may outlive its queue; there is no metric then
        answer = self._queues.get_queue_attributes(QueueUrl=url, AttributeNames=[attribute])
        return float(answer["Attributes"][attribute])
