"""Sends each message of a queue to a service; what cannot be sent goes back to the queue."""

from __future__ import annotations

import os
import urllib.request
from typing import Any

import recloser

orders = recloser.CircuitBreaker(os.environ["CIRCUIT"], handled_exceptions=OSError)


@orders
def send(body: str) -> None:
    request = urllib.request.Request(os.environ["SERVICE_URL"], data=body.encode(), method="POST")  # noqa: S310 - ours
    with urllib.request.urlopen(request, timeout=2):  # noqa: S310 - an address of our own
        pass


@recloser.handler
def handler(event: dict[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Send a batch, and name the messages that must come again."""
    failures = []
    for record in event["Records"]:
        try:
            send(record["body"])
        except (OSError, recloser.CircuitOpen) as problem:
            print(f"message {record['messageId']} comes again later: {problem}")
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
