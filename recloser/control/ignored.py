"""What a reader returns for an event that is well-formed and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event, or an alarm, that changes no circuit of this stack; `reason` says why."""

    reason: str
