"""What the world is told when a circuit changes."""

from __future__ import annotations

from typing import Any

from recloser.circuit import Circuit, Override, State

SOURCE = "recloser"
DETAIL_TYPE = "Circuit State Changed"

STATE_VALUES = {State.CLOSED: 0.0, State.HALF_OPEN: 0.5, State.OPEN: 1.0}


def announcement(before: Circuit, after: Circuit) -> dict[str, Any] | None:
    """Return the detail of the event `Circuit State Changed`; None when nothing changed that others see."""
    if (before.state, before.generation, before.override) == (after.state, after.generation, after.override):
        return None
    return {
        "schema": 1,
        "circuit": after.name,
        "state": str(after.state),
        "previous_state": str(before.state),
        "generation": after.generation,
        "revision": after.revision,
        "trips": after.trips,
        "cause": after.cause,
        "reason": after.reason,
        "alarm": after.alarm,
        "at_ms": after.changed_at_ms,
        "retry_at_ms": after.retry_at_ms,
        "override": None if after.override is None else _override(after.override),
    }


def _override(override: Override) -> dict[str, Any]:
    return {
        "state": str(override.state),
        "by": override.by,
        "why": override.why,
        "at_ms": override.at_ms,
        "until_ms": override.until_ms,
    }


def tripped(before: Circuit, after: Circuit) -> bool:
    """Tell whether this change was a trip. An operator who holds a circuit open trips nothing."""
    held = after.override is not None and after.override.state is State.OPEN
    return after.state is State.OPEN and after.opened_at_ms != before.opened_at_ms and not held
