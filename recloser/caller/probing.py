"""When a process may ask for a permit, so that a fleet does not ask all at once."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from recloser.caller.flag_cache import Flag
from recloser.circuit import Circuit

LONGEST_PAUSE_READS = 8


class PermitSeeker:
    """Decides when this process may ask for a permit, so that a fleet does not ask all at once.

    Nobody asks twice on one reading of the flag; each process waits a random part of its cache time
    after `retry_at`; and after a refusal it lets more and more readings pass until the flag changes.

    Args:
        draw: random numbers between two bounds.
        spread_seconds: the longest wait after `retry_at`.

    """

    def __init__(self, draw: Callable[[float, float], float], spread_seconds: float) -> None:
        self._draw = draw
        self._spread_seconds = spread_seconds
        self._generation = -1
        self._wait_seconds = 0.0
        self._ask_from = 0.0
        self._revision = -1
        self._asked_on: float | None = None
        self._refusals = 0
        self._readings_to_pass = 0
        self.after_fork()

    def after_fork(self) -> None:
        """Begin with nobody in the middle of asking."""
        self._lock = threading.Lock()

    def may_ask(self, flag: Flag, circuit: Circuit, now: float) -> bool:
        """Tell whether to claim now; a yes uses this reading of the flag up."""
        with self._lock:
            if circuit.generation != self._generation:
                self._generation = circuit.generation
                self._wait_seconds = self._draw(0, self._spread_seconds)
            if circuit.revision != self._revision:
                self._revision, self._refusals, self._readings_to_pass = circuit.revision, 0, 0
            self._ask_from = (circuit.retry_at_ms or 0) / 1000 + self._wait_seconds
            if now < self._ask_from:
                return False
            if self._asked_on == flag.read_at:
                return False
            self._asked_on = flag.read_at
            if self._readings_to_pass > 0:
                self._readings_to_pass -= 1
                return False
            return True

    def next_ask_at(self, flag: Flag) -> float:
        """Tell when `may_ask` can say yes on this reading, after it has said no; epoch seconds."""
        return math.inf if self._asked_on == flag.read_at else self._ask_from

    def refused(self) -> None:
        """Say that the claim got no permit."""
        with self._lock:
            self._readings_to_pass = min(LONGEST_PAUSE_READS, 2**self._refusals) - 1
            self._refusals += 1
