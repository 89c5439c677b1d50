"""The alarms that the template deploys for a circuit, in the shape of PutMetricAlarm."""

from __future__ import annotations

from typing import Any

from recloser.lab.simulation.scenario import AlarmSettings
from recloser.metrics.emf import DIMENSION, DURATION, FAILURE, NAMESPACE

FAST_SECONDS, STEADY_SECONDS = 10, 60
ANY_CIRCUIT_ALARM = "recloser:any-circuit"


def deployed_alarms(circuit: str, settings: AlarmSettings) -> list[dict[str, Any]]:
    """Define them. A test holds them against the template."""
    if settings.watched_by == "any-circuit":
        return [_any_circuit(settings)]
    # Filled, it leaves old minutes behind; the fast alarm would go blind when metrics are late.
    enough = f"FILL(calls, 0) >= {settings.minimum_calls_steady}"
    steady = _failure_rate(circuit, "steady", STEADY_SECONDS, enough, settings)
    if not settings.fast_alarms:
        return [steady]
    enough = f"calls >= {settings.minimum_calls_fast}"
    fast = _failure_rate(circuit, "fast", FAST_SECONDS, enough, settings)
    return [fast, steady, _slow_calls(circuit, settings)]


def _failure_rate(
    circuit: str, speed: str, period_seconds: int, enough: str, settings: AlarmSettings
) -> dict[str, Any]:
    rate = f"IF({enough}, 100 * failures / calls, 0)"
    return {
        "AlarmName": f"recloser:{circuit}:failure-rate-{speed}",
        "Metrics": [
            {"Id": "rate", "Label": "Failure rate (%)", "Expression": rate, "ReturnData": True},
            _metric("failures", FAILURE, circuit, period_seconds, "Sum"),
            _metric("calls", FAILURE, circuit, period_seconds, "SampleCount"),
        ],
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": settings.failure_threshold_percent,
        **_TWO_OF_THREE,
    }


def _any_circuit(settings: AlarmSettings) -> dict[str, Any]:
    """The alarm with a contributor for every circuit: a whole minute of bad calls raises it."""
    metrics = f'SCHEMA("{NAMESPACE}", {DIMENSION})'
    query = f"SELECT AVG({FAILURE}) FROM {metrics} GROUP BY {DIMENSION} ORDER BY MAX() DESC"  # noqa: S608
    return {
        "AlarmName": ANY_CIRCUIT_ALARM,
        "Metrics": [{"Id": "rate", "Expression": query, "Period": STEADY_SECONDS, "ReturnData": True}],
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": settings.failure_threshold_percent / 100,
        "EvaluationPeriods": 1,
        "TreatMissingData": "notBreaching",
    }


def _slow_calls(circuit: str, settings: AlarmSettings) -> dict[str, Any]:
    share = f"IF(calls >= {settings.minimum_calls_fast}, slow, 0)"
    slow = f"PR({settings.slow_call_milliseconds:g}:)"
    return {
        "AlarmName": f"recloser:{circuit}:slow-calls",
        "Metrics": [
            {"Id": "share", "Label": "Slow calls (%)", "Expression": share, "ReturnData": True},
            _metric("slow", DURATION, circuit, FAST_SECONDS, slow),
            _metric("calls", DURATION, circuit, FAST_SECONDS, "SampleCount"),
        ],
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": settings.slow_share_percent,
        **_TWO_OF_THREE,
    }


_TWO_OF_THREE = {"EvaluationPeriods": 3, "DatapointsToAlarm": 2, "TreatMissingData": "notBreaching"}


def _metric(identity: str, name: str, circuit: str, period_seconds: int, statistic: str) -> dict[str, Any]:
    metric = {
        "Namespace": NAMESPACE,
        "MetricName": name,
        "Dimensions": [{"Name": DIMENSION, "Value": circuit}],
    }
    stat = {"Metric": metric, "Period": period_seconds, "Stat": statistic}
    return {"Id": identity, "ReturnData": False, "MetricStat": stat}
