"""Measure one call of one contestant, or its start in a fresh interpreter: a pyperf script.

python -m benchmarks.calls --call closed/recloser-batched
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pyperf  # type: ignore[import-untyped]

from benchmarks import contestants, startup
from benchmarks.contestants import AsyncCall, Call

TimeFunction = Callable[[int], float]


def closed(call: Call) -> TimeFunction:
    def measure(loops: int) -> float:
        call()
        numbers = range(loops)
        started = time.perf_counter()
        for _ in numbers:
            call()
        return time.perf_counter() - started

    return measure


def refused(call: Call) -> TimeFunction:
    def measure(loops: int) -> float:
        numbers = range(loops)
        started = time.perf_counter()
        for _ in numbers:
            try:
                call()
            except Exception:  # noqa: BLE001, S110, SIM105  (each has its own; suppress() costs more)
                pass
        return time.perf_counter() - started

    return measure


def awaited(call: AsyncCall) -> TimeFunction:
    async def calls(loops: int) -> float:
        await call()
        numbers = range(loops)
        started = time.perf_counter()
        for _ in numbers:
            await call()
        return time.perf_counter() - started

    return lambda loops: asyncio.run(calls(loops))


class Context:
    """Lambda's, as far as Recloser reads it."""

    aws_request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def in_invocation(measure: TimeFunction) -> TimeFunction:
    """Measure what calls see inside an invocation; publishing at its end is not in the figure."""
    from recloser import handler  # noqa: PLC0415

    @handler
    def invocation(event: int, context: Context) -> float:  # noqa: ARG001
        return measure(event)

    return lambda loops: invocation(loops, Context())


def whole_invocation(measure: TimeFunction) -> TimeFunction:
    """Measure invocations of a hundred calls from beginning to end, publishing included."""
    invocation = in_invocation(measure)

    def invocations(loops: int) -> float:
        started = time.perf_counter()
        for _ in range(loops // 100):
            invocation(100)
        return (time.perf_counter() - started) * loops / (loops // 100 * 100)

    return invocations


def own_error() -> None:
    raise contestants.DependencyError


CALLS: dict[str, Callable[[], TimeFunction]] = {
    "closed/nothing": lambda: closed(contestants.nothing),
    "closed/recloser-batched": lambda: in_invocation(closed(contestants.recloser())),
    "closed/recloser-batched-published": lambda: whole_invocation(closed(contestants.recloser())),
    "closed/recloser-line": lambda: closed(contestants.recloser()),
    "closed/powertools": lambda: closed(contestants.powertools()),
    "closed/circuitbreaker": lambda: closed(contestants.circuitbreaker()),
    "closed/pybreaker": lambda: closed(contestants.pybreaker()),
    "closed/purgatory": lambda: closed(contestants.purgatory()),
    "closed/aiobreaker": lambda: closed(contestants.aiobreaker()),
    "async/nothing": lambda: awaited(contestants.nothing_async),
    "async/recloser-batched": lambda: in_invocation(awaited(contestants.recloser_async())),
    "async/recloser-line": lambda: awaited(contestants.recloser_async()),
    "async/circuitbreaker": lambda: awaited(contestants.circuitbreaker_async()),
    "async/purgatory": lambda: awaited(contestants.purgatory_async()),
    "async/aiobreaker": lambda: awaited(contestants.aiobreaker_async()),
    "refused/nothing": lambda: refused(own_error),
    "refused/recloser-batched": lambda: in_invocation(refused(contestants.recloser_refused())),
    "refused/recloser-held-batched": lambda: in_invocation(refused(contestants.recloser_held())),
    "refused/recloser-line": lambda: refused(contestants.recloser_refused()),
    "refused/powertools": lambda: refused(contestants.powertools_refused()),
    "refused/circuitbreaker": lambda: refused(contestants.circuitbreaker_refused()),
    "refused/pybreaker": lambda: refused(contestants.pybreaker_refused()),
    "refused/purgatory": lambda: refused(contestants.purgatory_refused()),
    "refused/aiobreaker": lambda: refused(contestants.aiobreaker_refused()),
} | startup.BENCHMARKS


def main() -> None:
    def pass_on(command: list[str], arguments: Any) -> None:
        command += ["--call", arguments.call]

    runner = pyperf.Runner(add_cmdline_args=pass_on, program_args=("-m", "benchmarks.calls"))
    runner.argparser.add_argument("--call", choices=CALLS, required=True)
    name = runner.parse_args().call
    made: list[TimeFunction] = []

    def measure(loops: int) -> float:
        if not made:  # in the process that measures, and in no other
            made.append(CALLS[name]())
        return made[0](loops)

    runner.bench_time_func(name, measure)


if __name__ == "__main__":
    main()
