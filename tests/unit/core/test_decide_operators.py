"""What operators do to a circuit, and what of it is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from circuits import (
    BY_HAND,
    CLOSED,
    FRESH,
    HALF_OPEN,
    NOW,
    OPEN,
    POLICY,
    Row,
    after,
    check_step,
    forced,
    probes,
)

from recloser.circuit import Cause, Circuit, Override, State, Transition
from recloser.decide import Mint, decide
from recloser.signals import OverrideReleased, PolicySet, ProbesReported, Reset, TimerDue


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
        decision = decide(held, signal, NOW + 10**9, POLICY)
        assert (decision.circuit, decision.cause) == (None, Cause.HELD_OPEN)
        assert decision.reason == "an operator holds the circuit open"
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


@pytest.mark.parametrize("circuit", [CLOSED, OPEN, HALF_OPEN])
@pytest.mark.parametrize("state", [State.OPEN, State.CLOSED])
def test_an_operation_says_who_and_why(circuit: Circuit, state: State) -> None:
    """Forcing, releasing and resetting are steps with a time, a cause, a reason and the operator's name."""
    forcing = decide(circuit, forced(state, until_ms=NOW + 60_000), NOW, POLICY)
    assert (forcing.cause, forcing.reason) == (Cause.OPERATOR, f"forced {state} by ann: drill")
    check_step(circuit, forcing, NOW, by="ann")
    held = after(forcing)
    releasing = decide(held, OverrideReleased("bob"), NOW + 1, POLICY)
    assert (releasing.cause, releasing.reason) == (Cause.RELEASED, "override released by bob")
    check_step(held, releasing, NOW + 1, by="bob")
    resetting = decide(held, Reset("eve", "all is well"), NOW + 2, POLICY)
    assert (resetting.cause, resetting.reason) == (Cause.RESET, "reset by eve: all is well")
    check_step(held, resetting, NOW + 2, by="eve")


@pytest.mark.parametrize(
    ("circuit", "opened_at_ms"), [(CLOSED, NOW), (OPEN, OPEN.opened_at_ms), (HALF_OPEN, OPEN.opened_at_ms)]
)
def test_forced_open_an_outage_begins_or_goes_on(circuit: Circuit, opened_at_ms: int) -> None:
    """opened_at is when a closed circuit was forced open; an outage that there is began when it began."""
    assert after(decide(circuit, forced(State.OPEN), NOW, POLICY)).opened_at_ms == opened_at_ms


@pytest.mark.parametrize(
    ("circuit", "trips", "counted"),
    [(CLOSED, 0, 1), (CLOSED, 3, 3), (OPEN, 3, 3), (OPEN, 0, 1), (replace(CLOSED, closed_at_ms=0), 3, 1)],
)
def test_forced_open_counts_no_trip(circuit: Circuit, trips: int, counted: int) -> None:
    """A circuit that is forced open keeps its trips, one at least; after a long calm they begin anew."""
    policy = replace(POLICY, stable_after_seconds=100)
    held = after(decide(replace(circuit, trips=trips), forced(State.OPEN), NOW, policy))
    assert held.trips == counted


def test_held_open_without_an_end_nobody_may_probe() -> None:
    """Without an end there are no permits at all."""
    decision = decide(HALF_OPEN, forced(State.OPEN), NOW, POLICY)
    assert (decision.mint, after(decision).permits, after(decision).retry_at_ms) == (None, 0, None)


def held_until(until_ms: int, circuit: Circuit) -> Circuit:
    return replace(circuit, override=Override(State.CLOSED, "ann", "drill", NOW - 5_000, until_ms))


