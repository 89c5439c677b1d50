"""A stack that the command finds its tables in, small enough for moto to deploy in no time."""

from __future__ import annotations

from typing import Any


def table(key: str) -> dict[str, Any]:
    properties = {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
    }
    return {"Type": "AWS::DynamoDB::Table", "Properties": properties}


STACK: dict[str, Any] = {
    "Parameters": {
        "Circuits": {"Type": "CommaDelimitedList", "Default": "payments-api, search"},
        "RecoveryTimeoutSeconds": {"Type": "Number", "Default": 40},
        "Permits": {"Type": "Number", "Default": 8},
    },
    "Resources": {"CircuitTable": table("circuit"), "ProbeTable": table("permit")},
    "Outputs": {
        "CircuitTableName": {"Value": {"Ref": "CircuitTable"}},
        "ProbeTableName": {"Value": {"Ref": "ProbeTable"}},
    },
}
