"""What `--json` prints: plain data, times in epoch milliseconds, the names of the announced event."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import typer

from recloser.circuit import Circuit, Override, Probes, State, Transition
from recloser.policy import CallerPolicy, RecoveryPolicy


def print_json(document: Any) -> None:
    # Everything but ASCII is escaped, and so the one control character that JSON leaves alone is too.
    typer.echo(json.dumps(document, indent=2).replace("\x7f", "\\u007f"))


def summary(circuit: Circuit, now_ms: int) -> dict[str, Any]:
    """Describe a circuit in short. `state` is what callers see; an override may hide `state_underneath`."""
    override = circuit.active_override(now_ms)
    return {
        "circuit": circuit.name,
        "state": str(circuit.state_for_callers(now_ms)),
        "state_underneath": str(circuit.state),
        "since_ms": since_ms(circuit, now_ms),
        "generation": circuit.generation,
        "revision": circuit.revision,
        "trips": circuit.trips,
        "retry_at_ms": circuit.retry_at_ms,
        "override": None if override is None else _override(override),
        "cause": circuit.cause,
        "reason": circuit.reason,
        "alarm": circuit.alarm,
    }


def since_ms(circuit: Circuit, now_ms: int) -> int | None:
    """Say since when callers see what they see; None: ever since."""
    override = circuit.active_override(now_ms)
    if override is not None:
        return override.at_ms
    since = {
        State.CLOSED: circuit.closed_at_ms,
        State.OPEN: circuit.opened_at_ms,
        State.HALF_OPEN: circuit.changed_at_ms,
    }
    return since[circuit.state]


def detail(circuit: Circuit, probes: Probes | None, policy: RecoveryPolicy, now_ms: int) -> dict[str, Any]:
    """Describe a circuit in full; `policy` is the one in force."""
    return summary(circuit, now_ms) | {
        "policy": asdict(policy) | asdict(CallerPolicy.of(circuit.policy)),
        "own_policy": dict(circuit.policy),
        "probes": None if probes is None else _probes(probes),
        "trip": None if circuit.trip is None else asdict(circuit.trip),
        "history": history(circuit),
    }


def history(circuit: Circuit) -> list[dict[str, Any]]:
    """List the transitions, newest last."""
    return [_transition(line) for line in circuit.timeline]


def _override(override: Override) -> dict[str, Any]:
    return asdict(override) | {"state": str(override.state)}


def _probes(probes: Probes) -> dict[str, Any]:
    return {
        "generation": probes.generation,
        "granted": probes.granted,
        "allowed": probes.allowed,
        "opens_at_ms": probes.opens_at_ms,
        "succeeded": sorted(probes.succeeded),
        "failed": sorted(probes.failed),
        "returned": sorted(probes.returned),
        "out": probes.out,
    }


def _transition(line: Transition) -> dict[str, Any]:
    return asdict(line) | {"from_state": str(line.from_state), "to_state": str(line.to_state)}
