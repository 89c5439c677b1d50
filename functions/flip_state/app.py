"""Alarms and probe reports come in; circuits change."""

from __future__ import annotations

from typing import Any

from discarded import discarding
from incoming import validate
from json_log import json_logger
from stream_batch import each_record
from validators import alarm_contributor_state_change, alarm_state_change, probe_stream
from wiring import STACK, control, early_trip

from recloser.control.alarm_events import from_alarm_event
from recloser.control.contributor_events import ContributorRaised, from_contributor_event
from recloser.control.control import Applied
from recloser.control.ignored import Ignored
from recloser.control.stream_records import from_probe_record, from_report_record
from recloser.decide import Signal
from recloser.store.report_rows import is_report_key

CONTRIBUTOR_CHANGED = "CloudWatch Alarm Contributor State Change"

logger = json_logger("flip_state")
CONTROL = control()
EARLY_TRIP = early_trip()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001  (Lambda's form)
    """Handle an alarm's or a contributor's state change, or a batch of the probe table's stream.

    A batch holds what probes did, or failures that environments reported: each has a mapping of its own.

    What can never be understood is logged, counted and dropped. Other errors are raised: it comes again.
    """
    if isinstance(event, dict) and is_of_reports(event):
        return flip_for_reports(event["Records"])
    if isinstance(event, dict) and "Records" in event:
        return each_record(event, flip_for_probes)
    return flip_for_alarm(event)


@discarding("flip_state")
def flip_for_alarm(event: dict[str, Any]) -> dict[str, str]:
    if isinstance(event, dict) and event.get("detail-type") == CONTRIBUTOR_CHANGED:
        validate(event, alarm_contributor_state_change)
        return flip(from_contributor_event(event, STACK))
    validate(event, alarm_state_change)
    return flip(from_alarm_event(event, STACK))


@discarding("flip_state")
def flip_for_probes(record: dict[str, Any]) -> dict[str, str]:
    validate({"Records": [record]}, probe_stream)
    return flip(from_probe_record(record))


def is_of_reports(event: dict[str, Any]) -> bool:
    """Tell whether a batch comes by the mapping of reports, which gets nothing else."""
    records = event.get("Records")
    if not isinstance(records, list) or not records:
        return False
    try:
        return is_report_key(records[0]["dynamodb"]["Keys"]["permit"]["S"])
    except (KeyError, TypeError):
        return False


def flip_for_reports(records: list[dict[str, Any]]) -> dict[str, str]:
    """Judge the failures that environments reported, once for each circuit.

    Raises:
        StoreError: a table did not answer; the batch comes again, soon or not at all.

    """
    named = {(read["circuit"], read["generation"]) for read in map(reported, records) if "circuit" in read}
    answer = {}
    for circuit, generation in sorted(named):
        signal = EARLY_TRIP.signal(circuit, int(generation))
        told = flip(signal if isinstance(signal, Ignored) else (circuit, signal))
        answer[circuit] = told.get("reason") or told["ignored"]
    return answer


@discarding("flip_state")
def reported(record: dict[str, Any]) -> dict[str, str]:
    read = from_report_record(record)
    if isinstance(read, Ignored):
        return {"ignored": read.reason}
    return {"circuit": read[0], "generation": str(read[1])}


def flip(read: tuple[str, Signal] | ContributorRaised | Ignored) -> dict[str, str]:
    if isinstance(read, Ignored):
        logger.info("ignored", extra={"reason": read.reason})
        return {"ignored": read.reason}
    applied = CONTROL.judge(read) if isinstance(read, ContributorRaised) else CONTROL.apply(*read)
    return decided(applied)


def decided(applied: Applied) -> dict[str, str]:
    circuit, decision = applied.circuit, applied.decision
    told = {"circuit": circuit.name, "state": str(circuit.state), "reason": decision.reason}
    written = decision.circuit is not None
    logger.info("decided", extra={"cause": str(decision.cause), "written": written, **told})
    return told
