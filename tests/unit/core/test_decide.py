"""The decision table of the design, row by row."""

from __future__ import annotations

from dataclasses import replace

import pytest
from circuits import (
    ADMITTING,
    BY_HAND,
    CLOSED,
    FRESH,
    HALF_OPEN,
    NOW,
    OPEN,
    POLICY,
    STALE,
    Row,
    after,
    probes,
)

from recloser.circuit import Cause, Circuit, State, Trip
from recloser.decide import Decision, Mint, decide
from recloser.policy import RecoveryPolicy
from recloser.signals import (
    AlarmRaised,
    Evidence,
    FailuresReported,
    Limits,
    ProbesReported,
    ReportWindow,
    Signal,
    TimerDue,
)


def evidence(calls: int, failures: int, begins_ms: int = 900_001, ends_ms: int = 960_001) -> AlarmRaised:
    """A contributor alarm with what CloudWatch was asked; at 50 % of at least 10 calls it trips."""
    counted = Evidence(calls, failures, begins_ms, ends_ms, Limits(threshold_percent=50, minimum_calls=10))
    return AlarmRaised("any", "1 datapoint was over 50", newest_data_ends_ms=None, evidence=counted)


def failures(*windows: ReportWindow, generation: int = 4) -> FailuresReported:
    return FailuresReported(generation, windows, Limits(threshold_percent=50, minimum_calls=10), alarm="fast")


ABOVE = ReportWindow(2, 60, 51, usual_calls=100, later_calls=30, later_failures=27)
AT_THRESHOLD = ReportWindow(4, 60, 60, usual_calls=120, later_calls=30, later_failures=30)
FEW = ReportWindow(seconds=1, calls=9, failures=9, usual_calls=9)

REPORTED = ProbesReported
LATER = HALF_OPEN.deadline_at_ms or 0

