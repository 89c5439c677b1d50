"""Stored rows that people, callers or wrong clocks wrote: `decide` checks them, one row for each rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from circuits import ADMITTING, BY_HAND, CLOSED, HALF_OPEN, NOW, OPEN, STALE, Row, probes

from recloser.circuit import GIVE_BACKS_PER_GENERATION, Cause, Probes, State
from recloser.decide import Mint
from recloser.policy import RecoveryPolicy
from recloser.signals import AlarmRaised, ProbesReported, TimerDue

WAIT, DEADLINE, CLOCKS_APART = 10_000, 30_000, 60_000
LATER = NOW + DEADLINE  # when the deadline of a half-open circuit has come
AT_ONCE = Mint(6, 1, NOW)
DOUBLING = RecoveryPolicy(jitter=0, backoff=2)
WITH_JITTER = RecoveryPolicy(jitter=0.1)


def retry_at(ms: int, trips: int = 1) -> Row:
    """An open circuit whose time to retry is waited for."""
    return Row(replace(OPEN, retry_at_ms=ms, trips=trips), TimerDue(probes()), Cause.NOT_DUE, None)


def retry_beyond(ms: int, trips: int = 1) -> Row:
    """An open circuit whose time to retry nobody waits for."""
    waited = retry_at(ms, trips)
    return replace(waited, cause=Cause.NO_RETRY_TIME, state=State.OPEN, generation=6, mint=AT_ONCE)


def returned(count: int, granted: int | None = None) -> Probes:
    return probes(count if granted is None else granted, returned=count)


TIMES = {
    "the longest wait, and a minute between two clocks, is waited for": retry_at(NOW + WAIT + CLOCKS_APART),
    "a time to retry that no trip could have set is now": retry_beyond(NOW + WAIT + CLOCKS_APART + 1),
    "jitter may have made the wait longer": replace(
        retry_at(NOW + 11_000 + CLOCKS_APART), policy=WITH_JITTER
    ),
    "jitter makes it ten percent longer at most": replace(
        retry_beyond(NOW + 11_000 + CLOCKS_APART + 1), policy=WITH_JITTER
    ),
    "the second trip may wait longer": replace(
        retry_at(NOW + 2 * WAIT + CLOCKS_APART, trips=2), policy=DOUBLING
    ),
    "no trip counted waits like the first": replace(
        retry_beyond(NOW + WAIT + CLOCKS_APART + 1, trips=0), policy=DOUBLING
    ),
    "no trip counted waits as long as the first": replace(
        retry_at(NOW + WAIT + CLOCKS_APART, trips=0), policy=DOUBLING
    ),
    "a close by a clock a minute ahead is believed": Row(
        replace(CLOSED, closed_at_ms=NOW + CLOCKS_APART),
        STALE,
        Cause.STALE_DATA,
        None,
        rearm="fast",
    ),
    "a close by a clock further ahead makes nothing stale, and no outage older": Row(
        replace(CLOSED, closed_at_ms=NOW + CLOCKS_APART + 1, trips=3),
        STALE,
        Cause.ALARM,
        State.OPEN,
        5,
        Mint(5, 1, NOW + WAIT),
        changes=(("trips", 1),),
    ),
    "an outage that ended by a clock a minute ahead goes on": Row(
        replace(CLOSED, closed_at_ms=NOW + CLOCKS_APART, trips=3),
        BY_HAND,
        Cause.ALARM_BY_HAND,
        State.OPEN,
        5,
        Mint(5, 1, NOW + WAIT),
        changes=(("trips", 4),),
    ),
    "a circuit that was never closed has no older outage": Row(
        replace(CLOSED, closed_at_ms=None, trips=3),
        AlarmRaised("fast", "too many failures", newest_data_ends_ms=1),
        Cause.ALARM,
        State.OPEN,
        5,
        Mint(5, 1, NOW + WAIT),
        changes=(("trips", 1),),
    ),
    "the longest deadline, and a minute between two clocks, is waited for": Row(
        replace(HALF_OPEN, deadline_at_ms=NOW + DEADLINE + CLOCKS_APART),
        TimerDue(probes(1)),
        Cause.NOT_DUE,
        None,
    ),
    "a deadline that nobody could have set has come": Row(
        replace(HALF_OPEN, deadline_at_ms=NOW + DEADLINE + CLOCKS_APART + 1),
        TimerDue(probes(1)),
        Cause.PROBE_LOST,
        State.OPEN,
        6,
        Mint(6, 1, NOW + WAIT),
    ),
}

UNUSABLE = {
    "permits that open with the circuit are in order": Row(
        OPEN, TimerDue(replace(probes(), opens_at_ms=NOW)), Cause.RETRY_DUE, State.HALF_OPEN, 5
    ),
    "permits that open later than the circuit are made anew": Row(
        OPEN, TimerDue(replace(probes(), opens_at_ms=NOW + 1)), Cause.PERMITS_UNUSABLE, State.OPEN, 6, AT_ONCE
    ),
    "permits may open with a time to retry that is still to come": Row(
        replace(HALF_OPEN, retry_at_ms=NOW + 5_000, deadline_at_ms=None),
        TimerDue(replace(probes(), opens_at_ms=NOW + 5_000)),
        Cause.NO_TRAFFIC,
        None,
    ),
    "permits of another generation are no permits": Row(
        OPEN, TimerDue(probes(generation=4)), Cause.PERMITS_UNUSABLE, State.OPEN, 6, AT_ONCE
    ),
    "more permits than were made are made anew": Row(
        HALF_OPEN, ProbesReported(probes(1, made=2)), Cause.PERMITS_UNUSABLE, State.OPEN, 6, AT_ONCE
    ),
    "time finds more permits than were made, too": Row(
        HALF_OPEN, TimerDue(probes(1, made=2)), Cause.PERMITS_UNUSABLE, State.OPEN, 6, AT_ONCE
    ),
    "a permit that was given back may be claimed again": Row(
        OPEN, ProbesReported(probes(2, returned=1)), Cause.PROBE_CLAIMED, State.HALF_OPEN, 5
    ),
    "one give-back fewer than the limit goes on": Row(
        HALF_OPEN,
        ProbesReported(returned(GIVE_BACKS_PER_GENERATION - 1)),
        Cause.NO_PROBE_OUT,
        State.HALF_OPEN,
        5,
    ),
    "at the limit of give-backs a new generation begins": Row(
        HALF_OPEN,
        ProbesReported(returned(GIVE_BACKS_PER_GENERATION)),
        Cause.PERMITS_UNUSABLE,
        State.OPEN,
        6,
        AT_ONCE,
    ),
    "no permit at all is made anew": Row(
        OPEN, TimerDue(Probes(5, granted=0, allowed=0)), Cause.PERMITS_UNUSABLE, State.OPEN, 6, AT_ONCE
    ),
    "a permit that is used up, and was not given back, is made anew": Row(
        replace(HALF_OPEN, deadline_at_ms=None),
        TimerDue(Probes(5, granted=1, allowed=1, returned=frozenset({1}))),
        Cause.PERMITS_UNUSABLE,
        State.OPEN,
        6,
        AT_ONCE,
    ),
    "where every permit is out and lost, and more cannot be added, new ones begin": Row(
        replace(ADMITTING, permits=12),
        TimerDue(probes(6, succeeded=4, made=6)),
        Cause.PERMITS_UNUSABLE,
        State.OPEN,
        6,
        Mint(6, 1, LATER),
        now_ms=LATER,
    ),
    "one that is missing is added": Row(
        replace(ADMITTING, permits=11),
        TimerDue(probes(6, succeeded=4, made=6)),
        Cause.PERMITS_REPLACED,
        State.HALF_OPEN,
        5,
        Mint(5, 1),
        now_ms=LATER,
        changes=(("permits", 12), ("deadline_at_ms", LATER + DEADLINE)),
    ),
    "one that is left is enough": Row(
        replace(ADMITTING, permits=12),
        TimerDue(probes(6, succeeded=4, made=7)),
        Cause.PERMITS_REPLACED,
        State.HALF_OPEN,
        5,
        now_ms=LATER,
        changes=(("permits", 12), ("deadline_at_ms", None)),
    ),
}

FIVE = frozenset({1, 2, 3, 4, 5})
FORGED = {
    "successes that nobody was granted close nothing": Row(
        OPEN, ProbesReported(Probes(5, granted=0, allowed=1, succeeded=FIVE)), Cause.TOO_FEW_SUCCESSES, None
    ),
    "with one permit, one success at most is believed": Row(
        OPEN,
        ProbesReported(Probes(5, granted=9, allowed=1, succeeded=FIVE)),
        Cause.CANARY_SUCCEEDED,
        State.HALF_OPEN,
        5,
        Mint(5, 9),
    ),
    "a success with a permit that was given back before is believed": Row(
        OPEN,
        ProbesReported(Probes(5, granted=2, allowed=2, returned=frozenset({1}), succeeded=frozenset({2}))),
        Cause.CANARY_SUCCEEDED,
        State.HALF_OPEN,
        5,
        Mint(5, 9),
    ),
    "a failure of number 0 is nobody's": Row(
        OPEN,
        ProbesReported(Probes(5, granted=1, allowed=1, failed=frozenset({0}))),
        Cause.PROBE_CLAIMED,
        State.HALF_OPEN,
        5,
    ),
    "a failure of a number not granted yet is nobody's": Row(
        OPEN,
        ProbesReported(Probes(5, granted=1, allowed=1, failed=frozenset({2}))),
        Cause.PROBE_CLAIMED,
        State.HALF_OPEN,
        5,
    ),
    "a give-back of a number not granted leaves the probe out": Row(
        replace(HALF_OPEN, deadline_at_ms=None),
        ProbesReported(Probes(5, granted=1, allowed=1, returned=frozenset({50}))),
        Cause.PROBE_CLAIMED,
        State.HALF_OPEN,
        5,
        changes=(("deadline_at_ms", NOW + DEADLINE),),
    ),
    "of grants above the permits only the permits are lost": Row(
        ADMITTING,
        TimerDue(Probes(5, granted=50, allowed=10, succeeded=frozenset({1, 2, 3}))),
        Cause.PERMITS_REPLACED,
        State.HALF_OPEN,
        5,
        Mint(5, 7),
        now_ms=LATER,
    ),
    "nobody's failures do not make a lost canary a failed one": Row(
        HALF_OPEN,
        TimerDue(Probes(5, granted=1, allowed=1, failed=frozenset({7}))),
        Cause.PROBE_LOST,
        State.OPEN,
        6,
        Mint(6, 1, LATER + WAIT),
        now_ms=LATER,
    ),
}


@pytest.mark.parametrize("row", TIMES.values(), ids=TIMES.keys())
def test_times_that_no_clock_can_have_written(row: Row) -> None:
    """A stored time is believed as far as the policy, and a minute between two clocks, can have put it."""
    row.check()


@pytest.mark.parametrize("row", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_permits_that_cannot_be_used(row: Row) -> None:
    """Permits that nobody could claim, or that nobody made, begin a new generation at once."""
    row.check()


@pytest.mark.parametrize("row", FORGED.values(), ids=FORGED.keys())
def test_reports_that_cannot_be_true(row: Row) -> None:
    """Only numbers that were granted are reported, and only permits that were made are granted."""
    row.check()
