"""Sees calls that hang: one thread in a process waits for deadlines, however many there are."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)


_FEW = 64
# A lock cannot be waited for without bound: `threading.TIMEOUT_MAX`. A deadline may lie any time ahead.
LONGEST_WAIT_SECONDS = 60.0
NOTABLE_SECONDS = 1.0  # a smaller change of the clock is left alone until it adds up


class Deadline:
    """Something that happens at a time, unless it is called off before."""

    __slots__ = ("at", "on_expiry")

    def __init__(self, at: float, on_expiry: Callable[[], None]) -> None:
        self.at = at
        self.on_expiry: Callable[[], None] | None = on_expiry

    def call_off(self) -> None:
        self.on_expiry = None

    def expire(self) -> None:
        """Let it happen, once. An error is logged: there is nobody to raise it to."""
        on_expiry, self.on_expiry = self.on_expiry, None
        if on_expiry is not None:
            try:
                on_expiry()
            except Exception:
                logger.exception("the watchdog's work failed")


class ThreadWatchdog:
    """A daemon thread that sleeps until the next deadline. It starts with the first.

    Args:
        clock: epoch seconds. It goes on while Lambda freezes the process; when it is set back, the deadlines
            go with it.

    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._began_at = clock() - time.monotonic()  # by the clock: when the monotonic one was at zero
        self._numbers = itertools.count()
        self._deadlines: list[tuple[float, int, Deadline]] = []
        self._sweep_at = _FEW
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def watch(self, at: float, on_expiry: Callable[[], None]) -> Deadline:
        deadline = Deadline(at, on_expiry)
        with self._changed:
            self._follow_clock()
            if len(self._deadlines) >= self._sweep_at:
                self._sweep()
            heapq.heappush(self._deadlines, (at, next(self._numbers), deadline))
            if self._thread is None:
                self._start()
            elif self._deadlines[0][2] is deadline:
                self._changed.notify()
        return deadline

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="recloser-watchdog", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # too many threads, or the process is ending: the next deadline tries
            logger.warning("the watchdog cannot start: %s", error)
        else:
            self._thread = thread

    def _sweep(self) -> None:
        """Forget what was called off; so seldom that it costs each deadline next to nothing."""
        self._deadlines = [each for each in self._deadlines if each[2].on_expiry is not None]
        heapq.heapify(self._deadlines)
        self._sweep_at = max(_FEW, 2 * len(self._deadlines))

    def _follow_clock(self) -> None:
        """Move every deadline as far back as the clock was set back: it would come so much later."""
        before, now, after = time.monotonic(), self._clock(), time.monotonic()
        began_at = now - after
        set_back = self._began_at - began_at
        # The thread may have been paused between the readings, which tells nothing of the clock.
        if abs(set_back) < NOTABLE_SECONDS or after - before > NOTABLE_SECONDS / 2:
            return
        self._began_at = began_at
        if set_back > 0:
            self._deadlines = [(at - set_back, number, deadline) for at, number, deadline in self._deadlines]

    def _run(self) -> None:
        while True:
            self._next_due().expire()

    def _next_due(self) -> Deadline:
        with self._changed:
            while True:
                while self._deadlines and self._deadlines[0][2].on_expiry is None:
                    heapq.heappop(self._deadlines)
                if not self._deadlines:
                    self._changed.wait()
                    continue
                self._follow_clock()
                seconds = self._deadlines[0][0] - self._clock()
                if seconds <= 0:
                    return heapq.heappop(self._deadlines)[2]
                self._changed.wait(min(seconds, LONGEST_WAIT_SECONDS))
