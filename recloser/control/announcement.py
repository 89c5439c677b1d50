"""The event and the log lines of a circuit's change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from recloser.circuit import Cause, Circuit, Override, State, Transition, Trip

SOURCE = "recloser"
STATE_CHANGED = "Circuit State Changed"
POLICY_CHANGED = "Circuit Policy Changed"

STATE_VALUES = {State.CLOSED: 0.0, State.HALF_OPEN: 0.5, State.OPEN: 1.0}


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event for the default bus."""

    detail_type: str
    detail: dict[str, Any]


def announcement(before: Circuit, after: Circuit) -> Announcement | None:
    """Return the event that tells of a change; None when nothing changed that others see."""
    if _others_see(before, after):
        return Announcement(STATE_CHANGED, _detail(before, after, audit_lines(before, after)[-1]))
    if before.policy != after.policy:
        return Announcement(POLICY_CHANGED, _detail(before, after, audit_lines(before, after)[-1]))
    return None


def audit_lines(before: Circuit, after: Circuit) -> list[Transition]:
    """List what a write did, oldest first: what it added to history and operations.

    A manual write adds nothing there. What it changed is told all the same.
    """
    known = set(before.timeline)
    lines = [line for line in after.timeline if line not in known]
    if lines:
        return lines
    if _others_see(before, after):
        if (before.reason, before.cause) == (after.reason, after.cause):
            return [_by_hand(before, after, "the item was edited manually", None)]
        return [_by_hand(before, after, after.reason, after.cause)]
    if before.policy != after.policy:
        return [_by_hand(before, after, "the settings were edited manually", None)]
    return []


def _others_see(before: Circuit, after: Circuit) -> bool:
    return (before.state, before.generation, before.override) != (
        after.state,
        after.generation,
        after.override,
    )


def _by_hand(before: Circuit, after: Circuit, reason: str, cause: Cause | None) -> Transition:
    return Transition(after.changed_at_ms, before.state, after.state, after.generation, reason, cause)


def log_entry(circuit: Circuit, line: Transition) -> dict[str, Any]:
    """Describe a transition for the log: one structured line each, with its cause and its actor."""
    return {
        "circuit": circuit.name,
        "previous_state": line.from_state,
        "state": line.to_state,
        "generation": line.generation,
        "revision": circuit.revision,
        "cause": line.cause,
        "actor": line.by or "recloser",
        "reason": line.reason,
        "at_ms": line.at_ms,
    }


def tripped(before: Circuit, after: Circuit) -> bool:
    """Tell whether this change was a trip. An operator who holds a circuit open trips nothing."""
    held = after.override is not None and after.override.state is State.OPEN
    return after.state is State.OPEN and after.opened_at_ms != before.opened_at_ms and not held


def _detail(before: Circuit, after: Circuit, told: Transition) -> dict[str, Any]:
    return {
        "schema": 1,
        "circuit": after.name,
        "state": after.state,
        "previous_state": before.state,
        "generation": after.generation,
        "revision": after.revision,
        "trips": after.trips,
        "cause": told.cause,
        "by": told.by,
        "reason": told.reason,
        "alarm": after.alarm,
        "at_ms": told.at_ms,
        "retry_at_ms": after.retry_at_ms,
        "override": None if after.override is None else _override(after.override),
        "trip": None if after.trip is None else _trip(after.trip),
    }


def _override(override: Override) -> dict[str, Any]:
    return {
        "state": override.state,
        "by": override.by,
        "why": override.why,
        "at_ms": override.at_ms,
        "until_ms": override.until_ms,
    }


def _trip(trip: Trip) -> dict[str, Any]:
    return {
        "cause": trip.cause,
        "reason": trip.reason,
        "at_ms": trip.at_ms,
        "generation": trip.generation,
        "threshold": trip.threshold,
        "datapoints": list(trip.datapoints),
        "calls": trip.calls,
        "failures": trip.failures,
    }
