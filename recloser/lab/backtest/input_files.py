"""Reads input files; an error names the file, the line and the reason."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

MS_PER_SECOND = 1000
_EARLIEST_MS = 0
_LATEST_MS = 4_102_444_800_000  # 2100: milliseconds given for seconds lie far beyond
TIME_FORMS = "ISO 8601, as 2026-09-14T05:43:07.551Z, or epoch seconds, as 1789364587.551"


class InputFileError(ValueError):
    """What is wrong with a file, and where: `line` is counted from 1, None for the file as a whole."""

    def __init__(self, path: Path, line: int | None, reason: str) -> None:
        super().__init__(f"{path}{'' if line is None else f':{line}'}: {reason}")
        self.path = path
        self.line = line
        self.reason = reason


def read_text(path: Path) -> str:
    """The text of a file. Raises InputFileError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputFileError(path, None, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise InputFileError(path, None, f"is no UTF-8 text: {error.reason} at byte {error.start}") from error


def time_ms(value: Any) -> int:
    """An instant as epoch milliseconds; ISO 8601 without an offset is UTC.

    Raises ValueError, naming the value and what is allowed.
    """
    at_ms = _iso_ms(value) if isinstance(value, str) else _seconds_ms(value)
    if at_ms is None or not _EARLIEST_MS <= at_ms <= _LATEST_MS:
        raise ValueError(f"{value!r} is no time from 1970 to 2100: allowed are {TIME_FORMS}")
    return at_ms


def _iso_ms(text: str) -> int | None:
    try:
        return _seconds_ms(float(text))
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * MS_PER_SECOND)


def _seconds_ms(value: Any) -> int | None:
    if isinstance(value, datetime):
        return round((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp() * MS_PER_SECOND)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return round(value * MS_PER_SECOND)
    except (OverflowError, ValueError):  # infinite, or not a number
        return None
