"""Several circuits in one request: batches, what DynamoDB leaves out of them, and what it denies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from decisions import committed, trip, tripped

from recloser.circuit import Circuit, State
from recloser.errors import StoreError
from recloser.store.dynamodb import DynamoDBTables
from recloser.store.report_rows import ALL_SHARDS, SECONDS_PER_ITEM, report_key
from recloser.store.tables import Tables


def item(name: str, state: str = "OPEN") -> dict[str, Any]:
    return {
        "circuit": {"S": name},
        "state": {"S": state},
        "generation": {"N": "1"},
        "revision": {"N": "1"},
    }


def keys(*names: str) -> dict[str, Any]:
    return {"circuits": {"Keys": [{"circuit": {"S": name}} for name in names]}}


@pytest.fixture
def stub() -> Iterator[Stubber]:
    client = boto3.client(
        "dynamodb",
        region_name="eu-west-1",
        aws_access_key_id="123456789012",
        aws_secret_access_key="none",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with Stubber(client) as stub:
        yield stub


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def stubbed(stub: Stubber, pauses: list[float]) -> DynamoDBTables:
    return DynamoDBTables("circuits", "probes", client=stub.client, sleep=pauses.append)


def answer(stub: Stubber, *items: dict[str, Any], unprocessed: dict[str, Any] | None = None) -> None:
    stub.add_response(
        "batch_get_item", {"Responses": {"circuits": list(items)}, "UnprocessedKeys": unprocessed or {}}
    )


# --- In every implementation ---------------------------------------------------------------------


def test_several_circuits(tables: Tables) -> None:
    """Each is what is stored; one that was never written is closed, of generation 0."""
    for name in ("one", "two"):
        before = Circuit(name)
        committed(tables, trip(before), before)
    found = tables.read_many(["one", "never-written", "two"])
    assert {name: (each.name, each.state, each.generation) for name, each in found.items()} == {
        "one": ("one", State.OPEN, 1),
        "never-written": ("never-written", State.CLOSED, 0),
        "two": ("two", State.OPEN, 1),
    }


@pytest.mark.parametrize("names", [[], ["payments-api"], ["payments-api", "payments-api", "search"]])
def test_none_one_and_the_same_twice(tables: Tables, names: list[str]) -> None:
    """Every name is in the answer, once."""
    tripped(tables)
    found = tables.read_many(names)
    assert set(found) == set(names)
    assert all(found[name].name == name for name in names)


def test_more_than_a_batch_holds(tables: Tables) -> None:
    """A request holds 100 keys at most: more circuits take more requests."""
    before = Circuit("circuit-149")
    committed(tables, trip(before), before)
    found = tables.read_many(f"circuit-{number}" for number in range(150))
    assert [name for name, each in found.items() if each.state is State.OPEN] == ["circuit-149"]
    assert len(found) == 150


# --- What DynamoDB leaves out --------------------------------------------------------------------


def test_unprocessed_keys_are_asked_for_again(
    stubbed: DynamoDBTables, stub: Stubber, pauses: list[float]
) -> None:
    """What a batch leaves out is asked for again, alone, after a pause."""
    answer(stub, item("a"), unprocessed=keys("b"))
    answer(stub, item("b"))
    found = stubbed.read_many(["a", "b", "c"])
    assert [found[name].state for name in "abc"] == [State.OPEN, State.OPEN, State.CLOSED]
    stub.assert_no_pending_responses()
    assert len(pauses) == 1
    assert 0.025 <= pauses[0] <= 0.05


def test_unprocessed_keys_are_not_asked_for_for_ever(
    stubbed: DynamoDBTables, stub: Stubber, pauses: list[float]
) -> None:
    """After the third time it is an error: a circuit that was not read must not look closed."""
    for _ in range(3):
        answer(stub, item("a"), unprocessed=keys("b"))
    with pytest.raises(StoreError, match="1 keys unprocessed"):
        stubbed.read_many(["a", "b"])
    stub.assert_no_pending_responses()
    assert len(pauses) == 2
    assert pauses[0] < pauses[1]


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException"])
def test_a_throttled_batch_is_asked_for_again(
    stubbed: DynamoDBTables, stub: Stubber, pauses: list[float], code: str
) -> None:
    """A batch that DynamoDB turns away for now is sent again after a pause."""
    stub.add_client_error("batch_get_item", service_error_code=code)
    answer(stub, item("a"))
    assert stubbed.read_many(["a", "b"])["a"].state is State.OPEN
    assert len(pauses) == 1


# --- What is not ours ----------------------------------------------------------------------------


def test_another_circuits_item_is_not_believed(stubbed: DynamoDBTables, stub: Stubber) -> None:
    """An answer with an item that was not asked for is an error: its circuit is not ours."""
    stub.add_response("get_item", {"Item": item("search")})
    with pytest.raises(StoreError, match=r"^DynamoDB get_item: .* another item than was asked for: .*search"):
        stubbed.read("payments-api")
    answer(stub, item("a"), item("search"))
    with pytest.raises(
        StoreError, match=r"^DynamoDB batch_get_item: .* another item than was asked for: 'search'$"
    ):
        stubbed.read_many(["a", "b"])


@pytest.mark.parametrize("permit", ["search#1", "payments-api#2"])
def test_another_generations_permits_are_not_believed(
    stubbed: DynamoDBTables, stub: Stubber, permit: str
) -> None:
    """The same for permits."""
    stub.add_response("get_item", {"Item": {"permit": {"S": permit}, "granted": {"N": "1"}}})
    with pytest.raises(StoreError, match="another item than was asked for"):
        stubbed.read_probes("payments-api", 1)


# --- What is denied ------------------------------------------------------------------------------


def deny(stub: Stubber, operation: str) -> None:
    stub.add_client_error(operation, service_error_code="AccessDeniedException")


def test_a_denied_batch_is_read_singly(
    stubbed: DynamoDBTables, stub: Stubber, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the policy names a role's circuits one other circuit denies the batch: each is read by itself.

    What may not be read is left out of the answer, is logged once, and no batch is tried again.
    """
    deny(stub, "batch_get_item")
    for _ in range(2):
        stub.add_response("get_item", {"Item": item("a")})
        deny(stub, "get_item")
        stub.add_response("get_item", {})
    for _ in range(2):
        found = stubbed.read_many(["a", "b", "c"])
        assert {name: each.state for name, each in found.items()} == {"a": State.OPEN, "c": State.CLOSED}
    stub.assert_no_pending_responses()
    assert caplog.text.count("circuit b:") == 1
    assert stubbed.read_many([]) == {}


