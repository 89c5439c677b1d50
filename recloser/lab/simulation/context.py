"""What every part of a simulation shares."""

from __future__ import annotations

from dataclasses import dataclass

from recloser.lab.simulation.event_queue import EventQueue
from recloser.lab.simulation.fault_injection import FaultInjector
from recloser.lab.simulation.observer import Observer
from recloser.lab.simulation.random_streams import RandomStream
from recloser.lab.simulation.recording import Recording
from recloser.lab.simulation.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Context:
    """The scenario, the time, the faults, the recording of the run, and the observer if there is one."""

    scenario: Scenario
    queue: EventQueue
    faults: FaultInjector
    recording: Recording
    observer: Observer | None

    def random(self, purpose: str) -> RandomStream:
        """Return the random numbers of one purpose, from their beginning."""
        return RandomStream(self.scenario.seed, purpose)