TABLE = {
    # AlarmRaised with fresh data
    "fresh data trips a closed circuit": Row(
        CLOSED,
        FRESH,
        Cause.ALARM,
        State.OPEN,
        5,
        Mint(5, 1, 1_010_000),
        changes=(("alarm", "fast"), ("trips", 1), ("opened_at_ms", NOW)),
    ),
    "an alarm never moves opened_at of an open circuit": Row(OPEN, FRESH, Cause.ALREADY_OPEN, None),
    "an alarm leaves a half-open circuit to its probes": Row(HALF_OPEN, FRESH, Cause.PROBES_DECIDE, None),
    # AlarmRaised, newest datapoint not after the last close
    "stale data re-arms the alarm and writes nothing": Row(
        CLOSED, STALE, Cause.STALE_DATA, None, rearm="fast"
    ),
    "data that ends with the close is stale, whenever it began": Row(
        replace(CLOSED, opened_at_ms=850_000),
        replace(STALE, newest_data_begins_ms=880_000),
        Cause.STALE_DATA,
        None,
        rearm="fast",
    ),
    "data from before a trip is stale, though the circuit closed in the same millisecond": Row(
        replace(CLOSED, opened_at_ms=900_000),
        replace(FRESH, newest_data_begins_ms=899_999),
        Cause.STALE_DATA,
        None,
        rearm="fast",
    ),
    "stale data means nothing to an open circuit": Row(OPEN, STALE, Cause.ALREADY_OPEN, None),
    "stale data means nothing to a half-open circuit": Row(HALF_OPEN, STALE, Cause.PROBES_DECIDE, None),
    # AlarmRaised by hand
    "an alarm set manually trips a closed circuit": Row(
        CLOSED, BY_HAND, Cause.ALARM_BY_HAND, State.OPEN, 5, Mint(5, 1, 1_010_000)
    ),
    "an alarm set manually means nothing to an open circuit": Row(OPEN, BY_HAND, Cause.ALREADY_OPEN, None),
    "an alarm set manually trips a half-open circuit": Row(
        HALF_OPEN, BY_HAND, Cause.ALARM_BY_HAND, State.OPEN, 6, Mint(6, 1, 1_010_000)
    ),
    # AlarmRaised with evidence
    "evidence above the threshold trips a closed circuit": Row(
        CLOSED,
        evidence(10, 6),
        Cause.ALARM,
        State.OPEN,
        5,
        Mint(5, 1, 1_010_000),
        changes=(("alarm", "any"),),
    ),
    "evidence of a rate at the threshold trips nothing": Row(
        CLOSED, evidence(10, 5), Cause.BELOW_THRESHOLD, None
    ),
    "evidence of too few calls trips nothing": Row(CLOSED, evidence(9, 9), Cause.TOO_FEW_CALLS, None),
    "evidence of no calls at all trips nothing": Row(CLOSED, evidence(0, 0), Cause.TOO_FEW_CALLS, None),
    "evidence from before the close is stale": Row(
        CLOSED, evidence(10, 10, 840_000, 900_000), Cause.STALE_DATA, None, rearm="any"
    ),
    "evidence means nothing to an open circuit": Row(OPEN, evidence(10, 10), Cause.ALREADY_OPEN, None),
    "evidence leaves a half-open circuit to its probes": Row(
        HALF_OPEN, evidence(10, 10), Cause.PROBES_DECIDE, None
    ),
    # FailuresReported
    "a lower bound above the threshold trips a closed circuit": Row(
        CLOSED,
        failures(FEW, AT_THRESHOLD, ABOVE),
        Cause.FAILURES_REPORTED,
        State.OPEN,
        5,
        Mint(5, 1, 1_010_000),
        changes=(("alarm", "fast"), ("trips", 1)),
    ),
    "a lower bound at the threshold trips nothing": Row(
        CLOSED, failures(AT_THRESHOLD), Cause.BELOW_THRESHOLD, None
    ),
    "failures of first reports alone trip nothing": Row(
        CLOSED, failures(replace(ABOVE, later_calls=0, later_failures=0)), Cause.BELOW_THRESHOLD, None
    ),
    "later calls that fail as often as the threshold allows trip nothing": Row(
        CLOSED, failures(replace(ABOVE, later_failures=20)), Cause.BELOW_THRESHOLD, None
    ),
    "too few reported calls trip nothing": Row(CLOSED, failures(FEW), Cause.TOO_FEW_CALLS, None),
    "as many reported calls as are needed are enough": Row(
        CLOSED,
        failures(replace(FEW, calls=10, failures=10, later_calls=10, later_failures=10)),
        Cause.FAILURES_REPORTED,
        State.OPEN,
        5,
        Mint(5, 1, 1_010_000),
    ),
    "reports without a baseline trip nothing": Row(
        CLOSED, failures(replace(ABOVE, usual_calls=None)), Cause.NO_BASELINE, None
    ),
    "no reports trip nothing": Row(CLOSED, failures(), Cause.NO_BASELINE, None),
    "reports of another generation trip nothing": Row(
        CLOSED, failures(ABOVE, generation=3), Cause.OLD_GENERATION, None
    ),
    "reported failures mean nothing to an open circuit": Row(OPEN, failures(ABOVE), Cause.ALREADY_OPEN, None),
    "reported failures leave a half-open circuit to its probes": Row(
        HALF_OPEN, failures(ABOVE), Cause.PROBES_DECIDE, None
    ),
    # ProbesReported: granted, none reported
    "a claim means nothing to a closed circuit": Row(
        CLOSED, REPORTED(probes(1, generation=4)), Cause.CLOSED_ALREADY, None
    ),
    "the first claim moves an open circuit to half-open": Row(
        OPEN,
        REPORTED(probes(1)),
        Cause.PROBE_CLAIMED,
        State.HALF_OPEN,
        5,
        changes=(("deadline_at_ms", 1_030_000),),
    ),
    "a further claim means nothing to a half-open circuit": Row(
        HALF_OPEN, REPORTED(probes(1)), Cause.TOO_FEW_SUCCESSES, None
    ),
    "the first claim after the scheduled rule starts the probe's clock": Row(
        replace(HALF_OPEN, deadline_at_ms=None),
        REPORTED(probes(1)),
        Cause.PROBE_CLAIMED,
        State.HALF_OPEN,
        5,
        changes=(("deadline_at_ms", 1_030_000),),
    ),
    "a canary given back stops the probe's clock": Row(
        HALF_OPEN,
        REPORTED(probes(1, returned=1)),
        Cause.NO_PROBE_OUT,
        State.HALF_OPEN,
        5,
        changes=(("deadline_at_ms", None),),
    ),
    # ProbesReported: one failed
    "a failed probe means nothing to a closed circuit": Row(
        CLOSED, REPORTED(probes(1, failed=1, generation=4)), Cause.CLOSED_ALREADY, None
    ),
    "a failed canary trips an open circuit again": Row(
        OPEN,
        REPORTED(probes(1, failed=1)),
        Cause.PROBE_FAILED,
        State.OPEN,
        6,
        Mint(6, 1, 1_010_000),
        changes=(("trips", 2), ("opened_at_ms", NOW)),
    ),
    "a failed probe trips a half-open circuit again": Row(
        ADMITTING,
        REPORTED(probes(6, succeeded=4, failed=1, made=10)),
        Cause.PROBE_FAILED,
        State.OPEN,
        6,
        Mint(6, 1, 1_010_000),
    ),
    "one failure outweighs enough successes": Row(
        ADMITTING,
        REPORTED(probes(9, succeeded=8, failed=1, made=10)),
        Cause.PROBE_FAILED,
        State.OPEN,
        6,
        Mint(6, 1, 1_010_000),
    ),
    # ProbesReported: the canary succeeded
    "a success means nothing to a closed circuit": Row(
        CLOSED, REPORTED(probes(1, succeeded=1, generation=4)), Cause.CLOSED_ALREADY, None
    ),
    "the canary's success moves an open circuit on, with the other permits": Row(
        OPEN,
        REPORTED(probes(1, succeeded=1)),
        Cause.CANARY_SUCCEEDED,
        State.HALF_OPEN,
        5,
        Mint(5, 9),
        changes=(("permits", 10),),
    ),
    "the canary's success mints the other permits, whose clock has not begun": Row(
        HALF_OPEN,
        REPORTED(probes(1, succeeded=1)),
        Cause.CANARY_SUCCEEDED,
        State.HALF_OPEN,
        5,
        Mint(5, 9),
        changes=(("permits", 10), ("deadline_at_ms", None)),
    ),
    "the canary's success, told twice, mints once": Row(
        ADMITTING, REPORTED(probes(1, succeeded=1, made=10)), Cause.TOO_FEW_SUCCESSES, None
    ),
    # ProbesReported: enough succeeded
    "enough successes mean nothing to a closed circuit": Row(
        CLOSED, REPORTED(probes(5, succeeded=5, generation=4)), Cause.CLOSED_ALREADY, None
    ),
    "enough successes close an open circuit": Row(
        replace(OPEN, permits=10),
        REPORTED(probes(5, succeeded=5, made=10)),
        Cause.PROBES_SUCCEEDED,
        State.CLOSED,
        6,
        rearm="fast",
    ),
    "enough successes close a half-open circuit and re-arm its alarm": Row(
        ADMITTING,
        REPORTED(probes(5, succeeded=5, made=10)),
        Cause.PROBES_SUCCEEDED,
        State.CLOSED,
        6,
        rearm="fast",
        changes=(("closed_at_ms", NOW), ("retry_at_ms", None), ("trips", 1)),
    ),
    "one success short of enough waits": Row(
        ADMITTING, REPORTED(probes(9, succeeded=4, made=10)), Cause.TOO_FEW_SUCCESSES, None
    ),
    # ProbesReported: of another generation
    "an older generation's failure means nothing to an open circuit": Row(
        OPEN, REPORTED(probes(1, failed=1, generation=4)), Cause.OLD_GENERATION, None
    ),
    "an older generation's successes mean nothing to a half-open circuit": Row(
        HALF_OPEN, REPORTED(probes(9, succeeded=9, generation=4)), Cause.OLD_GENERATION, None
    ),
    "an older generation's failure means nothing to a closed circuit": Row(
        replace(CLOSED, generation=6), REPORTED(probes(1, failed=1)), Cause.CLOSED_ALREADY, None
    ),
    # TimerDue
    "time means nothing to a closed circuit": Row(CLOSED, TimerDue(None), Cause.CLOSED_ALREADY, None),
    "before retry_at an open circuit stays open": Row(
        OPEN, TimerDue(probes()), Cause.NOT_DUE, None, now_ms=NOW - 1
    ),
    "at retry_at an open circuit becomes half-open": Row(
        OPEN, TimerDue(probes()), Cause.RETRY_DUE, State.HALF_OPEN, 5, changes=(("deadline_at_ms", None),)
    ),
    "before the deadline a half-open circuit waits": Row(
        HALF_OPEN, TimerDue(probes(1)), Cause.NOT_DUE, None, now_ms=LATER - 1
    ),
    "at the deadline, a lost canary and no success trip again": Row(
        HALF_OPEN,
        TimerDue(probes(1)),
        Cause.PROBE_LOST,
        State.OPEN,
        6,
        Mint(6, 1, LATER + 10_000),
        now_ms=LATER,
    ),
    "at the deadline, some successes replace the permits that were lost": Row(
        ADMITTING,
        TimerDue(probes(5, succeeded=3, made=10)),
        Cause.PERMITS_REPLACED,
        State.HALF_OPEN,
        5,
        Mint(5, 2),
        now_ms=LATER,
        changes=(("permits", 12), ("deadline_at_ms", LATER + 30_000)),
    ),
    "lost permits are replaced once": Row(
        replace(ADMITTING, permits=12),
        TimerDue(probes(5, succeeded=3, made=12)),
        Cause.PERMITS_REPLACED,
        State.HALF_OPEN,
        5,
        now_ms=LATER,
        changes=(("permits", 12), ("deadline_at_ms", None)),
    ),
    "the others' deadline counts from their first claim": Row(
        replace(ADMITTING, deadline_at_ms=None),
        TimerDue(probes(2, succeeded=1, made=10)),
        Cause.PROBE_CLAIMED,
        State.HALF_OPEN,
        5,
        changes=(("permits", 10), ("deadline_at_ms", NOW + 30_000)),
    ),
    "open without a time to retry, and held by nobody, is open no longer than a tick": Row(
        replace(OPEN, retry_at_ms=None), TimerDue(None), Cause.NO_RETRY_TIME, State.OPEN, 6, Mint(6, 1, NOW)
    ),
    "at the deadline, when all that were claimed have ended, the deadline ends": Row(
        ADMITTING,
        TimerDue(probes(5, succeeded=3, returned=2, made=10)),
        Cause.NO_PROBE_OUT,
        State.HALF_OPEN,
        5,
        now_ms=LATER,
        changes=(("deadline_at_ms", None), ("permits", 10)),
    ),
    "at the deadline, without traffic, it waits on": Row(
        HALF_OPEN,
        TimerDue(probes(0)),
        Cause.NO_PROBE_OUT,
        State.HALF_OPEN,
        5,
        now_ms=LATER,
        changes=(("deadline_at_ms", None),),
    ),
    "without traffic and clock it waits on": Row(
        replace(HALF_OPEN, deadline_at_ms=None), TimerDue(probes(0)), Cause.NO_TRAFFIC, None, now_ms=LATER
    ),
    "the timer brings a report whose stream record was lost": Row(
        HALF_OPEN, TimerDue(probes(1, failed=1)), Cause.PROBE_FAILED, State.OPEN, 6, Mint(6, 1, 1_010_000)
    ),
    "permits that are gone are minted anew": Row(
        OPEN, TimerDue(None), Cause.PERMITS_UNUSABLE, State.OPEN, 6, Mint(6, 1, NOW)
    ),
}


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
def test_every_pair_of_state_and_signal(row: Row) -> None:
    """What a signal does to a circuit is what the table says."""
    row.check()


