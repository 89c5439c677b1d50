"""An observer is told what happens in a simulation. The fault suite has one; a run needs none."""

from __future__ import annotations

from recloser.circuit import Circuit
from recloser.control.control import Applied
from recloser.errors import CircuitOpen
from recloser.lab.simulation.machine import Machine
from recloser.signals import Signal


class Observer:
    """Is told what happens, at the instant it does; by itself it does nothing."""

    def wrote(self, before: Circuit, after: Circuit, at_ms: int) -> None:
        """A circuit was written."""

    def applied(self, signal: Signal | None, applied: Applied, at_ms: int) -> None:
        """A function applied a signal (None: time) and came to an end."""

    def alarms_edited(self, threshold_percent: float | None, at_ms: int) -> None:
        """The failure-rate alarms were edited; None: they are gone, or state no failure rate any more."""

    def read(self, machine: Machine, *, answered: bool) -> None:
        """A caller asked for the flag."""

    def clock_set(self, machine: Machine) -> None:
        """A caller's clock, which was wrong, was set right."""

    def claimed(self, machine: Machine, generation: int, number: int) -> None:
        """A permit was granted; the environment may not have been told."""

    def began(self, machine: Machine) -> None:
        """A call reached the dependency; with `machine.permit` it is a probe."""

    def refused(self, machine: Machine, refusal: CircuitOpen) -> None:
        """A call was refused."""

    def ended(self, machine: Machine, *, failed: bool) -> None:
        """A call came back from the dependency, at the environment's time, or its environment ended."""
