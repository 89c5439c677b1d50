"""Rows that somebody edits manually, and reports that a caller forges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from recloser.circuit import GIVE_BACKS_PER_GENERATION, Cause, Circuit, Probes, State
from recloser.decide import Decision
from recloser.lab.simulation.context import Context
from recloser.lab.simulation.shared_tables import SharedTables

HOUR_MS = 3_600_000

# Values that nothing but a hand or a wrong clock could have written. A circuit's state stays as it is: an
# operator who writes another one gets what it says.
CIRCUIT_EDITS: tuple[Callable[[Circuit, int], Circuit], ...] = (
    lambda circuit, now_ms: replace(circuit, retry_at_ms=now_ms + HOUR_MS),
    lambda circuit, now_ms: replace(circuit, retry_at_ms=now_ms - HOUR_MS),
    lambda circuit, _: replace(circuit, retry_at_ms=None),
    lambda circuit, now_ms: replace(circuit, deadline_at_ms=now_ms + HOUR_MS),
    lambda circuit, now_ms: replace(circuit, closed_at_ms=now_ms + HOUR_MS),
    lambda circuit, _: replace(circuit, trips=100_000_000),
    lambda circuit, _: replace(circuit, permits=0),
)
PROBES_EDITS: tuple[Callable[[Probes, int], Probes | None], ...] = (
    lambda _, __: None,
    lambda probes, _: replace(probes, allowed=0),
    lambda probes, _: replace(probes, granted=probes.allowed),
    lambda probes, now_ms: replace(probes, opens_at_ms=now_ms + HOUR_MS),
    lambda probes, _: replace(probes, returned=frozenset(range(1, 2 * GIVE_BACKS_PER_GENERATION))),
)
FORGED_NUMBERS = range(1, 13)


class HandEdits:
    """Whoever may write the tables and should not.

    Args:
        context: of the simulation.
        shared: the tables.

    """

    def __init__(self, context: Context, shared: SharedTables) -> None:
        self._name = context.scenario.circuit
        self._queue = context.queue
        self._faults = context.faults
        self._shared = shared

    def start(self) -> None:
        """Look every second, as long as the scenario has such faults."""
        faults = self._faults.now
        if faults.rows_by_hand or faults.forged_reports:
            self._queue.after(1, self._second)

    def _second(self) -> None:
        self.start()
        faults, random = self._faults.now, self._faults.random
        if random.happens(faults.rows_by_hand):
            self._edit()
        if random.happens(faults.forged_reports):
            self._forge(succeeded=random.happens(0.5))

    def _edit(self) -> None:
        circuit = self._shared.memory.read(self._name)
        if circuit.state is State.CLOSED and circuit.generation == 0:
            return  # there is no row yet
        numbers, now_ms = self._faults.random.numbers, self._queue.now_ms
        probes = self._shared.memory.read_probes(self._name, circuit.generation)
        if probes is not None and numbers.random() < 0.5:  # noqa: PLR2004
            edited = numbers.choice(PROBES_EDITS)(probes, now_ms)
            self._shared.put_probes(self._name, circuit.generation, edited)
            return
        after = numbers.choice(CIRCUIT_EDITS)(circuit, now_ms)
        after = replace(after, revision=circuit.revision + 1)
        self._shared.memory.commit(circuit, Decision(Cause.OPERATOR, "written manually", after))

    def _forge(self, *, succeeded: bool) -> None:
        generation = self._shared.memory.read(self._name).generation
        for number in FORGED_NUMBERS:
            self._shared.memory.report(self._name, generation, number, succeeded=succeeded)
