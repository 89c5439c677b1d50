"""Reads a batch of the permit table's stream that has reports of failures."""

from __future__ import annotations

from typing import Any

from discarded import discarding

from recloser.control.ignored import Ignored
from recloser.control.stream_records import from_report_record
from recloser.store.report_rows import is_report_key


def is_of_reports(event: dict[str, Any]) -> bool:
    """Tell whether a batch comes by the mapping of reports, which gets nothing else."""
    records = event.get("Records")
    if not isinstance(records, list) or not records:
        return False
    try:
        return is_report_key(records[0]["dynamodb"]["Keys"]["permit"]["S"])
    except (KeyError, TypeError):
        return False


def reported_circuits(records: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Return the circuits and generations that were reported, each once."""
    found = {(each["circuit"], int(each["generation"])) for each in map(_read, records) if "circuit" in each}
    return sorted(found)


@discarding("flip_state")
def _read(record: dict[str, Any]) -> dict[str, str]:
    read = from_report_record(record)
    if isinstance(read, Ignored):
        return {"ignored": read.reason}
    return {"circuit": read[0], "generation": str(read[1])}
