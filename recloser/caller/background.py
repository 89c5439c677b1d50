"""Threads of our own for work that must not hold up a call or an event loop."""

from __future__ import annotations

import threading
from collections.abc import Callable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

MOST_THREADS = 16


class BackgroundThreads:
    """At most 16 threads, started when they are needed; the process waits for what they have begun.

    They are not the event loop's own: those belong to the user, who may keep them busy.
    """

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None

    def __call__(self, work: Callable[[], None]) -> bool:
        """Begin `work`; return False if the process can start no thread: then it does not run."""
        task = _Task(work)
        try:
            self._threads().submit(task.run)
        except RuntimeError:
            # Too many threads, or the interpreter is ending. The executor may have queued the task all the
            # same.
            return not task.withdraw()
        return True

    def _threads(self) -> ThreadPoolExecutor:
        with self._making:
            if self._executor is None:
                # Imported where it is needed: plain callers of a closed circuit may never need it.
                from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

                self._executor = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="recloser")
            return self._executor


class _Task:
    """Work that either runs once or is withdrawn before."""

    __slots__ = ("_lock", "_work")

    def __init__(self, work: Callable[[], None]) -> None:
        self._work: Callable[[], None] | None = work
        self._lock = threading.Lock()

    def _take(self) -> Callable[[], None] | None:
        with self._lock:
            work, self._work = self._work, None
            return work

    def withdraw(self) -> bool:
        return self._take() is not None

    def run(self) -> None:
        work = self._take()
        if work is not None:
            work()


def at_once(work: Callable[[], None]) -> bool:
    """Run `work` here and now. For tests and simulations, where order matters and time stands still."""
    work()
    return True
