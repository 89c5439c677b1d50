"""What the local AWS tells a policy's conditions of a DynamoDB request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recloser.lab.local_aws.emulator_iam import items_context

KEY = {"permit": {"S": "payments-api#1"}}
CLAIM = {
    "TableName": "probes",
    "Key": KEY,
    "UpdateExpression": "SET #mark = granted + :one ADD granted :one",
    "ConditionExpression": "granted < allowed AND opens_at <= :now AND attribute_not_exists(#mark)",
    "ExpressionAttributeNames": {"#mark": "claim_00ff"},
    "ExpressionAttributeValues": {":one": {"N": "1"}, ":now": {"N": "1"}},
}
BATCH = {"RequestItems": {"circuits": {"Keys": [{"circuit": {"S": "b"}}, {"circuit": {"S": "a"}}]}}}


@pytest.mark.parametrize(
    ("request_body", "keys", "attributes"),
    [
        (CLAIM, ["payments-api#1"], ["allowed", "claim_00ff", "granted", "opens_at", "permit"]),
        ({"Key": KEY}, ["payments-api#1"], ["permit"]),
        (BATCH, ["a", "b"], ["circuit"]),
        ({"TableName": "circuits"}, None, None),
    ],
)
def test_keys_and_attributes(
    request_body: dict[str, Any], keys: list[str] | None, attributes: list[str] | None
) -> None:
    """Every partition key and every attribute of a request is named; a Scan names none."""
    context = items_context(json.dumps(request_body).encode())
    assert context.get("dynamodb:LeadingKeys") == keys
    assert context.get("dynamodb:Attributes") == attributes
