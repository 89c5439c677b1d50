"""An HTTP API that answers 503 with `Retry-After` while the payments service is out."""

from __future__ import annotations

import os
import urllib.parse
import urllib.request
from typing import Any

import recloser

Response = dict[str, Any]

# All that urllib raises is an OSError: connection refused, timed out, or an answer 4xx or 5xx.
payments = recloser.CircuitBreaker(
    os.environ["CIRCUIT"], handled_exceptions=OSError, fallback=recloser.respond_503
)


@payments
def payment_status(payment: str) -> Response:
    url = f"{os.environ['PAYMENTS_URL']}/{urllib.parse.quote(payment, safe='')}"
    with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - an address of our own
        return respond(200, answer.read().decode())


@recloser.handler
def handler(event: dict[str, Any], _context: object) -> Response:
    """Answer `GET /payments/{payment}`, a Lambda proxy request of API Gateway."""
    try:
        return payment_status(event["pathParameters"]["payment"])
    except OSError:
        return respond(502, '{"message": "Bad Gateway"}')


def respond(status: int, body: str) -> Response:
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": body}
