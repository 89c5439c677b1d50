"""The asyncio program shares one breaker between its tasks and publishes by PutMetricData."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from stored_tables import ROOT

PROGRAM = ROOT / "examples" / "asyncio_caller" / "program.py"
PATIENT = ROOT / "tests" / "support" / "patient_store.py"
Counts = Callable[[str], tuple[float, float]]


@pytest.fixture
def counts(client: Callable[[str], Any], circuit: str) -> Counts:
    """Return how many values of a metric CloudWatch has received for the circuit, and their sum."""

    def counts(metric: str) -> tuple[float, float]:
        now = datetime.now(UTC)
        answer = client("cloudwatch").get_metric_statistics(
            Namespace="Recloser",
            MetricName=metric,
            Dimensions=[{"Name": "Circuit", "Value": circuit}],
            StartTime=now - timedelta(minutes=10),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["SampleCount", "Sum"],
        )
        points = answer["Datapoints"]
        return sum(point["SampleCount"] for point in points), sum(point["Sum"] for point in points)

    return counts


@pytest.fixture
def run(caller_environment: Mapping[str, str], service: Any) -> Callable[..., list[str]]:
    """Run the program for some products and return the lines that it prints."""

    def run(*products: str) -> list[str]:
        ended = subprocess.run(
            [sys.executable, PATIENT, PROGRAM, *products],
            env=dict(caller_environment) | {"PRICES_URL": service.url},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        assert ended.stderr == ""
        return ended.stdout.splitlines()

    return run


def test_healthy(run: Callable[..., list[str]], counts: Counts) -> None:
    """Every task gets its answer, and every call and its duration have reached CloudWatch at the end."""
    products = [f"product-{number}" for number in range(20)]
    assert run(*products) == [f"{product}: {{'status': 'settled'}}" for product in products]
    assert counts("Failure") == (20, 0)
    assert counts("Duration")[0] == 20


def test_failures(run: Callable[..., list[str]], counts: Counts, service: Any) -> None:
    """Calls that fail are told with their errors and counted as failures."""
    service.is_failing = True
    assert all("500" in line for line in run("tea", "coffee"))
    assert counts("Failure") == (2, 2)


def test_refused(
    run: Callable[..., list[str]], counts: Counts, service: Any, circuit: str, trip: Callable[[float], None]
) -> None:
    """While the circuit is open no task calls, and the refusals are counted."""
    trip(600)
    lines = run("tea", "coffee", "cocoa")
    assert all(f"not now (circuit {circuit} is OPEN" in line for line in lines)
    assert service.received == 0
    assert counts("Rejected") == (3, 3)
    assert counts("Failure") == (0, 0)


def test_one_task_probes(
    run: Callable[..., list[str]], counts: Counts, service: Any, trip: Callable[[float], None]
) -> None:
    """Once probes are due, one of many tasks is the canary, and the others are refused."""
    trip(0.1)
    # A process waits up to a second longer, at random, so that a fleet does not ask at once.
    time.sleep(1.5)
    lines = run(*(f"product-{number}" for number in range(10)))
    assert sum("settled" in line for line in lines) == service.received == 1
    assert counts("ProbeFailure") == (1, 0)
    assert counts("Rejected") == (9, 9)
