"""The flag as callers know it: read from the table, kept for a few seconds, never a reason to fail."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from recloser.caller.forks import begin_anew_after_fork
from recloser.caller.registry import Registry
from recloser.circuit import Circuit, State
from recloser.errors import StoreError

if TYPE_CHECKING:
    from recloser.store.tables import Tables

logger = logging.getLogger(__name__)

CLOSED_SECONDS = 5.0
NOT_CLOSED_SECONDS = 1.0
AFTER_FAILURE_SECONDS = 1.0
JITTER = 0.2

Draw = Callable[[float, float], float]
Beside = Callable[[Callable[[], None]], None]


def in_a_thread(work: Callable[[], None]) -> None:
    """Run `work` beside the caller; here and now if the process can start no thread any more."""
    try:
        threading.Thread(target=work, name="recloser-flags", daemon=True).start()
    except RuntimeError:
        work()


class Flag:
    """What this process knows of one circuit.

    Attributes:
        circuit: the snapshot; None when the table has never answered.
        read_at: when it was asked for, epoch seconds.
        fresh_until: when it must be read again.
        is_stale: the last attempt to read failed, so this is the last known state.

    """

    __slots__ = ("circuit", "fresh_until", "is_stale", "read_at")

    def __init__(
        self, circuit: Circuit | None, read_at: float, fresh_until: float, *, is_stale: bool = False
    ) -> None:
        self.circuit = circuit
        self.read_at = read_at
        self.fresh_until = fresh_until
        self.is_stale = is_stale

    def is_fresh(self, now: float) -> bool:
        # A clock that was set back must not keep a flag alive.
        return self.read_at <= now < self.fresh_until

    def is_closed(self, now: float) -> bool:
        return self.circuit is not None and self.circuit.state_for_callers(int(now * 1000)) is State.CLOSED

    def may_serve_while_read(self, now: float) -> bool:
        """Tell whether a call may go by this flag while it is read anew: closed, and not too old."""
        twice = self.fresh_until + (self.fresh_until - self.read_at)
        return not self.is_stale and self.read_at <= now < twice and self.is_closed(now)


class WatchedFlag:
    """One breaker's view of a flag. Made by `FlagReader.watch`."""

    def __init__(
        self, reader: FlagReader, name: str, closed_seconds: float, not_closed_seconds: float
    ) -> None:
        self._reader = reader
        self.name = name
        self.closed_seconds = closed_seconds
        self.not_closed_seconds = not_closed_seconds
        self.known: Flag | None = None
        self.wanted_at = 0.0

    def flag(self, now: float) -> Flag:
        """Return the flag, read anew where its time is over."""
        self.wanted_at = now
        known = self.known
        if known is not None:
            if known.is_fresh(now):
                return known
            if known.may_serve_while_read(now):
                self._reader.read_beside(self, now)
                return self.known or known
        return self._reader.read(self, known, now)

    def is_wanted(self, now: float) -> bool:
        """Tell whether the flag is due, and somebody has asked for it lately."""
        lately = now - self.wanted_at < 3 * self.closed_seconds
        return lately and self.known is not None and not self.known.is_fresh(now)

    def expect_news(self, draw: Draw) -> None:
        """Say that a call failed: the flag may have moved, so a second is the longest it is trusted."""
        known = self.known
        if known is not None:
            seconds = AFTER_FAILURE_SECONDS * draw(1 - JITTER, 1 + JITTER)
            known.fresh_until = min(known.fresh_until, known.read_at + seconds)

    def adopt(self, flag: Flag, now: float) -> None:
        """Take a reading, unless a later one has overtaken it: threads may be frozen on their way back.

        One from the future is none: the clock was set back.
        """
        known = self.known
        if known is None or flag.read_at >= known.read_at or known.read_at > now:
            self.known = flag

    def beside(self, work: Callable[[], None]) -> None:
        """Run work beside the caller."""
        self._reader.beside(work)


class FlagReader:
    """Reads flags for every breaker of a process, several in one request when several are due.

    Args:
        tables: where circuits are kept.
        clock: epoch seconds.
        draw: random numbers between two bounds.
        beside: runs work beside the caller.

    """

    def __init__(
        self,
        tables: Tables,
        clock: Callable[[], float],
        draw: Draw = random.uniform,
        beside: Beside = in_a_thread,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._draw = draw
        self.beside = beside
        self._watched: Registry[WatchedFlag] = Registry()
        self.after_fork()
        begin_anew_after_fork(self)

    def after_fork(self) -> None:
        """Begin without a reading under way: it is the parent's."""
        self._reading = threading.Lock()
        self._reading_beside = threading.Lock()

    def watch(self, name: str, closed_seconds: float, not_closed_seconds: float) -> WatchedFlag:
        """Begin to watch a circuit.

        Args:
            name: the circuit.
            closed_seconds: how long a closed flag is good for; plus or minus 20 %.
            not_closed_seconds: the same for any other, and for one that could not be read.

        """
        watched = WatchedFlag(self, name, closed_seconds, not_closed_seconds)
        self._watched.add(watched)
        return watched

    def forget(self) -> None:
        """Make every flag unknown, so that the next call of each breaker reads it. For tests."""
        for watched in self._watched.alive():
            watched.known = None

    def read(self, watched: WatchedFlag, known: Flag | None, now: float) -> Flag:
        """Read now. Of several threads that want the same, the first reads and the others wait for it."""
        with self._reading:
            if watched.known is known or watched.known is None:
                self._read_all_due(watched, now)
            flag = watched.known
        assert flag is not None  # noqa: S101  (said to the type checker: it has just been adopted)
        return flag

    def read_beside(self, watched: WatchedFlag, now: float) -> None:
        """Read beside the caller, unless that is under way."""
        if not self._reading_beside.acquire(blocking=False):
            return

        def work() -> None:
            try:
                self._read_all_due(watched, now)
            finally:
                self._reading_beside.release()

        self.beside(work)

    def _read_all_due(self, first: WatchedFlag, now: float) -> None:
        due = [first, *(each for each in self._watched.alive() if each is not first and each.is_wanted(now))]
        circuits: dict[str, Circuit] = {}
        failure: Exception | None = None
        names = sorted({watched.name for watched in due})
        try:
            circuits = self._tables.read_many(names)
        except Exception as error:
            # Whatever it is, it must not be the caller's.
            failure = error
            is_expected = isinstance(error, StoreError)
            logger.warning(
                "flags of %s cannot be read: %s", ", ".join(names), error, exc_info=not is_expected
            )
        for watched in due:
            if failure is None:
                watched.adopt(self._answered(watched, circuits[watched.name], now), self._clock())
            else:
                watched.adopt(self._unanswered(watched, now), self._clock())

    def _answered(self, watched: WatchedFlag, circuit: Circuit, now: float) -> Flag:
        flag = Flag(circuit, now, now)
        seconds = watched.closed_seconds if flag.is_closed(now) else watched.not_closed_seconds
        flag.fresh_until = now + self._jittered(seconds)
        return flag

    def _unanswered(self, watched: WatchedFlag, now: float) -> Flag:
        last = None if watched.known is None else watched.known.circuit
        # Counted from the attempt's end: an unreachable table costs its timeout once a second, no more.
        return Flag(last, now, self._clock() + self._jittered(watched.not_closed_seconds), is_stale=True)

    def _jittered(self, seconds: float) -> float:
        return seconds * self._draw(1 - JITTER, 1 + JITTER)
