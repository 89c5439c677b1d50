"""Makes the metrics of these examples: twenty minutes of calls to payments-api, always the same.

Run it with `python examples/backtest/make.py`. Ten calls a second, one in a hundred fails, and most take a
tenth of a second. From 10:08 to 10:12 two of three calls fail; from 10:15 to 10:16 they succeed, but take
three seconds.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
START = datetime(2026, 9, 14, 10, 0, tzinfo=UTC)
MINUTE = 60
STEP_SECONDS = 5
CALLS_PER_STEP = 50


def main() -> None:
    write_json_lines(HERE / "outage.jsonl")
    write_emf_lines(HERE / "outage.emf.log")
    write_csv(HERE / "nightly.csv")
    write_blips(HERE / "blips.csv")
    write_get_metric_data(HERE / "get-metric-data.json")


def fails(second: int, numbers: random.Random) -> bool:
    return numbers.random() < (0.67 if 8 * MINUTE <= second < 12 * MINUTE else 0.01)


def took_ms(second: int, numbers: random.Random) -> int:
    center = 3000 if 15 * MINUTE <= second < 16 * MINUTE else 100
    return round(center * numbers.lognormvariate(0, 0.3) / 20) * 20


def stamp(second: float) -> str:
    at = datetime.fromtimestamp(START.timestamp() + second, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_json_lines(path: Path) -> None:
    """Values with counts, every five seconds, and two seconds late, as CloudWatch gets them from logs."""
    numbers = random.Random(1)  # noqa: S311 - the same calls every time
    with path.open("w") as file:
        for second in range(0, 20 * MINUTE, STEP_SECONDS):
            failures = sum(fails(second, numbers) for _ in range(CALLS_PER_STEP))
            durations = [took_ms(second, numbers) for _ in range(CALLS_PER_STEP)]
            counted = {value: durations.count(value) for value in sorted(set(durations))}
            for name, values in (
                ("Failure", {0: CALLS_PER_STEP - failures, 1: failures}),
                ("Duration", counted),
            ):
                published = {value: count for value, count in values.items() if count}
                line = {
                    "timestamp": stamp(second),
                    "namespace": "Recloser",
                    "metric": name,
                    "dimensions": {"Circuit": "payments-api"},
                    "value": list(published),
                    "counts": list(published.values()),
                    "available_at": stamp(second + 2),
                }
                file.write(json.dumps(line) + "\n")


def write_emf_lines(path: Path) -> None:
    """The last calls before the outage and the first in it, one log line a call."""
    numbers = random.Random(2)  # noqa: S311 - the same calls every time
    with path.open("w") as file:
        for call in range(180):
            second = 7.5 * MINUTE + call / 2
            document: dict[str, Any] = {
                "_aws": {
                    "Timestamp": round((START.timestamp() + second) * 1000),
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
                "Circuit": "payments-api",
                "Failure": int(fails(int(second), numbers)),
                "Duration": took_ms(int(second), numbers),
                "outcome": "call",
            }
            file.write(json.dumps(document) + "\n")


def write_csv(path: Path) -> None:
    """A job that runs once a minute and fails now and then; at 10:10 it stops running."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["timestamp", "namespace", "metric", "Job", "value"])
        for minute in range(10):
            failed = int(minute in {3, 8, 9})
            writer.writerow([stamp(minute * MINUTE + 12), "Jobs", "Failed", "nightly", failed])


def write_blips(path: Path) -> None:
    """A failure rate every ten seconds: three short blips, then an outage of two minutes."""
    numbers = random.Random(5)  # noqa: S311 - the same rates every time
    blips = {120, 300, 310, 480}
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["timestamp", "namespace", "metric", "Service", "value"])
        for second in range(0, 15 * MINUTE, 10):
            failing = second in blips or 10 * MINUTE <= second < 12 * MINUTE
            rate = numbers.uniform(60, 95) if failing else numbers.uniform(0, 8)
            writer.writerow([stamp(second + 5), "Shop", "FailureRate", "checkout", round(rate, 1)])


def write_get_metric_data(path: Path) -> None:
    """What GetMetricData answers for the queries of an alarm: finished datapoints of a minute."""
    numbers = random.Random(4)  # noqa: S311 - the same calls every time

    def minutes() -> Iterator[tuple[str, int, int]]:
        for minute in range(20):
            calls = 600
            yield stamp(minute * MINUTE), calls, sum(fails(minute * MINUTE, numbers) for _ in range(calls))

    rows = list(minutes())[::-1]
    results = [
        {
            "Id": name,
            "Label": "Failure",
            "Timestamps": [row[0] for row in rows],
            "Values": [float(row[column]) for row in rows],
            "StatusCode": "Complete",
        }
        for name, column in (("calls", 1), ("failures", 2))
    ]
    path.write_text(json.dumps({"MetricDataResults": results, "Messages": []}, indent=2) + "\n")


if __name__ == "__main__":
    main()
