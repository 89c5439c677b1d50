"""What is seen of a run: calls, transitions, alarms, probes. Everything later shown is computed from this."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from recloser import Circuit, State
from recloser.circuit import Transition
from recloser.lab.cloudwatch import Sample
from recloser.lab.cloudwatch.events import STATE_CHANGE
from recloser.metrics.emf import FAILURE, NAMESPACE, PROBE_FAILURE


class Outcome(StrEnum):
    """What a caller got; held back: refused by its own process, before the fleet's circuit knows."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    HELD = "held back"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation of the demo caller; the time is that of its answer."""

    at_ms: int
    outcome: Outcome
    environment: str


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """An alarm went from one state to another."""

    at_ms: int
    alarm: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Probe:
    """A probe that a caller made, by its own metric."""

    at_ms: int
    failed: bool


@dataclass(frozen=True, slots=True)
class Phase:
    """What the scenario told the dependency to be from this time on."""

    at_ms: int
    name: str
    is_outage: bool


@dataclass(slots=True)
class Record:
    """Everything that was seen, oldest first.

    `counted` are the outcomes that callers published while the circuit was closed, as CloudWatch got them:
    time and 0 or 1 for a failure. `retries_at_ms` are the retry_at of each generation that was open.
    """

    calls: list[Call] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    alarms: list[AlarmChange] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)
    counted: list[tuple[int, bool]] = field(default_factory=list)
    retries_at_ms: dict[int, int] = field(default_factory=dict)


class Observer:
    """Takes down what is seen of one circuit, from several threads.

    Args:
        name: the circuit.

    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._record = Record()
        self._circuit = Circuit(name)
        self._raised: set[str] = set()

    def record(self) -> Record:
        """A copy of what was seen so far."""
        seen = self._record
        with self._lock:
            return Record(
                list(seen.calls),
                list(seen.transitions),
                list(seen.alarms),
                sorted(seen.probes, key=lambda probe: probe.at_ms),
                list(seen.phases),
                list(seen.counted),
                dict(seen.retries_at_ms),
            )

    @property
    def circuit(self) -> Circuit:
        """The circuit as it was last read."""
        return self._circuit

    @property
    def raised(self) -> set[str]:
        """The alarms of this circuit that stand in ALARM."""
        with self._lock:
            return set(self._raised)

    def see_phase(self, phase: Phase) -> None:
        with self._lock:
            self._record.phases.append(phase)

    def see_call(self, call: Call) -> None:
        with self._lock:
            self._record.calls.append(call)

    def see_circuit(self, circuit: Circuit) -> None:
        """Take down the transitions that are new in a reading of the circuit."""
        with self._lock:
            self._circuit = circuit
            known = set(self._record.transitions)
            self._record.transitions += [line for line in circuit.timeline if line not in known]
            if circuit.state is State.OPEN and circuit.retry_at_ms is not None:
                self._record.retries_at_ms[circuit.generation] = circuit.retry_at_ms

    def see_sample(self, sample: Sample) -> None:
        """Take down a metric of this circuit."""
        if (
            sample.metric.namespace != NAMESPACE
            or dict(sample.metric.dimensions).get("Circuit") != self._name
        ):
            return
        with self._lock:
            if sample.metric.name == PROBE_FAILURE:
                self._record.probes.append(Probe(sample.timestamp_ms, failed=sample.value > 0))
            elif sample.metric.name == FAILURE:
                self._record.counted.append((sample.timestamp_ms, sample.value > 0))

    def see_alarm_event(self, event: Mapping[str, Any]) -> None:
        """Take down a change of one of this circuit's alarms."""
        detail = event["detail"]
        name = detail["alarmName"]
        if event["detail-type"] != STATE_CHANGE or not name.startswith(f"recloser:{self._name}:"):
            return
        state = detail["state"]
        at_ms = int(datetime.fromisoformat(state["timestamp"]).timestamp() * 1000)
        with self._lock:
            self._record.alarms.append(AlarmChange(at_ms, name, state["value"], state["reason"]))
            (self._raised.add if state["value"] == "ALARM" else self._raised.discard)(name)


@dataclass(frozen=True, slots=True)
class Status:
    """The moment, for whoever watches.

    `failure_rate` is the share of failed calls among those counted in the last 10 s; None: there were none.
    """

    at_ms: int
    phase: Phase | None
    circuit: Circuit
    raised: tuple[str, ...]
    failure_rate: float | None
    outcomes: Counter[Outcome]
    probes_failed: int
    probes_succeeded: int
    next: str


WINDOW_MS = 10_000


def status(observer: Observer, now_ms: int) -> Status:
    """Sum up what an observer has seen.

    Args:
        observer: who has seen it.
        now_ms: the time, epoch milliseconds.

    """
    record = observer.record()
    recent = [failed for at_ms, failed in record.counted if at_ms > now_ms - WINDOW_MS]
    failed_probes = sum(probe.failed for probe in record.probes)
    rate = sum(recent) / len(recent) if recent else None
    return Status(
        at_ms=now_ms,
        phase=record.phases[-1] if record.phases else None,
        circuit=observer.circuit,
        raised=tuple(sorted(observer.raised)),
        failure_rate=rate,
        outcomes=Counter(call.outcome for call in record.calls),
        probes_failed=failed_probes,
        probes_succeeded=len(record.probes) - failed_probes,
        next=_what_happens_next(observer.circuit, rate, now_ms),
    )


def _what_happens_next(circuit: Circuit, failure_rate: float | None, now_ms: int) -> str:
    if circuit.state is State.CLOSED:
        if failure_rate:
            return "trips when the fleet's reports or an alarm show enough failures"
        return "calls go through; alarms watch their outcomes"
    if circuit.state is State.OPEN:
        wait_seconds = ((circuit.retry_at_ms or now_ms) - now_ms) / 1000
        return (
            f"one probe may go out in {wait_seconds:.0f} s"
            if wait_seconds > 0
            else "one probe may go out now"
        )
    if circuit.permits > 1:
        return (
            f"up to {circuit.permits} probes in all; enough successes close the circuit, one failure opens it"
        )
    return "the canary decides: a success lets more probes out, a failure opens the circuit again"
