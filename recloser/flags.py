"""The flag as callers know it: read from the table, kept for a few seconds, never a reason to fail."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

from recloser.circuit import Circuit, State
from recloser.errors import StoreError
from recloser.tables import Tables

logger = logging.getLogger(__name__)

CLOSED_SECONDS = 5.0
NOT_CLOSED_SECONDS = 1.0
AFTER_FAILURE_SECONDS = 1.0
JITTER = 0.2
_LONGEST_PAUSE_READS = 8


@dataclass(slots=True)
class Flag:
    """What this process knows of one circuit.

    Attributes:
        circuit: the snapshot; None when the table has never answered.
        read_at: when it was asked for, epoch seconds.
        fresh_until: when it must be read again.
        is_stale: the last attempt to read failed, so this is the last known state.

    """

    circuit: Circuit | None
    read_at: float
    fresh_until: float
    is_stale: bool = False

    def is_fresh(self, now: float) -> bool:
        # A clock that was set back must not keep a flag alive.
        return self.read_at <= now < self.fresh_until


class FlagReader:
    """Reads one circuit's flag at most every few seconds.

    Args:
        name: the circuit.
        tables: where it is kept.
        clock: epoch seconds.
        draw: random numbers between two bounds.
        closed_seconds: how long a closed flag is good for; plus or minus 20 %.
        not_closed_seconds: the same for any other, and for one that could not be read.

    """

    def __init__(
        self,
        name: str,
        tables: Tables,
        clock: Callable[[], float],
        *,
        draw: Callable[[float, float], float] = random.uniform,
        closed_seconds: float = CLOSED_SECONDS,
        not_closed_seconds: float = NOT_CLOSED_SECONDS,
    ) -> None:
        self._name = name
        self._tables = tables
        self._clock = clock
        self._draw = draw
        self._closed_seconds = closed_seconds
        self._not_closed_seconds = not_closed_seconds
        self._flag: Flag | None = None
        self._reading = threading.Lock()

    def flag(self, now: float) -> Flag:
        """Return the flag, read anew where its time is over."""
        flag = self._flag
        if flag is not None and flag.is_fresh(now):
            return flag
        # Whoever comes second uses what is known rather than wait; with nothing known, it must wait.
        if not self._reading.acquire(blocking=flag is None):
            assert flag is not None  # noqa: S101  (said to the type checker: a blocking acquire succeeds)
            return flag
        try:
            if self._flag is flag:
                self._flag = self._read(flag, now)
            return self._flag or self._read(None, now)
        finally:
            self._reading.release()

    def expect_news(self) -> None:
        """Say that a call failed: the flag may have moved, so a second is the longest it is trusted."""
        flag = self._flag
        if flag is not None:
            flag.fresh_until = min(flag.fresh_until, flag.read_at + self._jittered(AFTER_FAILURE_SECONDS))

    def _read(self, known: Flag | None, now: float) -> Flag:
        try:
            circuit = self._tables.read(self._name)
        except StoreError as error:
            logger.warning("circuit %s: the flag cannot be read: %s", self._name, error)
            last = None if known is None else known.circuit
            # Counted from the attempt's end: an unreachable table costs its timeout once a second, no more.
            return Flag(last, now, self._clock() + self._jittered(self._not_closed_seconds), is_stale=True)
        closed = circuit.state_for_callers(int(now * 1000)) is State.CLOSED
        seconds = self._closed_seconds if closed else self._not_closed_seconds
        return Flag(circuit, now, now + self._jittered(seconds))

    def _jittered(self, seconds: float) -> float:
        return seconds * self._draw(1 - JITTER, 1 + JITTER)


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
        self._revision = -1
        self._asked_on: float | None = None
        self._refusals = 0
        self._readings_to_pass = 0
        self._lock = threading.Lock()

    def may_ask(self, flag: Flag, circuit: Circuit, now: float) -> bool:
        """Tell whether to claim now; a yes uses this reading of the flag up."""
        with self._lock:
            if circuit.generation != self._generation:
                self._generation = circuit.generation
                self._wait_seconds = self._draw(0, self._spread_seconds)
            if circuit.revision != self._revision:
                self._revision, self._refusals, self._readings_to_pass = circuit.revision, 0, 0
            if now < (circuit.retry_at_ms or 0) / 1000 + self._wait_seconds:
                return False
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
            self._readings_to_pass = min(_LONGEST_PAUSE_READS, 2**self._refusals) - 1
            self._refusals += 1
