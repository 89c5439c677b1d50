"""The observer takes down what concerns its circuit, once, and says what comes next."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from recloser import Circuit, State
from recloser.circuit import Transition
from recloser.lab.cloudwatch import Metric, Sample
from recloser.lab.demo.live_view import news, view
from recloser.lab.demo.observer import Call, Observer, Outcome, Phase, Probe, status

START_MS = 1_800_000_000_000
CIRCUIT = Circuit("payments-api")


def sample(name: str, value: float, *, circuit: str = "payments-api", at_ms: int = START_MS) -> Sample:
    return Sample(Metric.of("Recloser", name, {"Circuit": circuit}), at_ms, value)


def alarm_event(
    name: str, value: str = "ALARM", kind: str = "CloudWatch Alarm State Change"
) -> dict[str, Any]:
    state = {"value": value, "reason": "because", "timestamp": "2027-01-15T08:00:00.250+0000"}
    return {"detail-type": kind, "detail": {"alarmName": name, "state": state}}


@pytest.fixture
def observer() -> Observer:
    return Observer("payments-api")


def test_transitions_are_taken_once(observer: Observer) -> None:
    """A transition seen in several readings of the item is one transition."""
    opened = Transition(START_MS, State.CLOSED, State.OPEN, 1, "alarm raised")
    tested = Transition(START_MS + 10, State.OPEN, State.HALF_OPEN, 1, "a probe runs")
    circuit = replace(CIRCUIT, state=State.OPEN, generation=1, retry_at_ms=START_MS + 5, history=(opened,))
    observer.see_circuit(circuit)
    observer.see_circuit(circuit)
    observer.see_circuit(replace(circuit, state=State.HALF_OPEN, history=(opened, tested)))
    record = observer.record()
    assert record.transitions == [opened, tested]
    assert record.retries_at_ms == {1: START_MS + 5}


def test_only_this_circuit_is_taken(observer: Observer) -> None:
    """Metrics and alarms of other circuits, and other metrics, are nobody's business here."""
    observer.see_sample(sample("ProbeFailure", 1.0))
    observer.see_sample(sample("ProbeFailure", 1.0, circuit="search-api"))
    observer.see_sample(sample("Failure", 0.0))
    observer.see_sample(sample("Duration", 12.0))
    observer.see_alarm_event(alarm_event("recloser:payments-api:slow-calls"))
    observer.see_alarm_event(alarm_event("recloser:search-api:slow-calls"))
    observer.see_alarm_event(
        alarm_event("recloser:payments-api:slow-calls", kind="CloudWatch Alarm Configuration Change")
    )
    record = observer.record()
    assert record.probes == [Probe(START_MS, failed=True)]
    assert record.counted == [(START_MS, False)]
    assert [(change.alarm, change.at_ms) for change in record.alarms] == [
        ("recloser:payments-api:slow-calls", START_MS + 250)
    ]
    assert observer.raised == {"recloser:payments-api:slow-calls"}
    observer.see_alarm_event(alarm_event("recloser:payments-api:slow-calls", "OK"))
    assert observer.raised == set()


def test_failure_rate_of_the_last_ten_seconds(observer: Observer) -> None:
    """The rate is that of the calls that callers counted; without any there is none."""
    assert status(observer, START_MS).failure_rate is None
    for seconds, failed in ((-11, 1.0), (-9, 1.0), (-1, 0.0), (0, 0.0), (0, 1.0)):
        observer.see_sample(sample("Failure", failed, at_ms=START_MS + seconds * 1000))
    assert status(observer, START_MS).failure_rate == 0.5


@pytest.mark.parametrize(
    ("circuit", "expected"),
    [
        (CIRCUIT, "calls go through"),
        (replace(CIRCUIT, state=State.OPEN, retry_at_ms=START_MS + 7_000), "one probe may go out in 7 s"),
        (replace(CIRCUIT, state=State.OPEN, retry_at_ms=START_MS - 1), "one probe may go out now"),
        (replace(CIRCUIT, state=State.HALF_OPEN, permits=1), "the canary decides"),
        (replace(CIRCUIT, state=State.HALF_OPEN, permits=10), "up to 10 probes"),
    ],
)
def test_what_happens_next(observer: Observer, circuit: Circuit, expected: str) -> None:
    """Each state says what moves it."""
    observer.see_circuit(circuit)
    assert expected in status(observer, START_MS).next


def test_failures_are_said_to_lead_to_a_trip(observer: Observer) -> None:
    """A closed circuit with failing calls says what will trip it."""
    observer.see_sample(sample("Failure", 1.0))
    assert "reports or an alarm show enough failures" in status(observer, START_MS).next


def test_plain_lines_tell_each_piece_of_news_once(observer: Observer) -> None:
    """Without a terminal news come as plain lines, none twice, also when something is seen late."""
    output = io.StringIO()
    console = Console(file=output, width=200)
    with view(console, observer) as shown:
        observer.see_phase(Phase(START_MS, "failing", is_outage=True))
        opened = Transition(START_MS + 2_000, State.CLOSED, State.OPEN, 1, "alarm raised")
        observer.see_circuit(replace(CIRCUIT, state=State.OPEN, history=(opened,)))
        shown.show()
        observer.see_sample(sample("ProbeFailure", 1.0, at_ms=START_MS + 1_000))
        shown.show()
        shown.show()
    told = [line.partition("  ")[2] for line in output.getvalue().splitlines()]
    assert told == ["the dependency is failing", "CLOSED -> OPEN: alarm raised", "a probe failed"]
    assert [text.partition("  ")[2] for _, text in news(observer.record())] == [told[0], told[2], told[1]]


def test_a_terminal_gets_a_panel(observer: Observer) -> None:
    """In a terminal the moment is shown as a panel: state, calls, probes, and what comes next."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100, height=30)
    observer.see_circuit(replace(CIRCUIT, state=State.OPEN, retry_at_ms=0))
    for outcome in Outcome:
        observer.see_call(Call(START_MS, outcome, "environment"))
    with view(console, observer) as shown:
        shown.show()
    text = output.getvalue()
    for expected in (
        "circuit payments-api",
        "OPEN",
        "1 succeeded",
        "1 failed",
        "1 held back",
        "1 refused",
        "one probe may go out",
    ):
        assert expected in text
