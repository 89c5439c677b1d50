"""Exceptions that only carry others: exception groups, and the RetryError of tenacity."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def carried(error: BaseException) -> tuple[BaseException, ...]:
    """Return the exceptions that `error` carries, at any depth; `error` itself where it carries none."""
    found: list[BaseException] = []
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        inner = _inner(each)
        if inner:
            waiting.extend(reversed(inner))
        else:
            found.append(each)
    return tuple(found)


def _inner(error: BaseException) -> tuple[BaseException, ...]:
    if isinstance(error, BaseExceptionGroup):
        return error.exceptions
    # Nobody can have raised it who has not imported it.
    tenacity: Any = sys.modules.get("tenacity")
    retry_error = getattr(tenacity, "RetryError", None)
    if isinstance(retry_error, type) and isinstance(error, retry_error):
        last = _last_raised(error)
        return () if last is None else (last,)  # none: it retried because of an answer
    return ()


def _last_raised(error: Any) -> BaseException | None:
    try:
        attempt = error.last_attempt
        last: BaseException | None = attempt.exception() if attempt.done() else None
    except Exception:  # noqa: BLE001  (anything may be in its place, where a test made the error)
        return None
    else:
        return last


def chain(error: BaseException) -> tuple[BaseException, ...]:
    """Return `error` and what it was raised `from`, the newest first.

    The implicit context is left out: it may come from outside the call.
    """
    found: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and not any(each is known for known in found):
        found.append(each)
        each = each.__cause__
    return tuple(found)
