"""The tables as one environment sees them: some milliseconds away, a little late, and sometimes not at all.

A call's reads and its claim happen at the instant the call begins, its report at the instant it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NoReturn

from recloser.circuit import Circuit, Probes
from recloser.decide import Decision
from recloser.errors import StoreError
from recloser.lab.simulation.context import Context
from recloser.lab.simulation.event_queue import MS_PER_SECOND
from recloser.lab.simulation.machine import Machine
from recloser.lab.simulation.random_streams import RandomStream
from recloser.lab.simulation.shared_tables import SharedTables
from recloser.store.report_rows import Counted, Report

# The library's own client: 0.3 s to connect and 0.5 s to read, twice.
TIMEOUT_MS = 1_000


class CallerTables:
    """What a caller may do: read circuits, claim and report permits. It fits `Tables`."""

    def __init__(
        self, context: Context, shared: SharedTables, machine: Machine, random: RandomStream
    ) -> None:
        self._shared = shared
        self._queue = context.queue
        self._milliseconds = context.scenario.delays.table_milliseconds
        self._machine = machine
        self._random = random
        self._faults = context.faults
        self._observer = context.observer

    # --- What callers do -------------------------------------------------------------------------

    def read_many(self, names: Iterable[str]) -> dict[str, Circuit]:
        return {name: self.read(name) for name in names}

    def read(self, name: str, *, consistent: bool = False) -> Circuit:  # noqa: ARG002  (callers never ask for it)
        self._shared.usage.eventual_reads += 1
        faults = self._faults
        fails = faults.tables_are_unreachable or faults.random.happens(faults.now.failing_reads)
        if self._observer is not None:
            self._observer.read(self._machine, answered=not fails)
        if fails:
            self._time_out("read")
        self._wait()
        late_ms = MS_PER_SECOND * faults.random.lateness_seconds(faults.now.stale_reads)
        return self._shared.as_of(name, self._queue.now_ms - round(late_ms))

    def claim(self, name: str, generation: int, now_ms: int) -> int | None:
        self._shared.usage.permit_writes += 1
        faults = self._faults
        if faults.tables_are_unreachable or faults.random.happens(faults.now.failing_writes):
            self._time_out("claim")
        if faults.random.happens(faults.now.throttled_claims):
            return None
        number = self._shared.memory.claim(name, generation, now_ms)
        if number is not None and self._observer is not None:
            self._observer.claimed(self._machine, generation, number)
        if faults.random.happens(faults.now.unacknowledged_writes):
            self._time_out("claim")
        self._wait()
        if number is not None:
            self._machine.permit = (generation, number)
        return number

    def report(self, name: str, generation: int, number: int, *, succeeded: bool) -> None:
        self._write(lambda: self._shared.memory.report(name, generation, number, succeeded=succeeded))

    def give_back(self, name: str, generation: int, number: int) -> None:
        self._write(lambda: self._shared.memory.give_back(name, generation, number))

    def report_failures(self, name: str, generation: int, shard: int, report: Report) -> None:
        if self._machine.is_dead:
            return
        faults = self._faults
        self._shared.usage.permit_writes += 1
        if faults.tables_are_unreachable or faults.random.happens(faults.now.lost_reports):
            self._time_out("report of failures")
        for _ in range(1 + faults.random.happens(faults.now.duplicated_reports)):
            late_ms = MS_PER_SECOND * faults.random.lateness_seconds(faults.now.late_reports)
            self._queue.at(
                self._machine.at_ms + round(late_ms),
                partial(self._shared.memory.report_failures, name, generation, shard, report),
            )
        self._wait()

    # --- What only others do ---------------------------------------------------------------------

    def read_probes(self, name: str, generation: int) -> Probes | None:
        self._forbid(name, generation)

    def read_failures(
        self, name: str, generation: int, since_second: int, until_second: int
    ) -> dict[int, Counted]:
        self._forbid(name, generation, since_second, until_second)

    def commit(self, before: Circuit, decision: Decision) -> None:
        self._forbid(before, decision)

    def due(self, now_ms: int) -> Iterator[str]:
        self._forbid(now_ms)

    def not_closed(self) -> Iterator[Circuit]:
        self._forbid()

    def scan(self) -> Iterator[Circuit]:
        self._forbid()

    def _forbid(self, *facts: object) -> NoReturn:
        raise PermissionError(f"a caller may only read circuits and update permits: {facts}")

    # --- How -------------------------------------------------------------------------------------

    def _write(self, change: Callable[[], None]) -> None:
        if self._machine.is_dead:
            return
        self._shared.usage.permit_writes += 1
        faults = self._faults
        if faults.tables_are_unreachable or faults.random.happens(faults.now.failing_writes):
            self._time_out("report")
        self._queue.at(self._machine.at_ms, change)
        if faults.random.happens(faults.now.unacknowledged_writes):
            self._time_out("report")
        self._wait()

    def _wait(self) -> None:
        self._machine.wait(round(self._random.between(self._milliseconds)))

    def _time_out(self, what: str) -> NoReturn:
        self._machine.wait(TIMEOUT_MS)
        raise StoreError(f"simulated: {what} timed out")
