"""The loop of the local region: one thread that moves metrics and evaluates alarms."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Self

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.25

Step = Callable[[int], object]


class RegionLoop:
    """Calls its steps in order, again and again, with the time in epoch milliseconds.

    The first problem ends the loop, and `check` raises it: a region whose alarms stand still must not look
    healthy.

    Args:
        steps: what to do each time.
        lock: held during a step, so that nobody else looks at what it changes.
        interval_seconds: how long to rest between two rounds.

    """

    def __init__(
        self,
        *steps: Step,
        lock: AbstractContextManager[object] | None = None,
        interval_seconds: float = INTERVAL_SECONDS,
    ) -> None:
        self._steps = steps
        self._lock = lock or nullcontext()
        self._interval_seconds = interval_seconds
        self._stop = threading.Event()
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="region", daemon=True)
        self.slowest_round_seconds = 0.0

    def check(self) -> None:
        """Raise the problem that ended the loop, if one did.

        Raises:
            RuntimeError: caused by the problem.

        """
        if self._problem is not None:
            raise RuntimeError(f"the local region stopped: {self._problem!r}") from self._problem

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if problem is None:
            self.check()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                started = time.monotonic()
                for step in self._steps:
                    with self._lock:
                        step(time.time_ns() // 1_000_000)
                self.slowest_round_seconds = max(self.slowest_round_seconds, time.monotonic() - started)
                self._stop.wait(self._interval_seconds)
        except Exception as problem:
            logger.exception("the local region stopped")
            self._problem = problem
