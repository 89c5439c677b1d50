"""What async callers need: nothing blocks their event loop, and no cancellation loses a permit.

asyncio is imported where it is used: those who call it have it, and others need not pay for it.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading

from recloser.caller.background import BackgroundThreads
from recloser.caller.guard import Guard
from recloser.caller.outcome import Outcome
from recloser.errors import CircuitOpen

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from typing import Any


async def enter(guard: Guard, threads: BackgroundThreads) -> int | CircuitOpen:
    """Enter where no answer is remembered; in a thread where that may wait for the store.

    Raises:
        RuntimeError: no asyncio event loop runs, but another's.

    """
    if not guard.may_wait():
        return guard.enter()
    loop = _running_loop()
    entry = _Entry(guard, threads, loop)
    context = contextvars.copy_context()  # the task's: a tracer looks there for its span
    if not threads(lambda: context.run(entry.enter)):
        return guard.enter()  # no thread is to be had: better late than never
    try:
        number = await entry.entered
    except BaseException:
        entry.abandon()  # cancelled or closed; after a refusal there is nothing to give back
        raise
    if isinstance(number, int):
        guard.share(number)
    return number


async def leave(
    guard: Guard,
    threads: BackgroundThreads,
    number: int,
    outcome: Outcome,
    retry_after: float | None = None,
    *,
    was_cancelled: bool = False,
    may_wait: bool = True,
) -> None:
    """Leave; in a thread, which a cancellation does not stop, where that may wait for the store.

    Without `may_wait` the report is not waited for: a coroutine that is being closed must not. The rest is
    as for `Guard.leave`.
    """
    guard.end_sharing(number)
    if not guard.may_wait_at_the_end(number):
        guard.leave(number, outcome, retry_after, was_cancelled=was_cancelled)
        return

    def work() -> None:
        guard.leave(number, outcome, retry_after, was_cancelled=was_cancelled)

    if not may_wait:  # there may be no loop any more
        if not threads(work):
            work()
        return
    loop = _running_loop()
    left = loop.create_future()

    def work_and_tell() -> None:
        try:
            work()
        finally:
            _tell(loop, left, None)

    if not threads(work_and_tell):
        work_and_tell()
    await left


def is_cancellation(error: BaseException) -> bool:
    """Tell whether an async call was cut off rather than answered."""
    import asyncio  # noqa: PLC0415

    return issubclass(type(error), asyncio.CancelledError | GeneratorExit)


def _running_loop() -> asyncio.AbstractEventLoop:
    import asyncio  # noqa: PLC0415

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "Recloser guards async calls under asyncio only: no asyncio event loop is running here"
        ) from None


def _tell(loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], result: Any) -> None:
    """Give a future of a loop its result, or exception, from another thread."""

    def tell() -> None:
        if future.done():
            return
        if isinstance(result, BaseException) and not isinstance(result, CircuitOpen):
            future.set_exception(result)
        else:
            future.set_result(result)

    with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits
        loop.call_soon_threadsafe(tell)


class _Entry:
    """An entry under way in a thread, whose task may be gone by the time it is made.

    It is settled here, and not by the event loop, because the loop may be gone too.
    """

    def __init__(self, guard: Guard, threads: BackgroundThreads, loop: asyncio.AbstractEventLoop) -> None:
        self.entered: asyncio.Future[int | CircuitOpen] = loop.create_future()
        self._guard = guard
        self._threads = threads
        self._loop = loop
        self._lock = threading.Lock()
        self._number: int | None = None
        self._is_abandoned = False

    def enter(self) -> None:
        try:
            number = self._guard.enter(for_another_thread=True)
        except BaseException as error:  # noqa: BLE001  (it is the waiting task's)
            _tell(self._loop, self.entered, error)
            return
        if isinstance(number, CircuitOpen):
            _tell(self._loop, self.entered, number)
            return
        with self._lock:
            self._number = number
            is_abandoned = self._is_abandoned
        if is_abandoned:
            self._give_back(number)
        else:
            _tell(self._loop, self.entered, number)

    def abandon(self) -> None:
        """Give back what was claimed, or will be."""
        with self._lock:
            self._is_abandoned = True
            number = self._number
        if number is not None and not self._threads(lambda: self._give_back(number)):
            self._give_back(number)

    def _give_back(self, number: int) -> None:
        self._guard.leave(number, Outcome.IGNORED, was_cancelled=True)
