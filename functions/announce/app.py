"""Publishes changes of the circuit table: an event, metrics, a log line, a message."""

from __future__ import annotations

import json
import logging
from typing import Any

from botocore.session import get_session
from discarded import discarding
from incoming import validate
from json_log import json_logger
from notice import notice
from outage_topic import tell_people
from stream_batch import each_record
from validators import circuit_stream

from recloser.circuit import Circuit
from recloser.control.announcement import (
    SOURCE,
    STATE_CHANGED,
    STATE_VALUES,
    Announcement,
    announcement,
    audit_lines,
    log_entry,
    tripped,
)
from recloser.control.stream_records import from_circuit_record
from recloser.metrics.emf import STATE, TRIPS, emf_document, lambda_properties, write_line

logger = json_logger("announce")
# The lines of transitions are the audit trail: whatever RECLOSER_LOG_LEVEL says, they are written.
logger.setLevel(logging.INFO)
events: Any = get_session().create_client("events")


class AnnouncementRefused(Exception):  # noqa: N818
    """EventBridge did not take the event; the stream's retries bring it again."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001  (Lambda's form)
    """Handle a batch of the circuit table's stream."""
    return each_record(event, announce)


@discarding("announce")
def announce(record: dict[str, Any]) -> None:
    validate({"Records": [record]}, circuit_stream)
    before, after = from_circuit_record(record)
    told = announcement(before, after)
    if told is not None:
        send(told)
        if told.detail_type == STATE_CHANGED:
            publish(before, after)
    for line in audit_lines(before, after):
        logger.info("transition", extra=log_entry(after, line))
    tell_people(notice(before, after))


def send(told: Announcement) -> None:
    entry = {"Source": SOURCE, "DetailType": told.detail_type, "Detail": json.dumps(told.detail)}
    answer = events.put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        name = told.detail["circuit"]
        raise AnnouncementRefused(f"EventBridge refused the event of {name}: {answer['Entries']}")


def publish(before: Circuit, after: Circuit) -> None:
    state = after.state_for_callers(after.changed_at_ms)
    values = {STATE: STATE_VALUES[state], TRIPS: int(tripped(before, after))}
    document = emf_document(after.name, values, after.changed_at_ms, lambda_properties())
    write_line(json.dumps(document, separators=(",", ":")))
