"""The two tables that everybody shares, with their past: an eventually consistent read may see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from recloser.circuit import Circuit, Probes
from recloser.lab.simulation.event_queue import EventQueue
from recloser.store.memory import MemoryTables

Streamed = Callable[[str, Probes], None]
Reported = Callable[[str, int], None]
Wrote = Callable[[Circuit, Circuit], None]


@dataclass(slots=True)
class Usage:
    """What the tables would be billed for, in requests of at most 4 KB (reads) and 1 KB (writes)."""

    eventual_reads: int = 0
    consistent_reads: int = 0
    index_queries: int = 0
    permit_writes: int = 0
    circuit_writes: int = 0
    transactions: int = 0

    @property
    def reads(self) -> int:
        return self.eventual_reads + self.consistent_reads + self.index_queries

    @property
    def writes(self) -> int:
        return self.permit_writes + self.circuit_writes + self.transactions


class SharedTables:
    """The library's tables in memory, and every version that a circuit ever had.

    Attributes:
        memory: the tables themselves.
        usage: what was asked of them.

    """

    def __init__(
        self, queue: EventQueue, on_circuit: Wrote, on_probes: Streamed, on_failures: Reported
    ) -> None:
        self._queue = queue
        self._on_circuit = on_circuit
        self._versions: list[tuple[int, Circuit]] = []
        self.memory = MemoryTables(self._wrote, on_probes, on_failures)
        self.usage = Usage()

    def as_of(self, name: str, at_ms: int) -> Circuit:
        """Return the circuit as it was."""
        for written_ms, circuit in reversed(self._versions):
            if written_ms <= at_ms and circuit.name == name:
                return circuit
        return Circuit(name)

    def put_probes(self, name: str, generation: int, probes: Probes | None) -> None:
        """Put an item in the place of a generation's permits, or none, around every condition."""
        items = self.memory._probes  # noqa: SLF001  (a hand knows no protocol)
        if probes is None:
            items.pop((name, generation), None)
        else:
            items[name, generation] = probes

    def _wrote(self, before: Circuit, after: Circuit) -> None:
        self._versions.append((self._queue.now_ms, after))
        self._on_circuit(before, after)
