"""Alarms and probe reports come in; circuits change."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from discarded import discarding
from incoming import validate
from wiring import STACK, control

from recloser.control.alarm_events import from_alarm_event
from recloser.control.contributor_events import ContributorRaised, from_contributor_event
from recloser.control.control import Applied
from recloser.control.ignored import Ignored
from recloser.control.stream_records import from_probe_record
from recloser.decide import Signal

CONTRIBUTOR_CHANGED = "CloudWatch Alarm Contributor State Change"

logger = Logger()
tracer = Tracer()
CONTROL = control()
# Where one record of many fails, nobody sees its error but the log. (Typed too narrowly by Powertools.)
records = BatchProcessor(event_type=EventType.DynamoDBStreams, logger=logger)  # type: ignore[arg-type]


@logger.inject_lambda_context
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse | dict[str, str]:
    """Handle an alarm's or a contributor's state change, or a batch of the probe table's stream.

    What can never be understood is logged, counted and dropped. Other errors are raised: it comes again.
    """
    if isinstance(event, dict) and "Records" in event:
        return process_partial_response(event, flip_for_probes, records, context)
    return flip_for_alarm(event)


@discarding("flip_state")
def flip_for_alarm(event: dict[str, Any]) -> dict[str, str]:
    if isinstance(event, dict) and event.get("detail-type") == CONTRIBUTOR_CHANGED:
        validate(event, "alarm-contributor-state-change")
        return flip(from_contributor_event(event, STACK))
    validate(event, "alarm-state-change")
    return flip(from_alarm_event(event, STACK))


@discarding("flip_state")
def flip_for_probes(record: DynamoDBRecord) -> dict[str, str]:
    validate({"Records": [record.raw_event]}, "probe-stream")
    return flip(from_probe_record(record.raw_event))


def flip(read: tuple[str, Signal] | ContributorRaised | Ignored) -> dict[str, str]:
    if isinstance(read, Ignored):
        logger.info("ignored", extra={"reason": read.reason})
        return {"ignored": read.reason}
    applied = CONTROL.judge(read) if isinstance(read, ContributorRaised) else CONTROL.apply(*read)
    return decided(applied)


def decided(applied: Applied) -> dict[str, str]:
    circuit, decision = applied.circuit, applied.decision
    tracer.put_annotation("circuit", circuit.name)
    told = {"circuit": circuit.name, "state": str(circuit.state), "reason": decision.reason}
    written = decision.circuit is not None
    logger.info("decided", extra={"cause": str(decision.cause), "written": written, **told})
    return told
