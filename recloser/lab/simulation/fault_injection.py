"""Whether a fault happens now: at random, by the scenario's probabilities, until its faults end."""

from __future__ import annotations

import math

from recloser.lab.simulation.event_queue import MS_PER_SECOND, EventQueue
from recloser.lab.simulation.random_streams import RandomStream
from recloser.lab.simulation.scenario import Faults, Span

NO_FAULTS = Faults()


class FaultInjector:
    """The faults that are possible at this moment.

    Args:
        faults: the scenario's.
        queue: the time.
        random: the random numbers of faults, and of nothing else.

    Attributes:
        is_possible: the scenario has faults at all.

    """

    def __init__(self, faults: Faults, queue: EventQueue, random: RandomStream) -> None:
        self._faults = faults
        self._queue = queue
        self._start_ms = queue.now_ms
        self._until_ms = math.inf
        if faults.until_seconds is not None:
            self._until_ms = self._start_ms + faults.until_seconds * MS_PER_SECOND
        self.random = random
        self.is_possible = faults != NO_FAULTS

    @property
    def now(self) -> Faults:
        return NO_FAULTS if self._queue.now_ms >= self._until_ms else self._faults

    @property
    def scheduler_is_dead(self) -> bool:
        return self._is_within(self.now.dead_scheduler)

    @property
    def tables_are_unreachable(self) -> bool:
        return self._is_within(self.now.unreachable_tables)

    @property
    def _seconds(self) -> float:
        return (self._queue.now_ms - self._start_ms) / MS_PER_SECOND

    def _is_within(self, spans: tuple[Span, ...]) -> bool:
        return any(span.from_seconds <= self._seconds < span.until_seconds for span in spans)
