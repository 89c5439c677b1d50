"""What a process tells the fleet while its calls fail: calls and failures by the second.

An alarm needs tens of seconds to see an outage. An environment whose last five counted calls hold three
failures sends what it counted, and from then on every call until five in a row have succeeded, either at most
once a second; one whose calls succeed sends nothing. A first report comes because calls failed, so it holds
more failures than its share; the calls after it are a fair sample, and are told apart. Calls that the local
trip refuses are told, too: they are among the fleet's usual calls, and nobody made them.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from recloser.store.report_rows import (
    FIRST_HELD_SHARD,
    FIRST_LATER_SHARD,
    HELD_SHARDS,
    SHARDS,
    Counted,
    Report,
)

LAST_CALLS = 5
ENOUGH_FAILURES = 3
SECONDS_BETWEEN_REPORTS = 1.0
KEPT_SECONDS = 10  # nobody looks at older ones

_MASK = (1 << LAST_CALLS) - 1


class FailureReports:
    """Counts the calls of one circuit in this process, and says what to report of them.

    While all of the last five counted calls have succeeded, further successes need not be told: they change
    nothing.

    Args:
        uniform: random numbers between two bounds.

    Attributes:
        shard: which of the circuit's items this process adds to first.

    """

    __slots__ = (
        "_first",
        "_first_sent_at",
        "_generation",
        "_held",
        "_held_left",
        "_held_second",
        "_held_sent_at",
        "_is_telling",
        "_kept",
        "_later",
        "_later_sent_at",
        "_lock",
        "_made",
        "_recent",
        "shard",
    )

    def __init__(self, uniform: Callable[[float, float], float]) -> None:
        self.shard = min(int(uniform(0, SHARDS)), SHARDS - 1)
        self._lock = threading.Lock()
        self._generation = 0
        self._first_sent_at = 0.0
        self._later_sent_at = 0.0
        self._held_sent_at = 0.0
        self._start_over()

    def _start_over(self) -> None:
        self._recent = 0  # a bit for each of the last calls; 1: it failed
        self._is_telling = False
        self._kept: dict[int, Counted] = {}  # to be told once three of five have failed
        self._first: dict[int, Counted] = {}
        self._later: dict[int, Counted] = {}
        self._held: dict[int, Counted] = {}
        self._held_second = self._held_left = 0  # how many more may count in that second
        self._made: dict[int, Counted] = {}

    @property
    def is_calm(self) -> bool:
        """Whether none of the last counted calls has failed, and all is told: successes need not be."""
        return not (self._recent or self._first or self._later or self._held)

    def see(self, generation: int) -> None:
        """Forget what belongs to an older generation."""
        if generation != self._generation:
            with self._lock:
                self._generation = generation
                self._start_over()

    def count(self, now: float, *, failed: bool) -> None:
        """Count a call that was made and has ended, at `now`, epoch seconds."""
        with self._lock:
            if not (failed or self._recent):
                return
            self._recent = (self._recent << 1 | failed) & _MASK
            _add(self._made, int(now), failed=failed)
            _add(self._later if self._is_telling else self._kept, int(now), failed=failed)
            if not self._recent:
                self._is_telling = False
                self._kept.clear()
            elif not self._is_telling and self._recent.bit_count() >= ENOUGH_FAILURES:
                self._is_telling = True
                for second, counted in self._kept.items():
                    self._first[second] = self._first.get(second, Counted(0, 0)).plus(counted)
                self._kept.clear()

    def hold(self, now: float) -> float:
        """Count a call that the local trip refused at `now`, epoch seconds.

        In a second no more of them count than this process has made in its busiest one of late: one that
        calls again and again while it is refused would otherwise stand for the whole fleet.

        Returns:
            From when on another one may count, epoch seconds.

        """
        second = int(now)
        with self._lock:
            if second != self._held_second:
                self._held_second = second
                self._held_left = max((each.calls for each in self._made.values()), default=0)
            if self._held_left:
                self._held_left -= 1
                _add(self._held, second, failed=False)
            return now if self._held_left else second + 1.0

    def next_due_at(self) -> float:
        """Return when what waits is to be reported, epoch seconds; infinity: nothing is."""
        return min(
            self._first_sent_at + SECONDS_BETWEEN_REPORTS if self._first else math.inf,
            self._later_sent_at + SECONDS_BETWEEN_REPORTS if self._later else math.inf,
            self._held_sent_at + SECONDS_BETWEEN_REPORTS if self._held else math.inf,
        )

    def due(self, now: float) -> tuple[int, Report] | None:
        """Take what is to be reported at `now`, epoch seconds, with its shard; None: nothing is."""
        if not (self._first or self._later or self._held):
            return None
        with self._lock:
            if self._first and _is_over(self._first_sent_at, now):
                shard, counted, self._first = self.shard, self._first, {}
                self._first_sent_at = now
            elif self._later and _is_over(self._later_sent_at, now):
                shard, counted, self._later = self.shard + FIRST_LATER_SHARD, self._later, {}
                self._later_sent_at = now
            elif self._held and _is_over(self._held_sent_at, now):
                shard, counted, self._held = FIRST_HELD_SHARD + self.shard % HELD_SHARDS, self._held, {}
                self._held_sent_at = now
            else:
                return None
        report = {second: each for second, each in counted.items() if second > now - KEPT_SECONDS}
        return (shard, report) if report else None


def _is_over(sent_at: float, now: float) -> bool:
    # A clock that was set back must not keep reports waiting.
    return not 0 <= now - sent_at < SECONDS_BETWEEN_REPORTS


def _add(counted: dict[int, Counted], second: int, *, failed: bool) -> None:
    counted[second] = counted.get(second, Counted(0, 0)).plus(Counted(1, int(failed)))
    if len(counted) > KEPT_SECONDS:
        del counted[min(counted)]
