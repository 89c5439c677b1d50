"""The circuits that callers count calls of. One that never changed has no item: only metrics know it."""

from __future__ import annotations

from typing import Any

from recloser.metrics.emf import DIMENSION, FAILURE


def called_circuits(cloudwatch: Any, namespace: str) -> frozenset[str]:
    """Return the circuits that have had calls in the last two weeks ("ListMetrics", API reference).

    Args:
        cloudwatch: a botocore client.
        namespace: of the stack's metrics.

    Raises:
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: CloudWatch does not say.

    """
    pages = cloudwatch.get_paginator("list_metrics").paginate(Namespace=namespace, MetricName=FAILURE)
    dimensions = (each for page in pages for metric in page["Metrics"] for each in metric["Dimensions"])
    return frozenset(each["Value"] for each in dimensions if each["Name"] == DIMENSION)
