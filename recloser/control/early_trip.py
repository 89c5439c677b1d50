"""Turns reported failures into a signal: a lower bound of the fleet's failure rate.

Only environments whose calls fail report, so their own rate says nothing of the fleet. The reported failures
are therefore divided by all the calls that the closed circuit usually makes, less those that local trips have
refused, or by the reported ones if those are more. Where it is not known how many calls are usual, the alarm
decides alone.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from recloser.circuit import Circuit, State
from recloser.control.control import wall_clock_ms
from recloser.control.ignored import Ignored
from recloser.signals import FailuresReported, Limits, ReportWindow
from recloser.store.report_rows import Counted
from recloser.store.tables import Tables

logger = logging.getLogger(__name__)

WINDOWS_SECONDS = (1, 2, 4, 8)
# Reports of a second arrive within the two that follow: windows end in one of the newest three.
NEWEST_SECONDS = 3
LOOK_BACK_SECONDS = max(WINDOWS_SECONDS) + NEWEST_SECONDS
# A clock of an environment may be so much fast; what lies further ahead was reported by a wrong one.
CLOCK_TOLERANCE_SECONDS = 2
# With fewer calls the share is mostly chance: of 40 calls of which 40 in 100 fail, hardly ever 21 are
# reported as failed.
FEWEST_USUAL_CALLS = 40
# A fleet does not make ten times its usual calls from one minute to the next.
PLAUSIBLE_FACTOR = 10


@dataclass(frozen=True, slots=True)
class FailureRateAlarm:
    """The alarm whose threshold and minimum of calls hold for a circuit, as it is in CloudWatch now."""

    name: str
    limits: Limits


class Usual(Protocol):
    """What CloudWatch knows of a circuit."""

    def alarm(self, circuit: Circuit, now_ms: int) -> FailureRateAlarm | None:
        """Return the alarm whose limits apply to its failure rate; None: none that can be read."""

    def calls_per_second(self, circuit: Circuit, now_ms: int) -> float | None:
        """Return how many calls it makes while closed; None: too little closed time was measured."""


class EarlyTrip:
    """Turns reported failures into a signal.

    Args:
        tables: where environments report.
        usual: what CloudWatch knows.
        now_ms: the clock, epoch milliseconds.

    """

    def __init__(self, tables: Tables, usual: Usual, now_ms: Callable[[], int] = wall_clock_ms) -> None:
        self._tables = tables
        self._usual = usual
        self._now_ms = now_ms

    def signal(self, name: str, generation: int) -> FailuresReported | Ignored:
        """Sum up what was reported of a generation in the last seconds.

        Raises:
            StoreError: the tables could not be read.

        """
        now_ms = self._now_ms()
        circuit = self._tables.read(name)
        if circuit.state is not State.CLOSED or circuit.generation != generation:
            return Ignored("the reports are not of the closed circuit's generation")
        # First: a caller may report of any name, and CloudWatch describes alarms only a few times a second.
        per_second = self._usual.calls_per_second(circuit, now_ms)
        if per_second is None:
            return Ignored("it is not known how many calls are usual: no early trip")
        alarm = self._usual.alarm(circuit, now_ms)
        if alarm is None:
            return Ignored("no failure-rate alarm of this circuit is understood: no early trip")
        newest = now_ms // 1000
        since = newest - LOOK_BACK_SECONDS
        reported = self._tables.read_failures(name, generation, since, newest + CLOCK_TOLERANCE_SECONDS)
        plausible = _plausible(name, reported, per_second)
        return FailuresReported(generation, windows(plausible, newest, per_second), alarm.limits, alarm.name)


def windows(reported: Mapping[int, Counted], newest: int, per_second: float) -> tuple[ReportWindow, ...]:
    """Sum up the last 1, 2, 4 and 8 seconds, ending in each of the newest seconds.

    Args:
        reported: by second since the epoch.
        newest: the present second.
        per_second: the calls that the closed circuit usually makes.

    """
    return tuple(
        _window(reported, last, seconds, per_second)
        for last in range(newest - NEWEST_SECONDS + 1, newest + 1)
        for seconds in WINDOWS_SECONDS
        if per_second * seconds >= FEWEST_USUAL_CALLS
    )


def _window(reported: Mapping[int, Counted], last: int, seconds: int, per_second: float) -> ReportWindow:
    counted = [reported[second] for second in range(last - seconds + 1, last + 1) if second in reported]
    usual = per_second * seconds
    held = sum(each.held_calls for each in counted)
    return ReportWindow(
        seconds,
        sum(each.calls for each in counted),
        sum(each.failures for each in counted),
        usual,
        sum(each.later_calls for each in counted),
        sum(each.later_failures for each in counted),
        held_calls=min(held, math.floor(usual - FEWEST_USUAL_CALLS)),
    )


def _plausible(name: str, reported: Mapping[int, Counted], per_second: float) -> dict[int, Counted]:
    """Cut what is more than the fleet can have made."""
    most = int(PLAUSIBLE_FACTOR * max(per_second, FEWEST_USUAL_CALLS))
    cut = {second: each for second, each in reported.items() if each.calls > most}
    if cut:
        logger.warning(
            "circuit %s: reports of %s calls in one second are cut to %d; usual are %.1f",
            name,
            max(each.calls for each in cut.values()),
            most,
            per_second,
        )
    return {second: each.at_most(most) for second, each in reported.items()}
