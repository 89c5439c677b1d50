"""The dashboard's widget that shows circuits. It changes nothing: its buttons call the function that acts."""

from __future__ import annotations

import os
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from console_page import last_outage, message, overview
from json_log import json_logger
from wiring import called, control

from recloser.circuit import Circuit, validate_name

logger = json_logger("console")
TABLES = control().tables
ACT_ARN = "RECLOSER_CONSOLE_ACT_ARN"
DESCRIPTION = """## Recloser's circuits
Shows circuits, open ones first. Parameters: `circuit` (optional): show the last transitions of this one.
```yaml
circuit: payments-api
```"""
_ALLOWED = {"circuit", "describe", "widgetContext"}


def handler(event: dict[str, Any], context: Any) -> str:
    """Answer CloudWatch with HTML, or, asked to describe the widget, with Markdown."""
    if event.get("describe"):
        return DESCRIPTION
    dark = event.get("widgetContext", {}).get("theme") == "dark"
    unknown = sorted(set(event) - _ALLOWED)
    if unknown:
        return message(f"parameter {unknown[0]} is unknown: allowed is circuit", dark=dark)
    if "circuit" not in event:
        arns = {"show": context.invoked_function_arn, "act": os.environ[ACT_ARN]}
        circuits, note = _circuits()
        return overview(circuits, time.time_ns() // 1_000_000, arns, note=note, dark=dark)
    try:
        name = validate_name(event["circuit"])
    except ValueError as error:
        return message(str(error), dark=dark)
    return last_outage(TABLES.read(name, consistent=True), dark=dark)


def _circuits() -> tuple[list[Circuit], str]:
    """Return every circuit that is stored or called; and a note where CloudWatch does not list those."""
    stored = {circuit.name: circuit for circuit in TABLES.scan()}
    try:
        names, note = called(), ""
    except (BotoCoreError, ClientError) as error:
        logger.warning("circuits cannot be listed from their metrics: %s", error)
        names = frozenset()
        note = f"Circuits that never changed are missing, because CloudWatch does not list them: {error}"
    circuits = {name: Circuit(name) for name in names} | stored
    return list(circuits.values()), note
