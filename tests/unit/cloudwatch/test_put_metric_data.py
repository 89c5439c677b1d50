"""What PutMetricData takes and refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from alarm_twin import at

from recloser.lab.cloudwatch import CloudWatch, Metric, Sample, StatisticSet
from recloser.lab.cloudwatch.publication import InvalidDatumError, samples_of

NOW = at("10:00:00")
METRIC = Metric("Test", "Signal", (("Circuit", "payments-api"),))
NAMED: dict[str, Any] = {
    "MetricName": "Signal",
    "Dimensions": [{"Name": "Circuit", "Value": "payments-api"}],
}


@pytest.mark.parametrize(
    ("datum", "expected"),
    [
        ({"Value": 3}, [Sample(METRIC, NOW, 3.0, 1.0, NOW)]),
        (
            {"Values": [1, 2], "Counts": [5, 0.5], "Unit": "Count", "StorageResolution": 1},
            [Sample(METRIC, NOW, 1.0, 5.0, NOW, "Count", 1), Sample(METRIC, NOW, 2.0, 0.5, NOW, "Count", 1)],
        ),
        ({"Values": [4]}, [Sample(METRIC, NOW, 4.0, 1.0, NOW)]),
        ({"Value": 3, "Timestamp": (NOW - 5000) / 1000}, [Sample(METRIC, NOW - 5000, 3.0, 1.0, NOW)]),
        ({"Value": 3, "Timestamp": "2026-09-14T09:59:55Z"}, [Sample(METRIC, NOW - 5000, 3.0, 1.0, NOW)]),
        (
            {"Value": 3, "Timestamp": datetime(2026, 9, 14, 9, 59, 55, tzinfo=UTC)},
            [Sample(METRIC, NOW - 5000, 3.0, 1.0, NOW)],
        ),
        (
            {"StatisticValues": {"SampleCount": 3, "Sum": 15, "Minimum": 1, "Maximum": 9}},
            [StatisticSet(METRIC, NOW, 3.0, 15.0, 1.0, 9.0, NOW)],
        ),
    ],
)
def test_accepted(datum: dict[str, Any], expected: list[Sample]) -> None:
    """A value, values with counts and statistic sets become samples."""
    assert samples_of("Test", [{**NAMED, **datum}], NOW) == expected


@pytest.mark.parametrize(
    ("datum", "why"),
    [
        ({}, "Value, StatisticValues, or Values"),
        ({"MetricName": "", "Value": 1}, "MetricName must be a text"),
        ({"Value": "1"}, "Value must hold numbers, not '1'"),
        ({"Value": float("nan")}, "within 2^360"),
        ({"Value": 1e200}, "within 2^360"),
        ({"Values": [1] * 151}, "1 to 150 numbers"),
        ({"Values": [1, 2], "Counts": [1]}, "2 Values but 1 Counts"),
        ({"Values": [1], "Counts": [-1]}, "must not be negative"),
        ({"Value": 1, "Unit": "Apples"}, "unknown Unit 'Apples'"),
        ({"Value": 1, "StorageResolution": 5}, "StorageResolution must be 1 or 60, not 5"),
        ({"Value": 1, "Timestamp": "2026-08-01T00:00:00Z"}, "older than two weeks"),
        ({"Value": 1, "Timestamp": "2026-09-14T13:00:00Z"}, "more than two hours ahead"),
        (
            {"Value": 1, "Dimensions": [{"Name": str(n), "Value": "x"} for n in range(31)]},
            "at most 30 dimensions",
        ),
        (
            {"StatisticValues": {"SampleCount": 0, "Sum": 0, "Minimum": 0, "Maximum": 0}},
            "a positive SampleCount",
        ),
        (
            {"StatisticValues": {"SampleCount": 1, "Sum": 0, "Minimum": 2, "Maximum": 1}},
            "Minimum not above Maximum",
        ),
        ({"StatisticValues": {"SampleCount": 1}}, "Sum must hold numbers, not None"),
    ],
)
def test_refused(datum: dict[str, Any], why: str) -> None:
    """What PutMetricData refuses is refused with the metric, the member and its value; nothing is stored."""
    region = CloudWatch()
    with pytest.raises(InvalidDatumError) as refusal:
        region.put_metric_data("Test", [{**NAMED, "Value": 1}, {**NAMED, **datum}], NOW)
    assert why in str(refusal.value)
    assert region.metrics.metrics() == []


@pytest.mark.parametrize("namespace", ["", "AWS/Lambda"])
def test_namespaces_of_others(namespace: str) -> None:
    """AWS keeps its own namespaces to itself."""
    with pytest.raises(InvalidDatumError, match="Namespace must not"):
        samples_of(namespace, [{**NAMED, "Value": 1}], NOW)
