"""For tests of code that uses Recloser: a clock that is set by hand, and a world in memory.

world = World()
breaker = world.breaker("payments-api")
world.force_open("payments-api")
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from recloser.breaker import CircuitBreaker
from recloser.circuit import Circuit, Override, Policy, Probes, State
from recloser.control import Control
from recloser.decide import AlarmRaised, OverrideReleased, OverrideSet, ProbesReported
from recloser.flags import FlagReader
from recloser.memory import MemoryTables
from recloser.publishing import EmfPublisher
from recloser.watchdog import Deadline

__all__ = ["Clock", "MemoryTables", "World"]


class Clock:
    """A clock that moves when it is told to, and its watchdog. Calling it gives epoch seconds."""

    def __init__(self, seconds: float = 1_700_000_000.0) -> None:
        self._seconds = seconds
        self._deadlines: list[Deadline] = []

    def __call__(self) -> float:
        return self._seconds

    def now_ms(self) -> int:
        return round(self._seconds * 1000)

    def advance(self, seconds: float) -> None:
        """Let time pass, and what is due in it happen.

        Raises:
            ValueError: time would run backwards.

        """
        if seconds < 0:
            raise ValueError(f"seconds = {seconds!r} is not allowed: a clock only goes forward")
        end = self._seconds + seconds
        for deadline in sorted(
            (each for each in self._deadlines if each.at <= end), key=lambda each: each.at
        ):
            self._seconds = max(self._seconds, deadline.at)
            deadline.expire()
        self._deadlines = [each for each in self._deadlines if each.on_expiry is not None]
        self._seconds = end

    def watch(self, at: float, on_expiry: Callable[[], None]) -> Deadline:
        """Let something happen when the clock comes to `at`, epoch seconds."""
        deadline = Deadline(at, on_expiry)
        self._deadlines.append(deadline)
        return deadline


def halfway(low: float, high: float) -> float:
    """Draw no chance: the middle."""
    return (low + high) / 2


class World:
    """Everything that breakers need, in this process: tables, the control side, a clock, the metrics.

    Args:
        policy: the default policy of its circuits.

    """

    def __init__(self, policy: Policy | None = None) -> None:
        self.clock = Clock()
        self.tables = MemoryTables(on_probes=self._probes_reported)
        self.control = Control(self.tables, defaults=policy or Policy(jitter=0), now_ms=self.clock.now_ms)
        self.metrics: list[dict[str, Any]] = []

    def breaker(self, name: str, **settings: Any) -> CircuitBreaker:
        """Make a breaker in this world. `settings` as for CircuitBreaker."""
        world: dict[str, Any] = {
            "tables": self.tables,
            "clock": self.clock,
            "draw": halfway,
            "publisher": EmfPublisher(lambda line: self.metrics.append(json.loads(line))),
            "watchdog": self.clock,
        } | settings
        reader = FlagReader(world["tables"], world["clock"], world["draw"], beside=lambda work: work())
        return CircuitBreaker(name, **({"reader": reader} | world))

    def trip(self, name: str) -> Circuit:
        """Trip a circuit, as an alarm set by hand would."""
        return self.control.apply(name, AlarmRaised("test", "tripped by a test", None)).circuit

    def force_open(self, name: str) -> Circuit:
        """Hold a circuit open, as an operator would."""
        return self._override(name, State.OPEN)

    def force_closed(self, name: str) -> Circuit:
        """Let everything through, as an operator would."""
        return self._override(name, State.CLOSED)

    def release(self, name: str) -> Circuit:
        """Take an override back."""
        return self.control.apply(name, OverrideReleased("test")).circuit

    def metric(self, name: str) -> list[float]:
        """Return every value published for a metric, in order."""
        return [document[name] for document in self.metrics if name in document]

    def _override(self, name: str, state: State) -> Circuit:
        override = Override(state, by="test", why="a test says so", at_ms=self.clock.now_ms())
        return self.control.apply(name, OverrideSet(override)).circuit

    def _probes_reported(self, name: str, probes: Probes) -> None:
        self.control.apply(name, ProbesReported(probes))