EXPIRED, ACTIVE = NOW, NOW + 1
EXPIRY = {
    "an expired override on a closed circuit is removed": Row(
        held_until(EXPIRED, CLOSED),
        TimerDue(None),
        Cause.OVERRIDE_EXPIRED,
        State.CLOSED,
        4,
        changes=(("override", None),),
    ),
    "an override on a closed circuit stays until its end": Row(
        held_until(ACTIVE, CLOSED), TimerDue(None), Cause.CLOSED_ALREADY, None
    ),
    "an expired override on an open circuit is removed before anything else is due": Row(
        held_until(EXPIRED, replace(OPEN, retry_at_ms=NOW + 1)),
        TimerDue(probes()),
        Cause.OVERRIDE_EXPIRED,
        State.OPEN,
        5,
        changes=(("override", None),),
    ),
    "an expired override on an open circuit goes with what is due": Row(
        held_until(EXPIRED, OPEN),
        TimerDue(probes()),
        Cause.RETRY_DUE,
        State.HALF_OPEN,
        5,
        changes=(("override", None),),
    ),
    "a trip takes an expired override away": Row(
        held_until(EXPIRED, CLOSED),
        FRESH,
        Cause.ALARM,
        State.OPEN,
        5,
        Mint(5, 1, 1_010_000),
        changes=(("override", None),),
    ),
}


@pytest.mark.parametrize("row", EXPIRY.values(), ids=EXPIRY.keys())
def test_the_end_of_an_override(row: Row) -> None:
    """What becomes of an override whose time is up is what the table says."""
    row.check()


def test_the_end_of_an_override_is_kept() -> None:
    """Operators see in the operations when an override ended, also where something else was due with it."""
    for retry_at_ms in (NOW, NOW + 1):
        circuit = held_until(EXPIRED, replace(OPEN, retry_at_ms=retry_at_ms))
        ended = after(decide(circuit, TimerDue(probes()), NOW, POLICY)).operations[-1]
        assert (ended.at_ms, ended.cause, ended.reason) == (NOW, Cause.OVERRIDE_EXPIRED, "override expired")


def test_an_expired_override_is_taken_away() -> None:
    """Time removes a CLOSED override, and moves on what lay underneath in the same write."""
    held = after(decide(OPEN, forced(State.CLOSED, until_ms=NOW + 1_000), NOW, POLICY))
    expired = after(decide(held, TimerDue(probes(0)), NOW + 1_000, POLICY))
    assert (expired.override, expired.state) == (None, State.HALF_OPEN)
    assert expired.revision == held.revision + 1


def test_releasing_nothing_is_nothing() -> None:
    """Without an override there is nothing to release."""
    decision = decide(OPEN, OverrideReleased("ann"), NOW, POLICY)
    assert (decision.circuit, decision.cause) == (None, Cause.NO_OVERRIDE)
    assert decision.reason == "no override to release"


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
    """Setting a policy is no transition, but the operations name who did it, and what changed."""
    decision = decide(OPEN, PolicySet({"backoff": 2}, by="ann"), NOW, POLICY)
    changed = after(decision)
    assert (decision.cause, decision.reason) == (Cause.POLICY_SET, "policy set by ann: backoff=2")
    noted = Transition(NOW, State.OPEN, State.OPEN, OPEN.generation, "", Cause.POLICY_SET, "ann")
    noted = replace(noted, reason="policy set by ann: backoff=2")
    assert changed == replace(OPEN, policy={"backoff": 2}, revision=OPEN.revision + 1, operations=(noted,))


def test_a_policy_change_says_what_changed() -> None:
    """What was set, changed or taken back is in the reason, with the values before."""
    before = replace(OPEN, policy={"backoff": 2, "permits": 5, "jitter": 0.2})
    changed = after(
        decide(before, PolicySet({"backoff": 3, "permits": 5, "enforce": False}, by="ann"), NOW, POLICY)
    )
    assert changed.operations[-1].reason == (
        "policy set by ann: backoff=3 (was 2), enforce=False, jitter back to the default (was 0.2)"
    )


def test_operations_are_kept_apart() -> None:
    """The last five things that operators did are kept, newest last, with who did them."""
    circuit = Circuit("payments-api")
    for number in range(7):
        circuit = after(decide(circuit, Reset("ann", str(number)), NOW + number, POLICY))
    assert [(line.by, line.reason) for line in circuit.operations] == [
        ("ann", f"reset by ann: {number}") for number in range(2, 7)
    ]
    assert circuit.history == ()
