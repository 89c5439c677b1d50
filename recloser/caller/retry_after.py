"""How long a dependency asks to be left alone: Retry-After on 429 and 503, in an exception or an answer."""

from __future__ import annotations

import time
from collections.abc import Mapping

from recloser.wrapped import carried, chain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_STATUSES = {429, 503}


def retry_after_seconds(thing: Any) -> float | None:
    """Find Retry-After in an exception or an answer of httpx, requests, urllib or botocore.

    Args:
        thing: the answer; or the exception that was raised, which may carry others, or be raised from one.

    Returns:
        Seconds, the longest of several; or None where there is none that can be understood.

    """
    try:
        is_error = isinstance(thing, BaseException)
        things = [each for part in carried(thing) for each in chain(part)] if is_error else [thing]
    except Exception:  # noqa: BLE001  (as in `_understood`)
        return None
    found = [seconds for each in things if (seconds := _understood(each)) is not None]
    return max(found, default=None)


def _understood(thing: Any) -> float | None:
    try:
        return _found(thing)
    except Exception:  # noqa: BLE001  (attributes of anybody's objects: a hint is not worth an error)
        return None


def _found(thing: Any) -> float | None:
    response = getattr(thing, "response", thing)
    if isinstance(response, Mapping):  # botocore's ClientError
        metadata = response.get("ResponseMetadata") or {}
        status, headers = metadata.get("HTTPStatusCode"), metadata.get("HTTPHeaders")
    else:
        names = ("status_code", "status", "code")
        status = next((found for name in names if (found := getattr(response, name, None))), None)
        headers = getattr(response, "headers", None)
    if status not in _STATUSES or headers is None:
        return None
    return _seconds(headers.get("Retry-After") or headers.get("retry-after"))


def _seconds(value: str | None) -> float | None:
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  (it imports sockets, and is seldom needed)

    return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
