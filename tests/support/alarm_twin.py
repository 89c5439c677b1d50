"""Alarms and samples for the tests of the CloudWatch twin, in few words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from recloser.lab.cloudwatch import CloudWatch, Metric, MetricStore

SIGNAL = Metric("Test", "Signal")
DAY = "2026-09-14"


def at(clock: str) -> int:
    """Epoch milliseconds of a time of 14 September 2026, such as 05:43:07.551, UTC."""
    return round(datetime.fromisoformat(f"{DAY}T{clock}").replace(tzinfo=UTC).timestamp() * 1000)


def scalar_alarm(**changes: Any) -> dict[str, Any]:
    """PutMetricAlarm on `SIGNAL`, ten seconds, 3 of 3, above 50; None leaves a setting out."""
    definition: dict[str, Any] = {
        "AlarmName": "signal",
        "Namespace": SIGNAL.namespace,
        "MetricName": SIGNAL.name,
        "Statistic": "Average",
        "Period": 10,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 3,
        "Threshold": 50,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "missing",
        **changes,
    }
    return {key: value for key, value in definition.items() if value is not None}


def math_alarm(expression: str, *metric_ids: str, **changes: Any) -> dict[str, Any]:
    """PutMetricAlarm on metric math over metrics that are named like their ids."""
    period = changes.pop("Period", 10)
    statistics = changes.pop("Statistics", {})
    metrics: list[dict[str, Any]] = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {"Namespace": "Test", "MetricName": name},
                "Period": period,
                "Stat": statistics.get(name, "Sum"),
            },
            "ReturnData": False,
        }
        for name in metric_ids
    ]
    metrics.append({"Id": "result", "Expression": expression, "ReturnData": True, "Period": period})
    return scalar_alarm(
        Metrics=metrics, Namespace=None, MetricName=None, Statistic=None, Period=None, **changes
    )


def rate_alarm(circuit: str = "payments-api", period: int = 10, minimum: int = 10) -> dict[str, Any]:
    """The failure-rate alarm of the template: of ten seconds, or filled."""
    calls = "calls" if period == 10 else "FILL(calls, 0)"
    definition = math_alarm(
        f"IF({calls} >= {minimum}, 100 * failures / calls, 0)",
        "calls",
        "failures",
        Period=period,
        Statistics={"calls": "SampleCount", "failures": "Sum"},
        AlarmName=f"recloser:{circuit}:failure-rate-{'fast' if period == 10 else 'steady'}",
        DatapointsToAlarm=2,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    for query in definition["Metrics"][:2]:
        query["MetricStat"]["Metric"] = {
            "Namespace": "Recloser",
            "MetricName": "Failure",
            "Dimensions": [{"Name": "Circuit", "Value": circuit}],
        }
    return definition


def slow_share_alarm(circuit: str = "payments-api") -> dict[str, Any]:
    """The slow-calls alarm of the template."""
    definition = math_alarm(
        "IF(calls >= 10, slow, 0)",
        "slow",
        "calls",
        Statistics={"slow": "PR(2000:)", "calls": "SampleCount"},
        AlarmName=f"recloser:{circuit}:slow-calls",
        DatapointsToAlarm=2,
        TreatMissingData="notBreaching",
    )
    for query in definition["Metrics"][:2]:
        query["MetricStat"]["Metric"] = {
            "Namespace": "Recloser",
            "MetricName": "Duration",
            "Dimensions": [{"Name": "Circuit", "Value": circuit}],
        }
    return definition


def slow_alarm(circuit: str = "payments-api") -> dict[str, Any]:
    """The same without a floor, as an alarm on the metric alone."""
    return scalar_alarm(
        AlarmName=f"recloser:{circuit}:slow-calls",
        Namespace="Recloser",
        MetricName="Duration",
        Dimensions=[{"Name": "Circuit", "Value": circuit}],
        Statistic=None,
        ExtendedStatistic="PR(2000:)",
        DatapointsToAlarm=2,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )


def publish(store: MetricStore, points: Iterable[tuple[str, float]], metric: Metric = SIGNAL) -> None:
    """High-resolution samples, visible at once: (clock, value)."""
    for clock, value in points:
        store.add(metric, at(clock), value, unit="Count", storage_resolution_seconds=1)


def call_line(at_ms: int, *, failed: bool, duration_ms: float = 50.0, circuit: str = "payments-api") -> str:
    """The EMF line of one call."""
    return json.dumps(
        {
            "_aws": {
                "Timestamp": at_ms,
                "CloudWatchMetrics": [
                    {
                        "Namespace": "Recloser",
                        "Dimensions": [["Circuit"]],
                        "Metrics": [
                            {"Name": "Failure", "Unit": "Count", "StorageResolution": 1},
                            {"Name": "Duration", "Unit": "Milliseconds", "StorageResolution": 1},
                        ],
                    }
                ],
            },
            "Circuit": circuit,
            "Failure": int(failed),
            "Duration": duration_ms,
        }
    )


def states_of(events: Iterable[dict[str, Any]], name: str | None = None) -> list[tuple[str, str]]:
    """(clock, new state) of the state changes, of one alarm if named."""
    return [
        (event["detail"]["state"]["timestamp"][11:23], event["detail"]["state"]["value"])
        for event in events
        if event["detail-type"] == "CloudWatch Alarm State Change"
        and name in {None, event["detail"]["alarmName"]}
    ]


def with_state(region: CloudWatch, name: str, value: str, now_ms: int) -> None:
    """Puts an alarm into a state by hand."""
    region.set_alarm_state(name, value, "by hand", None, now_ms)
