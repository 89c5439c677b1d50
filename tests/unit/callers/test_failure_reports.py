"""What a process tells the fleet while its calls fail."""

from __future__ import annotations

from contextlib import suppress

import pytest

from recloser.caller.failure_reports import FailureReports
from recloser.caller.local_trip import LocalTrip
from recloser.errors import CircuitOpen, StoreError
from recloser.store.report_rows import FIRST_LATER_SHARD, SHARDS, Counted, Report
from recloser.testing import World

NAME = "payments-api"


class Down(Exception):  # noqa: N818
    """The dependency failed."""


def fails() -> None:
    raise Down


def works() -> str:
    return "paid"


@pytest.fixture
def world() -> World:
    return World()


def call(world: World, breaker: object, outcomes: str, seconds: float = 0.2) -> None:
    """Make a call for each letter: F fails, any other succeeds."""
    for outcome in outcomes:
        with suppress(Down, CircuitOpen):
            breaker.call(fails if outcome == "F" else works)  # type: ignore[attr-defined]
        world.clock.advance(seconds)


def reported(world: World, generation: int = 0) -> list[Counted]:
    return list(world.tables.read_failures(NAME, generation, 0, 2**60).values())


def total(counted: list[Counted]) -> tuple[int, int]:
    return sum(each.calls for each in counted), sum(each.failures for each in counted)


@pytest.mark.parametrize("outcomes", ["", "FF", "FsFs", "FFssssF", "ssss", "FFsssFFsss"])
def test_fewer_than_three_of_five_are_kept_to_oneself(world: World, outcomes: str) -> None:
    """Nothing is written while fewer than three of the last five calls have failed."""
    breaker = world.breaker(NAME, local_trip=None)
    call(world, breaker, outcomes)
    assert reported(world) == []


@pytest.mark.parametrize(("outcomes", "counts"), [("FFF", (3, 3)), ("FsFsF", (5, 3)), ("sssFFF", (3, 3))])
def test_three_of_five_are_reported(world: World, outcomes: str, counts: tuple[int, int]) -> None:
    """The report holds the calls since the first of the failures, each in its second."""
    breaker = world.breaker(NAME, local_trip=None)
    call(world, breaker, outcomes)
    assert total(reported(world)) == counts


def test_after_a_first_report_every_call_is_told(world: World) -> None:
    """Until five in a row have succeeded: the calls after a first report are a fair sample."""
    breaker = world.breaker(NAME, local_trip=None)
    call(world, breaker, "FFF" + "ssFssss" + "sss", seconds=1)
    every = reported(world)
    assert total(every) == (11, 4), "eight calls after the report, the fifth success in a row among them"
    assert sum(each.later_calls for each in every) == 8
    assert sum(each.later_failures for each in every) == 1


def test_a_first_report_holds_up_no_later_one() -> None:
    """The first call after a first report is told at once, those after it a second later."""
    reports = FailureReports(lambda low, high: low)
    for at in (60.0, 60.1, 60.2):
        reports.count(at, failed=True)
    assert reports.due(60.2) == (0, {60: Counted(3, 3)})
    reports.count(60.3, failed=True)
    assert reports.due(60.3) == (FIRST_LATER_SHARD, {60: Counted(1, 1)})
    reports.count(60.4, failed=False)
    assert reports.due(60.4) is None
    assert reports.next_due_at() == 61.3
    assert reports.due(61.3) == (FIRST_LATER_SHARD, {60: Counted(1, 0)})


def test_seconds_are_told_apart(world: World) -> None:
    """Calls are counted in the second in which they ended."""
    call(world, world.breaker(NAME, local_trip=None), "FFF", seconds=1)
    assert reported(world) == [Counted(1, 1)] * 3


def test_at_most_one_report_a_second(world: World) -> None:
    """What comes within a second of a report goes with the next."""
    writes: list[Report] = []
    world.tables.on_failures = lambda name, generation: writes.append({})
    call(world, world.breaker(NAME, local_trip=None), "F" * 100, seconds=0.1)
    assert 8 <= len(writes) <= 10
    assert total(reported(world))[0] >= 90


def test_what_was_made_before_a_hold_is_reported_during_it(world: World) -> None:
    """The local trip ends the calls, not the report of those that were made."""
    breaker = world.breaker(NAME, local_trip=LocalTrip(hold_seconds=1.0))
    call(world, breaker, "FFFFF" + "F" * 4)
    assert total(reported(world)) == (5, 5)


def held(world: World) -> int:
    return sum(each.held_calls for each in reported(world))


def test_what_the_local_trip_refuses_is_told(world: World) -> None:
    """The fleet is told of calls that it usually gets, and that nobody made."""
    breaker = world.breaker(NAME, local_trip=LocalTrip(failures=5, hold_seconds=10))
    call(world, breaker, "FFFFF" + "s" * 20)
    assert total(reported(world)) == (5, 5)
    assert 15 <= held(world) <= 20


def test_a_process_that_calls_on_while_it_is_refused_stands_for_itself_alone(world: World) -> None:
    """In a second no more refused calls are told than the process has made in its busiest one."""
    breaker = world.breaker(NAME, local_trip=LocalTrip(failures=5, hold_seconds=10))
    call(world, breaker, "FFFFF")
    call(world, breaker, "s" * 400, seconds=0.01)
    assert 0 < held(world) <= 5 * 5


def test_probes_and_refusals_are_not_reported(world: World) -> None:
    """While the circuit is not closed nothing is reported: nobody asks for the failure rate then."""
    breaker = world.breaker(NAME, local_trip=None)
    call(world, breaker, "FF")
    world.trip(NAME)
    world.clock.advance(11)
    call(world, breaker, "FFFFFFFF")
    assert reported(world) == reported(world, 1) == []


def test_a_new_generation_starts_over(world: World) -> None:
    """Failures of before a trip are not reported of the circuit that has closed since."""
    reports = FailureReports(lambda low, high: low)
    reports.see(1)
    for second in range(2):
        reports.count(second, failed=True)
    reports.see(3)
    reports.count(2, failed=True)
    assert reports.due(2.5) is None


def test_a_clock_that_was_set_back_keeps_nothing_waiting() -> None:
    """An hour back, and the next failures are reported at once."""
    reports = FailureReports(lambda low, high: low)
    for at in (7200, 7200.1, 7200.2):
        reports.count(at, failed=True)
    assert reports.due(7200.2)
    reports.count(3600, failed=True)
    _, report = reports.due(3600) or (0, {})
    assert report == {3600: Counted(1, 1)}


def test_old_seconds_are_left_out() -> None:
    """A process with few calls reports those of the last seconds, of which there is still use."""
    reports = FailureReports(lambda low, high: low)
    for at in (0, 30, 60):
        reports.count(at, failed=True)
    _, report = reports.due(60) or (0, {})
    assert report == {60: Counted(1, 1)}


def test_processes_spread_over_the_shards() -> None:
    """Each process adds to one of the items, so that no item gets all writes."""
    drawn = iter((0.0, 1.2, 2.4, 4.0))
    assert {FailureReports(lambda low, high: next(drawn)).shard for _ in range(4)} == set(range(SHARDS))


def test_a_report_that_fails_spoils_no_call(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The alarm sees the same calls, only later; a line says so."""

    def refuse(*_: object) -> None:
        raise StoreError("throttled")

    world.tables.report_failures = refuse  # type: ignore[method-assign,assignment]
    breaker = world.breaker(NAME, local_trip=None)
    call(world, breaker, "FFFF")
    assert breaker.call(works) == "paid"
    assert "failures cannot be reported: throttled" in caplog.text
