"""Metric lines: their bytes, their batches, their dates, and that nothing is lost or counted twice."""

from __future__ import annotations

import gc
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloser import CircuitBreaker, CircuitOpen, Process, handler
from recloser.metrics.emf import emf_document
from recloser.metrics.recorder import Batching, EmfPublisher, Recorder
from recloser.testing import World

NAME = "payments-api"
SCHEMA = json.loads((Path(__file__).parents[3] / "events/schemas/emf.schema.json").read_text())
CHECK = jsonschema.Draft202012Validator(SCHEMA)


class Down(Exception):  # noqa: N818
    """The dependency's failure."""


def fails() -> None:
    raise Down


@pytest.fixture
def gathering(world: World) -> None:
    """As during an invocation, flushed manually."""
    world.process.batching.is_on = True


# --- The line ------------------------------------------------------------------------------------

NUMBERS = st.one_of(st.integers(0, 10**9), st.floats(0, 10**9, allow_nan=False))
VALUES = st.dictionaries(
    st.sampled_from(["Failure", "Duration", "ProbeFailure", "Rejected", "Unprotected"]),
    st.one_of(NUMBERS, st.lists(NUMBERS, min_size=1, max_size=100)),
    min_size=1,
)


@given(values=VALUES, at_ms=st.integers(10**12, 10**13), request_id=st.none() | st.text())
def test_bytes(values: dict[str, Any], at_ms: int, request_id: str | None) -> None:
    """The fast writer's line is, byte for byte, the document that `emf_document` describes. The properties
    are left out where it tells of successes alone.
    """
    lines: list[str] = []
    publisher = EmfPublisher(lines.append)
    publisher.set_request_id(request_id)
    failures = values.get("Failure")
    failed = any(failures) if isinstance(failures, list) else failures
    is_plain = values.keys() == {"Failure", "Duration"} and not failed
    properties = {} if request_id is None or is_plain else {"request_id": request_id}
    for moved in (0, 1):
        publisher.publish(NAME, values, at_ms + moved)
        document = emf_document(NAME, values, at_ms + moved, properties)
        names = [name for name in document if name not in values]
        ordered = {name: document[name] for name in (*names, *values)}
        assert lines[-1] == json.dumps(ordered, separators=(",", ":"))


def test_every_line_is_valid(world: World, way: Callable[..., Any]) -> None:
    """Calls, failures, refusals, probes and unprotected calls: each line fits the schema."""
    breaker = world.breaker(NAME)
    way(breaker, lambda: world.clock.advance(2))
    for _ in range(6):
        with suppress(Down, CircuitOpen):
            way(breaker, fails)
    world.trip(NAME)
    world.clock.advance(6)
    with suppress(CircuitOpen):
        way(breaker, fails)
    world.clock.advance(10)
    with suppress(Down):
        way(breaker, fails)
    way(world.breaker("unread", tables=Unreadable()), lambda: None)
    names = {name for line in world.metrics for name in line} - {"_aws", "Circuit"}
    assert names == {"Failure", "Duration", "Rejected", "ProbeFailure", "Unprotected"}
    for line in world.metrics:
        CHECK.validate(line)


def test_slow_lines_are_valid(world: World) -> None:
    """The line of a breaker that counts slow calls fits the schema."""
    world.breaker(NAME, slow_after_seconds=1).call(lambda: world.clock.advance(2))
    assert world.metric("Slow") == [1]
    for line in world.metrics:
        CHECK.validate(line)


class Unreadable:
    """Tables that cannot be read."""

    def read_many(self, _: Any) -> Any:
        raise ConnectionError


