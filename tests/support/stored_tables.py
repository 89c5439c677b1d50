"""The two tables as the template defines them, in any DynamoDB."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from recloser.store.dynamodb import DynamoDBTables

ROOT = Path(__file__).parents[2]
# What CreateTable takes under the name that CloudFormation uses.
_CREATED_WITH = ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode")

Item = Mapping[str, Any]


@functools.cache
def defined_tables() -> dict[str, dict[str, Any]]:
    """Return the properties of every table in the template, by logical name."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if isinstance(resource, dict) and resource.get("Type") == "AWS::DynamoDB::Table"
    }


@dataclass(frozen=True)
class StoredTables:
    """Both tables, and their items as DynamoDB has them."""

    client: Any
    circuit_table: str
    probe_table: str

    def tables(self) -> DynamoDBTables:
        return DynamoDBTables(self.circuit_table, self.probe_table, client=self.client)

    def put_circuit(self, item: Item) -> None:
        self.client.put_item(TableName=self.circuit_table, Item=item)

    def put_probes(self, item: Item) -> None:
        self.client.put_item(TableName=self.probe_table, Item=item)

    def circuit(self, name: str) -> dict[str, Any] | None:
        return self._item(self.circuit_table, {"circuit": {"S": name}})

    def probes(self, permit: str) -> dict[str, Any] | None:
        return self._item(self.probe_table, {"permit": {"S": permit}})

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """Return all items of both tables, to see that nothing was written."""
        tables = (self.circuit_table, self.probe_table)
        return {table: sorted(self.client.scan(TableName=table)["Items"], key=repr) for table in tables}

    def _item(self, table: str, key: Item) -> dict[str, Any] | None:
        answer = self.client.get_item(TableName=table, Key=key, ConsistentRead=True)
        item: dict[str, Any] | None = answer.get("Item")
        return item


def create_tables(client: Any, suffix: str) -> StoredTables:
    """Create both tables, with the keys, the index, the stream and the TTL of the template."""
    for name, properties in defined_tables().items():
        table = f"{name}-{suffix}"
        client.create_table(
            TableName=table,
            StreamSpecification=properties["StreamSpecification"] | {"StreamEnabled": True},
            **{setting: properties[setting] for setting in _CREATED_WITH if setting in properties},
        )
        if "TimeToLiveSpecification" in properties:
            client.update_time_to_live(
                TableName=table, TimeToLiveSpecification=properties["TimeToLiveSpecification"]
            )
    return StoredTables(client, f"CircuitTable-{suffix}", f"ProbeTable-{suffix}")
