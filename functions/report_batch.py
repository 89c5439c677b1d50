"""Handles the reports of failures in a batch of the permit table's stream, circuit by circuit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from discarded import discarding

from recloser.control.ignored import Ignored
from recloser.control.stream_records import from_report_record
from recloser.store.report_rows import is_report_key

Record = dict[str, Any]


def parted(event: Record) -> tuple[list[Record], Record | None]:
    """Part the records of reports from a batch; return them, and the batch of the others, if there are any.

    Each comes by a mapping of its own, but callers write the items: each record is told by its own key.
    """
    records = event["Records"]
    reports = [each for each in records if _is_report(each)] if isinstance(records, list) else []
    if not reports:
        return [], event
    others = [each for each in records if not _is_report(each)]
    return reports, {"Records": others} if others else None


def _is_report(record: Any) -> bool:
    try:
        return is_report_key(record["dynamodb"]["Keys"]["permit"]["S"])
    except (KeyError, TypeError):
        return False


def each_circuit(records: list[Record], handle: Callable[[str, int], str]) -> dict[str, str]:
    """Handle each circuit that was reported, once for each generation; return what came of it.

    Raises:
        ExceptionGroup: of what went wrong; the other circuits were handled.

    """
    answer = {}
    problems: list[Exception] = []
    found = {(each["circuit"], int(each["generation"])) for each in map(_read, records) if "circuit" in each}
    for circuit, generation in sorted(found):
        try:
            answer[circuit] = handle(circuit, generation)
        except Exception as error:  # noqa: BLE001  (whatever it is, the other circuits go on)
            error.add_note(f"circuit {circuit}")
            problems.append(error)
    if problems:
        raise ExceptionGroup(f"{len(problems)} circuits failed; the others were done", problems)
    return answer


@discarding("flip_state")
def _read(record: Record) -> dict[str, str]:
    read = from_report_record(record)
    if isinstance(read, Ignored):
        return {"ignored": read.reason}
    return {"circuit": read[0], "generation": str(read[1])}
