"""Checks whether calls of the last hour were made without the flag, because it could not be read."""

from __future__ import annotations

from collections.abc import Iterator

from recloser.cli.account import Account
from recloser.cli.aws_problems import aws_problems
from recloser.cli.doctor.findings import Finding
from recloser.control.control import wall_clock_ms
from recloser.control.metric_data import get_metric_data
from recloser.metrics.emf import DIMENSION, UNPROTECTED

LOOK_BACK_MS = 3600 * 1000


def check_unprotected(account: Account) -> Iterator[Finding]:
    """Look at the metric Unprotected of each circuit."""
    namespace = account.deployment.namespace
    with aws_problems("CloudWatch"):
        pages = account.client("cloudwatch").get_paginator("list_metrics")
        found = pages.paginate(Namespace=namespace, MetricName=UNPROTECTED)
        metrics = [metric for page in found for metric in page["Metrics"]]
    circuits = sorted(
        {one["Value"] for metric in metrics for one in metric["Dimensions"] if one["Name"] == DIMENSION}
    )
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": UNPROTECTED,
                    "Dimensions": [{"Name": DIMENSION, "Value": circuit}],
                },
                "Period": 300,
                "Stat": "Sum",
            },
        }
        for number, circuit in enumerate(circuits)
    ]
    now_ms = wall_clock_ms()
    answers = get_metric_data(account.client("cloudwatch"), queries, now_ms - LOOK_BACK_MS, now_ms)
    for (query, _), points in answers.items():
        count = sum(value for _, value in points)
        if count:
            yield Finding(
                "unprotected calls",
                circuits[int(query[1:])],
                f"{count:.0f} calls of the last hour were let through because the flag could not be read",
                "while it is so, an open circuit refuses nobody there",
                "see the findings on callers; the callers' logs say why the table did not answer",
            )
