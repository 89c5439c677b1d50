"""An SQS worker that prices orders, with the last good exchange rate while the rates service is out."""

from __future__ import annotations

import functools
import json
import os
import urllib.parse
import urllib.request
from decimal import Decimal
from typing import Any

import recloser

# A rate of up to an hour ago will do; 40 currencies fit in what is kept.
rates = recloser.CircuitBreaker(
    os.environ["CIRCUIT"],
    handled_exceptions=OSError,
    fallback=recloser.last_good(max_age_seconds=3600, max_items=40),
)


@rates
def euros_per(currency: str) -> Decimal:
    url = f"{os.environ['RATES_URL']}/{urllib.parse.quote(currency, safe='')}"
    with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - an address of our own
        return Decimal(json.load(answer)["rate"])


@recloser.handler
def handler(event: dict[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Price a batch; what cannot be priced now goes back to the queue, and only that."""
    failures = []
    for record in event["Records"]:
        try:
            price(json.loads(record["body"]))
        except (OSError, recloser.CircuitOpen) as problem:
            print(f"order {record['messageId']} is tried again later: {problem}")
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def price(order: dict[str, Any]) -> None:
    euros = (Decimal(order["amount"]) * euros_per(order["currency"])).quantize(Decimal("0.01"))
    dynamodb().put_item(
        TableName=os.environ["ORDERS_TABLE"],
        Item={"order": {"S": order["order"]}, "euros": {"N": str(euros)}},
    )


@functools.cache
def dynamodb() -> Any:
    import boto3  # noqa: PLC0415 - takes a while, and a batch that is refused never needs it

    return boto3.client("dynamodb")
