"""Measure a section: its contestants in one process, in turn, some milliseconds each.

A machine that other work disturbs is slow for seconds at a time. Measured in turn, all are slow then, and the
ratio of two values that were taken one right after the other stays what it is. The values are kept in the
format of pyperf.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import time
from collections.abc import Callable

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
        with contextlib.suppress(Exception):
            call()
        numbers = range(loops)
        started = time.perf_counter()
        for _ in numbers:
            try:  # noqa: SIM105  (suppress() costs more than what is measured)
                call()
            except Exception:  # noqa: BLE001, S110  (each library has its own)
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


def values_in_turn(measures: dict[str, TimeFunction], loops: int, values: int) -> dict[str, list[float]]:
    """Measure every contestant so many times, always one after the other, each time another one first."""
    names = list(measures)
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-1, values):  # one to warm up
        first = number % len(names)
        for name in names[first:] + names[:first]:
            seconds = measures[name](loops) / loops
            if number >= 0:
                found[name].append(seconds)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("section", choices=sorted({name.split("/")[0] for name in CALLS}))
    parser.add_argument("--loops", type=int, required=True)
    parser.add_argument("--values", type=int, required=True)
    parser.add_argument("--append", required=True, help="a file of pyperf's")
    arguments = parser.parse_args()
    measures = {name: make() for name, make in CALLS.items() if name.startswith(arguments.section + "/")}
    gc.collect()
    for name, values in values_in_turn(measures, arguments.loops, arguments.values).items():
        metadata = {"name": name, "loops": arguments.loops, "unit": "second"}
        pyperf.add_runs(arguments.append, pyperf.Benchmark([pyperf.Run(values, metadata=metadata)]))


if __name__ == "__main__":
    main()
