"""One time limit for what the store adds to a call: name resolution, credentials, network, throttling."""

from __future__ import annotations

import contextvars
import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from recloser.errors import StoreError

logger = logging.getLogger(__name__)

T = TypeVar("T")

DEADLINE_SECONDS = 1.5
SILENT_SECONDS = 0.1
# Threads that nobody waits for any more. A network that hangs lets each go after some seconds.
MOST_OVERDUE = 8
_FIRST_PAUSE_SECONDS = 0.025


class NoAnswer(StoreError):  # noqa: N818  (what happened)
    """The store could not be reached, or did not answer in time. What was asked for may have been done."""


class Budget:
    """The time that is left for one exchange, in which some requests may be sent again.

    Args:
        seconds: how long the exchange may take.
        sleep: waits for so many seconds.

    """

    def __init__(self, seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
        self._ends_at = time.monotonic() + seconds
        self._sleep = sleep

    def pause(self, attempt: int) -> bool:
        """Wait before the next attempt, a random time that grows; return False if there is no time for it."""
        longest = _FIRST_PAUSE_SECONDS * 2**attempt
        seconds = longest * random.uniform(0.5, 1)  # noqa: S311  (to spread requests, not to guard secrets)
        if seconds >= self._ends_at - time.monotonic():
            return False
        self._sleep(seconds)
        return True


class Deadline:
    """Waits for exchanges with the store, and for none longer than its time.

    The timeouts of a client bound neither the resolution of a name nor the search for credentials, and they
    add up over attempts. So each exchange runs in a thread of its own; one that takes too long goes on there,
    and nobody waits for it. Once the store has not answered, the next exchanges are waited for
    `silent_seconds` only, until it answers one of them, however late.

    Args:
        seconds: the longest wait.
        silent_seconds: the longest wait while the store does not answer.

    """

    def __init__(self, seconds: float = DEADLINE_SECONDS, silent_seconds: float = SILENT_SECONDS) -> None:
        self._seconds = seconds
        self._silent_seconds = silent_seconds
        self._lock = threading.Lock()
        self._is_silent = False
        self._overdue = 0

    def run(
        self,
        name: str,
        exchange: Callable[[Budget], T],
        *,
        spent_seconds: float = 0.0,
        if_late: Callable[[T], object] | None = None,
    ) -> T:
        """Run an exchange and return what it returns, or raise what it raises.

        Args:
            name: of what is asked, for messages.
            exchange: asks the store.
            spent_seconds: how much of the time the caller has spent already, in getting ready.
            if_late: takes the answer that came when nobody waited any more, in the exchange's thread.

        Raises:
            NoAnswer: it takes too long, or too many others do.

        """
        if self._overdue >= MOST_OVERDUE:
            raise NoAnswer(f"{name}: not asked, because {self._overdue} earlier requests have no answer yet")
        seconds = self._silent_seconds if self._is_silent else max(self._seconds - spent_seconds, 0.5)
        task = _Task(exchange, Budget(max(seconds, 0.5)), if_late)
        context = contextvars.copy_context()  # the call's: a tracer looks there for its span
        try:
            threading.Thread(
                target=context.run, args=(self._work, task), name="recloser-store", daemon=True
            ).start()
        except RuntimeError:  # the process can start no thread: the client's own timeouts must do
            return exchange(Budget(seconds))
        if not task.has_ended.wait(seconds) and self._give_up(task):
            raise NoAnswer(f"{name}: no answer within {seconds:.1f} s")
        return task.result()

    def _work(self, task: _Task[T]) -> None:
        task.run()
        with self._lock:
            self._is_silent = isinstance(task.error, NoAnswer)
            self._overdue -= task.is_late
            task.has_ended.set()
        if task.is_late:
            task.end_late()

    def _give_up(self, task: _Task[T]) -> bool:
        """Note that nobody waits for a task; return False if it has just ended."""
        with self._lock:
            if task.has_ended.is_set():
                return False
            task.is_late = True
            self._overdue += 1
            self._is_silent = True
            return True


class _Task(Generic[T]):
    """An exchange in a thread of its own."""

    def __init__(
        self, exchange: Callable[[Budget], T], budget: Budget, if_late: Callable[[T], object] | None
    ) -> None:
        self._exchange = exchange
        self._budget = budget
        self._if_late = if_late
        self._answer: list[T] = []
        self.error: BaseException | None = None
        self.has_ended = threading.Event()
        self.is_late = False

    def run(self) -> None:
        try:
            self._answer.append(self._exchange(self._budget))
        except BaseException as error:  # noqa: BLE001  (who waits for it raises it)
            self.error = error

    def result(self) -> T:
        error, self.error = self.error, None
        try:
            if error is not None:
                raise error
            return self._answer[0]
        finally:
            del error  # or this frame and its traceback would hold each other

    def end_late(self) -> None:
        if self._if_late is None or not self._answer:
            return
        try:
            self._if_late(self._answer[0])
        except StoreError as error:
            logger.warning("a late answer could not be undone: %s", error)
