"""Metrics by the minute under alarms with shorter periods."""

from __future__ import annotations

from collections.abc import Iterator

from recloser.cli.account import Account, TripAlarm
from recloser.cli.doctor.findings import Finding
from recloser.control.alarm_circuit import described_metrics
from recloser.control.control import wall_clock_ms
from recloser.control.metric_data import get_metric_data

MINUTE_SECONDS = 60
MINUTE_MS = 60_000
FINE_SECONDS = 10
LOOK_BACK_MS = 15 * MINUTE_MS
FEW = 3  # fewer datapoints tell nothing about their distance


def check_resolution(account: Account) -> Iterator[Finding]:
    """Find metrics by the minute under alarms with shorter periods: most of their periods have no data."""
    fast = [
        alarm
        for alarm in account.trip_alarms
        if alarm.problem is None and _shortest_period(alarm) < MINUTE_SECONDS
    ]
    metrics = {}
    for alarm in fast:
        for key in described_metrics(alarm.described):
            dimensions = [{"Name": name, "Value": value} for name, value in key.dimensions.items()]
            metric = {"Namespace": key.namespace, "MetricName": key.name, "Dimensions": dimensions}
            metrics[str(metric)] = (alarm, metric)
    queries = [
        {"Id": f"m{number}", "MetricStat": {"Metric": metric, "Period": FINE_SECONDS, "Stat": "SampleCount"}}
        for number, (_, metric) in enumerate(metrics.values())
    ]
    now_ms = wall_clock_ms() // MINUTE_MS * MINUTE_MS
    answers = get_metric_data(account.client("cloudwatch"), queries, now_ms - LOOK_BACK_MS, now_ms)
    found = list(metrics.values())
    coarse: dict[str, str] = {}
    for (query, _), points in answers.items():
        alarm, metric = found[int(query[1:])]
        if len(points) >= FEW and all(at_ms % MINUTE_MS == 0 for at_ms, _ in points):
            coarse[alarm.name] = str(metric["MetricName"])
    for alarm in fast:
        if alarm.name in coarse:
            yield Finding(
                "alarms",
                alarm.name,
                f"its periods are {_shortest_period(alarm)} s, and {coarse[alarm.name]} comes by the minute",
                "most of its periods have no data: it hardly ever trips",
                "publish with StorageResolution 1, as Recloser does, or give the alarm periods of 60 s",
            )


def _shortest_period(alarm: TripAlarm) -> int:
    stats = [entry["MetricStat"] for entry in alarm.described.get("Metrics", ()) if "MetricStat" in entry]
    periods = [int(stat["Period"]) for stat in stats]
    return min(periods, default=int(alarm.described.get("Period", MINUTE_SECONDS)))
