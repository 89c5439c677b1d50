"""For tests of code that uses Recloser: a clock that is set manually, and a world in memory.

    world = World()
    breaker = world.breaker("payments-api")
    world.force_open("payments-api")

With pytest the fixture `recloser_world` is such a world.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, TypedDict, Unpack

from recloser.admit import OnStoreError
from recloser.caller.background import at_once
from recloser.caller.breaker import CircuitBreaker
from recloser.caller.fallback import Fallback
from recloser.caller.flag_cache import Uniform
from recloser.caller.local_trip import LocalTrip
from recloser.caller.options import OnRefused, OnStateSeen
from recloser.caller.outcome import ExceptionTypes
from recloser.caller.process import Process, forbid_default
from recloser.caller.process_parts import RunInBackground, Watchdog
from recloser.caller.watchdog import Deadline
from recloser.circuit import Circuit, Override, Probes, State
from recloser.control.control import Control
from recloser.metrics.recorder import EmfPublisher
from recloser.policy import RecoveryPolicy
from recloser.signals import AlarmRaised, OverrideReleased, OverrideSet, PolicySet, ProbesReported
from recloser.store.memory import MemoryTables

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
            ValueError: time would run backwards, or without end.

        """
        if not 0 <= seconds < math.inf:
            raise ValueError(f"seconds = {seconds!r} is not allowed: a clock only goes forward, some seconds")
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
    """Return the middle of the range, so that no test depends on chance."""
    return (low + high) / 2


class Settings(TypedDict, total=False):
    """What `World.breaker` takes: the settings of CircuitBreaker, and the parts of a `Process`."""

    handled_exceptions: ExceptionTypes | None
    ignored_exceptions: ExceptionTypes | None
    failure_if_raised: Callable[[BaseException], bool | None] | None
    failure_if_returned: Callable[[Any], bool] | None
    slow_after_seconds: float | None
    timeout_seconds: float | None
    fallback: Fallback
    fallback_on_failure: bool
    local_trip: LocalTrip | None
    on_store_error: OnStoreError
    on_refused: OnRefused | None
    on_state_seen: OnStateSeen | None
    closed_cache_seconds: float
    open_cache_seconds: float
    tables: Any
    publisher: Any
    clock: Callable[[], float]
    uniform: Uniform
    watchdog: Watchdog
    in_background: RunInBackground
    is_enabled: bool


class World:
    """Everything that breakers need, in this process: tables, the control side, a clock, the metrics.

    Args:
        policy: the default policy of its circuits.
        strict: until `let_go`, a breaker that is used and belongs to no world raises a RuntimeError.

    Attributes:
        clock: what its breakers take for the time.
        tables: where its circuits are kept.
        control: applies signals to them, as the deployed functions do.
        metrics: the documents that were published, as dictionaries.

    """

    def __init__(self, policy: RecoveryPolicy | None = None, *, strict: bool = False) -> None:
        self.clock = Clock()
        self.tables = MemoryTables(on_probes=self._probes_reported)
        self.control = Control(
            self.tables, defaults=policy or RecoveryPolicy(jitter=0), now_ms=self.clock.now_ms
        )
        self.metrics: list[dict[str, Any]] = []
        self._publisher = EmfPublisher(lambda line: self.metrics.append(json.loads(line)))
        self.process = Process(**self._parts())
        self._processes = [self.process]
        self._adopted: list[tuple[CircuitBreaker, Process | None]] = []
        self._is_strict = strict
        if strict:
            forbid_default("no world has this breaker: make it by World.breaker, or World.adopt it")

    def _parts(self) -> dict[str, Any]:
        return {
            "tables": self.tables,
            "publisher": self._publisher,
            "clock": self.clock,
            "uniform": halfway,
            "watchdog": self.clock,
            "in_background": at_once,
        }

    # --- Breakers --------------------------------------------------------------------------------

    def breaker(self, name: str, **settings: Unpack[Settings]) -> CircuitBreaker:
        """Make a breaker in this world.

        Args:
            name: the circuit.
            settings: as for CircuitBreaker; and those of `Process`, for a breaker that shares fewer parts.

        """
        everything: dict[str, Any] = dict(settings)
        parts = self._parts()
        given = {part: everything.pop(part) for part in (*parts, "is_enabled") if part in everything}
        process = self.process
        if given or self.process.clock is not self.clock:
            process = Process(**(parts | given))
            self._processes.append(process)
        return CircuitBreaker(name, process=process, **everything)

    def adopt(self, breaker: CircuitBreaker) -> None:
        """Take a breaker that the code under test has made already into this world, until `let_go`.

        Its metrics, its circuit and its time are this world's.
        """
        self._adopted.append((breaker, breaker.move(self.process)))

    def let_go(self) -> None:
        """Give every adopted breaker back what it had; a strict world ends."""
        while self._adopted:
            breaker, process = self._adopted.pop()
            breaker.move(process)
        if self._is_strict:
            forbid_default(None)

    def reset(self) -> None:
        """Start afresh: every circuit is closed and was never open, nothing is published, nothing runs.

        Breakers stay in this world, and time goes on from where it is.
        """
        self.tables.clear()
        self.metrics.clear()
        for process in self._processes:
            process.begin_anew()

    # --- States ----------------------------------------------------------------------------------

    def trip(self, name: str) -> Circuit:
        """Trip a circuit, as an alarm does: breakers see it when their flag is next read."""
        return self.control.apply(name, AlarmRaised("test", "tripped by a test", None)).circuit

    def force_open(self, name: str) -> Circuit:
        """Hold a circuit open, as an operator would; breakers see it at once."""
        return self._override(name, State.OPEN)

    def force_closed(self, name: str) -> Circuit:
        """Let everything through, as an operator would; breakers see it at once."""
        return self._override(name, State.CLOSED)

    def release(self, name: str) -> Circuit:
        """Take an override back; breakers see it at once."""
        circuit = self.control.apply(name, OverrideReleased("test")).circuit
        self._forget_flags()
        return circuit

    def configure(self, name: str, **settings: Any) -> Circuit:
        """Set a circuit's own settings, of recovery and of callers; breakers see them at once.

        Raises:
            PolicyError: a setting is unknown or out of its range.

        """
        RecoveryPolicy().with_overrides(settings)
        circuit = self.control.apply(name, PolicySet(settings, by="test")).circuit
        self._forget_flags()
        return circuit

    # --- What happened ---------------------------------------------------------------------------

    def metric(self, name: str, circuit: str | None = None) -> list[float]:
        """Return every value published for a metric, of all circuits or of one, in order.

        What waits between two invocations of a handler is published first.
        """
        if not self.process.batching.is_on:
            self.process.batching.flush()
        values: list[float] = []
        for document in self.metrics:
            if name in document and circuit in (None, document["Circuit"]):
                value = document[name]
                values.extend(value if isinstance(value, list) else [value])
        return values

    def refused(self, circuit: str) -> int:
        """Return how many calls were refused; in shadow mode, how many would have been."""
        return int(sum(self.metric("Rejected", circuit)))

    def _override(self, name: str, state: State) -> Circuit:
        override = Override(state, by="test", why="a test says so", at_ms=self.clock.now_ms())
        circuit = self.control.apply(name, OverrideSet(override)).circuit
        self._forget_flags()
        return circuit

    def _forget_flags(self) -> None:
        for process in self._processes:
            process.forget_flags()

    def _probes_reported(self, name: str, probes: Probes) -> None:
        self.control.apply(name, ProbesReported(probes))
