"""The tables as one environment sees them: some milliseconds away, a little late, and sometimes not at all.

A call's reads and its claim happen at the instant the call begins, its report at the instant it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NoReturn

from recloser.circuit import Circuit, Probes
from recloser.decide import Decision
from recloser.errors import StoreError
from recloser.lab.simulation.agenda import MS_PER_SECOND
from recloser.lab.simulation.chance import Chance
from recloser.lab.simulation.shared_tables import SharedTables
from recloser.lab.simulation.surroundings import Surroundings

if TYPE_CHECKING:
    from recloser.lab.simulation.environment import Environment

# The library's own client: 0.3 s to connect and 0.5 s to read, twice.
TIMEOUT_MS = 1_000


class CallerTables:
    """What a caller may do: read circuits, claim and report permits. It fits `Tables`."""

    def __init__(self, around: Surroundings, shared: SharedTables, chance: Chance) -> None:
        self._shared = shared
        self._agenda = around.agenda
        self._milliseconds = around.scenario.delays.table_milliseconds
        self._chance = chance
        self._misfortune = around.misfortune
        self._witness = around.witness
        self.environment: Environment

    # --- What callers do -------------------------------------------------------------------------

    def read_many(self, names: Iterable[str]) -> dict[str, Circuit]:
        return {name: self.read(name) for name in names}

    def read(self, name: str, *, consistent: bool = False) -> Circuit:  # noqa: ARG002  (callers never ask for it)
        self._shared.usage.eventual_reads += 1
        misfortune = self._misfortune
        fails = misfortune.tables_are_unreachable or misfortune.chance.happens(misfortune.now.failing_reads)
        if self._witness is not None:
            self._witness.read(self.environment, answered=not fails)
        if fails:
            self._time_out("read")
        self._wait()
        late_ms = MS_PER_SECOND * misfortune.chance.lateness_seconds(misfortune.now.stale_reads)
        return self._shared.as_of(name, self._agenda.now_ms - round(late_ms))

    def claim(self, name: str, generation: int, now_ms: int) -> int | None:
        self._shared.usage.permit_writes += 1
        misfortune = self._misfortune
        if misfortune.tables_are_unreachable or misfortune.chance.happens(misfortune.now.failing_writes):
            self._time_out("claim")
        if misfortune.chance.happens(misfortune.now.throttled_claims):
            return None
        number = self._shared.memory.claim(name, generation, now_ms)
        if number is not None and self._witness is not None:
            self._witness.claimed(self.environment, generation, number)
        if misfortune.chance.happens(misfortune.now.unacknowledged_writes):
            self._time_out("claim")
        self._wait()
        if number is not None:
            self.environment.permit = (generation, number)
        return number

    def report(self, name: str, generation: int, number: int, *, succeeded: bool) -> None:
        self._write(lambda: self._shared.memory.report(name, generation, number, succeeded=succeeded))

    def give_back(self, name: str, generation: int, number: int) -> None:
        self._write(lambda: self._shared.memory.give_back(name, generation, number))

    # --- What only others do ---------------------------------------------------------------------

    def read_probes(self, name: str, generation: int) -> Probes | None:
        self._forbid(name, generation)

    def commit(self, before: Circuit, decision: Decision) -> None:
        self._forbid(before, decision)

    def due(self, now_ms: int) -> Iterator[str]:
        self._forbid(now_ms)

    def scan(self) -> Iterator[Circuit]:
        self._forbid()

    def _forbid(self, *facts: object) -> NoReturn:
        raise PermissionError(f"a caller may only read circuits and update permits: {facts}")

    # --- How -------------------------------------------------------------------------------------

    def _write(self, change: Callable[[], None]) -> None:
        if self.environment.is_dead:
            return
        self._shared.usage.permit_writes += 1
        misfortune = self._misfortune
        if misfortune.tables_are_unreachable or misfortune.chance.happens(misfortune.now.failing_writes):
            self._time_out("report")
        self._agenda.at(self.environment.at_ms, change)
        if misfortune.chance.happens(misfortune.now.unacknowledged_writes):
            self._time_out("report")
        self._wait()

    def _wait(self) -> None:
        self.environment.wait(round(self._chance.between(self._milliseconds)))

    def _time_out(self, what: str) -> NoReturn:
        self.environment.wait(TIMEOUT_MS)
        raise StoreError(f"simulated: {what} timed out")
