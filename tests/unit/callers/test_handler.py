"""recloser.handler: one document an invocation, also when it raises; hangs counted before Lambda's end."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from recloser import CircuitOpen, handler
from recloser.caller.process import Process
from recloser.testing import MemoryTables, World

NAME = "payments-api"
pytestmark = pytest.mark.usefixtures("fresh_process")


class Context:
    """What Lambda gives a handler."""

    aws_request_id = "52fdfc07-2182-154f-163f-5f0f9a621d72"

    def __init__(self, remaining_seconds: float = 30) -> None:
        self._end = time.time() + remaining_seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._end - time.time()) * 1000))


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; at most half a minute, however busy the machine."""
    for _ in range(3000):
        if holds():
            return
        time.sleep(0.01)


def documents(world: World) -> list[Any]:
    """The values of Failure, a document at a time."""
    return [document["Failure"] for document in world.metrics]


def calling(world: World, times: int = 10) -> Callable[[Any, Any], str]:
    pay = world.breaker(NAME)(lambda: None)

    def handle(event: Any, context: Any) -> str:
        for _ in range(times):
            pay()
        return "done"

    return handle


def test_one_document_an_invocation(world: World) -> None:
    """The calls of an invocation are one document; those of the next are another."""
    handle = handler(calling(world))
    assert handle({}, Context()) == "done"
    world.clock.advance(1)
    assert handle({}, Context()) == "done"
    assert documents(world) == [[0] * 10] * 2


def invoke(world: World, handle: Callable[[Any, Any], Any], times: int, pause: float) -> None:
    for _ in range(times):
        handle({}, Context())
        world.clock.advance(pause)


def test_a_busy_environment_gathers_across_invocations(world: World) -> None:
    """With pauses of less than a second plain successes go with the first invocation that ends 2 s later."""
    invoke(world, handler(calling(world, times=1)), 13, 0.25)
    assert documents(world) == [0, [0] * 9]
    assert len(world.metric("Failure")) == 13


def test_a_document_bears_the_time_of_its_beginning(world: World) -> None:
    """Nothing in it is older: what happened before a close cannot look like a failure from after it."""
    began = world.clock.now_ms()
    invoke(world, handler(calling(world, times=1)), 10, 0.25)
    assert [document["_aws"]["Timestamp"] - began for document in world.metrics] == [0, 250]


@pytest.mark.parametrize("pause", [1.0, 60.0])
def test_an_environment_with_pauses_publishes_at_each_end(world: World, pause: float) -> None:
    """It may be frozen for long, or ended."""
    invoke(world, handler(calling(world, times=1)), 3, pause)
    assert documents(world) == [0, 0, 0]


def test_anything_but_a_plain_success_takes_along_what_waits(world: World) -> None:
    """A failure, a refusal or a slow call goes at the end of its own invocation, with all before it."""
    breaker = world.breaker(NAME)
    fail = False

    @handler
    def handle(event: Any, context: Any) -> None:
        with contextlib.suppress(ConnectionError):
            breaker.call(raises if fail else lambda: None)

    def raises() -> None:
        raise ConnectionError

    invoke(world, handle, 4, 0.1)
    assert documents(world) == [0]
    fail = True
    handle({}, Context())
    assert documents(world) == [0, [0, 0, 0, 1]]


def test_a_full_document_does_not_wait(world: World) -> None:
    """A hundred values are a document."""
    invoke(world, handler(calling(world, times=60)), 3, 0.01)
    assert [len(each) for each in documents(world)] == [60, 100, 20]


def test_a_change_of_the_flag_ends_a_document(world: World) -> None:
    """No document spans two states."""
    handle = handler(calling(world, times=1))
    invoke(world, handle, 4, 0.1)
    world.trip(NAME)
    world.clock.advance(0.5)
    world.process.forget_flags()
    with pytest.raises(CircuitOpen):
        handle({}, Context())
    assert [document.get("Failure") for document in world.metrics] == [0, [0, 0, 0], None]


def test_also_when_it_raises(world: World) -> None:
    """A handler's exception is its caller's, and its calls are published all the same."""
    work = calling(world)

    @handler
    def handle(event: Any, context: Any) -> None:
        work(event, context)
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        handle({}, Context())
    assert documents(world) == [[0] * 10]


def test_outside_invocations_each_call_is_a_line(world: World) -> None:
    """Before the first invocation and between two, nothing waits."""
    work = calling(world, times=2)
    work({}, None)
    handler(work)({}, Context())
    work({}, None)
    assert documents(world) == [0, 0, [0, 0], 0, 0]


