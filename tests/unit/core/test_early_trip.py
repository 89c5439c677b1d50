"""From reported failures to a signal: the least that the fleet's failure rate can be."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from recloser.circuit import Cause, Circuit, State
from recloser.control.early_trip import EarlyTrip, FailureRateAlarm, windows
from recloser.control.ignored import Ignored
from recloser.control.usual_calls import closed_calls_per_second
from recloser.decide import Decision, decide
from recloser.policy import RecoveryPolicy
from recloser.signals import FailuresReported, Limits
from recloser.store.memory import MemoryTables
from recloser.store.report_rows import FIRST_HELD_SHARD, FIRST_LATER_SHARD, Counted

NAME = "payments-api"
NOW = 1_767_225_600
ALARM = FailureRateAlarm("recloser:payments-api:failure-rate-steady", Limits(50, 3))


@dataclass
class Known:
    """What CloudWatch knows, given."""

    known_alarm: FailureRateAlarm | None = ALARM
    per_second: float | None = 100.0
    alarms_described: int = 0

    def alarm(self, circuit: Circuit, now_ms: int) -> FailureRateAlarm | None:
        self.alarms_described += 1
        return self.known_alarm

    def calls_per_second(self, circuit: Circuit, now_ms: int) -> float | None:
        return self.per_second


def reported(
    reports: dict[int, Counted],
    known: Known | None = None,
    circuit: Circuit | None = None,
    shard: int = FIRST_LATER_SHARD,
) -> FailuresReported | Ignored:
    """Report, by seconds before now, and make the signal; by default as calls after a first report."""
    tables = MemoryTables()
    if circuit is not None:
        tables.commit(Circuit(NAME), Decision(Cause.ALARM, "given", replace(circuit, revision=1)))
    tables.report_failures(NAME, 0, shard, {NOW - ago: counted for ago, counted in reports.items()})
    return EarlyTrip(tables, known or Known(), lambda: NOW * 1000 + 500).signal(NAME, 0)


def decided(signal: FailuresReported | Ignored) -> Cause:
    assert isinstance(signal, FailuresReported)
    return decide(Circuit(NAME), signal, NOW * 1000, RecoveryPolicy()).cause


def test_an_outage_trips() -> None:
    """Sixty failures where a hundred calls are usual are more than half of all."""
    assert decided(reported({1: Counted(60, 60)})) is Cause.FAILURES_REPORTED


def test_calls_that_nobody_reported_count_as_made() -> None:
    """Forty failures of forty reported calls are at most forty in a hundred."""
    assert decided(reported({1: Counted(40, 40)})) is Cause.BELOW_THRESHOLD


@pytest.mark.parametrize(
    ("held", "cause"),
    [(0, Cause.BELOW_THRESHOLD), (30, Cause.FAILURES_REPORTED), (20, Cause.BELOW_THRESHOLD)],
)
def test_calls_that_local_trips_refused_were_not_made(held: int, cause: Cause) -> None:
    """Of a hundred usual calls thirty were refused: forty failures are more than half of the rest."""
    tables = MemoryTables()
    tables.report_failures(NAME, 0, FIRST_LATER_SHARD, {NOW - 1: Counted(45, 40)})
    tables.report_failures(NAME, 0, FIRST_HELD_SHARD, {NOW - 1: Counted(held, 0)})
    assert decided(EarlyTrip(tables, Known(), lambda: NOW * 1000 + 500).signal(NAME, 0)) is cause


def test_refused_calls_leave_a_sample() -> None:
    """However many are said to be refused, a share of fewer than forty calls is not judged."""
    tables = MemoryTables()
    tables.report_failures(NAME, 0, FIRST_LATER_SHARD, {NOW - 1: Counted(20, 20)})
    tables.report_failures(NAME, 0, FIRST_HELD_SHARD, {NOW - 1: Counted(1000, 0)})
    signal = EarlyTrip(tables, Known(), lambda: NOW * 1000 + 500).signal(NAME, 0)
    assert decided(signal) is Cause.BELOW_THRESHOLD


def test_more_calls_than_usual_count_as_they_are() -> None:
    """Where more calls are reported than are usual, their own share counts."""
    assert decided(reported({1: Counted(300, 120)})) is Cause.BELOW_THRESHOLD
    assert decided(reported({1: Counted(300, 180)})) is Cause.FAILURES_REPORTED


def test_a_slow_rise_is_seen_over_more_seconds() -> None:
    """Reports of a second may be late: the last 2, 4 and 8 seconds are looked at, too."""
    assert decided(reported({ago: Counted(55, 55) for ago in range(8)})) is Cause.FAILURES_REPORTED


def test_old_reports_say_nothing() -> None:
    """What lies eleven seconds back was answered then, or was below the threshold."""
    assert decided(reported({12: Counted(100, 100), 1: Counted(5, 5)})) is Cause.BELOW_THRESHOLD


def test_reports_from_the_future_say_nothing() -> None:
    """A clock that is fast by more than two seconds is wrong."""
    assert decided(reported({-60: Counted(100, 100), 1: Counted(5, 5)})) is Cause.BELOW_THRESHOLD


def test_one_bad_environment_of_many_trips_nothing() -> None:
    """All of its own calls fail, and that is a small share of the fleet's."""
    assert decided(reported({ago: Counted(5, 5) for ago in range(10)})) is Cause.BELOW_THRESHOLD


