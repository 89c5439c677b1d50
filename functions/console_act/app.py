"""What the buttons of the dashboard's widget do. Apart from `console`: reading needs less."""

from __future__ import annotations

import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from console_form import Refused, minutes, words
from console_page import ACTIONS, NAME, REASON, message
from json_log import json_logger
from wiring import called, control

from recloser.circuit import Override, State, validate_name
from recloser.signals import OverrideReleased, OverrideSet, Reset, Signal

logger = json_logger("console_act")
CONTROL = control()
DESCRIPTION = "## Recloser's buttons\nCalled by the widget that shows the circuits; not a widget of its own."
_ALLOWED = {"action", "circuit", "describe", "widgetContext"}


def handler(event: dict[str, Any], context: object) -> str:  # noqa: ARG001  (Lambda's form)
    """Do what a button says, and tell what came of it."""
    if event.get("describe"):
        return DESCRIPTION
    widget = event.get("widgetContext", {})
    dark = widget.get("theme") == "dark"
    try:
        name, signal = _read(event, widget.get("forms", {}).get("all", {}))
    except ValueError as error:
        return message(str(error), dark=dark)
    unknown = _why_unknown(name)
    if unknown is not None:
        return message(unknown, dark=dark)
    applied = CONTROL.apply(name, signal)
    logger.info("acted", extra={"circuit": name, "action": event["action"], "cause": applied.decision.cause})
    return message(f"{name}: {applied.decision.reason}", dark=dark)


def _why_unknown(name: str) -> str | None:
    """Say why there may be no such circuit; None: it is stored, or callers count calls of it."""
    if CONTROL.tables.read(name, consistent=True).revision:
        return None
    try:
        return None if name in called() else f"circuit {name} is not known"
    except (BotoCoreError, ClientError) as error:
        return f"circuit {name} never changed, and CloudWatch does not say whether it is called: {error}"


def _read(event: dict[str, Any], form: dict[str, Any]) -> tuple[str, Signal]:
    unknown = sorted(set(event) - _ALLOWED)
    if unknown:
        raise Refused(f"parameter {unknown[0]} is unknown: allowed are action and circuit")
    name, action = validate_name(event.get("circuit")), event.get("action")
    if action not in ACTIONS:
        raise Refused(f"action {action!r} is not allowed: one of {', '.join(ACTIONS)}")
    by = f"{words(form, NAME, 'your name')} (claimed)"  # AWS does not say who presses a button
    if action == "release":
        return name, OverrideReleased(by)
    why = words(form, REASON, "why")
    if action == "reset":
        return name, Reset(by, why)
    now_ms = time.time_ns() // 1_000_000
    state = State.OPEN if action == "open" else State.CLOSED
    return name, OverrideSet(Override(state, by, why, now_ms, now_ms + 60_000 * minutes(form)))
