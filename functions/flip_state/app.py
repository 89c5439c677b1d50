"""Alarms and probe reports come in; circuits change."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from incoming import validate
from wiring import control

from recloser.control.signals import Ignored, from_alarm_event, from_probe_record
from recloser.decide import Signal

logger = Logger()
tracer = Tracer()
CONTROL = control()
# Where one record of many fails, nobody sees its error but the log. (Typed too narrowly by Powertools.)
records = BatchProcessor(event_type=EventType.DynamoDBStreams, logger=logger)  # type: ignore[arg-type]


@logger.inject_lambda_context
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse | dict[str, str]:
    """Handle an alarm's state change, or a batch of the probe table's stream.

    Raises:
        EventError: the event is malformed; Lambda's retries end in the dead-letter queue.

    """
    if "Records" in event:
        return process_partial_response(event, flip_for_probes, records, context)
    return flip_for_alarm(event)


def flip_for_alarm(event: dict[str, Any]) -> dict[str, str]:
    validate(event, "alarm-state-change")
    return flip(from_alarm_event(event))


def flip_for_probes(record: DynamoDBRecord) -> dict[str, str]:
    validate({"Records": [record.raw_event]}, "probe-stream")
    return flip(from_probe_record(record.raw_event))


def flip(read: tuple[str, Signal] | Ignored) -> dict[str, str]:
    if isinstance(read, Ignored):
        logger.info("ignored", extra={"reason": read.reason})
        return {"ignored": read.reason}
    name, signal = read
    tracer.put_annotation("circuit", name)
    applied = CONTROL.apply(name, signal)
    decided = {"circuit": name, "state": str(applied.circuit.state), "reason": applied.decision.reason}
    written = applied.decision.circuit is not None
    logger.info("decided", extra={"signal": type(signal).__name__, "written": written, **decided})
    return decided