def test_little_traffic_is_left_to_the_alarm() -> None:
    """With few calls the share is mostly chance: no window of fewer than forty usual calls counts."""
    assert windows({NOW: Counted(9, 9)}, NOW, 4.0) == ()
    assert {window.seconds for window in windows({}, NOW, 10.0)} == {4, 8}


@pytest.mark.parametrize("known", [Known(known_alarm=None), Known(per_second=None)])
def test_without_an_alarm_or_a_baseline_there_is_no_early_trip(known: Known) -> None:
    """An alarm that is gone or not understood, or too little closed time: the alarm decides alone."""
    assert isinstance(reported({1: Counted(100, 100)}, known), Ignored)


def test_a_circuit_without_calls_asks_for_no_alarm() -> None:
    """Callers may report of any name, and CloudWatch describes alarms only a few times a second."""
    unknown = Known(per_second=None)
    reported({1: Counted(100, 100)}, unknown)
    assert unknown.alarms_described == 0


@pytest.mark.parametrize("circuit", [Circuit(NAME, state=State.OPEN), Circuit(NAME, generation=2)])
def test_only_the_closed_circuit_of_that_generation(circuit: Circuit) -> None:
    """Reports of before a trip or close change nothing."""
    assert isinstance(reported({1: Counted(100, 100)}, circuit=circuit), Ignored)


def test_the_operators_threshold_holds() -> None:
    """The alarm as it stands in CloudWatch gives threshold and minimum: 80 % asks for more."""
    strict = Known(FailureRateAlarm("a", Limits(80, 3)))
    assert decided(reported({1: Counted(70, 70)}, strict)) is Cause.BELOW_THRESHOLD
    many = Known(FailureRateAlarm("a", Limits(50, 1000)))
    assert decided(reported({1: Counted(70, 70)}, many)) is Cause.TOO_FEW_CALLS


def test_first_reports_alone_trip_nothing() -> None:
    """A first report comes because calls failed: those after it must fail more than the threshold, too."""
    assert decided(reported({1: Counted(60, 60)}, shard=0)) is Cause.BELOW_THRESHOLD


