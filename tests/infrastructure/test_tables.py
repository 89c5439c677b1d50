"""The two tables."""

from __future__ import annotations

import pytest
from transformed_template import Document, deployed, of_type

from recloser.store.dynamodb import DUE_INDEX

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
SAFEGUARDS = {
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
}


def test_there_are_two(resources: Document) -> None:
    """Two tables, so that permissions speak for themselves."""
    assert of_type(resources, "AWS::DynamoDB::Table").keys() == {"CircuitTable", "ProbeTable"}


@pytest.mark.parametrize("table", ["CircuitTable", "ProbeTable"])
def test_safeguards(resources: Document, table: str) -> None:
    """Billed by use, encrypted by DynamoDB's own key, and with a stream of what was and what is."""
    assert resources[table]["Properties"].items() >= SAFEGUARDS.items()
    assert "SSESpecification" not in resources[table]["Properties"]


def test_what_operators_said_can_be_restored(resources: Document) -> None:
    """The circuits can be restored to any second; permits live for minutes."""
    circuits, probes = (resources[name]["Properties"] for name in ("CircuitTable", "ProbeTable"))
    assert circuits["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert "PointInTimeRecoverySpecification" not in probes


@pytest.mark.parametrize("table", ["CircuitTable", "ProbeTable"])
def test_a_key_of_one_s_own(table: str) -> None:
    """Both tables take the key that is given, and all who use them may use it, through DynamoDB alone."""
    own = deployed(TableKeyArn=KEY)["Resources"]
    assert own[table]["Properties"]["SSESpecification"] == {
        "SSEEnabled": True,
        "SSEType": "KMS",
        "KMSMasterKeyId": KEY,
    }
    documents = [
        policy["PolicyDocument"]
        for role in of_type(own, "AWS::IAM::Role").values()
        for policy in role["Policies"]
    ]
    documents += [policy["PolicyDocument"] for policy in of_type(own, "AWS::IAM::ManagedPolicy").values()]
    for document in documents:
        (statement,) = (entry for entry in document["Statement"] if entry["Sid"] == "UseTableKey")
        assert statement["Resource"] == KEY
        assert statement["Condition"] == {
            "StringEquals": {"kms:ViaService": "dynamodb.eu-west-1.amazonaws.com"}
        }


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
