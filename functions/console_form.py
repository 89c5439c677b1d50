"""What an operator has typed into the fields above the widget's buttons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console_page import MINUTES

from recloser.plain_text import unsafe_characters

LONGEST_MINUTES = 7 * 24 * 60


class Refused(ValueError):  # noqa: N818  (an answer to an operator)
    """What was asked for is not allowed; the message says what is."""


def words(form: Mapping[str, Any], field: str, label: str) -> str:
    told = " ".join(str(form.get(field, "")).split(" ")).strip()
    if not told or unsafe_characters(told):
        raise Refused(f"{label} {told!r} is not allowed: a few words")
    return told


def minutes(form: Mapping[str, Any]) -> int:
    told = str(form.get(MINUTES, ""))
    if not (told.isascii() and told.isdecimal() and 1 <= int(told[:6]) <= LONGEST_MINUTES):
        raise Refused(f"minutes {told!r} is not allowed: 1 to {LONGEST_MINUTES}")
    return int(told)
