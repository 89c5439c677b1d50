"""How fast the CloudWatch twin takes samples and evaluates the template's alarms, on one core.

Run it with `python benchmarks/alarm_evaluator.py`. Every figure is the best of a few rounds, so that other
work on the machine disturbs it little. Making samples visible counts as taking them; evaluations run over
data that is visible already: half an hour of twenty circuits, each called ten times a second and failing for
one minute in ten.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from recloser.lab.cloudwatch import CloudWatch, Metric, MetricStore
from recloser.lab.cloudwatch.series import Span

START_MS = 1_789_380_000_000
SECONDS = 1800
END_MS = START_MS + SECONDS * 1000
CIRCUITS = [f"circuit-{number}" for number in range(20)]
CALLS_PER_SECOND = 10
ROUNDS = 3
LINES = 20_000


def main() -> None:
    report("samples taken and made visible", best(take_samples), "samples/s")
    report("EMF lines read, two samples each", best(read_lines), "lines/s")
    calls = calls_of_all()
    for name, definition in ALARMS.items():
        report(f"evaluations of {name}", best(partial(evaluate, definition, calls)), "evaluations/s")


def report(what: str, per_second: float, unit: str) -> None:
    print(f"{what:40} {per_second:>12,.0f} {unit}")


def best(measure: Callable[[], float]) -> float:
    return max(measure() for _ in range(ROUNDS))


def metric(name: str, circuit: str) -> Metric:
    return Metric.of("Recloser", name, {"Circuit": circuit})


Call = tuple[str, int, float, float]
"""Circuit, epoch milliseconds, 1 if it failed, milliseconds it took."""


def calls_of_all() -> list[Call]:
    numbers = random.Random(1)  # noqa: S311 - the same calls every time
    return [
        (
            circuit,
            START_MS + second * 1000 + numbers.randrange(1000),
            float(second % 600 >= 540 or numbers.random() < 0.01),
            round(numbers.expovariate(1 / 200), 1),
        )
        for second in range(SECONDS)
        for circuit in CIRCUITS
        for _ in range(CALLS_PER_SECOND)
    ]


def take_samples() -> float:
    numbers = random.Random(2)  # noqa: S311 - the same samples every time
    metrics = [metric("Duration", circuit) for circuit in CIRCUITS]
    samples = [
        (numbers.choice(metrics), START_MS + number, round(numbers.expovariate(1 / 200), 1))
        for number in range(200_000)
    ]
    store = MetricStore()
    began = time.perf_counter()
    for taken, at_ms, value in samples:
        store.add(taken, at_ms, value, available_at_ms=at_ms + 1500, storage_resolution_seconds=1)
    for taken in metrics:
        store.aggregates(taken, None, Span(START_MS, 60, 1), END_MS)
    return len(samples) / (time.perf_counter() - began)


def read_lines() -> float:
    region = CloudWatch()
    lines = [line(START_MS + number) for number in range(LINES)]
    began = time.perf_counter()
    for number, text in enumerate(lines):
        region.put_emf(text, START_MS + number)
    return len(lines) / (time.perf_counter() - began)


def evaluate(definition: Callable[[str], dict[str, Any]], calls: list[Call]) -> float:
    region = CloudWatch(retention_seconds=SECONDS * 2)
    for circuit, at_ms, failed, took_ms in calls:
        for name, value in (("Failure", failed), ("Duration", took_ms)):
            region.metrics.add(
                metric(name, circuit), at_ms, value, available_at_ms=START_MS, storage_resolution_seconds=1
            )
    for circuit in CIRCUITS:
        region.put_metric_alarm(definition(circuit), START_MS)
    # The first minute makes every sample visible.
    region.advance(START_MS + 60_000)
    period: int = definition("")["Metrics"][0]["MetricStat"]["Period"]
    evaluations = len(CIRCUITS) * (SECONDS - 60) // period
    began = time.perf_counter()
    region.advance(END_MS)
    return evaluations / (time.perf_counter() - began)


def line(at_ms: int) -> str:
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
            "Circuit": CIRCUITS[0],
            "Failure": 0,
            "Duration": 41.7,
        }
    )


def failure_rate(circuit: str, period: int, minimum: int) -> dict[str, Any]:
    metrics = queries("Failure", circuit, period, calls="SampleCount", failures="Sum")
    calls = "calls" if period < 60 else "FILL(calls, 0)"
    metrics.append(
        {
            "Id": "rate",
            "Expression": f"IF({calls} >= {minimum}, 100 * failures / calls, 0)",
            "ReturnData": True,
        }
    )
    return {"AlarmName": f"recloser:{circuit}:failure-rate-{period}", "Metrics": metrics, **DECISION}


def slow_calls(circuit: str) -> dict[str, Any]:
    metrics = queries("Duration", circuit, 10, calls="SampleCount", slow="PR(2000:)")
    metrics.append({"Id": "share", "Expression": "IF(calls >= 10, slow, 0)", "ReturnData": True})
    return {"AlarmName": f"recloser:{circuit}:slow-calls", "Metrics": metrics, **DECISION}


def queries(name: str, circuit: str, period: int, **statistics: str) -> list[dict[str, Any]]:
    where = {
        "Namespace": "Recloser",
        "MetricName": name,
        "Dimensions": [{"Name": "Circuit", "Value": circuit}],
    }
    return [
        {
            "Id": query,
            "MetricStat": {"Metric": where, "Period": period, "Stat": statistic},
            "ReturnData": False,
        }
        for query, statistic in statistics.items()
    ]


DECISION = {
    "EvaluationPeriods": 3,
    "DatapointsToAlarm": 2,
    "Threshold": 50,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "TreatMissingData": "notBreaching",
}
ALARMS: dict[str, Callable[[str], dict[str, Any]]] = {
    "failure rate, 10 s metric math": lambda circuit: failure_rate(circuit, 10, 10),
    "failure rate, 60 s metric math": lambda circuit: failure_rate(circuit, 60, 3),
    "slow calls, 10 s PR(2000:)": slow_calls,
}


if __name__ == "__main__":
    main()