def test_the_request_id_rides_along(capsys: pytest.CaptureFixture[str]) -> None:
    """As a property of a line that tells of a failure, for as long as the invocation lasts."""
    from recloser import CircuitBreaker  # noqa: PLC0415

    breaker = CircuitBreaker(NAME, process=Process(tables=MemoryTables()))

    def fail() -> None:
        with contextlib.suppress(OSError), breaker:
            raise OSError

    handler(lambda event, context: fail())({}, Context())
    fail()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("request_id") for line in lines] == [Context.aws_request_id, None]
    assert [list(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"]) for line in lines] == [[["Circuit"]]] * 2


def test_hanging_calls_are_counted_before_the_end(world: World) -> None:
    """A call that runs when Lambda's time is nearly over counts as failed, once, though it ends after all."""
    pay = world.breaker(NAME)(wait_until)
    world.breaker(NAME)
    seen: list[Any] = []

    @handler
    def handle(event: Any, context: Any) -> None:
        pay(lambda: True)
        pay(lambda: bool(documents(world)))
        seen.append(documents(world))

    handle({}, Context(remaining_seconds=0.5))
    assert seen == [[[0, 1]]]
    assert documents(world) == [[0, 1]]


def test_a_hanging_probe_is_reported(world: World) -> None:
    """A probe that runs when the time is nearly over is reported as failed, and the circuit trips again."""
    pay = world.breaker(NAME)(lambda: wait_until(lambda: bool(world.metric("ProbeFailure"))))
    world.trip(NAME)
    world.clock.advance(11)
    handler(lambda event, context: pay())({}, Context(remaining_seconds=0.5))
    assert world.tables.read(NAME).generation == 2
    assert world.metric("ProbeFailure") == [1]


def test_calls_that_ended_are_not_counted_again(world: World) -> None:
    """An invocation that outlives its last call has nothing to count."""
    work = calling(world)

    @handler
    def handle(event: Any, context: Any) -> None:
        work(event, context)
        time.sleep(0.15)

    handle({}, Context(remaining_seconds=0.1))
    assert documents(world) == [[0] * 10]


@pytest.mark.parametrize("context", [None, object(), MagicMock(), "context"])
def test_odd_contexts(world: World, context: Any) -> None:
    """Without a deadline that can be understood there is none: the handler runs."""
    assert handler(calling(world))({}, context) == "done"
    assert documents(world) == [[0] * 10]


def test_a_method(world: World) -> None:
    """A method can be a handler: the context is found wherever it stands."""
    pay = world.breaker(NAME)(lambda: wait_until(lambda: bool(world.metric("Failure"))))

    class Application:
        @handler
        def handle(self, event: Any, context: Any) -> None:
            pay()

    Application().handle({}, context=Context(remaining_seconds=0.5))
    assert world.metric("Failure") == [1]


def test_a_refused_handler_raises(world: World) -> None:
    """A refusal that nobody answers is the invocation's error, and is published."""
    pay = world.breaker(NAME)(lambda: None)
    world.force_open(NAME)
    with pytest.raises(CircuitOpen):
        handler(lambda event, context: pay())({}, Context())
    assert world.metric("Rejected") == [1]


async def asynchronous(event: Any, context: Any) -> None:
    """Lambda would not await it."""


def generating(event: Any, context: Any) -> Any:
    yield event


@pytest.mark.parametrize("function", [asynchronous, generating, 3])
def test_what_lambda_cannot_run(function: Any) -> None:
    """It is refused at decoration."""
    with pytest.raises(TypeError, match="is not allowed"):
        handler(function)


HANGING = """
import sys, time
from recloser import CircuitBreaker, handler
from recloser.caller.process import Process
from recloser.testing import MemoryTables

breaker = CircuitBreaker("payments-api", process=Process(tables=MemoryTables()), timeout_seconds=TIMEOUT)

@breaker
def pay():
    print("hanging", file=sys.stderr, flush=True)
    while True:
        time.sleep(60)

class Context:
    aws_request_id = "1"
    def get_remaining_time_in_millis(self):
        return REMAINING

def handle(event, context):
    breaker.call(lambda: None)
    pay()

(handler(handle) if REMAINING else handle)({}, Context())
"""


@pytest.mark.parametrize(
    ("timeout", "remaining", "expected"),
    [(None, 800, [[0, 1]]), (0.5, 0, [0, 1]), (0.5, 800, [[0, 1]])],
    ids=["handler's deadline", "timeout_seconds", "both"],
)
def test_a_process_that_is_killed(timeout: float | None, remaining: int, expected: list[Any]) -> None:
    """A function hangs until its process is killed, as Lambda does it: the failure is on standard output."""
    program = HANGING.replace("TIMEOUT", repr(timeout)).replace("REMAINING", str(remaining))
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in expected]
    process.kill()
    rest, _ = process.communicate(timeout=10)
    assert process.returncode == -signal.SIGKILL
    assert [json.loads(line)["Failure"] for line in [*lines, *rest.splitlines()]] == expected


class RaisingContext:
    def get_remaining_time_in_millis(self) -> int:
        raise NotImplementedError


class RaisingEvent:
    @property
    def get_remaining_time_in_millis(self) -> int:
        raise LookupError


@pytest.mark.parametrize(
    "context",
    [
        RaisingContext(),
        RaisingEvent(),
        SimpleNamespace(get_remaining_time_in_millis=3000),
        *(
            SimpleNamespace(get_remaining_time_in_millis=lambda said=said: said)
            for said in (float("nan"), float("inf"), 10**400, sys.maxsize, None, "3000")
        ),
    ],
)
def test_a_context_of_somebodys_own(context: Any) -> None:
    """Whatever a stand-in for the context says or raises, the handler runs."""
    assert handler(lambda event, _: event["pays"])({"pays": "paid"}, context) == "paid"
