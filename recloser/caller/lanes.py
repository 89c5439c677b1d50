"""Spans of time in which the answer to every call is known: let through, or refused."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable

from recloser.caller.flag_cache import Flag, WatchedFlag
from recloser.caller.watchdog import Deadline
from recloser.circuit import Circuit
from recloser.errors import CircuitOpen


class Call:
    """A call that was let through.

    With a `permit` (generation and number) it is a probe; `counts` says whether its outcome belongs in the
    failure rate; `is_trial` that it is the one call after a local hold.
    """

    __slots__ = ("counts", "deadline", "is_trial", "number", "permit", "started")

    def __init__(
        self, number: int, started: float, *, counts: bool, permit: tuple[int, int] | None = None
    ) -> None:
        self.number = number
        self.started = started
        self.counts = counts
        self.permit = permit
        self.deadline: Deadline | None = None
        self.is_trial = False


class StandingRefusal:
    """A refusal that holds for the calls after it too, as long as it rests on the flag that is known.

    Args:
        watched: the flag as the breaker knows it.
        flag: the reading of it that the refusal rests on.
        circuit: the snapshot that callers are shown.
        until: when the answer may be another one on the same reading, epoch seconds.
        retry_at: when to ask again, epoch seconds; None when only an operator can tell.
        pause: the shortest time to ask again, seconds.
        count: called with 1 for each refused call.

    """

    __slots__ = ("_circuit", "_count", "_flag", "_pause", "_retry_at", "_until", "_watched")

    def __init__(
        self,
        watched: WatchedFlag,
        flag: Flag,
        circuit: Circuit,
        *,
        until: float,
        retry_at: float | None,
        pause: float,
        count: Callable[[int], None],
    ) -> None:
        self._watched = watched
        self._flag = flag
        self._circuit = circuit
        self._until = until
        self._retry_at = retry_at
        self._pause = pause
        self._count = count

    def stands(self, now: float) -> bool:
        flag = self._flag
        return self._watched.known is flag and flag.read_at <= now < flag.fresh_until and now < self._until

    def refuse(self, now: float) -> CircuitOpen:
        """Count a refused call and say so."""
        self._count(1)
        retry_at, pause = self._retry_at, self._pause
        if retry_at is None:
            return CircuitOpen(self._circuit, None)
        return CircuitOpen(self._circuit, pause if now + pause > retry_at else retry_at - now)


class FastLane:
    """What the next calls need not ask.

    In its span of time they go through: the flag is closed and fresh, and no call has failed lately.

    Attributes:
        since, until: the span, epoch seconds; empty when something must be asked.
        running: the calls that have not ended, by number: whoever takes one out of here counts it.
        numbers: gives each call its number.
        durations: seconds of the calls that succeeded in the lane, not yet published.
        note: takes the seconds of a call that succeeded: to gather them, or to publish them at once.
        refusal: what every call gets, where that is known; None when something must be asked.

    """

    __slots__ = ("durations", "note", "numbers", "refusal", "running", "since", "until")

    def __init__(self) -> None:
        self.since = 0.0
        self.until = 0.0
        self.running: dict[int, Call | float] = {}
        self.numbers = itertools.count()
        self.durations: deque[float] = deque()
        self.note: Callable[[float], None] = self.durations.append
        self.refusal: StandingRefusal | None = None

    def close(self) -> None:
        """Make the next call ask."""
        self.until = 0.0
        self.refusal = None
