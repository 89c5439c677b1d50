"""What the local AWS changes in ministack's filters of event source mappings, inside ministack's own process.

AWS compares a pattern with the leaves of a record: `{"exists": false}` fits a leaf that is not there, also
where nothing is on the way to it. ministack gives up at the first missing step.
Source: "Control which events Lambda sends to your function", AWS Lambda developer guide.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

Match = Callable[[Any, Any], bool]


def patch(lambda_service: ModuleType) -> None:
    """Let patterns ask for leaves below what is missing.

    Args:
        lambda_service: `ministack.services.lambda_svc`.

    """
    match: Match = lambda_service._match_esm_filter  # noqa: SLF001  (ministack offers no other way)

    def patched(record: Any, pattern: Any) -> bool:
        return match(_filled(record, pattern), pattern)

    lambda_service._match_esm_filter = patched  # type: ignore[attr-defined]  # noqa: SLF001


def _filled(record: Any, pattern: Any) -> Any:
    """The record with an empty step wherever the pattern goes on and the record does not."""
    if not isinstance(record, dict) or not isinstance(pattern, dict):
        return record
    filled = dict(record)
    for name, below in pattern.items():
        if isinstance(below, dict):
            filled[name] = _filled(record.get(name) or {}, below)
    return filled
