"""Circuits as `decide` meets them, in each state, and what may happen to them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

from recloser.circuit import Cause, Circuit, Override, Probes, State, Transition
from recloser.decide import Decision, Mint, decide
from recloser.policy import RecoveryPolicy
from recloser.signals import AlarmRaised, OverrideSet, Signal

NOW = 1_000_000
POLICY = RecoveryPolicy(jitter=0)

CLOSED = Circuit(
    "payments-api", State.CLOSED, generation=4, revision=9, changed_at_ms=900_000, closed_at_ms=900_000
)
OPEN = Circuit(
    "payments-api",
    State.OPEN,
    generation=5,
    revision=10,
    changed_at_ms=990_000,
    opened_at_ms=990_000,
    closed_at_ms=900_000,
    retry_at_ms=1_000_000,
    trips=1,
    permits=1,
    alarm="fast",
)
HALF_OPEN = replace(
    OPEN, state=State.HALF_OPEN, revision=11, changed_at_ms=1_000_000, deadline_at_ms=1_030_000
)
ADMITTING = replace(HALF_OPEN, permits=10)  # the canary has succeeded

FRESH = AlarmRaised("fast", "too many failures", newest_data_ends_ms=900_001)
STALE = AlarmRaised("fast", "too many failures", newest_data_ends_ms=900_000)
BY_HAND = AlarmRaised("fast", "drill", newest_data_ends_ms=None)


def probes(
    granted: int = 0,
    succeeded: int = 0,
    failed: int = 0,
    returned: int = 0,
    *,
    generation: int = 5,
    made: int = 1,
) -> Probes:
    """The permits of a generation as its item counts them; `made` were minted."""
    numbers = itertools.count(1)
    return Probes(
        generation,
        granted=granted,
        allowed=made + returned,
        succeeded=frozenset(next(numbers) for _ in range(succeeded)),
        failed=frozenset(next(numbers) for _ in range(failed)),
        returned=frozenset(next(numbers) for _ in range(returned)),
    )


def forced(state: State, until_ms: int | None = None) -> OverrideSet:
    return OverrideSet(Override(state, by="ann", why="drill", at_ms=NOW, until_ms=until_ms))


def after(decision: Decision) -> Circuit:
    assert decision.circuit is not None, decision.reason
    return decision.circuit


@dataclass(frozen=True)
class Row:
    """A row of a decision table: what a signal does to a circuit."""

    circuit: Circuit
    signal: Signal
    cause: Cause
    state: State | None  # None: nothing is written
    generation: int | None = None
    mint: Mint | None = None
    rearm: str | None = None
    now_ms: int = NOW
    changes: tuple[tuple[str, Any], ...] = ()
    policy: RecoveryPolicy = POLICY

    def check(self) -> None:
        decision = decide(self.circuit, self.signal, self.now_ms, self.policy)
        after = decision.circuit
        assert decision.reason
        assert decision.cause is self.cause
        assert (after and after.state, after and after.generation) == (self.state, self.generation)
        assert (decision.mint, decision.rearm) == (self.mint, self.rearm)
        for attribute, value in self.changes:
            assert getattr(after, attribute) == value, attribute
        if after is not None:
            check_step(self.circuit, decision, self.now_ms)


# The probes' clock that starts or stops, and permits that are replaced, are written, but are no step.
_NO_STEPS = {Cause.PROBE_CLAIMED, Cause.NO_PROBE_OUT, Cause.PERMITS_REPLACED}


def check_step(before: Circuit, decision: Decision, now_ms: int, by: str | None = None) -> None:
    """What is written is one revision, says when, why and by whom, and begins a generation clean."""
    after = decision.circuit
    assert after is not None
    assert after.revision == before.revision + 1
    if after.state is before.state and decision.cause in _NO_STEPS:
        assert (after.history, after.changed_at_ms) == (before.history, before.changed_at_ms)
        return
    line = Transition(
        now_ms, before.state, after.state, after.generation, decision.reason, decision.cause, by
    )
    noted = [each for each in (*after.history, *after.operations) if each not in before.timeline]
    assert line in noted
    assert (after.cause, after.reason, after.changed_at_ms) == (decision.cause, decision.reason, now_ms)
    if after.generation != before.generation:
        assert after.generation == before.generation + 1
        assert after.deadline_at_ms is None
        made = 0 if after.retry_at_ms is None else 1
        assert after.permits == made
        assert decision.mint == (Mint(after.generation, 1, after.retry_at_ms) if made else None)
