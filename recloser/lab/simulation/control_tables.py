"""The tables as the functions see them: strongly consistent, and sometimes failing or contended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from recloser.circuit import DUE_SHARDS, Circuit, Probes
from recloser.decide import Decision
from recloser.errors import StoreError
from recloser.lab.simulation.fault_injection import FaultInjector
from recloser.lab.simulation.shared_tables import SharedTables
from recloser.store.report_rows import ALL_SHARDS, Counted, Report


class ControlTables:
    """What the functions may do with the tables. It fits `Tables`.

    Args:
        shared: the tables.
        faults: what goes wrong.
        let_another_write: lets another writer come in between.

    """

    def __init__(
        self, shared: SharedTables, faults: FaultInjector, let_another_write: Callable[[], None]
    ) -> None:
        self._shared = shared
        self._faults = faults
        self._let_another_write = let_another_write
        self._writes_alone = True

    def read(self, name: str, *, consistent: bool = False) -> Circuit:
        self._count_read(consistent=consistent)
        return self._shared.memory.read(name, consistent=consistent)

    def read_many(self, names: Iterable[str]) -> dict[str, Circuit]:
        return {name: self.read(name) for name in names}

    def read_probes(self, name: str, generation: int) -> Probes | None:
        self._count_read(consistent=True)
        return self._shared.memory.read_probes(name, generation)

    def commit(self, before: Circuit, decision: Decision) -> None:
        if decision.circuit is None:
            return
        if decision.mint is None:
            self._shared.usage.circuit_writes += 1
        else:
            self._shared.usage.transactions += 1
        faults, random = self._faults.now, self._faults.random
        if random.happens(faults.failing_writes):
            raise StoreError("simulated: the write timed out")
        if self._writes_alone and random.happens(faults.interleaved_writes):
            with self._in_between():
                self._let_another_write()
        self._shared.memory.commit(before, decision)
        if random.happens(faults.unacknowledged_writes):
            raise StoreError("simulated: the answer to the write was lost")

    def claim(self, name: str, generation: int, now_ms: int) -> int | None:
        raise PermissionError(f"functions claim no permits: {name}#{generation} at {now_ms}")

    def report(self, name: str, generation: int, number: int, *, succeeded: bool) -> None:
        raise PermissionError(f"functions report no probes: {name}#{generation} {number} {succeeded}")

    def give_back(self, name: str, generation: int, number: int) -> None:
        raise PermissionError(f"functions give no permits back: {name}#{generation} {number}")

    def report_failures(self, name: str, generation: int, shard: int, report: Report) -> None:
        raise PermissionError(f"functions report no failures: {name}#{generation} {shard} {report}")

    def read_failures(
        self, name: str, generation: int, since_second: int, until_second: int
    ) -> dict[int, Counted]:
        for _ in range(2 * ALL_SHARDS):  # items: the last seconds may lie in two of each shard
            self._count_read(consistent=True)
        return self._shared.memory.read_failures(name, generation, since_second, until_second)

    def due(self, now_ms: int) -> Iterator[str]:
        self._shared.usage.index_queries += DUE_SHARDS
        return self._shared.memory.due(now_ms)

    def not_closed(self) -> Iterator[Circuit]:
        return self._shared.memory.not_closed()

    def scan(self) -> Iterator[Circuit]:
        return self._shared.memory.scan()

    def _count_read(self, *, consistent: bool) -> None:
        if consistent:
            self._shared.usage.consistent_reads += 1
        else:
            self._shared.usage.eventual_reads += 1
        if self._faults.random.happens(self._faults.now.failing_reads):
            raise StoreError("simulated: the read timed out")

    @contextmanager
    def _in_between(self) -> Iterator[None]:
        self._writes_alone = False
        try:
            yield
        finally:
            self._writes_alone = True
