"""The scenario and the callers do what they are made for, and stop when something goes wrong."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import replace
from typing import Any

import pytest

from recloser import Circuit, State
from recloser.lab.demo.callers import CallerError, Callers
from recloser.lab.demo.observer import Call, Observer, Outcome
from recloser.lab.demo.scenario import Timing, play
from recloser.lab.local_aws.dependency import FAILING, HEALTHY, Behavior

SHORT = Timing(
    healthy_seconds=0.01, outage_seconds=0.01, recovery_at_most_seconds=30, after_close_seconds=0.01
)


def test_healthy_failing_healthy() -> None:
    """The dependency is healthy, fails, and recovers; the close ends the recovery before its time."""
    observer = Observer("a")
    told: list[Behavior] = []

    def tell(behavior: Behavior) -> None:
        told.append(behavior)
        state = State.OPEN if behavior is FAILING else State.CLOSED
        observer.see_circuit(replace(Circuit("a"), state=state))

    play(SHORT, observer, tell, meanwhile=())
    assert told == [HEALTHY, FAILING, HEALTHY]
    phases = observer.record().phases
    assert [phase.is_outage for phase in phases] == [False, True, False]
    assert phases[2].at_ms - phases[0].at_ms < 5_000


def test_what_goes_wrong_elsewhere_ends_it() -> None:
    """A check that raises ends the scenario at once."""

    def fail() -> None:
        raise OSError("the emulator is gone")

    with pytest.raises(OSError, match="the emulator is gone"):
        play(SHORT, Observer("a"), lambda _: None, meanwhile=(fail,))


class Functions:
    """Stands for the client of Lambda: answers as it is told, and counts what runs at once."""

    def __init__(self, payload: dict[str, Any], *, at_once: int = 1, error: bool = False) -> None:
        self._payload = payload
        self._error = error
        self._together = threading.Barrier(at_once)
        self.requests: list[dict[str, Any]] = []

    def invoke(self, **request: Any) -> dict[str, Any]:
        self._together.wait(5)  # breaks unless that many invocations are under way at the same time
        self.requests.append(request)
        answer = {"Payload": io.BytesIO(json.dumps(self._payload).encode())}
        return answer | ({"FunctionError": "Unhandled"} if self._error else {})


def test_callers_call_at_the_same_time() -> None:
    """Each round invokes the function once per caller, all at once, and reports every call."""
    functions = Functions({"outcome": "refused", "cause": "probe_failed", "environment": "one"}, at_once=4)
    seen: list[Call] = []
    enough = threading.Event()

    def see(call: Call) -> None:
        seen.append(call)
        if len(seen) == 8:
            enough.set()

    callers = Callers(functions, "caller", callers=4, every_seconds=0.01, see=see, circuit="search-api")
    with callers:
        assert enough.wait(5)
        callers.check()
    assert {(call.outcome, call.environment) for call in seen} == {(Outcome.REFUSED, "one")}
    assert {(request["FunctionName"], request["Payload"]) for request in functions.requests} == {
        ("caller", b'{"circuit": "search-api"}')
    }


def test_a_local_refusal_is_told_apart() -> None:
    """A call that the caller's own process held back is not one that the open circuit refused."""
    functions = Functions({"outcome": "refused", "cause": "local_trip", "environment": "one"})
    callers = Callers(functions, "caller", callers=1, every_seconds=1, see=lambda _: None)
    assert callers._call(0).outcome is Outcome.HELD


def test_an_error_of_the_caller_is_raised() -> None:
    """An invocation that fails is no outcome: it is raised with the function's message."""
    functions = Functions({"errorMessage": "No module named 'recloser'"}, error=True)
    callers = Callers(functions, "caller", callers=1, every_seconds=1, see=lambda _: None)
    with pytest.raises(CallerError, match="caller failed: No module named 'recloser'"):
        callers.__enter__()


def test_a_later_error_is_found_by_check() -> None:
    """An error in the middle of calling stops it, and `check` says why."""
    functions = Functions({"outcome": "succeeded", "environment": "one"})
    callers = Callers(functions, "caller", callers=1, every_seconds=0.01, see=lambda _: None)
    with callers:
        functions._error = True
        callers._thread.join(5)
        with pytest.raises(CallerError, match="the callers stopped"):
            callers.check()
