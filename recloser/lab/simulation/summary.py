"""The figures of a run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from recloser.circuit import State
from recloser.lab.simulation.dependency import outages
from recloser.lab.simulation.event_queue import MS_PER_SECOND
from recloser.lab.simulation.monthly_cost import ASSUMPTIONS, monthly_cost
from recloser.lab.simulation.recording import (
    FAILED,
    HELD,
    HELD_GOOD,
    PROBES,
    REFUSED,
    REFUSED_GOOD,
    SUCCEEDED,
    THROTTLED,
    Recording,
)
from recloser.lab.simulation.scenario import Scenario, Span
from recloser.lab.simulation.simulation import Run


@dataclass(frozen=True, slots=True)
class Outage:
    """One outage and what the breaker made of it; None: it did not happen, or not within the run.

    `failed_calls_before_trip` are counted in whole seconds, from the one in which the outage began.
    """

    from_seconds: float
    until_seconds: float
    seconds_to_trip: float | None
    failed_calls_before_trip: int | None
    seconds_from_recovery_to_closed: float | None


def summary(run: Run) -> dict[str, Any]:
    """Sum a run up, as plain data."""
    scenario, recording = run.scenario, run.recording
    found = [asdict(_outage(span, scenario, recording)) for span in outages(scenario)]
    cost = monthly_cost(run)
    first = found[0] if found else {}
    return {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "duration_seconds": scenario.duration_seconds,
        "final_state": str(run.circuit.state),
        "seconds_to_trip": first.get("seconds_to_trip"),
        "failed_calls_before_trip": first.get("failed_calls_before_trip"),
        "seconds_from_recovery_to_closed": first.get("seconds_from_recovery_to_closed"),
        "outages": found,
        "calls": _calls(recording, scenario),
        "probes": {
            "sent": recording.total(PROBES),
            "failed": sum(probe.succeeded is False for probe in recording.probes),
            "lost": sum(probe.succeeded is None for probe in recording.probes),
        },
        "trips": recording.trips,
        "alarms_raised": sum(change.value == "ALARM" for change in recording.alarms),
        "announcements": recording.announced,
        "dynamodb": {"reads": run.usage.reads, "writes": run.usage.writes},
        "emf": {"documents": run.written.documents, "bytes": run.written.bytes},
        "function_invocations": run.function_invocations,
        "dead_letters": run.dead_letters,
        "environments": {"cold_starts": recording.cold_starts, "deaths": recording.deaths},
        "monthly_cost_usd": {name: round(value, 2) for name, value in asdict(cost).items()}
        | {"total": round(cost.total, 2), "assumptions": ASSUMPTIONS},
    }


def _calls(recording: Recording, scenario: Scenario) -> dict[str, int]:
    """Refused calls are those of the flag; those of the local trip stand apart."""
    good_in_outages = sum(
        recording.total(column, span.from_seconds, span.until_seconds)
        for span in outages(scenario)
        for column in (REFUSED_GOOD, HELD_GOOD)
    )
    good = recording.total(REFUSED_GOOD) + recording.total(HELD_GOOD)
    return {
        "succeeded": recording.total(SUCCEEDED),
        "failed": recording.total(FAILED),
        "refused": recording.total(REFUSED),
        "refused_by_local_trip": recording.total(HELD),
        "good_refused": good,
        "good_refused_while_healthy": good - good_in_outages,
        "no_free_environment": recording.total(THROTTLED),
    }


def _outage(span: Span, scenario: Scenario, recording: Recording) -> Outage:
    following = [each.from_seconds for each in outages(scenario) if each.from_seconds > span.from_seconds]
    ends = min(following, default=scenario.duration_seconds)
    tripped = _first(recording, State.OPEN, span.from_seconds, ends)
    closed = None
    if span.until_seconds < scenario.duration_seconds and tripped is not None:
        closed = _closed_for_good(recording, max(span.until_seconds, tripped), ends)
    return Outage(
        span.from_seconds,
        span.until_seconds,
        None if tripped is None else round(tripped - span.from_seconds, 3),
        None if tripped is None else recording.total(FAILED, span.from_seconds, tripped),
        None if closed is None else round(max(0.0, closed - span.until_seconds), 3),
    )


def _first(recording: Recording, state: State, since: float, until: float) -> float | None:
    times = (
        (change.at_ms - recording.start_ms) / MS_PER_SECOND
        for change in recording.states
        if change.after is state
    )
    return next((seconds for seconds in times if since <= seconds < until), None)


def _closed_for_good(recording: Recording, since: float, until: float) -> float | None:
    """When it closed and stayed closed, up to the next outage or the end."""
    closed: float | None = None
    for change in recording.states:
        seconds = (change.at_ms - recording.start_ms) / MS_PER_SECOND
        if seconds >= until:
            break
        if change.after is not State.CLOSED:
            closed = None
        elif closed is None:
            closed = seconds
    return closed if closed is None or closed >= since else since
