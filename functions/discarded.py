"""What can never be understood is logged, counted and dropped: to try it again would hold up what follows."""

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
                reason = str(error)[:LONGEST_MESSAGE]
                logger.error("discarded", extra={"reason": reason})  # noqa: TRY400  (the message says all)
                document = function_document(function, DISCARDED, 1, round(time.time() * 1000))
                write_line(json.dumps(document, separators=(",", ":")))
                return {"discarded": reason}

        return handle_or_discard

    return decorate
