"""Log lines as JSON objects, with the keys that Lambda's own JSON format has.

Lambda's own format is not used: it drops lines by level, and the lines that carry metrics with them.
Source: "Working with Lambda function logs", Lambda developer guide.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import Any

LOG_LEVEL = "RECLOSER_LOG_LEVEL"

_OWN_ATTRIBUTES = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON; what `extra` brought is next to the message."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "timestamp": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "function": os.environ.get("AWS_LAMBDA_FUNCTION_NAME"),
        }
        line |= {name: value for name, value in record.__dict__.items() if name not in _OWN_ATTRIBUTES}
        # The runtime's own handler notes the request on every record.
        line["requestId"] = line.pop("aws_request_id", None)
        if record.exc_info and record.exc_info[0] is not None:
            line["errorType"] = record.exc_info[0].__name__
            line["errorMessage"] = str(record.exc_info[1])
            line["stackTrace"] = self.formatException(record.exc_info).splitlines()
        return json.dumps({name: value for name, value in line.items() if value is not None}, default=str)


class _StandardOutput(logging.StreamHandler[Any]):
    """Writes to what is standard output at the time."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stdout


def json_logger(function: str) -> logging.Logger:
    """Return a function's logger, and let all that is logged in this process be JSON.

    Args:
        function: its name in `functions/`.

    """
    root = logging.getLogger()
    if not any(isinstance(handler.formatter, JsonLines) for handler in root.handlers):
        _format_everything(root)
    # Not the root's level: at DEBUG botocore logs whole requests, signature included.
    logging.getLogger("recloser").setLevel(os.environ.get(LOG_LEVEL) or logging.INFO)
    return logging.getLogger(f"recloser.{function}")


def _format_everything(root: logging.Logger) -> None:
    of_the_runtime = [handler for handler in root.handlers if type(handler).__name__ == "LambdaLoggerHandler"]
    if not of_the_runtime:
        of_the_runtime = [_StandardOutput()]
        root.addHandler(of_the_runtime[0])
    for handler in of_the_runtime:
        handler.setFormatter(JsonLines())