def test_the_table_has_every_pair() -> None:
    """No pair of a state and one of the machine's own signals is left out of the table."""
    machine = (AlarmRaised, FailuresReported, ProbesReported, TimerDue)
    shown = {(row.circuit.state, type(row.signal)) for row in TABLE.values()}
    assert shown == {(state, signal) for state in State for signal in machine}


# --- Evidence and reports -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own_percent", "policy_percent", "failed", "trips"),
    [
        (80, 20, 8, False),
        (80, 20, 9, True),
        (None, 20, 2, False),
        (None, 20, 3, True),
        (None, None, 5, False),
        (None, None, 6, True),
    ],
)
def test_whose_threshold_counts(
    own_percent: float | None, policy_percent: float | None, failed: int, *, trips: bool
) -> None:
    """The circuit's own failure-rate alarm goes before its policy, and that before the alarm raised."""
    own = None if own_percent is None else Limits(own_percent, minimum_calls=10)
    raised = evidence(10, failed)
    assert raised.evidence is not None
    raised = replace(raised, evidence=replace(raised.evidence, own_limits=own))
    policy = replace(POLICY, failure_threshold_percent=policy_percent)
    assert (decide(CLOSED, raised, NOW, policy).circuit is not None) == trips


@pytest.mark.parametrize(("minimum_calls", "trips"), [(None, True), (10, True), (11, False)])
def test_the_policy_may_ask_for_more_calls(minimum_calls: int | None, *, trips: bool) -> None:
    """A circuit's own minimum of calls goes before the alarm's."""
    policy = replace(POLICY, minimum_calls=minimum_calls)
    assert (decide(CLOSED, evidence(10, 10), NOW, policy).circuit is not None) == trips


