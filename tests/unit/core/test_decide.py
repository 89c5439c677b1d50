"""The decision table of the design, row by row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from recloser.circuit import Circuit, Override, Probes, State, Transition
from recloser.decide import (
    AlarmRaised,
    Decision,
    Mint,
    OverrideReleased,
    OverrideSet,
    PolicySet,
    ProbesReported,
    Reset,
    Signal,
    TimerDue,
    decide,
)
from recloser.policy import Policy

NOW = 1_000_000
POLICY = Policy(jitter=0)

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
    generation: int = 5,
) -> Probes:
    numbers = iter(range(1, 100))
    return Probes(
        generation,
        granted=granted,
        allowed=10,
        succeeded=frozenset(next(numbers) for _ in range(succeeded)),
        failed=frozenset(next(numbers) for _ in range(failed)),
        returned=frozenset(next(numbers) for _ in range(returned)),
    )


@dataclass(frozen=True)
class Row:
    circuit: Circuit
    signal: Signal
    state: State | None  # None: nothing is written
    generation: int | None = None
    mint: Mint | None = None
    rearm: str | None = None
    now_ms: int = NOW
    changes: tuple[tuple[str, Any], ...] = ()


REPORTED = ProbesReported
LATER = HALF_OPEN.deadline_at_ms or 0

TABLE = {
    # AlarmRaised with fresh data
    "fresh data trips a closed circuit": Row(
        CLOSED, FRESH, State.OPEN, 5, Mint(5, 1, 1_010_000), changes=(("alarm", "fast"), ("trips", 1))
    ),
    "an alarm never moves opened_at of an open circuit": Row(OPEN, FRESH, None),
    "an alarm leaves a half-open circuit to its probes": Row(HALF_OPEN, FRESH, None),
    # AlarmRaised, newest datapoint not after the last close
    "stale data re-arms the alarm and writes nothing": Row(CLOSED, STALE, None, rearm="fast"),
    "stale data means nothing to an open circuit": Row(OPEN, STALE, None),
    "stale data means nothing to a half-open circuit": Row(HALF_OPEN, STALE, None),
    # AlarmRaised by hand
    "an alarm set by hand trips a closed circuit": Row(CLOSED, BY_HAND, State.OPEN, 5, Mint(5, 1, 1_010_000)),
    "an alarm set by hand means nothing to an open circuit": Row(OPEN, BY_HAND, None),
    "an alarm set by hand trips a half-open circuit": Row(
        HALF_OPEN, BY_HAND, State.OPEN, 6, Mint(6, 1, 1_010_000)
    ),
    # ProbesReported: granted, none reported
    "a claim means nothing to a closed circuit": Row(CLOSED, REPORTED(probes(1, generation=4)), None),
    "the first claim moves an open circuit to half-open": Row(
        OPEN, REPORTED(probes(1)), State.HALF_OPEN, 5, changes=(("deadline_at_ms", 1_030_000),)
    ),
    "a further claim means nothing to a half-open circuit": Row(HALF_OPEN, REPORTED(probes(1)), None),
    "the first claim after the scheduled rule starts the probe's clock": Row(
        replace(HALF_OPEN, deadline_at_ms=None),
        REPORTED(probes(1)),
        State.HALF_OPEN,
        5,
        changes=(("deadline_at_ms", 1_030_000),),
    ),
    "a canary given back stops the probe's clock": Row(
        HALF_OPEN, REPORTED(probes(1, returned=1)), State.HALF_OPEN, 5, changes=(("deadline_at_ms", None),)
    ),
    # ProbesReported: one failed
    "a failed probe means nothing to a closed circuit": Row(
        CLOSED, REPORTED(probes(1, failed=1, generation=4)), None
    ),
    "a failed canary trips an open circuit again": Row(
        OPEN, REPORTED(probes(1, failed=1)), State.OPEN, 6, Mint(6, 1, 1_010_000), changes=(("trips", 2),)
    ),
    "a failed probe trips a half-open circuit again": Row(
        ADMITTING, REPORTED(probes(6, succeeded=4, failed=1)), State.OPEN, 6, Mint(6, 1, 1_010_000)
    ),
    "one failure outweighs enough successes": Row(
        ADMITTING, REPORTED(probes(9, succeeded=8, failed=1)), State.OPEN, 6, Mint(6, 1, 1_010_000)
    ),
    # ProbesReported: the canary succeeded
    "a success means nothing to a closed circuit": Row(
        CLOSED, REPORTED(probes(1, succeeded=1, generation=4)), None
    ),
    "the canary's success moves an open circuit on, with the other permits": Row(
        OPEN, REPORTED(probes(1, succeeded=1)), State.HALF_OPEN, 5, Mint(5, 9), changes=(("permits", 10),)
    ),
    "the canary's success mints the other permits": Row(
        HALF_OPEN, REPORTED(probes(1, succeeded=1)), State.HALF_OPEN, 5, Mint(5, 9)
    ),
    "the canary's success, told twice, mints once": Row(ADMITTING, REPORTED(probes(1, succeeded=1)), None),
    # ProbesReported: enough succeeded
    "enough successes mean nothing to a closed circuit": Row(
        CLOSED, REPORTED(probes(5, succeeded=5, generation=4)), None
    ),
    "enough successes close an open circuit": Row(
        OPEN, REPORTED(probes(5, succeeded=5)), State.CLOSED, 6, rearm="fast"
    ),
    "enough successes close a half-open circuit and re-arm its alarm": Row(
        ADMITTING,
        REPORTED(probes(5, succeeded=5)),
        State.CLOSED,
        6,
        rearm="fast",
        changes=(("closed_at_ms", NOW), ("retry_at_ms", None), ("trips", 1)),
    ),
    "one success short of enough waits": Row(ADMITTING, REPORTED(probes(9, succeeded=4)), None),
    # ProbesReported: of another generation
    "an older generation's failure means nothing to an open circuit": Row(
        OPEN, REPORTED(probes(1, failed=1, generation=4)), None
    ),
    "an older generation's successes mean nothing to a half-open circuit": Row(
        HALF_OPEN, REPORTED(probes(9, succeeded=9, generation=4)), None
    ),
    "an older generation's failure means nothing to a closed circuit": Row(
        replace(CLOSED, generation=6), REPORTED(probes(1, failed=1)), None
    ),
    # TimerDue
    "time means nothing to a closed circuit": Row(CLOSED, TimerDue(None), None),
    "before retry_at an open circuit stays open": Row(OPEN, TimerDue(probes()), None, now_ms=NOW - 1),
    "at retry_at an open circuit becomes half-open": Row(
        OPEN, TimerDue(probes()), State.HALF_OPEN, 5, changes=(("deadline_at_ms", None),)
    ),
    "before the deadline a half-open circuit waits": Row(
        HALF_OPEN, TimerDue(probes(1)), None, now_ms=LATER - 1
    ),
    "at the deadline, a lost canary and no success trip again": Row(
        HALF_OPEN, TimerDue(probes(1)), State.OPEN, 6, Mint(6, 1, LATER + 10_000), now_ms=LATER
    ),
    "at the deadline, some successes replace the permits that were lost": Row(
        ADMITTING,
        TimerDue(probes(5, succeeded=3)),
        State.HALF_OPEN,
        5,
        Mint(5, 2),
        now_ms=LATER,
        changes=(("permits", 12), ("deadline_at_ms", LATER + 30_000)),
    ),
    "lost permits are replaced once": Row(
        replace(ADMITTING, permits=12),
        TimerDue(probes(5, succeeded=3)),
        State.HALF_OPEN,
        5,
        now_ms=LATER,
        changes=(("permits", 12), ("deadline_at_ms", None)),
    ),
    "the others' deadline counts from their first claim": Row(
        replace(ADMITTING, deadline_at_ms=None),
        TimerDue(probes(2, succeeded=1)),
        State.HALF_OPEN,
        5,
        changes=(("permits", 10), ("deadline_at_ms", NOW + 30_000)),
    ),
    "open without a time to retry, and held by nobody, is open no longer than a tick": Row(
        replace(OPEN, retry_at_ms=None), TimerDue(None), State.OPEN, 6, Mint(6, 1, NOW)
    ),
    "at the deadline, without traffic, it waits on": Row(
        HALF_OPEN, TimerDue(probes(0)), State.HALF_OPEN, 5, now_ms=LATER, changes=(("deadline_at_ms", None),)
    ),
    "without traffic and clock it waits on": Row(
        replace(HALF_OPEN, deadline_at_ms=None), TimerDue(probes(0)), None, now_ms=LATER
    ),
    "the timer brings news whose stream record was lost": Row(
        HALF_OPEN, TimerDue(probes(1, failed=1)), State.OPEN, 6, Mint(6, 1, 1_010_000)
    ),
    "permits that are gone are minted anew": Row(OPEN, TimerDue(None), State.OPEN, 6, Mint(6, 1, NOW)),
}


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
def test_every_pair_of_state_and_signal(row: Row) -> None:
    """What a signal does to a circuit is what the table says."""
    decision = decide(row.circuit, row.signal, row.now_ms, POLICY)

    after = decision.circuit
    assert decision.reason
    assert (after and after.state, after and after.generation) == (row.state, row.generation)
    assert (decision.mint, decision.rearm) == (row.mint, row.rearm)
    for attribute, value in row.changes:
        assert getattr(after, attribute) == value
    if after is not None:
        assert after.revision == row.circuit.revision + 1


def test_the_table_has_every_pair() -> None:
    """No pair of a state and one of the machine's own signals is left out of the table."""
    machine = (AlarmRaised, ProbesReported, TimerDue)
    shown = {(row.circuit.state, type(row.signal)) for row in TABLE.values()}
    assert shown == {(state, signal) for state in State for signal in machine}


