"""The tables in this process's memory: for tests, for virtual time, and for callers without AWS."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

from recloser.circuit import Circuit, Probes, State
from recloser.decide import Decision, Mint
from recloser.errors import Conflict
from recloser.frozen import replace
from recloser.store.report_rows import SECONDS_PER_ITEM, Counted, Report, total


class MemoryTables:
    """What `DynamoDBTables` does, by the same contract, in one process.

    Args:
        on_circuit: called with the circuit before and after each commit, like the circuit table's stream.
        on_probes: called with the circuit's name and its probes after each change, like the probe table's.
        on_failures: called with the circuit's name and the generation after failures were reported.

    The callbacks run after the change, outside the lock, in the thread that made it.

    """

    def __init__(
        self,
        on_circuit: Callable[[Circuit, Circuit], None] | None = None,
        on_probes: Callable[[str, Probes], None] | None = None,
        on_failures: Callable[[str, int], None] | None = None,
    ) -> None:
        self.on_circuit = on_circuit
        self.on_probes = on_probes
        self.on_failures = on_failures
        self._circuits: dict[str, Circuit] = {}
        self._probes: dict[tuple[str, int], Probes] = {}
        self._reports: dict[tuple[str, int], dict[int, Counted]] = {}
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget every circuit and permit."""
        with self._lock:
            self._circuits.clear()
            self._probes.clear()

    def read(self, name: str, *, consistent: bool = False) -> Circuit:  # noqa: ARG002  (always consistent)
        return self._circuits.get(name) or Circuit(name)

    def read_many(self, names: Iterable[str]) -> dict[str, Circuit]:
        return dict(zip(wanted := list(names), map(self.read, wanted), strict=True))

    def read_probes(self, name: str, generation: int) -> Probes | None:
        return self._probes.get((name, generation))

    def commit(self, before: Circuit, decision: Decision) -> None:
        after = decision.circuit
        if after is None:
            return
        with self._lock:
            if self.read(after.name).revision != before.revision:
                raise Conflict(f"circuit {after.name} is no longer at revision {before.revision}")
            if decision.mint is not None:
                self._mint(after.name, decision.mint)
            self._circuits[after.name] = after
        if self.on_circuit is not None:
            self.on_circuit(before, after)

    def _mint(self, name: str, mint: Mint) -> None:
        key = (name, mint.generation)
        if mint.opens_at_ms is not None:
            self._probes[key] = Probes(mint.generation, allowed=mint.permits, opens_at_ms=mint.opens_at_ms)
        elif key in self._probes:
            self._probes[key] = replace(self._probes[key], allowed=self._probes[key].allowed + mint.permits)
        else:
            raise Conflict(f"circuit {name} has no permits of generation {mint.generation} to add to")

    def claim(self, name: str, generation: int, now_ms: int) -> int | None:
        with self._lock:
            probes = self._probes.get((name, generation))
            if probes is None or probes.available <= 0 or probes.opens_at_ms > now_ms:
                return None
            self._probes[name, generation] = changed = replace(probes, granted=probes.granted + 1)
        self._tell(name, changed)
        return changed.granted

    def report(self, name: str, generation: int, number: int, *, succeeded: bool) -> None:
        with self._lock:
            probes = self._probes.get((name, generation))
            if probes is None:
                return
            if succeeded:
                changed = replace(probes, succeeded=probes.succeeded | {number})
            else:
                changed = replace(probes, failed=probes.failed | {number})
            self._probes[name, generation] = changed
        if changed != probes:
            self._tell(name, changed)

    def give_back(self, name: str, generation: int, number: int) -> None:
        with self._lock:
            probes = self._probes.get((name, generation))
            if probes is None or number in probes.returned:
                return
            self._probes[name, generation] = changed = replace(
                probes, returned=probes.returned | {number}, allowed=probes.allowed + 1
            )
        self._tell(name, changed)

    def report_failures(self, name: str, generation: int, shard: int, report: Report) -> None:
        if not report:
            return
        report = {second: counted.in_shard(shard) for second, counted in report.items()}
        newest = max(report)
        with self._lock:
            # What DynamoDB removes an hour later is of no use to anybody after some seconds.
            known = self._reports.get((name, generation), {})
            recent = {at: each for at, each in known.items() if at > newest - SECONDS_PER_ITEM}
            self._reports[name, generation] = total([recent, report])
        if self.on_failures is not None:
            self.on_failures(name, generation)

    def read_failures(
        self, name: str, generation: int, since_second: int, until_second: int
    ) -> dict[int, Counted]:
        known = self._reports.get((name, generation), {})
        return {at: each for at, each in known.items() if since_second <= at <= until_second}

    def due(self, now_ms: int) -> Iterator[str]:
        for name, circuit in list(self._circuits.items()):
            if circuit.due_at_ms is not None and circuit.due_at_ms <= now_ms:
                yield name

    def not_closed(self) -> Iterator[Circuit]:
        for circuit in self.scan():
            if circuit.state is not State.CLOSED or circuit.override is not None:
                yield circuit

    def scan(self) -> Iterator[Circuit]:
        yield from list(self._circuits.values())

    def _tell(self, name: str, probes: Probes) -> None:
        if self.on_probes is not None:
            self.on_probes(name, probes)