def test_the_figures_are_in_the_reason() -> None:
    """A trip on evidence or on reports tells calls, failures and threshold."""
    assert after(decide(CLOSED, evidence(10, 6), NOW, POLICY)).reason == (
        "alarm raised: 6 of 10 calls failed: 1 datapoint was over 50"
    )
    assert after(decide(CLOSED, failures(ABOVE), NOW, POLICY)).reason == (
        "failures reported: 51 of 60 calls failed in 2 s, at least 51 % of all; the threshold is 50 %"
    )
    assert decide(CLOSED, failures(FEW), NOW, POLICY).reason == (
        "too few calls: 9 reported, at least 10 are needed"
    )


@pytest.mark.parametrize(
    ("circuit", "signal"),
    [
        (CLOSED, failures(ABOVE, generation=3)),
        (replace(OPEN, generation=4), REPORTED(probes(1, generation=3))),
    ],
)
def test_news_of_another_generation_says_of_which(circuit: Circuit, signal: Signal) -> None:
    """Whoever looks at the log sees both generations."""
    assert decide(circuit, signal, NOW, POLICY).reason == "generation 3 is over: now 4"


@pytest.mark.parametrize(
    ("calls", "failed", "usual_calls", "percent"),
    [
        (60, 30, 100, 30),
        (60, 30, 40, 50),  # more calls than usual: all of them count
        (60, 30, 0, 50),
        (0, 0, 100, None),
        (60, 61, 100, None),  # more failures than calls: forged or torn
        (60, -1, 100, None),
        (-5, -5, 100, None),
        (60, 30, None, None),
    ],
)
def test_the_lower_bound(calls: int, failed: int, usual_calls: float | None, percent: float | None) -> None:
    """Reported failures over the larger of the reported and the usual calls; absurd ones say nothing."""
    assert ReportWindow(1, calls, failed, usual_calls).lower_bound_percent == percent