# --- Waiting -------------------------------------------------------------------------------------


def wait_seconds(decision: Decision, now_ms: int = NOW) -> float:
    assert decision.circuit is not None
    assert decision.circuit.retry_at_ms is not None
    return (decision.circuit.retry_at_ms - now_ms) / 1000


def test_each_trip_of_an_outage_waits_longer_up_to_the_maximum() -> None:
    """The wait is recovery_timeout * backoff^(trips-1), at most max_recovery_timeout."""
    policy = Policy(recovery_timeout_seconds=10, backoff=2, max_recovery_timeout_seconds=60, jitter=0)
    failed = ProbesReported(probes(1, failed=1))
    waits = [
        wait_seconds(decide(replace(HALF_OPEN, trips=trips), failed, NOW, policy)) for trips in (1, 2, 3, 400)
    ]
    assert waits == [20, 40, 60, 60]


def test_an_outage_longer_than_floating_point_still_waits_the_maximum() -> None:
    """Ten thousand trips at the largest backoff wait the maximum, like the tenth."""
    policy = Policy(backoff=10, jitter=0)
    decision = decide(replace(HALF_OPEN, trips=10_000), ProbesReported(probes(1, failed=1)), NOW, policy)
    assert wait_seconds(decision) == 900


def test_jitter_spreads_the_wait_and_is_drawn_once() -> None:
    """Waits of many circuits fill plus and minus ten percent; the same trip always draws the same wait."""
    policy = Policy(recovery_timeout_seconds=100, jitter=0.1)
    circuits = [Circuit(f"circuit-{number}") for number in range(200)]
    waits = [wait_seconds(decide(circuit, FRESH, NOW, policy)) for circuit in circuits]
    assert waits == [wait_seconds(decide(circuit, FRESH, NOW, policy)) for circuit in circuits]
    assert 90 <= min(waits) < 92
    assert 108 < max(waits) <= 110


