"""The two tables."""

from __future__ import annotations

import pytest
from transformed_template import Document, of_type

from recloser.store.dynamodb import DUE_INDEX

SAFEGUARDS = {
    "BillingMode": "PAY_PER_REQUEST",
    "SSESpecification": {"SSEEnabled": True},
    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
}


def test_there_are_two(resources: Document) -> None:
    """Two tables, so that permissions speak for themselves."""
    assert of_type(resources, "AWS::DynamoDB::Table").keys() == {"CircuitTable", "ProbeTable"}


@pytest.mark.parametrize("table", ["CircuitTable", "ProbeTable"])
def test_safeguards(resources: Document, table: str) -> None:
    """Billed by use, encrypted, restorable to any second, and with a stream of what was and what is."""
    assert resources[table]["Properties"].items() >= SAFEGUARDS.items()


def test_circuit_table(resources: Document) -> None:
    """Circuits by name, and a sparse index of those for which time must do something."""
    table = resources["CircuitTable"]["Properties"]
    assert table["KeySchema"] == [{"AttributeName": "circuit", "KeyType": "HASH"}]
    assert table["GlobalSecondaryIndexes"] == [
        {
            "IndexName": DUE_INDEX,
            "KeySchema": [
                {"AttributeName": "due", "KeyType": "HASH"},
                {"AttributeName": "due_at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ]
    types = {entry["AttributeName"]: entry["AttributeType"] for entry in table["AttributeDefinitions"]}
    assert types == {"circuit": "S", "due": "N", "due_at": "N"}


def test_probe_table(resources: Document) -> None:
    """Probes by permit; what is old expires by itself."""
    table = resources["ProbeTable"]["Properties"]
    assert table["KeySchema"] == [{"AttributeName": "permit", "KeyType": "HASH"}]
    assert table["AttributeDefinitions"] == [{"AttributeName": "permit", "AttributeType": "S"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}


def test_deleting_the_stack(resources: Document) -> None:
    """What operators said outlives the stack; permits do not."""
    policies = {
        name: (resources[name]["DeletionPolicy"], resources[name]["UpdateReplacePolicy"])
        for name in ("CircuitTable", "ProbeTable")
    }
    assert policies == {
        "CircuitTable": ("RetainExceptOnCreate", "Retain"),
        "ProbeTable": ("Delete", "Delete"),
    }
