"""Reads the records of the tables' streams, and makes signals of them.

Source: the stream record of the DynamoDB API reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recloser.circuit import Circuit, validate_name
from recloser.control.ignored import Ignored
from recloser.errors import EventError
from recloser.signals import ProbesReported
from recloser.store.report_rows import decode_report
from recloser.store.rows import decode_circuit, decode_probes


def from_probe_record(record: Mapping[str, Any]) -> tuple[str, ProbesReported] | Ignored:
    """Read a record of the probe table's stream.

    Returns:
        The circuit's name and the signal; or why the record asks for nothing.

    Raises:
        EventError: the record's new image is not a probe item.

    """
    if record.get("eventName") == "REMOVE":
        return Ignored("the permits of an old generation expired")
    try:
        circuit, probes, problems = decode_probes(record["dynamodb"]["NewImage"])
        validate_name(circuit)
    except (KeyError, ValueError) as error:
        raise EventError(f"record {record.get('eventID')!r} of the probe table: {error!r}") from error
    if problems:
        raise EventError(f"record {record.get('eventID')!r} of the probe table: {'; '.join(problems)}")
    return circuit, ProbesReported(probes)


def from_report_record(record: Mapping[str, Any]) -> tuple[str, int] | Ignored:
    """Read a record of failures that environments reported: the circuit's name and the generation.

    What was counted is not taken from here: an item holds the reports of some environments only.

    Raises:
        EventError: the record's new image is no report.

    """
    if record.get("eventName") == "REMOVE":
        return Ignored("old reports expired")
    try:
        circuit, generation, _, _ = decode_report(record["dynamodb"]["NewImage"])
    except (AttributeError, KeyError, ValueError) as error:
        raise EventError(f"record {record.get('eventID')!r} of the probe table: {error!r}") from error
    return circuit, generation


def from_circuit_record(record: Mapping[str, Any]) -> tuple[Circuit, Circuit]:
    """Read a record of the circuit table's stream: the circuit before and after.

    What cannot be understood takes its safe default, as for every reader of the item. A circuit whose item
    was deleted is closed, like one that was never written.

    Raises:
        EventError: the record is not one of the circuit table.

    """
    try:
        change = record["dynamodb"]
        name = validate_name(change["Keys"]["circuit"]["S"])
    except (KeyError, ValueError) as error:
        raise EventError(f"record {record.get('eventID')!r} of the circuit table: {error!r}") from error
    before, _ = decode_circuit(name, change.get("OldImage", {}))
    if "NewImage" not in change:
        return before, _deleted(before, round(change.get("ApproximateCreationDateTime", 0) * 1000))
    after, _ = decode_circuit(name, change["NewImage"])
    return before, after


def _deleted(before: Circuit, at_ms: int) -> Circuit:
    return Circuit(
        before.name,
        generation=before.generation,
        revision=before.revision,
        changed_at_ms=at_ms,
        reason="the circuit's item was deleted",
    )