# --- Waiting -------------------------------------------------------------------------------------


def wait_seconds(decision: Decision, now_ms: int = NOW) -> float:
    assert decision.circuit is not None
    assert decision.circuit.retry_at_ms is not None
    return (decision.circuit.retry_at_ms - now_ms) / 1000


def test_each_trip_of_an_outage_waits_longer_up_to_the_maximum() -> None:
    """The wait is recovery_timeout * backoff^(trips-1), at most max_recovery_timeout."""
    policy = RecoveryPolicy(recovery_timeout_seconds=10, backoff=2, max_recovery_timeout_seconds=60, jitter=0)
    failed = ProbesReported(probes(1, failed=1))
    waits = [
        wait_seconds(decide(replace(HALF_OPEN, trips=trips), failed, NOW, policy)) for trips in (1, 2, 3, 400)
    ]
    assert waits == [20, 40, 60, 60]


def test_an_outage_longer_than_floating_point_still_waits_the_maximum() -> None:
    """Ten thousand trips at the largest backoff wait the maximum, like the tenth."""
    policy = RecoveryPolicy(backoff=10, jitter=0)
    decision = decide(replace(HALF_OPEN, trips=10_000), ProbesReported(probes(1, failed=1)), NOW, policy)
    assert wait_seconds(decision) == 900


