"""Times as people read them, in UTC, because readers are in any time zone."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(at_ms: int | None) -> str:
    """Tell a time; None: nothing. A row that is written manually may hold any number."""
    if at_ms is None:
        return ""
    try:
        return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return f"{at_ms} ms"
