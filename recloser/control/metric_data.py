"""GetMetricData, with many questions in one request.

Source: "GetMetricData", CloudWatch API reference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from recloser.errors import RecloserError

QUERIES_PER_REQUEST = 500

Points = list[tuple[int, float]]  # when a period began, epoch milliseconds, and its value


class MetricsUnavailable(RecloserError):  # noqa: N818  (a state: the question stays open)
    """CloudWatch did not answer what the metrics are."""


def get_metric_data(
    client: Any, queries: Sequence[Mapping[str, Any]], begins_ms: int, ends_ms: int
) -> dict[tuple[str, str], Points]:
    """Return the datapoints of each query, by its id and its label.

    A query over several series has several answers of one id, each with its own label.

    Args:
        client: a botocore or boto3 CloudWatch client.
        queries: MetricDataQueries with ids of their own.
        begins_ms: epoch milliseconds; rounded down to the beginning of a period by CloudWatch.
        ends_ms: epoch milliseconds; periods that begin then or later are left out.

    Raises:
        MetricsUnavailable: CloudWatch could not be asked, or has not answered in full.

    """
    answers: defaultdict[tuple[str, str], Points] = defaultdict(list)
    for start in range(0, len(queries), QUERIES_PER_REQUEST):
        request = {
            "MetricDataQueries": list(queries[start : start + QUERIES_PER_REQUEST]),
            "StartTime": _moment(begins_ms),
            "EndTime": _moment(ends_ms),
            "ScanBy": "TimestampAscending",
        }
        for result in _pages(client, request):
            points = answers[result["Id"], result.get("Label", "")]
            points.extend(
                (round(at.timestamp() * 1000), value)
                for at, value in zip(result["Timestamps"], result["Values"], strict=True)
            )
    return dict(answers)


def _pages(client: Any, request: dict[str, Any]) -> Iterable[Mapping[str, Any]]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  (slow to import)

    while True:
        try:
            answer = client.get_metric_data(**request)
        except (BotoCoreError, ClientError) as error:
            raise MetricsUnavailable(f"CloudWatch GetMetricData: {error}") from error
        for result in answer["MetricDataResults"]:
            if result.get("StatusCode", "Complete") in ("InternalError", "Forbidden"):
                raise MetricsUnavailable(
                    f"CloudWatch GetMetricData: {result['StatusCode']} for {result['Id']}"
                )
            yield result
        if not answer.get("NextToken"):
            return
        request["NextToken"] = answer["NextToken"]


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
