"""Takes alarms, probe reports and reports of failures, and changes circuits."""

from __future__ import annotations

from typing import Any

from discarded import discarding
from incoming import validate
from json_log import json_logger
from report_batch import each_circuit, parted
from stream_batch import each_record
from validators import alarm_contributor_state_change, alarm_state_change, probe_stream
from wiring import STACK, control, early_trip

from recloser.control.alarm_events import from_alarm_event
from recloser.control.contributor_events import ContributorRaised, from_contributor_event
from recloser.control.control import Applied
from recloser.control.ignored import Ignored
from recloser.control.stream_records import from_probe_record
from recloser.signals import Signal

CONTRIBUTOR_CHANGED = "CloudWatch Alarm Contributor State Change"

logger = json_logger("flip_state")
CONTROL = control()
EARLY_TRIP = early_trip()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001  (Lambda's form)
    """Handle an alarm's or a contributor's state change, or a batch of the probe table's stream.

    What can never be understood is logged, counted and dropped. Other errors are raised: it comes again.
    """
    if isinstance(event, dict) and "Records" in event:
        reports, others = parted(event)
        answer = each_record(others, flip_for_probes) if others else {}
        return answer | each_circuit(reports, flip_for_reports)
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


def flip_for_reports(circuit: str, generation: int) -> str:
    signal = EARLY_TRIP.signal(circuit, generation)
    told = flip(signal if isinstance(signal, Ignored) else (circuit, signal))
    return told.get("reason") or told["ignored"]


def flip(read: tuple[str, Signal] | ContributorRaised | Ignored) -> dict[str, str]:
    if isinstance(read, Ignored):
        logger.info("ignored", extra={"reason": read.reason})
        return {"ignored": read.reason}
    applied = CONTROL.apply_counted(read) if isinstance(read, ContributorRaised) else CONTROL.apply(*read)
    return decided(applied)


def decided(applied: Applied) -> dict[str, str]:
    circuit, decision = applied.circuit, applied.decision
    told = {"circuit": circuit.name, "state": str(circuit.state), "reason": decision.reason}
    written = decision.circuit is not None
    logger.info("decided", extra={"cause": str(decision.cause), "written": written, **told})
    return told
