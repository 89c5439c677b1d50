"""Runs every minute: moves circuits whose time has come, finds lost events, re-arms deaf alarms."""

from __future__ import annotations

import json
from typing import Any

from incoming import validate
from json_log import json_logger
from validators import scheduled_event
from wiring import control

from recloser.circuit import Circuit
from recloser.control.announcement import STATE_VALUES
from recloser.control.minute import Minute
from recloser.metrics.emf import STATE, emf_document, write_line

# What is not done by then, the next minute does: two runs at once would get in each other's way.
LONGEST_RUN_MS = 45_000
WORKERS = 16

logger = json_logger("start_recovery")
CONTROL = control()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001  (Lambda's form)
    """Handle the scheduled event.

    Raises:
        EventError: the event is malformed.
        ExceptionGroup: some circuits or alarms could not be looked after; the others were.

    """
    validate(event, scheduled_event)
    report = Minute(CONTROL, publish_state, WORKERS).run(CONTROL.now_ms() + LONGEST_RUN_MS)
    for applied in (*report.moved, *report.tripped):
        circuit, reason = applied.circuit, applied.decision.reason
        logger.info("moved", extra={"circuit": circuit.name, "state": circuit.state, "reason": reason})
    done = {
        "moved": [applied.circuit.name for applied in report.moved],
        "tripped": [applied.circuit.name for applied in report.tripped],
        "rearmed": report.rearmed,
        "left": report.left,
    }
    logger.info("done", extra=done)
    report.raise_problems()
    return done


def publish_state(circuit: Circuit) -> None:
    """Write the metric State, so that a graph shows it over any time, not only where it changed."""
    now_ms = CONTROL.now_ms()
    values = {STATE: STATE_VALUES[circuit.state_for_callers(now_ms)]}
    write_line(json.dumps(emf_document(circuit.name, values, now_ms, {}), separators=(",", ":")))