@pytest.mark.parametrize(("closed_for_seconds", "trips"), [(600, 4), (600.001, 1)])
def test_trips_are_counted_per_outage(closed_for_seconds: float, trips: int) -> None:
    """A circuit that was closed for longer than stable_after starts counting at one."""
    now_ms = 900_000 + round(closed_for_seconds * 1000)
    fresh = replace(FRESH, newest_data_ends_ms=now_ms)
    decision = decide(replace(CLOSED, trips=3), fresh, now_ms, POLICY)
    assert decision.circuit is not None
    assert decision.circuit.trips == trips


# --- Operators -----------------------------------------------------------------------------------


def forced(state: State, until_ms: int | None = None) -> OverrideSet:
    return OverrideSet(Override(state, by="ann", why="drill", at_ms=NOW, until_ms=until_ms))


def after(decision: Decision) -> Circuit:
    assert decision.circuit is not None, decision.reason
    return decision.circuit


@pytest.mark.parametrize("circuit", [CLOSED, OPEN, HALF_OPEN])
def test_held_open_it_moves_for_nothing(circuit: Circuit) -> None:
    """While an operator holds a circuit open, no alarm, no probe and no timer changes it."""
    held = after(decide(circuit, forced(State.OPEN), NOW, POLICY))
    assert (held.state, held.generation) == (State.OPEN, circuit.generation + 1)
    everything = (
        FRESH,
        BY_HAND,
        ProbesReported(probes(1, failed=1, generation=held.generation)),
        ProbesReported(probes(9, succeeded=9, generation=held.generation)),
        TimerDue(None),
        TimerDue(probes(1, generation=held.generation)),
    )
    for signal in everything:
        assert decide(held, signal, NOW + 10**9, POLICY).circuit is None
    assert held.due_at_ms is None


@pytest.mark.parametrize("circuit", [CLOSED, OPEN, HALF_OPEN])
def test_released_from_held_open_it_proves_itself(circuit: Circuit) -> None:
    """Release goes to OPEN in a new generation, with a canary's permit at once."""
    held = after(decide(circuit, forced(State.OPEN), NOW, POLICY))
    decision = decide(held, OverrideReleased("ann"), NOW + 5_000, POLICY)
    released = after(decision)
    assert (released.state, released.override, released.retry_at_ms) == (State.OPEN, None, NOW + 5_000)
    assert decision.mint == Mint(held.generation + 1, 1, NOW + 5_000)


