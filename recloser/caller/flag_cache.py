"""The flag as callers know it: read from the table, kept for a few seconds, never a reason to fail."""

from __future__ import annotations

import itertools
import logging
import operator
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable

from recloser.circuit import Circuit, State
from recloser.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from recloser.caller.process_parts import RunInBackground
    from recloser.store.tables import Tables

logger = logging.getLogger(__name__)

AFTER_FAILURE_SECONDS = 1.0
JITTER = 0.2
READ_TOGETHER = 100  # one BatchGetItem
# A read that fails after so long has found nobody: others need not find that out by themselves.
SLOW_READ_SECONDS = 0.25
WAIT_FOR_ANOTHERS_READ_SECONDS = 2.0

Uniform = Callable[[float, float], float]


class Flag:
    """One reading of a flag.

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
        circuit = self.circuit
        return circuit is not None and circuit.state_for_callers(int(now * 1000)) is State.CLOSED

    def may_serve(self, now: float) -> bool:
        """Tell whether a call may go by this flag without waiting for it to be read."""
        return self.is_fresh(now) or self.may_serve_while_read(now)

    def may_serve_while_read(self, now: float) -> bool:
        """Tell whether a call may go by this flag while it is read anew: closed, and not too old."""
        twice = self.fresh_until + (self.fresh_until - self.read_at)
        return not self.is_stale and self.read_at <= now < twice and self.is_closed(now)


class KnownFlag:
    """The newest reading of one circuit's flag. Made by `FlagCache.known`.

    Attributes:
        name: the circuit.
        closed_seconds: how long a closed flag is trusted; plus or minus 20 %.
        not_closed_seconds: the same for any other, and for one that could not be read.
        flag: the newest reading; None before the first.
        wanted_at: when somebody last asked, epoch seconds.
        reading: set while a thread reads it; others wait for that.

    """

    __slots__ = (
        "__weakref__",
        "closed_seconds",
        "flag",
        "name",
        "not_closed_seconds",
        "reading",
        "wanted_at",
    )

    def __init__(self, name: str, closed_seconds: float, not_closed_seconds: float) -> None:
        self.name = name
        self.closed_seconds = closed_seconds
        self.not_closed_seconds = not_closed_seconds
        self.flag: Flag | None = None
        self.wanted_at = 0.0
        self.reading: threading.Event | None = None

    def is_due(self, now: float) -> bool:
        """Tell whether it must be read, and somebody has asked for it lately."""
        lately = now - self.wanted_at < 3 * self.closed_seconds
        return lately and self.flag is not None and not self.flag.is_fresh(now)

    def refresh_soon(self, uniform: Uniform) -> None:
        """Say that a call failed: the flag may have moved, so a second is the longest it is trusted."""
        flag = self.flag
        if flag is not None:
            seconds = AFTER_FAILURE_SECONDS * uniform(1 - JITTER, 1 + JITTER)
            flag.fresh_until = min(flag.fresh_until, flag.read_at + seconds)

    def adopt(self, flag: Flag, now: float) -> None:
        """Take a reading, unless a later one has overtaken it: threads may be frozen on their way back.

        One from the future is none: the clock was set back.
        """
        known = self.flag
        if known is None or flag.read_at >= known.read_at or known.read_at > now:
            self.flag = flag


_NAME = operator.attrgetter("name")
_Batch = dict[KnownFlag, threading.Event]


class FlagCache:
    """Reads flags for every breaker of a process, several in one request when several are due.

    Reads of different flags do not wait for each other. When the table cannot be reached it is asked once a
    second, whatever the number of flags.

    Args:
        tables: returns where circuits are kept.
        clock: epoch seconds.
        uniform: random numbers between two bounds.
        in_background: runs work without waiting for it.

    """

    def __init__(
        self,
        tables: Callable[[], Tables],
        clock: Callable[[], float],
        uniform: Uniform,
        in_background: RunInBackground,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._uniform = uniform
        self._in_background = in_background
        self._lock = threading.Lock()
        # By the time of the last reading, the oldest first: those that are due stand in front.
        self._by_age: OrderedDict[int, KnownFlag] = OrderedDict()
        self._unreachable_until = 0.0
        self._unreachable_since = 0.0

    def read(self, known: KnownFlag, now: float) -> Flag:
        """Return the flag, read anew where its time is over. At most one read of the store is waited for."""
        known.wanted_at = now
        flag = known.flag
        if flag is not None:
            if flag.is_fresh(now):
                return flag
            if flag.may_serve_while_read(now):
                self.refresh(known, now)
                return known.flag or flag
        reading = known.reading
        if reading is None or flag is not None:
            # One in the background may have been frozen in the middle: its answer is not waited for.
            self._read(self._begin(known, now), now)
        else:
            reading.wait(WAIT_FOR_ANOTHERS_READ_SECONDS)
        return known.flag or self._unanswered(known, now)

    def refresh(self, known: KnownFlag, now: float) -> None:
        """Read a flag in the background, unless it is being read."""
        if known.reading is not None:
            return
        batch = self._begin(known, now)
        if not self._in_background(lambda: self._read(batch, now)):
            self._end(batch)  # no thread is to be had; the next call tries again

    def _begin(self, first: KnownFlag, now: float) -> _Batch:
        """Choose what is read together."""
        with self._lock:
            others = self._others_due(first, now) if self._by_age else ()
            batch: _Batch = {}
            for known in (first, *others):
                batch[known] = known.reading = threading.Event()
                self._by_age[id(known)] = known
                self._by_age.move_to_end(id(known))
            return batch

    def _others_due(self, first: KnownFlag, now: float) -> list[KnownFlag]:
        due: list[KnownFlag] = []
        for key, known in list(itertools.islice(self._by_age.items(), READ_TOGETHER - 1)):
            if known is first or known.reading is not None:
                continue
            if known.is_due(now):
                due.append(known)
            elif known.flag is None or not known.flag.is_fresh(now):
                del self._by_age[key]  # nobody asks for it any more; a reading puts it back
        return due

    def _end(self, batch: _Batch) -> None:
        for known, reading in batch.items():
            if known.reading is reading:
                known.reading = None
            reading.set()

    def _read(self, batch: _Batch, now: float) -> None:
        try:
            circuits = self._circuits(batch, now)
            for known in batch:
                circuit = circuits.get(known.name)
                if circuit is None:
                    known.adopt(self._unanswered(known, now), self._clock())
                else:
                    known.adopt(self._answered(known, circuit, now), self._clock())
        finally:
            self._end(batch)

    def _circuits(self, batch: _Batch, now: float) -> dict[str, Circuit]:
        """Ask the table. Whatever it raises must not be the caller's."""
        if self._unreachable_since <= now < self._unreachable_until:
            return {}
        names = sorted(map(_NAME, batch))
        try:
            return self._tables().read_many(names)
        except Exception as error:
            if not sys.is_finalizing():  # a call in a __del__ at exit is let through in silence
                logger.warning(
                    "flags of %s cannot be read: %s",
                    ", ".join(names[:5]),
                    error,
                    exc_info=not isinstance(error, StoreError),
                )
            ended = self._clock()
            if ended - now >= SLOW_READ_SECONDS:
                self._unreachable_since, self._unreachable_until = ended, ended + self._jittered(1.0)
            return {}

    def _answered(self, known: KnownFlag, circuit: Circuit, now: float) -> Flag:
        is_closed = circuit.state is State.CLOSED and circuit.override is None
        flag = Flag(circuit, now, now)
        seconds = known.closed_seconds if is_closed or flag.is_closed(now) else known.not_closed_seconds
        flag.fresh_until = now + seconds * self._uniform(1 - JITTER, 1 + JITTER)
        return flag

    def _unanswered(self, known: KnownFlag, now: float) -> Flag:
        last = None if known.flag is None else known.flag.circuit
        # Counted from the attempt's end: an unreachable table costs its timeout once a second, no more.
        return Flag(last, now, self._clock() + self._jittered(known.not_closed_seconds), is_stale=True)

    def _jittered(self, seconds: float) -> float:
        return seconds * self._uniform(1 - JITTER, 1 + JITTER)