@pytest.mark.parametrize(
    ("later", "cause"),
    [
        (Counted(9, 9), Cause.BELOW_THRESHOLD),
        (Counted(10, 10), Cause.FAILURES_REPORTED),
        (Counted(100, 65), Cause.BELOW_THRESHOLD),
        (Counted(100, 66), Cause.FAILURES_REPORTED),
        (Counted(400, 160), Cause.BELOW_THRESHOLD),
    ],
)
def test_later_calls_must_fail_more_than_by_chance(later: Counted, cause: Cause) -> None:
    """At least ten, and three standard deviations more than the threshold allows, whatever is usual."""
    tables = MemoryTables()
    tables.report_failures(NAME, 0, 0, {NOW - 1: Counted(200, 200)})
    tables.report_failures(NAME, 0, FIRST_LATER_SHARD, {NOW - 1: later})
    assert decided(EarlyTrip(tables, Known(), lambda: NOW * 1000 + 500).signal(NAME, 0)) is cause


def test_a_trip_that_chance_explains_says_so() -> None:
    """The reason has what failed after first reports, and the threshold."""
    tables = MemoryTables()
    tables.report_failures(NAME, 0, 0, {NOW - 1: Counted(200, 200)})
    tables.report_failures(NAME, 0, FIRST_LATER_SHARD, {NOW - 1: Counted(100, 65)})
    signal = EarlyTrip(tables, Known(), lambda: NOW * 1000 + 500).signal(NAME, 0)
    assert isinstance(signal, FailuresReported)
    reason = decide(Circuit(NAME), signal, NOW * 1000, RecoveryPolicy()).reason
    assert "65 of 100 calls failed after first reports; the threshold is 50 %" in reason


def test_implausible_sums_are_cut(caplog: pytest.LogCaptureFixture) -> None:
    """A fleet does not make ten times its usual calls: the sum is cut, and a line says so."""
    signal = reported({1: Counted(10**8, 10**8)})
    assert isinstance(signal, FailuresReported)
    assert max(window.calls for window in signal.windows) == 1000
    assert "are cut to 1000" in caplog.text


# --- Usual calls ----------------------------------------------------------------------------------

MS = 1000 * NOW
HOUR_OF_CALLS = {MS - 10_000 * ago: 500.0 for ago in range(360)}


def test_usual_calls_are_those_of_the_last_two_minutes() -> None:
    """Fifty a second, measured over whole periods of ten seconds."""
    assert closed_calls_per_second(Circuit(NAME), HOUR_OF_CALLS, MS) == 50


def test_periods_without_calls_count() -> None:
    """A circuit with calls in every other period makes half as many."""
    every_other = {at: calls for at, calls in HOUR_OF_CALLS.items() if at // 10_000 % 2}
    assert closed_calls_per_second(Circuit(NAME), every_other, MS) == 25


def test_traffic_that_grows_is_usual_at_once() -> None:
    """The newest twenty seconds count, where they hold more calls than the two minutes on average."""
    grown = {at: 4 * calls if at >= MS - 40_000 else calls for at, calls in HOUR_OF_CALLS.items()}
    assert closed_calls_per_second(Circuit(NAME), grown, MS) == 200
    fallen = {at: calls / 4 if at >= MS - 40_000 else calls for at, calls in HOUR_OF_CALLS.items()}
    assert 12.5 < (closed_calls_per_second(Circuit(NAME), fallen, MS) or 0) < 50


@pytest.mark.parametrize(("closed_ago", "usual"), [(30, None), (41, 50), (60, 50), (3600, 50)])
def test_only_closed_time_counts(closed_ago: int, usual: float | None) -> None:
    """After a close at least twenty seconds must have been measured."""
    closed = Circuit(NAME, closed_at_ms=MS - 1000 * closed_ago, opened_at_ms=MS - 5_000_000)
    silent = {at: calls for at, calls in HOUR_OF_CALLS.items() if at + 10_000 > MS - 1000 * closed_ago}
    assert closed_calls_per_second(closed, silent, MS) == usual


def test_a_circuit_that_was_never_measured() -> None:
    """No calls: nothing is usual."""
    assert closed_calls_per_second(Circuit(NAME), {}, MS) is None
    assert closed_calls_per_second(Circuit(NAME), {MS - 20_000: 5.0}, MS) is None
