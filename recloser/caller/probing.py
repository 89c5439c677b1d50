"""Probes as one process makes them: when it may claim a permit, and what goes along with a probe."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from recloser.caller.flag_cache import Flag

LONGEST_PAUSE_READS = 8
MOST_COMPANIONS = 256


class PermitPacing:
    """Decides when this process may claim a permit, so that a fleet does not ask all at once.

    Nobody asks twice on one reading of the flag; each process waits a random part of its cache time
    after `retry_at`; and after a refusal it lets more and more readings pass until the flag changes.

    Args:
        uniform: random numbers between two bounds.
        spread_seconds: the longest wait after `retry_at`.

    """

    def __init__(self, uniform: Callable[[float, float], float], spread_seconds: float) -> None:
        self._uniform = uniform
        self._spread_seconds = spread_seconds
        self._lock = threading.Lock()
        self._generation = -1
        self._wait_seconds = 0.0
        self._revision = -1
        self._asked_on: float | None = None
        self._refusals = 0
        self._readings_to_pass = 0

    def claim_from(self, flag: Flag) -> float:
        """Tell from when on this reading of the flag allows a claim, epoch seconds; infinity: not at all."""
        circuit = flag.circuit
        if circuit is None or self._asked_on == flag.read_at:
            return math.inf
        with self._lock:
            if circuit.generation != self._generation:
                self._generation = circuit.generation
                self._wait_seconds = self._uniform(0, self._spread_seconds)
            if circuit.revision != self._revision:
                self._revision, self._refusals, self._readings_to_pass = circuit.revision, 0, 0
            return (circuit.retry_at_ms or 0) / 1000 + self._wait_seconds

    def use(self, flag: Flag) -> bool:
        """Use this reading of the flag up; tell whether it allows this one claim."""
        with self._lock:
            if self._asked_on == flag.read_at:
                return False
            self._asked_on = flag.read_at
            if self._readings_to_pass > 0:
                self._readings_to_pass -= 1
                return False
            return True

    def refused(self) -> None:
        """Say that the claim got no permit."""
        with self._lock:
            self._readings_to_pass = min(LONGEST_PAUSE_READS, 2**self._refusals) - 1
            self._refusals += 1


class ProbesUnderWay:
    """The probes and trials of one circuit that run in this process.

    A refusal cancels its siblings: `asyncio.gather` and `TaskGroup` cut off the one probe because the calls
    beside it were refused, and the next probe, and the next. So after a probe that was cancelled the next one
    takes calls of the same process along: three at most, and about twice as many after each further
    cancellation. A group of calls then succeeds or fails as one. When the circuit has closed, it starts over.

    Attributes:
        running: how many there are.

    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.running = 0
        self._companions = 0
        self._cancellations = 0

    def may_join(self) -> bool:
        """Tell whether a call may go along with a probe that runs now."""
        return self.running > 0 and self._companions < self._most_companions

    @property
    def _most_companions(self) -> int:
        if self._cancellations == 0:
            return 0
        return int(min(MOST_COMPANIONS, 2 ** (min(self._cancellations, 8) + 1))) - 1

    def began(self) -> None:
        with self._lock:
            self.running += 1
            if self.running == 1:
                self._companions = 0

    def ended(self, *, was_cancelled: bool) -> None:
        with self._lock:
            self.running -= 1
            self._cancellations += was_cancelled

    def joined(self) -> None:
        with self._lock:
            self._companions += 1

    def start_over(self) -> None:
        """Say that the circuit is closed."""
        self._cancellations = 0