def test_everything_is_denied(stubbed: DynamoDBTables, stub: Stubber) -> None:
    """Where nothing may be read at all, that is the error."""
    deny(stub, "batch_get_item")
    for _ in range(2):
        deny(stub, "get_item")
    with pytest.raises(StoreError, match="AccessDeniedException"):
        stubbed.read_many(["a", "b"])


def test_a_throttled_single_read_is_sent_again(
    stubbed: DynamoDBTables, stub: Stubber, pauses: list[float]
) -> None:
    """Of circuits that are read singly, too, one that DynamoDB turns away for now is asked for again."""
    deny(stub, "batch_get_item")
    stub.add_client_error("get_item", service_error_code="ThrottlingException")
    stub.add_response("get_item", {"Item": item("a")})
    stub.add_response("get_item", {"Item": item("b")})
    assert set(stubbed.read_many(["a", "b"])) == {"a", "b"}
    assert len(pauses) == 1


def test_what_is_denied_is_logged_with_its_cause(
    stubbed: DynamoDBTables, stub: Stubber, caplog: pytest.LogCaptureFixture
) -> None:
    """The log line names the circuit and says what DynamoDB said."""
    deny(stub, "batch_get_item")
    stub.add_response("get_item", {"Item": item("a")})
    deny(stub, "get_item")
    stubbed.read_many(["a", "b"])
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith("circuit b: stored item: DynamoDB get_item: ")
    assert "AccessDeniedException" in line


# --- What is asked -------------------------------------------------------------------------------


def test_callers_ask_for_half_the_price(stubbed: DynamoDBTables, stub: Stubber) -> None:
    """Callers read flags without strong consistency: a flag may be some seconds old anyway."""
    request = {"circuits": {**keys("a", "b")["circuits"], "ConsistentRead": False}}
    stub.add_response("batch_get_item", {"Responses": {}}, {"RequestItems": request})
    stubbed.read_many(["a", "b"])
    key = {"TableName": "circuits", "Key": {"circuit": {"S": "a"}}}
    stub.add_response("get_item", {}, {**key, "ConsistentRead": False})
    stubbed.read("a")
    stub.assert_no_pending_responses()


def test_who_decides_reads_what_was_written_last(stubbed: DynamoDBTables, stub: Stubber) -> None:
    """Decisions rest on strongly consistent reads: of the circuit, of its permits and of reports."""
    key = {"TableName": "circuits", "Key": {"circuit": {"S": "a"}}}
    stub.add_response("get_item", {}, {**key, "ConsistentRead": True})
    stubbed.read("a", consistent=True)
    permit = {"TableName": "probes", "Key": {"permit": {"S": "a#7"}}}
    stub.add_response("get_item", {}, {**permit, "ConsistentRead": True})
    stubbed.read_probes("a", 7)
    begin = 1_800_000_000
    for until, firsts in (
        (begin + SECONDS_PER_ITEM - 1, [begin]),
        (begin + SECONDS_PER_ITEM, [begin, begin + SECONDS_PER_ITEM]),
    ):
        asked = [
            {"permit": {"S": report_key("a", 7, shard, first)}}
            for first in firsts
            for shard in range(ALL_SHARDS)
        ]
        request = {"probes": {"Keys": asked, "ConsistentRead": True}}
        stub.add_response("batch_get_item", {"Responses": {}}, {"RequestItems": request})
        stubbed.read_failures("a", 7, begin + 1, until)
    stub.assert_no_pending_responses()
