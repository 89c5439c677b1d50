"""The callers: a deployed Lambda function, in as many execution environments as there are callers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from recloser.circuit import Cause
from recloser.lab.demo.observer import Call, Outcome


class CallerError(RuntimeError):
    """An invocation ended in an error of the caller's own, which the breaker never lets happen."""


class Callers:
    """Invokes the function once per caller, all at the same time, again and again.

    Concurrent invocations take execution environments of their own, each with its own cache of the flag.

    Args:
        functions: the boto3 client of Lambda.
        function: the name of the function.
        callers: how many invocations at once.
        every_seconds: from one round to the next.
        see: is told of every call.
        circuit: the circuit that the calls are guarded by; by default the function's own.

    """

    def __init__(
        self,
        functions: Any,
        function: str,
        *,
        callers: int,
        every_seconds: float,
        see: Callable[[Call], object],
        circuit: str | None = None,
    ) -> None:
        self._functions = functions
        self._function = function
        self._callers = callers
        self._every_seconds = every_seconds
        self._see = see
        self._payload = json.dumps({} if circuit is None else {"circuit": circuit}).encode()
        self._stop = threading.Event()
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="callers", daemon=True)

    def check(self) -> None:
        """Raise what ended the calling, if something did.

        Raises:
            CallerError: caused by the problem.

        """
        if self._problem is not None:
            raise CallerError(f"the callers stopped: {self._problem}") from self._problem

    def __enter__(self) -> Self:
        """Start the execution environments by one round that nobody is told of; then call for real."""
        with ThreadPoolExecutor(self._callers) as pool:
            list(pool.map(self._call, range(self._callers)))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            with ThreadPoolExecutor(self._callers, thread_name_prefix="caller") as pool:
                due = time.monotonic()
                while not self._stop.wait(max(0.0, due - time.monotonic())):
                    # A round that took too long is not made up for by a burst.
                    due = max(due + self._every_seconds, time.monotonic())
                    for call in pool.map(self._call, range(self._callers)):
                        self._see(call)
        except Exception as problem:  # noqa: BLE001 - whatever it was, `check` raises it where it is seen
            self._problem = problem

    def _call(self, _caller: int) -> Call:
        answer = self._functions.invoke(FunctionName=self._function, Payload=self._payload)
        payload = json.load(answer["Payload"])
        if "FunctionError" in answer:
            raise CallerError(f"{self._function} failed: {payload.get('errorMessage', payload)}")
        return Call(time.time_ns() // 1_000_000, _outcome(payload), payload["environment"])


def _outcome(payload: Mapping[str, Any]) -> Outcome:
    outcome = Outcome(payload["outcome"])
    is_held = outcome is Outcome.REFUSED and payload["cause"] == Cause.LOCAL_TRIP
    return Outcome.HELD if is_held else outcome
