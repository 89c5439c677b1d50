"""The shortcut through text is exact: bytes and samples are those of the EMF that callers would write."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recloser.lab.cloudwatch import CloudWatch, Metric
from recloser.lab.cloudwatch.series import Span
from recloser.lab.simulation.context import Context
from recloser.lab.simulation.event_queue import EventQueue
from recloser.lab.simulation.fault_injection import FaultInjector
from recloser.lab.simulation.random_streams import RandomStream
from recloser.lab.simulation.recording import Recording
from recloser.lab.simulation.scenario import Faults, Lateness, Scenario
from recloser.lab.simulation.simulation import START_MS
from recloser.lab.simulation.telemetry import Telemetry
from recloser.metrics.emf import Value
from recloser.metrics.recorder import EmfPublisher

DOCUMENTS: list[dict[str, Value]] = [
    {"Failure": 0, "Duration": 12.0},
    {"Failure": [0, 0, 1], "Duration": [1.0, 250.5, 1.0]},
    {"Failure": 1, "Rejected": 1},
    {"ProbeFailure": 0},
    {"Failure": [1] * 100, "Duration": [2000.0] * 100, "Rejected": [1] * 7},
]


def telemetry(faults: Faults) -> tuple[Telemetry, EventQueue, CloudWatch]:
    scenario, queue, cloudwatch = Scenario(faults=faults), EventQueue(START_MS), CloudWatch()
    injector = FaultInjector(faults, queue, RandomStream(1, "faults"))
    context = Context(scenario, queue, injector, Recording(START_MS, 60), None)
    return Telemetry(context, cloudwatch), queue, cloudwatch


def arrived(faults: Faults) -> tuple[Telemetry, CloudWatch]:
    """Publish the documents a second apart, and let them all become readable."""
    carrier, queue, cloudwatch = telemetry(faults)
    for index, values in enumerate(DOCUMENTS):
        carrier.publish(values, START_MS + 1000 * index, START_MS + 1000 * index + 300)
    while queue.next_ms() is not None:
        queue.step()
    return carrier, cloudwatch


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the lines that callers would write."""
    for name in ("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION"):
        monkeypatch.delenv(name, raising=False)
    written: list[str] = []
    publisher = EmfPublisher(written.append)
    for index, values in enumerate(DOCUMENTS):
        publisher.publish("payments-api", values, START_MS + 1000 * index)
    return written


def seen(cloudwatch: CloudWatch, name: str, unit: str) -> Any:
    metric = Metric.of("Recloser", name, {"Circuit": "payments-api"})
    return cloudwatch.metrics.aggregates(
        metric, unit, Span(START_MS, 10, 3), START_MS + 60_000, with_values=True
    )


def test_the_bytes_are_those_of_the_text(lines: list[str]) -> None:
    """As many documents and bytes are counted as callers would write, line feeds included."""
    carrier, _ = arrived(Faults())
    assert carrier.written().documents == len(lines)
    assert carrier.written().bytes == sum(len(line) + 1 for line in lines)
    assert carrier.written().billed_bytes == sum(len(line) + 1 + 26 for line in lines)


def test_bytes_are_counted_before_their_values_arrive(lines: list[str]) -> None:
    """What is still on its way has been written already."""
    carrier, _, _ = telemetry(Faults())
    carrier.publish(DOCUMENTS[1], START_MS, START_MS)
    assert carrier.written().bytes == len(lines[1]) + 1


@pytest.mark.parametrize(
    ("name", "unit"), [("Failure", "Count"), ("Duration", "Milliseconds"), ("Rejected", "Count")]
)
def test_cloudwatch_holds_what_the_text_says(lines: list[str], name: str, unit: str) -> None:
    """The samples are those that CloudWatch extracts from the lines."""
    _, cloudwatch = arrived(Faults())
    extracted = CloudWatch()
    for line in lines:
        assert extracted.put_emf(line, START_MS + 10_000).dropped == []
    ours, theirs = seen(cloudwatch, name, unit), seen(extracted, name, unit)
    assert [each and (each.count, each.total, each.values) for each in ours] == [
        each and (each.count, each.total, each.values) for each in theirs
    ]


def test_a_metric_is_not_readable_before_its_time() -> None:
    """What was published is seen a second or more later."""
    carrier, queue, cloudwatch = telemetry(Faults())
    carrier.publish(DOCUMENTS[0], START_MS, START_MS)
    at_ms = queue.next_ms()
    assert at_ms is not None
    assert START_MS + 1000 < at_ms <= START_MS + 4000
    metric = Metric.of("Recloser", "Failure", {"Circuit": "payments-api"})
    assert cloudwatch.metrics.aggregates(metric, "Count", Span(START_MS, 10, 1), at_ms - 1) == [None]


def test_duplicated_metrics_count_twice() -> None:
    """A document that CloudWatch takes twice doubles its samples; it was written once."""
    carrier, cloudwatch = arrived(Faults(duplicated_metrics=1.0))
    once, _ = arrived(Faults())
    assert carrier.written() == once.written()
    assert seen(cloudwatch, "ProbeFailure", "Count")[0].count == 2


def test_late_metrics_bear_their_own_time() -> None:
    """A document that comes late belongs to the second in which it was measured."""
    _, cloudwatch = arrived(Faults(late_metrics=Lateness(1.0, 30)))
    assert seen(cloudwatch, "ProbeFailure", "Count")[0].count == 1


def test_the_lines_are_emf(lines: list[str]) -> None:
    """The comparison is with documents, not with nothing."""
    assert json.loads(lines[1])["Duration"] == [1.0, 250.5, 1.0]
