"""Instants as CloudWatch writes them."""

from datetime import UTC, datetime

MS_PER_SECOND = 1000


def _utc(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // MS_PER_SECOND, UTC)


def iso_milliseconds(at_ms: int) -> str:
    """2026-09-14T05:43:07.551+0000, as in reason data and event details."""
    return f"{_utc(at_ms):%Y-%m-%dT%H:%M:%S}.{at_ms % MS_PER_SECOND:03d}+0000"


def iso_seconds(at_ms: int) -> str:
    """2026-09-14T05:43:07Z, as in the envelope of an event."""
    return f"{_utc(at_ms):%Y-%m-%dT%H:%M:%SZ}"


def short_time(at_ms: int) -> str:
    """14/09/26 05:43:07, as in the text of a reason."""
    return f"{_utc(at_ms):%d/%m/%y %H:%M:%S}"


def long_time(at_ms: int) -> str:
    """Monday 14 September, 2026 06:42:02 UTC, as in the reason of a composite alarm."""
    at = _utc(at_ms)
    return f"{at:%A} {at.day} {at:%B, %Y %H:%M:%S} UTC"


def iso_utc(at_ms: int) -> str:
    """2026-09-14T05:43:07.551Z, for people and for programs that are not CloudWatch."""
    return f"{_utc(at_ms):%Y-%m-%dT%H:%M:%S}.{at_ms % MS_PER_SECOND:03d}Z"
