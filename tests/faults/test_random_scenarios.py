"""Random scenarios full of faults, each under every invariant and within its bounds."""

from __future__ import annotations

import pytest

from recloser.circuit import State
from recloser.lab.simulation.chaos.invariants import Invariants
from recloser.lab.simulation.chaos.random_scenarios import CHAOS_SECONDS, Trial, trial
from recloser.lab.simulation.event_queue import MS_PER_SECOND
from recloser.lab.simulation.simulation import START_MS, Run


def states_within(run: Run, since_seconds: float, until_seconds: float) -> set[State]:
    """Every state that the circuit has in a span of time."""
    state, found = State.CLOSED, set()
    for change in run.recording.states:
        at_seconds = (change.at_ms - START_MS) / MS_PER_SECOND
        if at_seconds > until_seconds:
            break
        if at_seconds > since_seconds:
            found.add(state)
        state = change.after
    return found | {state}


def longest_time_tripped(run: Run, since_seconds: float, until_seconds: float) -> float:
    """The longest time, in seconds, that the circuit is not closed within a span."""
    tripped_at, longest = None, 0.0
    changes = [((each.at_ms - START_MS) / MS_PER_SECOND, each.after) for each in run.recording.states]
    for at_seconds, state in [*changes, (until_seconds, State.CLOSED)]:
        at = min(max(at_seconds, since_seconds), until_seconds)
        if state is State.CLOSED and tripped_at is not None:
            longest, tripped_at = max(longest, at - tripped_at), None
        elif state is not State.CLOSED and tripped_at is None:
            tripped_at = at
    return longest


def check_closed(promised: Trial, run: Run, since_seconds: float, until_seconds: float, promise: str) -> None:
    """The circuit is closed all the time; or closes again in time, where old failures may be counted late.

    A fast clock stamps metrics ahead, and CloudWatch takes them. An alarm sees the failures
    when their time has come ("Timestamp", MetricDatum, CloudWatch API reference: up to two hours ahead).
    """
    ahead_seconds = promised.scenario.faults.wrong_clocks.seconds
    if since_seconds < CHAOS_SECONDS + ahead_seconds:
        in_time_seconds = promised.outage_closed_by_seconds - promised.outage.until_seconds
        assert longest_time_tripped(run, since_seconds, until_seconds) <= in_time_seconds, promise
    else:
        assert states_within(run, since_seconds, until_seconds) == {State.CLOSED}, promise


def check(promised: Trial, run: Run) -> None:
    not_closed = {State.OPEN, State.HALF_OPEN}
    if promised.tripped_by_seconds is not None:
        states = states_within(run, promised.tripped_by_seconds, promised.goes_on_until_seconds)
        assert states <= not_closed, "an outage that outlasts the faults trips"
    begins = promised.outage.from_seconds
    check_closed(promised, run, promised.closed_by_seconds, begins, "a healthy dependency ends closed")
    tripped = states_within(run, promised.outage_tripped_by_seconds, promised.outage.until_seconds)
    assert tripped <= not_closed, "an outage trips"
    end = promised.scenario.duration_seconds
    check_closed(promised, run, promised.outage_closed_by_seconds, end, "and closes again")


def test_whatever_is_lost_late_doubled_or_reordered(random_seed: int) -> None:
    """Every invariant holds, an outage trips in time, and a healthy dependency ends closed in time."""
    promised = trial(random_seed)
    try:
        check(promised, Invariants(promised.scenario).run())
    except AssertionError as error:
        replay = f"python -m pytest tests/faults/test_random_scenarios.py --seed {random_seed}"
        pytest.fail(f"{error}\nreplay: {replay}", pytrace=False)
