"""Times as operators write and read them."""

from __future__ import annotations

import re
from datetime import datetime

from recloser.cli.problems import BadInput

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")
_ALLOWED_DURATION = "whole or decimal numbers of s, m, h or d, as 45s, 30m, 1h30m or 2d; 1s to 3650d"
_LONGEST_SECONDS = 3650 * 86400
_LIFETIME_SECONDS = 100 * 365 * 86400


def duration_ms(text: str) -> int:
    """Read a duration such as `30m` or `1h30m`, as milliseconds.

    Raises:
        BadInput: it has another form, or is not from 1 s to ten years.

    """
    if not _DURATION.fullmatch(text):
        raise BadInput("--for", text, _ALLOWED_DURATION)
    seconds = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _PART.findall(text))
    if not 1 <= seconds <= _LONGEST_SECONDS:
        raise BadInput("--for", text, _ALLOWED_DURATION)
    return round(seconds * 1000)


def moment_ms(text: str) -> int:
    """Read an ISO 8601 time, as epoch milliseconds; without an offset it is this machine's local time.

    Raises:
        BadInput: it is no such time.

    """
    try:
        at_ms = round(datetime.fromisoformat(text).timestamp() * 1000)
        _written(at_ms)  # what is stored must be readable by whoever looks at it, wherever that is
    except (ValueError, OverflowError, OSError):
        allowed = "an ISO 8601 time, as 2031-05-17T16:30 or 2031-05-17T16:30:00Z"
        raise BadInput("--until", text, allowed) from None
    return at_ms


def until_ms(lasting: str | None, until: str | None, now_ms: int) -> int | None:
    """Say when something ends that starts now, given as `--for` or `--until`; None: it does not end.

    Raises:
        BadInput: both are given, one has another form, or the time has passed.

    """
    if lasting is not None and until is not None:
        raise BadInput("--until", until, f"not together with --for {lasting}")
    if lasting is not None:
        return now_ms + duration_ms(lasting)
    if until is None:
        return None
    end_ms = moment_ms(until)
    if not now_ms < end_ms <= now_ms + _LONGEST_SECONDS * 1000:
        raise BadInput("--until", until, f"a time after now, {moment(now_ms)}, and within ten years")
    return end_ms


def moment(at_ms: int) -> str:
    """Write a time so that it can be read, and given back to `--until`; one of no calendar, as stored."""
    try:
        return _written(at_ms)
    except (ValueError, OverflowError, OSError):
        return f"{at_ms} ms"


def clock(at_ms: int) -> str:
    """Write a time without the offset of this machine's zone; one of no calendar, as stored."""
    try:
        return f"{datetime.fromtimestamp(at_ms / 1000).astimezone():%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return f"{at_ms} ms"


def _written(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000).astimezone().isoformat(sep=" ", timespec="seconds")


def distance(at_ms: int, now_ms: int) -> str:
    """Write how far a time is from now: `3m 20s ago`, `in 45s`; one more than a lifetime away, as stored."""
    seconds = round(abs(at_ms - now_ms) / 1000)
    if seconds > _LIFETIME_SECONDS:
        return f"at {at_ms} ms"
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, seconds = divmod(seconds, _UNIT_SECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    if not parts:
        return "now"
    text = " ".join(parts[:2])
    return f"in {text}" if at_ms > now_ms else f"{text} ago"
