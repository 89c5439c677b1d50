"""Every minute: time passes for the circuits that wait for it, and deaf alarms are re-armed."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext
from incoming import validate
from wiring import control

logger = Logger()
tracer = Tracer()
CONTROL = control()


@logger.inject_lambda_context
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[str]]:  # noqa: ARG001  (Lambda's form)
    """Handle the scheduled event.

    Raises:
        EventError: the event is malformed.
        ExceptionGroup: some circuits could not be moved; the others were, and the alarms re-armed.

    """
    validate(event, "scheduled-event")
    try:
        moved = [applied for applied in CONTROL.tick_due() if applied.decision.circuit is not None]
    finally:
        rearmed = CONTROL.rearm_deaf_alarms()
        logger.info("alarms re-armed", alarms=rearmed)
    for applied in moved:
        logger.info(
            "moved", circuit=applied.circuit.name, state=applied.circuit.state, reason=applied.decision.reason
        )
    return {"moved": [applied.circuit.name for applied in moved], "rearmed": rearmed}
