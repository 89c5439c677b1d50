"""Decisions to commit, made by `decide` itself at times that are easy to read."""

from __future__ import annotations

from dataclasses import replace

from recloser.circuit import Cause, Circuit, Probes
from recloser.decide import Decision, Mint, decide
from recloser.policy import RecoveryPolicy
from recloser.signals import AlarmRaised, PolicySet, ProbesReported
from recloser.store.tables import Tables

NOW_MS = 1_789_364_587_912
WAIT_MS = 10_000
RETRY_AT_MS = NOW_MS + WAIT_MS
# Exact waits: no jitter.
POLICY = RecoveryPolicy(recovery_timeout_seconds=WAIT_MS / 1000, jitter=0.0)

ALARM = "recloser:payments-api:failure-rate-fast"


def trip(circuit: Circuit, *, now_ms: int = NOW_MS, reason: str = "2 of 3 datapoints") -> Decision:
    """An alarm that somebody set: it trips a closed circuit."""
    return decide(circuit, AlarmRaised(ALARM, reason, None), now_ms, POLICY)


def reported(circuit: Circuit, probes: Probes, *, now_ms: int = RETRY_AT_MS) -> Decision:
    """What these probes make of the circuit."""
    return decide(circuit, ProbesReported(probes), now_ms, POLICY)


def closing(circuit: Circuit) -> Decision:
    """The close of a circuit whose permits are all made, by as many successes as it takes."""
    succeeded = frozenset(range(1, POLICY.successes_to_close + 1))
    probes = Probes(circuit.generation, granted=len(succeeded), allowed=POLICY.permits, succeeded=succeeded)
    return reported(replace(circuit, permits=POLICY.permits), probes)


def set_policy(circuit: Circuit, **settings: float) -> Decision:
    """An operator's settings."""
    return decide(circuit, PolicySet(settings, by="maria"), NOW_MS, POLICY)


def more_permits(circuit: Circuit, permits: int, generation: int | None = None) -> Decision:
    """Permits added to a generation, this one by default."""
    generation = circuit.generation if generation is None else generation
    changed = replace(circuit, revision=circuit.revision + 1, permits=circuit.permits + permits)
    return Decision(Cause.PERMITS_REPLACED, "more permits", changed, Mint(generation, permits))


def committed(tables: Tables, decision: Decision, before: Circuit | None = None) -> Circuit:
    """Commit, and return the circuit as it now is."""
    assert decision.circuit is not None
    tables.commit(before or tables.read(decision.circuit.name, consistent=True), decision)
    return tables.read(decision.circuit.name, consistent=True)


def tripped(tables: Tables, name: str = "payments-api", *, now_ms: int = NOW_MS) -> Circuit:
    """A circuit that has just tripped: open, with one permit from `RETRY_AT_MS` on."""
    before = tables.read(name, consistent=True)
    return committed(tables, trip(before, now_ms=now_ms), before)
