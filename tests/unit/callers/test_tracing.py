"""X-Ray and OpenTelemetry are told of circuit and state, by the libraries that a process already uses."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from aws_xray_sdk import global_sdk_config
from aws_xray_sdk.core import xray_recorder
from aws_xray_sdk.core.lambda_launcher import LambdaContext
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from recloser import CircuitOpen
from recloser.caller import tracing
from recloser.testing import World

NAME = "payments-api"


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has not logged any tracer's error yet."""
    monkeypatch.setattr(tracing, "_told", set())


@pytest.fixture
def xray() -> Iterator[list[dict[str, Any]]]:
    """The X-Ray SDK with an emitter that keeps what it would have sent to the daemon."""
    sent: list[dict[str, Any]] = []

    class Emitter:
        def send_entity(self, entity: Any) -> None:
            sent.append(json.loads(entity.serialize()))

    # Powertools switches the SDK off for the whole process where its tracer is disabled, as in other tests.
    was_enabled = global_sdk_config.sdk_enabled()
    global_sdk_config.set_sdk_enabled(True)
    before = xray_recorder.emitter
    xray_recorder.configure(sampling=False, context_missing="LOG_ERROR", emitter=Emitter())
    yield sent
    xray_recorder.clear_trace_entities()
    xray_recorder.configure(emitter=before)
    global_sdk_config.set_sdk_enabled(was_enabled)


def test_xray_subsegment(world: World, xray: list[dict[str, Any]]) -> None:
    """The current subsegment bears the annotations circuit and state, also of a call that is refused."""
    breaker = world.breaker(NAME)
    with xray_recorder.in_segment("checkout"):
        with xray_recorder.in_subsegment("pay"):
            breaker.call(lambda: None)
        world.trip(NAME)
        world.clock.advance(6)
        with xray_recorder.in_subsegment("pay again"), pytest.raises(CircuitOpen):
            breaker.call(lambda: None)
    found = {part["name"]: part["annotations"] for part in xray[0]["subsegments"]}
    assert found == {
        "pay": {"circuit": NAME, "state": "CLOSED"},
        "pay again": {"circuit": NAME, "state": "OPEN"},
    }


def test_xray_refusals_are_all_annotated(world: World, xray: list[dict[str, Any]]) -> None:
    """Each of several refusals in a row is on its own subsegment."""
    breaker = world.breaker(NAME)
    world.trip(NAME)
    world.clock.advance(6)
    with xray_recorder.in_segment("checkout"):
        for number in range(3):
            with xray_recorder.in_subsegment(str(number)), pytest.raises(CircuitOpen):
                breaker.call(lambda: None)
    assert [part["annotations"]["state"] for part in xray[0]["subsegments"]] == ["OPEN"] * 3


def test_xray_segment_alone(world: World, xray: list[dict[str, Any]]) -> None:
    """Without a subsegment nothing is annotated: Lambda's own segment cannot be."""
    with xray_recorder.in_segment("checkout"):
        world.breaker(NAME).call(lambda: None)
    assert "annotations" not in xray[0]


@pytest.mark.parametrize("context_missing", ["LOG_ERROR", "RUNTIME_ERROR"])
def test_xray_without_a_segment(
    world: World, xray: list[dict[str, Any]], caplog: pytest.LogCaptureFixture, context_missing: str
) -> None:
    """Where X-Ray is loaded and nothing is being traced, calls pass and the log stays silent."""
    xray_recorder.configure(context_missing=context_missing)
    breaker = world.breaker(NAME)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert breaker.call(lambda: "paid") == "paid"
    assert caplog.records == []


def test_xray_subsegment_that_has_ended(
    world: World, xray: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    """A thread that outlives its subsegment floods no log: what the SDK minds is said once."""
    breaker = world.breaker(NAME)
    with xray_recorder.in_segment("checkout"), xray_recorder.in_subsegment("pay") as subsegment:
        pass
    xray_recorder.set_trace_entity(subsegment)
    with caplog.at_level(logging.WARNING):
        assert [breaker.call(lambda: "paid") for _ in range(200)] == ["paid"] * 200
    assert len([record for record in caplog.records if record.exc_info]) == 1


class Span(NonRecordingSpan):
    """A span that records, as the SDK's do: the API alone makes none."""

    def __init__(self, events: list[tuple[str, dict[str, str]]]) -> None:
        super().__init__(SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(1)))
        self._events = events

    def is_recording(self) -> bool:
        return True

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        self._events.append((name, dict(attributes)))


def test_opentelemetry(world: World) -> None:
    """The current span gets an event `recloser` with circuit and state; outside a span nothing happens."""
    breaker = world.breaker(NAME)
    events: list[tuple[str, dict[str, str]]] = []
    breaker.call(lambda: None)
    with trace.use_span(Span(events)):
        breaker.call(lambda: None)
    assert events == [("recloser", {"circuit": NAME, "state": "CLOSED"})]


def test_opentelemetry_in_tasks(world: World) -> None:
    """An async call's event is on the span of its own task, also where a table is asked in a thread."""
    import asyncio  # noqa: PLC0415

    breaker = world.breaker(NAME)
    spans: dict[str, list[tuple[str, dict[str, str]]]] = {"one": [], "two": []}

    @breaker
    async def pay() -> None:
        await asyncio.sleep(0)

    async def traced(name: str) -> None:
        with trace.use_span(Span(spans[name])):
            await pay()

    async def main() -> None:
        await asyncio.gather(traced("one"), traced("two"))

    asyncio.run(main())
    assert [len(events) for events in spans.values()] == [1, 1]


def test_a_tracer_that_raises(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Its error is logged and never reaches the caller."""

    class Broken(Span):
        def add_event(self, *_: Any, **__: Any) -> None:
            raise ValueError("exporter gone")

    with caplog.at_level(logging.ERROR), trace.use_span(Broken([]), record_exception=False):
        assert world.breaker(NAME).call(lambda: "paid") == "paid"
    assert "tracing failed" in caplog.text


def test_no_tracer_is_imported() -> None:
    """A process without tracers gets none from the breaker."""
    program = """
import sys
from recloser.testing import World
World().breaker("payments-api").call(lambda: None)
print(sorted({"aws_xray_sdk", "opentelemetry"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"


def test_xray_in_lambda(
    world: World,
    xray: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In Lambda, whose context comes from its environment, a subsegment is annotated."""
    monkeypatch.setenv(
        "_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    )
    before = xray_recorder.context
    xray_recorder.configure(context=LambdaContext(), streaming_threshold=0)
    breaker = world.breaker(NAME)
    with caplog.at_level(logging.WARNING):
        breaker.call(lambda: None)
        with xray_recorder.in_subsegment("pay"):
            breaker.call(lambda: None)
    xray_recorder.configure(context=before, streaming_threshold=30)
    assert [part["annotations"] for part in xray] == [{"circuit": NAME, "state": "CLOSED"}]
    assert caplog.records == []
