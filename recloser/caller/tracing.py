"""Tells the tracer that a process already uses, if it uses one. Neither is ever imported for it."""

from __future__ import annotations

import logging
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

logger = logging.getLogger(__name__)


# The modules of tracers that can be told. Where none is loaded nobody needs to be.
TRACERS = frozenset({"aws_xray_sdk.core", "opentelemetry.trace"})
_told: set[tuple[str, type[Exception]]] = set()


def annotate(circuit: str, state: str) -> None:
    """Put `circuit` and `state` on what is being traced; with no tracer loaded, do nothing.

    An error of a tracer goes no further. It is logged once for each kind: whatever a tracer minds, such as a
    subsegment that has ended, it minds at every call.
    """
    for tell in (_annotate_xray, _annotate_opentelemetry):
        try:
            tell(circuit, state)
        except Exception as error:
            kind = (tell.__name__, type(error))
            if kind not in _told:
                _told.add(kind)
                logger.exception("circuit %s: tracing failed. This is logged once", circuit)


def _annotate_xray(circuit: str, state: str) -> None:
    module: Any = sys.modules.get("aws_xray_sdk.core")
    if module is None:
        return
    # Asked for an entity where there is none the SDK raises or logs an error, so look at what it has.
    storage = getattr(module.xray_recorder.context, "_local", None)
    if not getattr(storage, "entities", None):
        return
    # Lambda's own segment cannot be annotated: without a subsegment there is nothing to put it on.
    subsegment = module.xray_recorder.current_subsegment()
    if subsegment is not None:
        subsegment.put_annotation("circuit", circuit)
        subsegment.put_annotation("state", state)


def _annotate_opentelemetry(circuit: str, state: str) -> None:
    trace: Any = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return
    span = trace.get_current_span()
    if span.is_recording():
        span.add_event("recloser", {"circuit": circuit, "state": state})