def test_jitter_spreads_the_wait_and_is_drawn_once() -> None:
    """Waits of many trips fill plus and minus ten percent; the same trip always has the same wait."""
    policy = RecoveryPolicy(recovery_timeout_seconds=100, jitter=0.1)
    circuits = [Circuit(f"circuit-{number}") for number in range(200)]
    waits = [wait_seconds(decide(circuit, FRESH, NOW, policy)) for circuit in circuits]
    assert waits == [wait_seconds(decide(circuit, FRESH, NOW, policy)) for circuit in circuits]
    again = [wait_seconds(decide(circuits[0], FRESH, NOW + late, policy), NOW + late) for late in range(200)]
    for seen in (waits, again):
        assert 90 <= min(seen) < 92
        assert 108 < max(seen) <= 110


@pytest.mark.parametrize(("closed_for_seconds", "trips"), [(600, 4), (600.001, 1)])
def test_trips_are_counted_per_outage(closed_for_seconds: float, trips: int) -> None:
    """A circuit that was closed for longer than stable_after starts counting at one."""
    now_ms = 900_000 + round(closed_for_seconds * 1000)
    fresh = replace(FRESH, newest_data_ends_ms=now_ms)
    decision = decide(replace(CLOSED, trips=3), fresh, now_ms, POLICY)
    assert decision.circuit is not None
    assert decision.circuit.trips == trips


# --- What is kept -----------------------------------------------------------------------------------


def test_the_story_of_a_long_outage_is_kept() -> None:
    """After a hundred failed probes the history still begins with the trip: steps made again are counted."""
    raised = replace(FRESH, threshold=50, datapoints=(100, 75, 0))
    circuit = after(decide(CLOSED, raised, NOW, POLICY))
    for number in range(1, 101):
        generation, now_ms = circuit.generation, NOW + 20_000 * number
        out = ProbesReported(probes(1, generation=generation))
        circuit = after(decide(circuit, out, now_ms, POLICY))
        failed = ProbesReported(probes(1, failed=1, generation=generation))
        circuit = after(decide(circuit, failed, now_ms + 1, POLICY))
    assert [(line.cause, line.count) for line in circuit.history] == [
        (Cause.ALARM, 1),
        (Cause.PROBE_CLAIMED, 100),
        (Cause.PROBE_FAILED, 100),
    ]
    reason = "alarm raised: too many failures"
    assert circuit.trip == Trip(NOW, 5, Cause.ALARM, reason, threshold=50, datapoints=(100, 75, 0))


def test_the_trip_keeps_the_figures_that_were_counted() -> None:
    """Calls and failures of the evidence, or of the reports, are fields of the trip."""
    by_evidence = after(decide(CLOSED, evidence(10, 6), NOW, POLICY)).trip
    by_reports = after(decide(CLOSED, failures(ABOVE), NOW, POLICY)).trip
    assert by_evidence is not None
    assert (by_evidence.threshold, by_evidence.calls, by_evidence.failures) == (50, 10, 6)
    assert by_reports is not None
    assert by_reports == Trip(
        NOW, 5, Cause.FAILURES_REPORTED, by_reports.reason, threshold=50, calls=60, failures=51
    )
    assert by_reports.reason.startswith("failures reported: 51 of 60 calls failed")
