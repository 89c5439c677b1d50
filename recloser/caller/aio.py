"""What async callers need: no table holds up their event loop, and no cancellation loses a permit."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from recloser.caller.guard import Guard
from recloser.caller.lanes import Call
from recloser.caller.outcome import Outcome

if TYPE_CHECKING:
    import asyncio

# asyncio is imported where it is used: those who call it have it, and others need not pay for it.


async def enter(guard: Guard) -> Call:
    """Enter, in a thread where that may wait for a table.

    Raises:
        CircuitOpen: the call is refused.

    """
    if not guard.may_block():
        return guard.enter()
    import asyncio  # noqa: PLC0415

    entry = _Entry(guard)
    try:
        return await asyncio.to_thread(entry.enter)
    except (asyncio.CancelledError, GeneratorExit):
        entry.abandon()
        raise


async def leave(
    guard: Guard, call: Call, outcome: Outcome, retry_after: float | None, *, may_wait: bool = True
) -> None:
    """Leave; in a thread, which a cancellation does not stop, where that may wait for a table.

    Without `may_wait` the report is not waited for: a coroutine that is being closed must not. The rest is
    as for `Guard.leave`.
    """
    if call.permit is None and not guard.may_block():
        guard.leave(call, outcome, retry_after)
        return
    import asyncio  # noqa: PLC0415

    loop = asyncio.get_running_loop()
    reported = loop.create_future()

    def report() -> None:
        try:
            guard.leave(call, outcome, retry_after)
        finally:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits
                loop.call_soon_threadsafe(_tell, reported)

    _in_a_thread(report)
    if may_wait:
        await reported


def _tell(reported: asyncio.Future[None]) -> None:
    if not reported.done():
        reported.set_result(None)


def current() -> int:
    """Return the identity of the task that runs."""
    import asyncio  # noqa: PLC0415

    return id(asyncio.current_task())


class _Entry:
    """An entry under way in a thread, whose task may be gone by the time it is made.

    It is settled here, and not by the event loop, because the loop may be gone too.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._lock = threading.Lock()
        self._call: Call | None = None
        self._is_abandoned = False

    def enter(self) -> Call:
        call = self._guard.enter()
        with self._lock:
            self._call = call
            is_abandoned = self._is_abandoned
        if is_abandoned:
            self._guard.leave(call, Outcome.IGNORED)
        return call

    def abandon(self) -> None:
        """Give back what was claimed, or will be."""
        with self._lock:
            self._is_abandoned = True
            call = self._call
        if call is not None:
            _in_a_thread(lambda: self._guard.leave(call, Outcome.IGNORED))


def _in_a_thread(work: Callable[[], None]) -> None:
    """Run `work` in a thread that the process waits for at its end; here and now if it can start none."""
    try:
        threading.Thread(target=work, name="recloser-report").start()
    except RuntimeError:
        work()
