"""`docs/contract.md`: every JSON block is what it says it is, and what the library really does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator
from contract import CONTRACT, Block, Case, blocks, cases
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from stored_tables import ROOT, StoredTables

from recloser import Circuit
from recloser.store.dynamodb import DynamoDBTables
from recloser.store.rows import decode_circuit

SCHEMAS = {path.name.removesuffix(".schema.json"): path for path in (ROOT / "events/schemas").iterdir()}
BLOCKS = blocks()


def documents(kind: str) -> list[Any]:
    return [block.document for block in BLOCKS if block.kind == kind]


def request_to(kind: str, role: str = "") -> dict[str, Any]:
    [found] = [block.document for block in BLOCKS if (block.kind, block.role) == (kind, role)]
    request: dict[str, Any] = found
    return request


def refusal(block: Block) -> str | None:
    """Return what is wrong with a block, by its schema or by AWS's model of the request."""
    if block.kind in SCHEMAS:
        schema = json.loads(SCHEMAS[block.kind].read_text())
        error = best_match(Draft202012Validator(schema).iter_errors(block.document))
        return None if error is None else f"{error.json_path}: {error.message}"
    if block.kind == "event-pattern":
        return None  # EventBridge itself is asked, below
    service, _, operation = block.kind.partition(":")
    shape: Any = get_session().get_service_model(service).operation_model(operation).input_shape
    report = ParamValidator().validate(block.document, shape)
    return report.generate_report() or None


# --- The blocks ----------------------------------------------------------------------------------


def test_every_block_says_what_it_is() -> None:
    """No JSON block of the page escapes the checks."""
    text = CONTRACT.read_text()
    assert len(BLOCKS) == text.count("```") / 2 == text.count("```json ")
    assert {"circuit-item", "probe-item", "emf", "circuit-state-changed"} <= {block.kind for block in BLOCKS}


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_block_is_valid(block: Block) -> None:
    """Items, lines and events fulfill their schemas, requests AWS's own models."""
    assert refusal(block) is None


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        ("circuit-item", {"state": {"S": "AJAR"}}),
        ("emf", {"Failure": 2}),
        ("dynamodb:GetItem", {"TableName": 7}),
        ("cloudwatch:PutMetricData", {"MetricData": [{}]}),
    ],
)
def test_the_check_refuses(kind: str, damage: dict[str, Any]) -> None:
    """A block that was wrong would be found."""
    assert refusal(Block(kind, "", documents(kind)[0] | damage)) is not None


def test_the_pattern_matches_the_event(client: Callable[[str], Any]) -> None:
    """The rule's pattern lets the page's own event through, and that of another circuit not."""
    [pattern], [event] = documents("event-pattern"), documents("circuit-state-changed")

    def matches(event: Any) -> bool:
        answer = client("events").test_event_pattern(
            EventPattern=json.dumps(pattern), Event=json.dumps(event)
        )
        return bool(answer["Result"])

    assert matches(event)
    assert not matches(event | {"detail": event["detail"] | {"circuit": "inventory"}})


def test_every_attribute_of_the_item_is_told() -> None:
    """The table of attributes names everything that the schema of the item allows."""
    rows = [line for line in CONTRACT.read_text().splitlines() if line.startswith("|")]
    schema = json.loads(SCHEMAS["circuit-item"].read_text())
    for attribute in schema["properties"]:
        assert any(f"`{attribute}`" in row.split("|")[1] for row in rows), attribute


def test_the_item_is_understood() -> None:
    """The library reads the page's item without a complaint."""
    circuit, problems = decode_circuit("payments-api", documents("circuit-item")[0])
    assert problems == []
    assert (circuit.generation, circuit.retry_at_ms) == (17, 1_789_364_598_581)


# --- The requests --------------------------------------------------------------------------------


class Recording:
    """A client that keeps what it is asked, and answers like DynamoDB."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.requests: list[dict[str, Any]] = []

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            self.requests.append(request)
            return getattr(self._client, operation)(**request)

        return call


@pytest.fixture
def library(stored: StoredTables) -> Iterator[tuple[DynamoDBTables, Recording]]:
    """The library's tables, and what they ask of DynamoDB."""
    [item] = documents("probe-item")
    stored.put_probes(item)
    recording = Recording(stored.client)
    yield DynamoDBTables(stored.circuit_table, stored.probe_table, client=recording), recording
    stored.client.delete_item(TableName=stored.probe_table, Key={"permit": item["permit"]})


def as_told(requests: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the only request, with the tables' names as the page has them."""
    [request] = requests
    table = request["TableName"].partition("-")[0]
    return request | {"TableName": table}


def test_the_flag_is_read_like_this(library: tuple[DynamoDBTables, Recording]) -> None:
    """The library reads one flag by the page's request."""
    tables, asked = library
    assert tables.read("payments-api") == Circuit("payments-api")
    assert as_told(asked.requests) == request_to("dynamodb:GetItem")


def test_a_permit_is_claimed_like_this(library: tuple[DynamoDBTables, Recording]) -> None:
    """The library claims by the page's request, and the page's item still has permits: the fifth."""
    tables, asked = library
    assert tables.claim("payments-api", 17, 1_789_364_599_147) == 5
    told, request = request_to("dynamodb:UpdateItem", "claim"), as_told(asked.requests)
    [mark] = request["ExpressionAttributeNames"].values()
    [mark_told] = told["ExpressionAttributeNames"].values()
    assert re.fullmatch("claim_[0-9a-f]{16}", mark)
    assert re.fullmatch("claim_[0-9a-f]{16}", mark_told)
    assert request | {"ExpressionAttributeNames": {"#mark": mark_told}} == told


def test_a_probe_is_reported_like_this(library: tuple[DynamoDBTables, Recording]) -> None:
    """The library reports by the page's request."""
    tables, asked = library
    tables.report("payments-api", 17, 4, succeeded=True)
    assert as_told(asked.requests) == request_to("dynamodb:UpdateItem", "report")


def test_a_permit_is_given_back_like_this(library: tuple[DynamoDBTables, Recording]) -> None:
    """The library gives a permit back by the page's request."""
    tables, asked = library
    tables.give_back("payments-api", 17, 4)
    assert as_told(asked.requests) == request_to("dynamodb:UpdateItem", "give-back")


# --- The cases -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [case for case in cases() if case.state != "no item"], ids=str)
def test_every_case_is_an_item(case: Case) -> None:
    """The table of cases stores what the functions could have written, but for the unknown state."""
    item = case.circuit_item("payments-api", 1_789_364_600_000)
    known = item | {"state": {"S": "OPEN"}} if case.state == "SMOLDERING" else item
    assert refusal(Block("circuit-item", "", known)) is None
    if " of " in case.permits:
        assert refusal(Block("probe-item", "", case.probe_item("payments-api", 1_789_364_600_000))) is None
