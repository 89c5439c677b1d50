"""Drops malformed events, which no retry helps and which would delay what follows: logged and counted."""

from __future__ import annotations

import functools
import json
import logging
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from recloser.errors import EventError
from recloser.metrics.emf import DISCARDED, function_document, write_line

logger = logging.getLogger("recloser.discarded")

LONGEST_MESSAGE = 1000  # an item may hold 400 KB, and the error tells its value


Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def discarding(
    function: str,
) -> Callable[[Callable[Given, Answer]], Callable[Given, Answer | dict[str, str]]]:
    """Let a handler of an event or a record drop what it raises EventError for, and count it."""

    def decorate(handle: Callable[Given, Answer]) -> Callable[Given, Answer | dict[str, str]]:
        @functools.wraps(handle)
        def handle_or_discard(*args: Given.args, **named: Given.kwargs) -> Answer | dict[str, str]:
            try:
                return handle(*args, **named)
            except EventError as error:
                return {"discarded": discard(function, str(error))}

        return handle_or_discard

    return decorate


def discard(function: str, problem: str) -> str:
    """Log and count what a function drops; return the reason as it is logged."""
    reason = problem[:LONGEST_MESSAGE]
    logger.error("discarded", extra={"reason": reason})
    document = function_document(function, DISCARDED, 1, round(time.time() * 1000))
    write_line(json.dumps(document, separators=(",", ":")))
    return reason
