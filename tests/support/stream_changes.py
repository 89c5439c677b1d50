"""Changes of the circuit table, as its stream brings them."""

from __future__ import annotations

from typing import Any

from deployed_functions import golden
from stored_tables import Item

from recloser.circuit import Circuit
from recloser.store.rows import encode_circuit


def row(circuit: Circuit) -> dict[str, Any]:
    written = {name: value for name, value in encode_circuit(circuit).items() if value is not None}
    return written | {"circuit": {"S": circuit.name}, "schema": {"N": "1"}}


def change(before: Item | None, after: Item | None) -> dict[str, Any]:
    """A stream record of this change."""
    event = golden("circuit-stream")
    record = event["Records"][0]
    record["eventName"] = {(True, False): "INSERT", (False, True): "REMOVE"}.get(
        (before is None, after is None), "MODIFY"
    )
    for name, item in (("OldImage", before), ("NewImage", after)):
        record["dynamodb"].pop(name)
        if item is not None:
            record["dynamodb"][name] = item
    return dict(event)
