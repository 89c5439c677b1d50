"""The machine under one Lambda execution environment: its clock, whether it lives, the call it works on."""

from __future__ import annotations

from recloser.lab.simulation.dependency import NEVER_MS, Fate
from recloser.lab.simulation.event_queue import MS_PER_SECOND


class Machine:
    """What tables, metrics and observers need to know of an environment.

    Args:
        at_ms: when it comes up.
        skew_ms: how much its clock is fast.

    Attributes:
        at_ms: its true time: while it works on a call, ahead of the event queue.
        ends_at_ms: when Lambda replaces it.
        is_dead: it has ended, and nothing that it does reaches anybody.
        permit: what this call has claimed, generation and number.
        fate: how the next call would end.

    """

    def __init__(self, at_ms: int, skew_ms: int) -> None:
        self.ends_at_ms = at_ms + NEVER_MS
        self.is_dead = False
        self.permit: tuple[int, int] | None = None
        self.fate = Fate(0, fails=False)
        self._skew_ms = skew_ms
        self._is_in_background = False
        self.come_to(at_ms)

    def come_to(self, at_ms: int) -> None:
        self.at_ms = at_ms
        self._seconds = (at_ms + self._skew_ms) / MS_PER_SECOND

    def set_clock_right(self) -> None:
        self._skew_ms = 0
        self.come_to(self.at_ms)

    def clock(self) -> float:
        """Return epoch seconds, as this environment believes."""
        return self._seconds

    def wait(self, milliseconds: int) -> None:
        """Be kept waiting by a table, unless the work runs in the background."""
        if not self._is_in_background:
            self.come_to(self.at_ms + milliseconds)
