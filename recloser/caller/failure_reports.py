"""What a process tells the fleet while its calls fail: calls and failures by the second.

An alarm needs tens of seconds to see an outage. An environment whose last five counted calls hold three
failures sends what it counted, at most once a second; one whose calls succeed sends nothing.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from recloser.store.report_rows import SHARDS, Counted, Report

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
        shard: which of the circuit's items this process adds to.

    """

    __slots__ = ("_counted", "_generation", "_lock", "_recent", "_sent_at", "shard")

    def __init__(self, uniform: Callable[[float, float], float]) -> None:
        self.shard = min(int(uniform(0, SHARDS)), SHARDS - 1)
        self._lock = threading.Lock()
        self._recent = 0  # a bit for each of the last calls; 1: it failed
        self._counted: dict[int, Counted] = {}
        self._generation = 0
        self._sent_at = 0.0

    @property
    def is_calm(self) -> bool:
        """Whether none of the last counted calls has failed: successes need not be told."""
        return self._recent == 0

    def see(self, generation: int) -> None:
        """Forget what belongs to an older generation."""
        if generation != self._generation:
            with self._lock:
                self._generation = generation
                self._recent = 0
                self._counted = {}

    def count(self, now: float, *, failed: bool) -> None:
        """Count a call that was made and has ended, at `now`, epoch seconds."""
        second = int(now)
        with self._lock:
            self._recent = (self._recent << 1 | failed) & _MASK
            if not self._recent:
                self._counted.clear()
                return
            before = self._counted.get(second, Counted(0, 0))
            self._counted[second] = before.plus(Counted(1, int(failed)))
            if len(self._counted) > KEPT_SECONDS:
                del self._counted[min(self._counted)]

    def next_due_at(self) -> float:
        """Return when what waits is to be reported, epoch seconds; infinity: nothing is."""
        if not self._counted or self._recent.bit_count() < ENOUGH_FAILURES:
            return math.inf
        return self._sent_at + SECONDS_BETWEEN_REPORTS

    def due(self, now: float) -> Report | None:
        """Take what is to be reported at `now`, epoch seconds; None: nothing is."""
        if not self._counted or self._recent.bit_count() < ENOUGH_FAILURES:
            return None
        with self._lock:
            # A clock that was set back must not keep reports waiting.
            if not self._counted or 0 <= now - self._sent_at < SECONDS_BETWEEN_REPORTS:
                return None
            self._sent_at = now
            counted, self._counted = self._counted, {}
        return {second: each for second, each in counted.items() if second > now - KEPT_SECONDS}
