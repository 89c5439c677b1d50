"""Queues that an alarm watches are measured once a minute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recloser.lab.cloudwatch import Metric
from recloser.lab.local_aws.queue_metrics import QueueMetrics

START_MS = 1_800_000_000_000


def visible(queue: str) -> Metric:
    return Metric.of("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": queue})


def test_once_a_minute(client: Callable[[str], Any]) -> None:
    """The messages in the queue are counted at once, and again a minute later."""
    queues = client("sqs")
    url = queues.create_queue(QueueName="measured")["QueueUrl"]
    metrics = QueueMetrics(queues)
    wanted = [visible("measured"), Metric.of("AWS/Lambda", "Errors", {"FunctionName": "flip"})]
    for _ in range(2):
        queues.send_message(QueueUrl=url, MessageBody="lost")
    [sample] = metrics.collect(wanted, START_MS)
    assert (sample.metric, sample.value, sample.timestamp_ms) == (visible("measured"), 2.0, START_MS)
    queues.purge_queue(QueueUrl=url)
    assert metrics.collect(wanted, START_MS + 59_999) == []
    [sample] = metrics.collect(wanted, START_MS + 60_000)
    assert sample.value == 0.0


def test_no_queue_no_metric(client: Callable[[str], Any]) -> None:
    """An alarm that has outlived its queue gets no data."""
    assert QueueMetrics(client("sqs")).collect([visible("never-made")], START_MS) == []
