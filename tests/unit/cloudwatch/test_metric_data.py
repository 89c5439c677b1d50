"""GetMetricData over the store: metrics, math and queries."""

from __future__ import annotations

from typing import Any

import pytest
from alarm_twin import at

from recloser.lab.cloudwatch import CloudWatch, Metric
from recloser.lab.cloudwatch.metric_data import InvalidQueryError

START = at("10:00:00")


@pytest.fixture
def region() -> CloudWatch:
    """Two circuits: a fails every second call of six, b none of two."""
    kept = CloudWatch()
    for second in range(0, 60, 10):
        kept.metrics.add(
            Metric.of("Recloser", "Failure", {"Circuit": "a"}),
            START + second * 1000,
            second / 10 % 2,
            storage_resolution_seconds=1,
        )
    kept.metrics.add(Metric.of("Recloser", "Failure", {"Circuit": "b"}), START, 0.0, 2)
    return kept


def stat(name: str, statistic: str, period: int = 60, circuit: str = "a", **more: Any) -> dict[str, Any]:
    metric = {
        "Namespace": "Recloser",
        "MetricName": "Failure",
        "Dimensions": [{"Name": "Circuit", "Value": circuit}],
    }
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": period, "Stat": statistic}, **more}


def asked(region: CloudWatch, *queries: dict[str, Any]) -> list[tuple[str, str, list[int], list[float]]]:
    found = region.get_metric_data(queries, (START, START + 60_000), START + 130_000)
    seconds = [[(at_ms - START) // 1000 for at_ms in one["Timestamps"]] for one in found]
    return [(one["Id"], one["Label"], when, one["Values"]) for one, when in zip(found, seconds, strict=True)]


def test_plain_metrics(region: CloudWatch) -> None:
    """Each statistic has its own period; periods without data are left out."""
    assert asked(
        region, stat("calls", "SampleCount"), stat("bad", "Sum", 10), stat("no", "Sum", circuit="x")
    ) == [
        ("calls", "Failure", [0], [6.0]),
        ("bad", "Failure", [0, 10, 20, 30, 40, 50], [0, 1, 0, 1, 0, 1]),
        ("no", "Failure", [], []),
    ]


def test_math(region: CloudWatch) -> None:
    """An expression reads other queries, which need not be returned."""
    calls, failures = stat("c", "SampleCount", ReturnData=False), stat("f", "Sum", ReturnData=False)
    assert asked(region, calls, failures, {"Id": "rate", "Expression": "100 * f / c", "Label": "rate"}) == [
        ("rate", "rate", [0], [50.0])
    ]


def test_queries(region: CloudWatch) -> None:
    """A grouped query gives a result for each series, labelled by its group; math reduces them."""
    query = "SELECT COUNT(Failure) FROM SCHEMA(Recloser, Circuit) GROUP BY Circuit ORDER BY SUM() DESC"
    insights = {"Id": "q", "Expression": query, "Period": 60}
    assert asked(region, insights, {"Id": "all", "Expression": "SUM(q)"}) == [
        ("q", "a", [0], [6.0]),
        ("q", "b", [0], [2.0]),
        ("all", "all", [0], [8.0]),
    ]


def test_a_query_below_a_minute_is_answered_by_the_minute(region: CloudWatch) -> None:
    """Metrics Insights knows no period below a minute: GetMetricData takes one and answers minutes."""
    query = "SELECT COUNT(Failure) FROM SCHEMA(Recloser, Circuit) WHERE Circuit = 'a'"
    assert asked(region, {"Id": "q", "Expression": query, "Period": 10}) == [("q", "q", [0], [6.0])]


QUERY = "SELECT AVG(Failure) FROM Recloser"


@pytest.mark.parametrize(
    ("queries", "why"),
    [
        ([{"Id": "q", "Expression": QUERY}], "Period must not be null"),
        (
            [{"Id": name, "Expression": QUERY, "Period": 60} for name in ("q", "p")],
            "at most one Metrics Insights query",
        ),
        ([stat("a", "Sum"), stat("a", "Sum")], "an Id occurs twice"),
        ([stat("a", "Sum", 7)], "Period must be 10, 20, 30 or a multiple of 60 s, not 7"),
        ([stat("a", "Sum"), stat("b", "Sum", 10), {"Id": "e", "Expression": "a + b"}], "several periods"),
        ([{"Id": "e", "Expression": "x + 1"}], "unknown id 'x'"),
        ([{"Id": "e"}], "must have either MetricStat or Expression"),
    ],
)
def test_what_cannot_be_answered(region: CloudWatch, queries: list[dict[str, Any]], why: str) -> None:
    """A query that CloudWatch refuses, or that is not understood here, is refused with why."""
    with pytest.raises(InvalidQueryError, match=why):
        asked(region, *queries)
