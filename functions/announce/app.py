"""What changed in the circuit table is told to the world: an event, two metrics, one log line."""

from __future__ import annotations

import json
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from discarded import discarding
from incoming import validate

from recloser.circuit import Circuit
from recloser.control.announcement import DETAIL_TYPE, SOURCE, STATE_VALUES, announcement, tripped
from recloser.control.stream_records import from_circuit_record
from recloser.metrics.emf import STATE, TRIPS, emf_document, lambda_properties, write_line

logger = Logger()
tracer = Tracer()
# Where one record of many fails, nobody sees its error but the log. (Typed too narrowly by Powertools.)
records = BatchProcessor(event_type=EventType.DynamoDBStreams, logger=logger)  # type: ignore[arg-type]
events = boto3.client("events")


class AnnouncementRefused(Exception):  # noqa: N818
    """EventBridge did not take the event; the stream's retries bring it again."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Handle a batch of the circuit table's stream."""
    return process_partial_response(event, announce, records, context)


@discarding("announce")
def announce(record: DynamoDBRecord) -> None:
    validate({"Records": [record.raw_event]}, "circuit-stream")
    before, after = from_circuit_record(record.raw_event)
    detail = announcement(before, after)
    if detail is None:
        logger.info("nothing to announce", circuit=after.name, revision=after.revision)
        return
    send(detail)
    publish(before, after)
    logger.info("announced", extra=detail)


def send(detail: dict[str, Any]) -> None:
    entry = {"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": json.dumps(detail)}
    answer = events.put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        raise AnnouncementRefused(
            f"EventBridge refused the event of {detail['circuit']}: {answer['Entries']}"
        )


def publish(before: Circuit, after: Circuit) -> None:
    state = after.state_for_callers(after.changed_at_ms)
    values = {STATE: STATE_VALUES[state], TRIPS: int(tripped(before, after))}
    # By the library, not Powertools, whose metrics would carry a dimension `service` besides `Circuit`.
    document = emf_document(after.name, values, after.changed_at_ms, lambda_properties())
    write_line(json.dumps(document, separators=(",", ":")))
