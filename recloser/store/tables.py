"""The two tables, by contract: read a circuit, commit a decision, claim and report permits.

`recloser.store.dynamodb` is the implementation that is deployed, `recloser.store.memory` is one for a single
process; both pass the tests in `tests/contract`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from recloser.circuit import Circuit, Probes
from recloser.store.report_rows import Counted, Report

if TYPE_CHECKING:
    from recloser.decide import Decision  # callers carry no decisions: they need not load it


class Tables(Protocol):
    """Where circuits and permits are kept. Every method may raise StoreError."""

    def read(self, name: str, *, consistent: bool = False) -> Circuit:
        """Return the circuit; one that was never written is closed, of generation 0."""

    def read_many(self, names: Iterable[str]) -> dict[str, Circuit]:
        """Return several circuits by name, in as few requests as can be; eventually consistent."""

    def read_probes(self, name: str, generation: int) -> Probes | None:
        """Return what became of a generation's permits; None: it has none, or they cannot be used."""

    def commit(self, before: Circuit, decision: Decision) -> None:
        """Write the decision, all of it or nothing.

        Raises:
            Conflict: the circuit is no longer at the revision of `before`.

        """

    def claim(self, name: str, generation: int, now_ms: int) -> int | None:
        """Claim a permit; return the probe's number, or None when there is none to be had."""

    def report(self, name: str, generation: int, number: int, *, succeeded: bool) -> None:
        """Say how a probe ended. Repeating it changes nothing."""

    def give_back(self, name: str, generation: int, number: int) -> None:
        """Return a permit whose call said nothing about the dependency. Repeating it changes nothing."""

    def report_failures(self, name: str, generation: int, shard: int, report: Report) -> None:
        """Add what a process counted, second by second, to what others have counted of a closed generation.

        `shard` says which of the `SHARDS` items of the circuit to add to. Calls made after the process' first
        report go to the same number and `FIRST_LATER_SHARD`. A report whose answer is lost may be added
        twice.
        """

    def read_failures(
        self, name: str, generation: int, since_second: int, until_second: int
    ) -> dict[int, Counted]:
        """Return what was reported of each second, both ends included. Absurd counts are turned away."""

    def due(self, now_ms: int) -> Iterator[str]:
        """Name the circuits for which time must do something."""

    def not_closed(self) -> Iterator[Circuit]:
        """Yield every circuit that is not closed, or has an override. It reads the whole table."""

    def scan(self) -> Iterator[Circuit]:
        """Yield every circuit that was ever written. For operators: it reads the whole table."""
