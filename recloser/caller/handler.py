"""For Lambda handlers: one document of metrics per invocation, and no call that hangs goes unseen."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable

from recloser.caller.awaitables import Answers, known_kind
from recloser.caller.process import every_process, this_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")

LONGEST_MARGIN_SECONDS = 1.0
MARGIN_SHARE = 0.1


def handler(function: Callable[P, R]) -> Callable[P, R]:
    """Wrap a Lambda handler.

    During an invocation metrics are gathered, and published every few seconds and at its end, also when the
    handler raises. Calls that still run when Lambda is about to end the environment (before the deadline by a
    tenth of the time that was left at the start, at most a second) count as failed.

    Raises:
        TypeError: it is no function, or an async one or a generator, which Lambda does not run.

    """
    if not callable(function):
        raise TypeError(f"{function!r} is not allowed: only functions can be handlers")
    if known_kind(function) in (Answers.ASYNC, Answers.NEVER):
        raise TypeError(f"{function!r} is not allowed: Lambda runs plain functions; call asyncio.run in one")

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        context = next((each for each in (*args, *kwargs.values()) if _has_deadline(each)), None)
        expiry = _expiry(context)
        deadline = None if expiry is None else this_process().watchdog.watch(expiry, _expire_everything)
        _begin(getattr(context, "aws_request_id", None))
        try:
            return function(*args, **kwargs)
        finally:
            _end()
            if deadline is not None:
                deadline.call_off()

    return wrapped


def _begin(request_id: Any) -> None:
    for process in every_process():
        process.begin_invocation(request_id)


def _end() -> None:
    for process in every_process():
        process.end_invocation()


def _expire_everything() -> None:
    """Count every call that is still running as failed: Lambda is about to end this environment."""
    for process in every_process():
        process.expire_running()


def _has_deadline(context: Any) -> bool:
    try:
        return hasattr(context, "get_remaining_time_in_millis")
    except Exception:  # noqa: BLE001  (an event of anybody's making)
        return False


def _expiry(context: Any) -> float | None:
    try:
        milliseconds = context.get_remaining_time_in_millis()
        if not isinstance(milliseconds, int | float) or not math.isfinite(milliseconds):
            return None
    except Exception:  # noqa: BLE001  (no context, or a stand-in in somebody's test)
        return None
    remaining = milliseconds / 1000
    return time.time() + remaining - min(LONGEST_MARGIN_SECONDS, remaining * MARGIN_SHARE)
