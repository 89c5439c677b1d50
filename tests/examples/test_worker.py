"""The worker goes on with the last good rate, and hands back to the queue only what it cannot price."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from lambda_environment import LambdaEnvironment, lambda_environment
from stored_tables import ROOT

# Above twice the longest time for which a closed flag is trusted.
UNTIL_THE_FLAG_IS_READ_SECONDS = 13


@pytest.fixture(scope="module")
def orders_table(client: Callable[[str], Any]) -> str:
    client("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "order", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "order", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return "orders"


@pytest.fixture
def priced(client: Callable[[str], Any], orders_table: str) -> Callable[[str], str | None]:
    """Return the euros of an order, if it was priced."""

    def priced(order: str) -> str | None:
        found = client("dynamodb").get_item(TableName=orders_table, Key={"order": {"S": order}})
        return str(found["Item"]["euros"]["N"]) if "Item" in found else None

    return priced


@pytest.fixture
def worker(
    caller_environment: Mapping[str, str], service: Any, orders_table: str
) -> Iterator[LambdaEnvironment]:
    service.answer = {"rate": "0.92"}
    variables = dict(caller_environment) | {"RATES_URL": service.url, "ORDERS_TABLE": orders_table}
    with lambda_environment(ROOT / "examples" / "worker", variables) as environment:
        yield environment


def batch(*orders: tuple[str, str]) -> dict[str, Any]:
    """Make the event of a batch of orders of 10: (order, currency)."""
    return {
        "Records": [
            {
                "messageId": f"message-{order}",
                "eventSource": "aws:sqs",
                "body": json.dumps({"order": order, "currency": currency, "amount": "10"}),
            }
            for order, currency in orders
        ]
    }


def test_healthy(worker: LambdaEnvironment, priced: Callable[[str], str | None]) -> None:
    """Orders are priced at today's rate; one line of metrics holds the whole batch."""
    done = worker.invoke(batch(("h-1", "USD"), ("h-2", "CHF")))
    assert done.answer == {"batchItemFailures": []}
    assert (priced("h-1"), priced("h-2")) == ("9.2", "9.2")
    assert done.metrics()["Failure"] == [0, 0]
    assert len(done.log) == 1


def test_only_what_failed_goes_back(
    worker: LambdaEnvironment, service: Any, priced: Callable[[str], str | None]
) -> None:
    """A failed call hands its own order back to the queue."""
    service.is_failing = True
    done = worker.invoke(batch(("f-1", "USD")))
    assert done.answer == {"batchItemFailures": [{"itemIdentifier": "message-f-1"}]}
    assert priced("f-1") is None
    service.is_failing = False
    assert worker.invoke(batch(("f-1", "USD"))).answer == {"batchItemFailures": []}
    assert priced("f-1") == "9.2"


def test_the_last_good_rate(
    worker: LambdaEnvironment,
    service: Any,
    priced: Callable[[str], str | None],
    trip: Callable[[float], None],
) -> None:
    """While the circuit is open, a currency seen before is priced without a call, another one waits."""
    worker.invoke(batch(("o-1", "USD")))
    trip(600)
    called = service.received
    done = worker.invoke(
        batch(("o-2", "USD"), ("o-3", "CHF")), advance_seconds=UNTIL_THE_FLAG_IS_READ_SECONDS
    )
    assert done.answer == {"batchItemFailures": [{"itemIdentifier": "message-o-3"}]}
    assert (priced("o-2"), priced("o-3")) == ("9.2", None)
    assert service.received == called
    assert done.metrics() == {"Rejected": [1, 1]}


def test_an_old_rate_is_no_rate(
    worker: LambdaEnvironment, priced: Callable[[str], str | None], trip: Callable[[float], None]
) -> None:
    """A rate of over an hour ago is not used."""
    worker.invoke(batch(("a-1", "USD")))
    trip(7200)
    done = worker.invoke(batch(("a-2", "USD")), advance_seconds=3601)
    assert done.answer == {"batchItemFailures": [{"itemIdentifier": "message-a-2"}]}
    assert priced("a-2") is None
