"""Who watches a simulation from within. The fault suite does; nobody needs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recloser.circuit import Circuit
from recloser.control.control import Applied
from recloser.decide import Signal
from recloser.errors import CircuitOpen

if TYPE_CHECKING:
    from recloser.lab.simulation.environment import Environment


class Witness:
    """Is told what happens, at the instant it does; by itself it does nothing."""

    def wrote(self, before: Circuit, after: Circuit, at_ms: int) -> None:
        """A circuit was written."""

    def applied(self, signal: Signal | None, applied: Applied, at_ms: int) -> None:
        """A function applied a signal (None: time) and came to an end."""

    def read(self, environment: Environment, *, answered: bool) -> None:
        """A caller asked for the flag."""

    def claimed(self, environment: Environment, generation: int, number: int) -> None:
        """A permit was granted; the environment may not have been told."""

    def began(self, environment: Environment) -> None:
        """A call reached the dependency; with `environment.permit` it is a probe."""

    def refused(self, environment: Environment, refusal: CircuitOpen) -> None:
        """A call was refused."""

    def ended(self, environment: Environment, *, failed: bool) -> None:
        """A call came back from the dependency, at the environment's time, or its environment ended."""
