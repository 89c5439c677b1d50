"""How long a dependency asks to be left alone: Retry-After on 429 and 503, in an exception or an answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

_STATUSES = {429, 503}


def retry_after_seconds(thing: Any) -> float | None:
    """Find Retry-After in an exception or an answer of httpx, requests, urllib or botocore.

    Args:
        thing: the exception that was raised, or the answer.

    Returns:
        Seconds, or None where there is none that can be understood.

    """
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
        status = getattr(response, "status_code", None) or getattr(response, "code", None)
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
