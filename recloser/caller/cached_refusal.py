"""A refusal that is given again, with nothing asked, while it holds."""

from __future__ import annotations

import math
from collections.abc import Callable

from recloser.admit import Admission
from recloser.circuit import Circuit
from recloser.errors import CircuitOpen


def nobody_asks(now: float) -> float:  # noqa: ARG001  (what is called in its place takes it)
    return math.inf


class CachedRefusal:
    """A refusal that holds for the calls after it, too.

    Args:
        admission: the answer.
        circuit: the snapshot that callers are shown.
        count: called with 1 for each refused call.
        note: called with the time of a refused call, epoch seconds; returns from when on to call it again.
        since, until: the span in which it holds, epoch seconds.
        pause: the shortest time to ask again, seconds.

    """

    __slots__ = (
        "_cause",
        "_circuit",
        "_count",
        "_note",
        "_note_from",
        "_pause",
        "_retry_at",
        "since",
        "until",
    )

    def __init__(
        self,
        admission: Admission,
        circuit: Circuit,
        count: Callable[[int], None],
        note: Callable[[float], float] = nobody_asks,
        *,
        since: float,
        until: float,
        pause: float,
    ) -> None:
        self.since = since
        self.until = until
        self._cause = admission.cause
        self._retry_at = admission.retry_at
        self._circuit = circuit
        self._count = count
        self._note = note
        self._note_from = since
        self._pause = pause

    def refuse(self, now: float) -> CircuitOpen:
        """Count a refused call and say so."""
        self._count(1)
        if now >= self._note_from:
            self._note_from = self._note(now)
        retry_at, pause = self._retry_at, self._pause
        if retry_at is None:
            return CircuitOpen(self._circuit, None, self._cause)
        return CircuitOpen(self._circuit, pause if now + pause > retry_at else retry_at - now, self._cause)