def test_a_clock_set_back_in_a_call(world: World) -> None:
    """A call has never taken less than no time."""
    now = [1_700_000_000.0]
    breaker = world.breaker(NAME, clock=lambda: now[0])

    def sets_the_clock_back() -> None:
        now[0] -= 3600

    for _ in range(2):
        breaker.call(sets_the_clock_back)
    assert world.metric("Duration") == [0, 0]


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("closed file")])
def test_a_publisher_that_raises(
    world: World, way: Callable[..., Any], error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the call is none the worse for it."""

    class Broken:
        def publish(self, *_: Any) -> None:
            raise error

    with caplog.at_level(logging.ERROR):
        assert way(world.breaker(NAME, publisher=Broken()), lambda: "paid") == "paid"
    assert "metrics cannot be published" in caplog.text


# --- Batches -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("gathering")
def test_one_document_for_all_ways(world: World, way: Callable[..., Any]) -> None:
    """Calls of one batch are one document, however they are made."""
    breaker = world.breaker(NAME, local_trip=None)
    for number in range(20):
        with suppress(Down):
            way(breaker, fails if number % 4 == 0 else lambda: None)
        world.clock.advance(0.01)
    assert world.metrics == []
    world.process.batching.flush()
    assert len(world.metrics) == 1
    assert sorted(world.metric("Failure")) == [0] * 15 + [1] * 5
    assert len(world.metric("Duration")) == 20


@pytest.mark.usefixtures("gathering")
@pytest.mark.parametrize("settings", [{"timeout_seconds": 5}, {"slow_after_seconds": 5}, {}])
def test_whatever_the_settings(world: World, settings: dict[str, Any]) -> None:
    """Settings that need a closer look at each call cost no documents."""
    pay = world.breaker(NAME, **settings)(lambda: None)
    for _ in range(50):
        pay()
    world.process.batching.flush()
    assert len(world.metrics) == 1
    assert world.metric("Failure") == [0] * 50


@pytest.mark.usefixtures("gathering")
def test_chunks(world: World) -> None:
    """A document has at most 100 values of a metric: more calls are more documents, each valid."""
    pay = world.breaker(NAME)(lambda: None)
    for _ in range(250):
        pay()
    world.process.batching.flush()
    assert [len(line["Failure"]) for line in world.metrics] == [100, 100, 50]
    assert [len(line["Duration"]) for line in world.metrics] == [100, 100, 50]
    for line in world.metrics:
        CHECK.validate(line)


@pytest.mark.usefixtures("gathering")
def test_held_calls_in_a_batch(world: World) -> None:
    """Held calls are refusals; two a second are failures, without a duration."""
    pay = world.breaker(NAME)(fails)
    for _ in range(8):
        with suppress(Down, CircuitOpen):
            pay()
    world.process.batching.flush()
    found = [len(world.metric(metric)) for metric in ("Failure", "Duration", "Rejected")]
    assert found == [6, 5, 3]


@pytest.mark.usefixtures("gathering")
def test_dates(world: World, way: Callable[..., Any]) -> None:
    """A batch ends after five seconds, and bears a time that is never later than its data."""
    breaker = world.breaker(NAME, local_trip=None)
    ended: list[float] = []
    for _ in range(200):
        with suppress(Down):
            way(breaker, fails)
        ended.append(world.clock())
        world.clock.advance(0.137)
    world.process.batching.flush()
    times = iter(ended)
    for line in world.metrics:
        values = line["Failure"] if isinstance(line["Failure"], list) else [line["Failure"]]
        for at in [next(times) for _ in values]:
            assert 0 <= at - line["_aws"]["Timestamp"] / 1000 <= 5.001
    assert next(times, None) is None


@pytest.mark.usefixtures("gathering")
def test_what_comes_after_a_flush(world: World) -> None:
    """A call that ends between two batches is not dated by the flush that publishes it much later."""
    breaker = world.breaker(NAME)

    @breaker
    def ends_late() -> None:
        world.process.batching.flush()
        world.clock.advance(1)

    breaker.call(lambda: None)
    ends_late()
    ended = world.clock()
    world.clock.advance(600)
    world.process.batching.flush()
    assert world.metric("Failure") == [0, 0]
    assert world.metrics[-1]["_aws"]["Timestamp"] <= ended * 1000


@pytest.mark.usefixtures("gathering")
def test_a_breaker_that_is_gone(world: World) -> None:
    """What a breaker counted is published though nobody holds the breaker any more."""

    def uses_one() -> None:
        world.breaker(NAME).call(lambda: None)

    uses_one()
    gc.collect()
    world.process.batching.flush()
    assert world.metric("Failure") == [0]


# --- Threads -------------------------------------------------------------------------------------


def in_threads(count: int, work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)


@pytest.fixture
def switching() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("gathering", "switching")
def test_flushes_race_with_calls_and_with_each_other(world: World) -> None:
    """As many values are published as calls were made, and no flush raises."""
    pay = world.breaker(NAME)(lambda: None)
    done = threading.Event()
    errors: list[BaseException] = []

    def flushes() -> None:
        try:
            while not done.is_set():
                world.process.batching.flush()
        except BaseException as error:
            errors.append(error)
            raise

    def calls() -> None:
        for _ in range(3000):
            pay()

    flushing = [threading.Thread(target=flushes) for _ in range(3)]
    for thread in flushing:
        thread.start()
    in_threads(4, calls)
    done.set()
    for thread in flushing:
        thread.join(timeout=60)
    world.process.batching.flush()
    assert errors == []
    assert world.metric("Failure") == [0] * 12_000
    assert len(world.metric("Duration")) == 12_000


@pytest.mark.usefixtures("fresh_process", "switching")
def test_invocations_race_with_calls(world: World) -> None:
    """Calls of other threads are counted once each, whether an invocation is on or ends meanwhile."""
    pay = world.breaker(NAME, local_trip=None)(lambda: None)
    fail = world.breaker(NAME, local_trip=None)(fails)
    done = threading.Event()

    def invokes() -> None:
        invoked = handler(lambda event, context: [pay() for _ in range(10)])
        while not done.is_set():
            invoked({}, None)
            invocations.append(1)

    def calls() -> None:
        for _ in range(1500):
            pay()
            with suppress(Down):
                fail()

    invocations: list[int] = []
    invoking = threading.Thread(target=invokes)
    invoking.start()
    in_threads(3, calls)
    done.set()
    invoking.join(timeout=60)
    world.process.batching.flush()
    values = world.metric("Failure")
    assert values.count(1) == 4500
    assert values.count(0) == 4500 + 10 * len(invocations)
    assert len(world.metric("Duration")) == len(values)


def test_breakers_may_be_made_while_others_are_flushed() -> None:
    """Recorders of breakers that another thread makes disturb no flush."""
    kept: list[Recorder] = []
    batching = Batching()
    publisher = EmfPublisher(lambda _: None)

    def makes() -> None:
        kept.extend(Recorder(NAME, lambda: 0.0, publisher, batching) for _ in range(5000))

    making = threading.Thread(target=makes)
    making.start()
    while making.is_alive():
        batching.flush()
    making.join()
    assert len(kept) == 5000


# --- Forks ---------------------------------------------------------------------------------------

FORKING = """
import os, sys
from recloser import CircuitBreaker, handler
from recloser.caller.process import Process
from recloser.testing import MemoryTables
pay = CircuitBreaker("payments-api", process=Process(tables=MemoryTables()))(lambda: None)
@handler
def handle(event, context):
    for _ in range(3):
        pay()
    child = os.fork()
    if child == 0:
        pay()
        os._exit(0)
    os.waitpid(child, 0)
handle({}, None)
"""


def test_forked_in_an_invocation() -> None:
    """The child publishes its own calls, at once, and not its parent's, which the parent publishes once."""
    done = subprocess.run(
        [sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=60, check=True
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["Failure"] for line in lines] == [0, [0, 0, 0]]


def test_a_publisher_that_always_fails(caplog: pytest.LogCaptureFixture) -> None:
    """Calls go on. Each kind of error is logged once for a circuit, not once a call."""

    class Broken:
        def __init__(self) -> None:
            self.errors = iter([*[OSError("closed")] * 20, *[ValueError("closed")] * 20])

        def publish(self, *_: object) -> None:
            raise next(self.errors)

    world = World()
    breaker = CircuitBreaker(
        NAME, process=Process(tables=world.tables, publisher=Broken(), clock=world.clock)
    )
    with caplog.at_level(logging.ERROR):
        assert [breaker.call(lambda: "paid") for _ in range(40)] == ["paid"] * 40
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [OSError, ValueError]