def test_a_held_open_circuit_whose_time_is_up_needs_nobody() -> None:
    """The permits of a timed override open when it ends, so callers can probe before any scheduler runs."""
    decision = decide(CLOSED, forced(State.OPEN, until_ms=NOW + 60_000), NOW, POLICY)
    assert decision.mint == Mint(5, 1, NOW + 60_000)
    held = after(decision)
    assert held.due_at_ms == NOW + 60_000
    expired = after(decide(held, TimerDue(probes(0)), NOW + 60_000, POLICY))
    assert (expired.state, expired.override, expired.generation) == (State.HALF_OPEN, None, 5)


@pytest.mark.parametrize("circuit", [CLOSED, OPEN, HALF_OPEN])
def test_held_closed_the_state_underneath_lives_on(circuit: Circuit) -> None:
    """A CLOSED override lets callers through and changes nothing underneath."""
    held = after(decide(circuit, forced(State.CLOSED), NOW, POLICY))
    assert held.state_for_callers(NOW) is State.CLOSED
    assert (held.state, held.generation, held.retry_at_ms) == (
        circuit.state,
        circuit.generation,
        circuit.retry_at_ms,
    )
    released = after(decide(held, OverrideReleased("ann"), NOW, POLICY))
    assert (released.state, released.generation, released.override) == (
        circuit.state,
        circuit.generation,
        None,
    )


def test_an_alarm_trips_underneath_a_closed_override() -> None:
    """The override survives the trip: callers are still let through."""
    held = after(decide(CLOSED, forced(State.CLOSED), NOW, POLICY))
    tripped = after(decide(held, FRESH, NOW, POLICY))
    assert tripped.state is State.OPEN
    assert tripped.state_for_callers(NOW) is State.CLOSED


def test_closing_what_was_held_open_leaves_it_to_be_proved() -> None:
    """A CLOSED override over an OPEN one leaves, underneath, a circuit that can recover."""
    held = after(decide(CLOSED, forced(State.OPEN), NOW, POLICY))
    decision = decide(held, forced(State.CLOSED), NOW, POLICY)
    assert decision.mint == Mint(held.generation + 1, 1, NOW)
    assert after(decision).retry_at_ms == NOW


def test_an_expired_override_is_taken_away() -> None:
    """Time removes a CLOSED override, and moves on what lay underneath in the same write."""
    held = after(decide(OPEN, forced(State.CLOSED, until_ms=NOW + 1_000), NOW, POLICY))
    expired = after(decide(held, TimerDue(probes(0)), NOW + 1_000, POLICY))
    assert (expired.override, expired.state) == (None, State.HALF_OPEN)
    assert expired.revision == held.revision + 1


def test_releasing_nothing_is_nothing() -> None:
    """Without an override there is nothing to release."""
    assert decide(OPEN, OverrideReleased("ann"), NOW, POLICY).circuit is None


@pytest.mark.parametrize("circuit", [CLOSED, OPEN, HALF_OPEN])
def test_reset_starts_afresh(circuit: Circuit) -> None:
    """Reset: CLOSED, no override, trips 0, in a new generation; and the alarm is re-armed."""
    held = after(decide(circuit, forced(State.OPEN), NOW, POLICY))
    decision = decide(held, Reset("ann", "all is well"), NOW, POLICY)
    fresh = after(decision)
    assert (fresh.state, fresh.override, fresh.trips, fresh.closed_at_ms) == (State.CLOSED, None, 0, NOW)
    assert fresh.generation == held.generation + 1
    assert decision.rearm == circuit.alarm


def test_a_policy_of_its_own_changes_nothing_else() -> None:
    """Setting a policy is no transition, but the history names who did it."""
    changed = after(decide(OPEN, PolicySet({"backoff": 2}, by="ann"), NOW, POLICY))
    noted = Transition(NOW, State.OPEN, State.OPEN, OPEN.generation, "policy set by ann")
    assert changed == replace(OPEN, policy={"backoff": 2}, revision=OPEN.revision + 1, history=(noted,))


def test_history_keeps_the_last_ten_transitions() -> None:
    """The newest transition is last, and the eleventh pushes the first out."""
    circuit = Circuit("payments-api")
    for number in range(12):
        circuit = after(decide(circuit, Reset("ann", str(number)), NOW + number, POLICY))
    assert [line.reason for line in circuit.history] == [f"reset by ann: {number}" for number in range(2, 12)]
