"""What is put into the emulator by PutMetricData reaches the alarms."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from recloser.lab.cloudwatch import Metric
from recloser.lab.local_aws.published_metrics import PublishedMetrics

WANTED = Metric.of("Recloser", "Failure", {"Circuit": "from-step-functions"})


def put(client: Callable[[str], Any], name: str, **values: Any) -> None:
    client("cloudwatch").put_metric_data(
        Namespace="Recloser",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": "Circuit", "Value": "from-step-functions"}],
                **values,
            }
        ],
    )


def test_statistics_are_kept(client: Callable[[str], Any]) -> None:
    """Count, sum, minimum and maximum of wanted metrics arrive once; others are left where they are."""
    published = PublishedMetrics(client("cloudwatch"))
    start_ms = time.time_ns() // 1_000_000
    published.collect(WANTED.__eq__, start_ms)
    put(client, "Failure", Values=[0.0, 1.0], Counts=[7.0, 3.0])
    put(client, "Failure", Value=1.0)
    put(client, "Other", Value=1.0)
    taken = [
        statistics
        for seconds in (1, 3, 4)
        for statistics in published.collect(WANTED.__eq__, start_ms + seconds * 1000)
    ]
    assert {statistics.metric for statistics in taken} == {WANTED}
    assert sum(statistics.count for statistics in taken) == 11
    assert sum(statistics.total for statistics in taken) == 4
    assert min(statistics.minimum for statistics in taken) == 0
    assert max(statistics.maximum for statistics in taken) == 1
