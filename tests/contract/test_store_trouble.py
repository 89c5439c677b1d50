"""DynamoDB that is throttled, in somebody's transaction, or not to be reached."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.stub import Stubber
from decisions import RETRY_AT_MS, reported, trip
from stored_tables import StoredTables

from recloser.circuit import Circuit, Probes
from recloser.errors import Conflict, StoreError
from recloser.store import dynamodb
from recloser.store.client import ClientOfProcess
from recloser.store.deadline import Deadline, NoAnswer
from recloser.store.dynamodb import DynamoDBTables
from recloser.store.report_rows import Counted
from recloser.store.rows import LARGEST_COUNT

NAME = "payments-api"
BUSY = [
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
]


def client(**settings: Any) -> Any:
    return boto3.client(
        "dynamodb",
        region_name="eu-west-1",
        aws_access_key_id="123456789012",
        aws_secret_access_key="none",
        config=Config(retries={"total_max_attempts": 1}, **settings),
    )


@pytest.fixture
def stub() -> Iterator[Stubber]:
    with Stubber(client()) as stub:
        yield stub


@pytest.fixture
def throttled(stub: Stubber) -> DynamoDBTables:
    return DynamoDBTables("circuits", "probes", client=stub.client, sleep=lambda _: None)


def refuse(stub: Stubber, operation: str, code: str, times: int = 1) -> None:
    for _ in range(times):
        stub.add_client_error(operation, service_error_code=code)


@pytest.mark.parametrize("code", BUSY)
def test_a_throttled_claim_is_a_refusal(throttled: DynamoDBTables, stub: Stubber, code: str) -> None:
    """A claim that DynamoDB turns away is a refusal, at once: others ask as well."""
    refuse(stub, "update_item", code)
    assert throttled.claim(NAME, 1, RETRY_AT_MS) is None
    stub.assert_no_pending_responses()
    stub.add_response("update_item", {"Attributes": {"granted": {"N": "1"}}})
    assert throttled.claim(NAME, 1, RETRY_AT_MS) == 1


@pytest.mark.parametrize("code", BUSY)
@pytest.mark.parametrize("tell", ["report", "give_back"])
def test_a_throttled_report_is_sent_again(
    throttled: DynamoDBTables, stub: Stubber, code: str, tell: str
) -> None:
    """A report counts, so it is sent again when DynamoDB turns it away."""
    refuse(stub, "update_item", code, times=2)
    stub.add_response("update_item", {})
    if tell == "report":
        throttled.report(NAME, 1, 1, succeeded=True)
    else:
        throttled.give_back(NAME, 1, 1)
    stub.assert_no_pending_responses()


def test_a_report_is_not_sent_for_ever(throttled: DynamoDBTables, stub: Stubber) -> None:
    """After the third refusal a report is given up, and says so."""
    refuse(stub, "update_item", "ThrottlingException", times=3)
    with pytest.raises(StoreError, match="ThrottlingException"):
        throttled.report(NAME, 1, 1, succeeded=True)
    stub.assert_no_pending_responses()


@pytest.mark.parametrize("minting", [True, False])
def test_an_item_in_a_transaction_is_a_lost_race(
    throttled: DynamoDBTables, stub: Stubber, *, minting: bool
) -> None:
    """Two writers at once: who meets the other's transaction reads again, like who comes too late."""
    if minting:
        decision = trip(Circuit(NAME))
        stub.add_client_error(
            "transact_write_items",
            service_error_code="TransactionCanceledException",
            modeled_fields={"CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}]},
        )
    else:
        opened = trip(Circuit(NAME)).circuit
        assert opened is not None
        decision = reported(opened, Probes(1, granted=1, allowed=1))
        refuse(stub, "update_item", "TransactionConflictException")
    with pytest.raises(Conflict):
        throttled.commit(Circuit(NAME), decision)
    stub.assert_no_pending_responses()


@pytest.mark.parametrize("reason", ["ThrottlingError", "ProvisionedThroughputExceeded", "ValidationError"])
def test_a_transaction_cancelled_otherwise_is_no_lost_race(
    throttled: DynamoDBTables, stub: Stubber, reason: str
) -> None:
    """A transaction that DynamoDB could not carry out is an error: deciding again would not help."""
    stub.add_client_error(
        "transact_write_items",
        service_error_code="TransactionCanceledException",
        service_message=f"Transaction cancelled [{reason}, None]",
        modeled_fields={"CancellationReasons": [{"Code": reason}, {"Code": "None"}]},
    )
    with pytest.raises(StoreError, match=reason) as raised:
        throttled.commit(Circuit(NAME), trip(Circuit(NAME)))
    assert not isinstance(raised.value, Conflict)


CALLS: dict[str, Callable[[DynamoDBTables], object]] = {
    "read": lambda tables: tables.read(NAME),
    "read_many": lambda tables: tables.read_many([NAME, "search"]),
    "read_probes": lambda tables: tables.read_probes(NAME, 1),
    "commit": lambda tables: tables.commit(Circuit(NAME), trip(Circuit(NAME))),
    "claim": lambda tables: tables.claim(NAME, 1, RETRY_AT_MS),
    "report": lambda tables: tables.report(NAME, 1, 1, succeeded=True),
    "give_back": lambda tables: tables.give_back(NAME, 1, 1),
    "report_failures": lambda tables: tables.report_failures(NAME, 1, 0, {1_800_000_000: Counted(5, 3)}),
    "read_failures": lambda tables: tables.read_failures(NAME, 1, 1_800_000_000, 1_800_000_008),
    "due": lambda tables: list(tables.due(RETRY_AT_MS)),
    "not_closed": lambda tables: list(tables.not_closed()),
    "scan": lambda tables: list(tables.scan()),
}
OPERATIONS = {
    "read": "get_item",
    "read_many": "batch_get_item",
    "read_probes": "get_item",
    "commit": "transact_write_items",
    "claim": "update_item",
    "report": "update_item",
    "give_back": "update_item",
    "report_failures": "update_item",
    "read_failures": "batch_get_item",
    "due": "query",
    "not_closed": "scan",
    "scan": "scan",
}


@pytest.mark.parametrize("call", CALLS)
def test_a_refusal_by_aws_is_a_store_error(throttled: DynamoDBTables, stub: Stubber, call: str) -> None:
    """What DynamoDB refuses for good is a StoreError that names the operation and the cause."""
    refuse(stub, OPERATIONS[call], "ResourceNotFoundException")
    with pytest.raises(StoreError, match=f"^DynamoDB {OPERATIONS[call]}: .*ResourceNotFoundException"):
        CALLS[call](throttled)


class NoTime:
    """A deadline that has passed."""

    def run(self, name: str, *_: object, **__: object) -> None:
        raise StoreError(f"{name}: no answer")


@pytest.mark.parametrize("call", CALLS)
def test_what_takes_too_long_is_named(call: str) -> None:
    """Where DynamoDB does not answer in time, the error names the operation that was asked for."""
    tables = DynamoDBTables("circuits", "probes")
    tables._deadline = NoTime()  # type: ignore[assignment]
    with pytest.raises(StoreError, match=f"^DynamoDB {OPERATIONS[call]}: no answer$"):
        CALLS[call](tables)


# All but those that are refusals or lost races when DynamoDB is busy.
SENT_AGAIN = [call for call in CALLS if call not in {"claim", "commit"}]


@pytest.mark.parametrize("call", SENT_AGAIN)
def test_a_throttled_request_is_sent_three_times(stub: Stubber, call: str) -> None:
    """Everything else is sent again twice, each time after a longer pause, and then it is an error."""
    pauses: list[float] = []
    refuse(stub, OPERATIONS[call], "ThrottlingException", times=3)
    with pytest.raises(StoreError, match=f"^DynamoDB {OPERATIONS[call]}: ThrottlingException$"):
        CALLS[call](DynamoDBTables("circuits", "probes", client=stub.client, sleep=pauses.append))
    stub.assert_no_pending_responses()
    assert len(pauses) == 2
    assert 0 < pauses[0] < pauses[1] < 0.1


def refused() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("call", CALLS)
def test_a_network_that_is_down_is_a_store_error(call: str) -> None:
    """A connection that is refused is a StoreError."""
    unreachable = boto3.client(
        "dynamodb",
        endpoint_url=f"http://127.0.0.1:{refused()}",
        region_name="eu-west-1",
        aws_access_key_id="123456789012",
        aws_secret_access_key="none",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(StoreError, match=f"DynamoDB {OPERATIONS[call]}: Could not connect"):
        CALLS[call](DynamoDBTables("circuits", "probes", client=unreachable))


def test_a_dynamodb_that_does_not_answer_is_a_store_error() -> None:
    """A connection that is taken and never answered ends at the read timeout, as a StoreError."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        hanging = boto3.client(
            "dynamodb",
            endpoint_url=f"http://127.0.0.1:{silent.getsockname()[1]}",
            region_name="eu-west-1",
            aws_access_key_id="123456789012",
            aws_secret_access_key="none",
            config=Config(read_timeout=0.05, retries={"total_max_attempts": 1}),
        )
        with pytest.raises(StoreError, match="Read timeout"):
            DynamoDBTables("circuits", "probes", client=hanging).read(NAME)


def test_no_region_is_a_store_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that cannot even be made is a StoreError: the caller's path never sees anything else."""
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    # What is tested is what becomes of the error, however busy the machine.
    monkeypatch.setattr(dynamodb, "Deadline", lambda: Deadline(30, 30))
    with pytest.raises(StoreError, match="region"):
        DynamoDBTables("circuits", "probes").read(NAME)


def test_the_own_client_is_never_the_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client that callers get has short timeouts, and leaves it to the tables to try again."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    config = DynamoDBTables("circuits", "probes")._client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (0.3, 0.5)
    assert config.retries["total_max_attempts"] == 1


def test_a_claim_whose_answer_is_lost_is_granted_once(stored: StoredTables) -> None:
    """The client repeats what was granted already: it gets the first time's number, and no second permit."""
    tables = stored.tables()
    before = Circuit(NAME)
    tripped = trip(before)
    tables.commit(before, tripped)
    assert tripped.circuit is not None
    lost = iter([0])

    def lose_the_first_answer(**_: Any) -> int | None:
        return next(lost, None)  # seconds to wait before the same request is sent again; None: it is answered

    event = "needs-retry.dynamodb.UpdateItem"
    stored.client.meta.events.register_first(event, lose_the_first_answer)
    try:
        assert tables.claim(NAME, tripped.circuit.generation, RETRY_AT_MS) == 1
    finally:
        stored.client.meta.events.unregister(event, lose_the_first_answer)
    probes = tables.read_probes(NAME, tripped.circuit.generation)
    assert probes is not None
    assert (probes.granted, next(lost, "all sent")) == (1, "all sent")
    assert tables.claim(NAME, tripped.circuit.generation, RETRY_AT_MS) is None


class LosesAnswers:
    """A client whose requests arrive, and whose answers do not."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def update_item(self, **request: Any) -> None:
        with contextlib.suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(**request)
        raise ReadTimeoutError(endpoint_url="http://127.0.0.1")


def test_a_permit_whose_answer_never_came_is_not_lost(stored: StoredTables) -> None:
    """The next claim of the same process gets the number that was granted."""
    tables = stored.tables()
    tripped = trip(Circuit(NAME))
    tables.commit(Circuit(NAME), tripped)
    assert tripped.circuit is not None
    generation = tripped.circuit.generation
    process = DynamoDBTables(stored.circuit_table, stored.probe_table, client=LosesAnswers(stored.client))
    for _ in range(2):
        with pytest.raises(NoAnswer, match=r"^DynamoDB update_item: "):
            process.claim(NAME, generation, RETRY_AT_MS)
    process._clients = ClientOfProcess(stored.client)
    assert tables.claim(NAME, generation, RETRY_AT_MS) is None, "another process gets no second permit"
    assert process.claim(NAME, generation, RETRY_AT_MS) == 1
    assert process.claim(NAME, generation, RETRY_AT_MS) is None, "nor does the same"
    process.report(NAME, generation, 1, succeeded=True)
    assert tables.read_probes(NAME, generation) == Probes(
        generation, 1, 1, RETRY_AT_MS, succeeded=frozenset({1})
    )


class Answers:
    """A client that gives one answer to everything, or raises it, and counts how often it was asked."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.asked = 0

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return self._ask

    def _ask(self, **_: Any) -> Any:
        self.asked += 1
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def refusal(code: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "no"}} | more
    return ClientError(response, "Any")


@pytest.mark.parametrize(
    ("granted", "number"),
    [
        ({"N": "1"}, 1),
        ({"N": str(LARGEST_COUNT)}, LARGEST_COUNT),
        ({"N": str(LARGEST_COUNT + 1)}, None),
        ({"N": "0"}, None),
        ({"N": "-1"}, None),
        ({"N": "1.5"}, None),
        ({"N": "٣"}, None),
        ({"S": "1"}, None),
    ],
)
def test_a_permit_with_a_number_that_counts_nothing(granted: dict[str, str], number: int | None) -> None:
    """An item that was written manually may grant any number: one that no probe can have is no permit."""
    tables = DynamoDBTables("circuits", "probes", client=Answers({"Attributes": {"granted": granted}}))
    assert tables.claim(NAME, 1, RETRY_AT_MS) == number


@pytest.mark.parametrize(
    ("code", "more", "kind", "told"),
    [
        ("ConditionalCheckFailedException", {}, Conflict, "the condition does not hold"),
        ("TransactionConflictException", {}, Conflict, "TransactionConflictException"),
        (
            "TransactionCanceledException",
            {"CancellationReasons": [{"Code": "None"}, {"Code": "ConditionalCheckFailed"}]},
            Conflict,
            "ConditionalCheckFailed, None",
        ),
        ("TransactionCanceledException", {}, StoreError, "An error occurred .*: no"),
        ("InternalServerError", {"ResponseMetadata": {"HTTPStatusCode": 500}}, NoAnswer, "An error .*: no"),
        ("ValidationException", {"ResponseMetadata": {"HTTPStatusCode": 400}}, StoreError, "An error .*: no"),
        ("ValidationException", {"ResponseMetadata": {}}, StoreError, "An error occurred .*: no"),
        ("ValidationException", {}, StoreError, "An error occurred .*: no"),
    ],
)
def test_what_a_refusal_means(code: str, more: dict[str, Any], kind: type[Exception], told: str) -> None:
    """Each refusal is of its kind, and its message has the operation and what DynamoDB said."""
    client = Answers(refusal(code, **more))
    with pytest.raises(StoreError, match=f"^DynamoDB transact_write_items: {told}$") as raised:
        DynamoDBTables("circuits", "probes", client=client).commit(Circuit(NAME), trip(Circuit(NAME)))
    assert type(raised.value) is kind
    assert client.asked == 1, "a given client tries again by itself"
