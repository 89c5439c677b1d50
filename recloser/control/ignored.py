"""What a reader returns for an event that is in order and asks for nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event, or an alarm, that changes no circuit of this stack; `reason` says why."""

    reason: str
