"""The recording of a run, second by second and event by event."""

from __future__ import annotations

from dataclasses import dataclass, field

from recloser.circuit import Circuit, State

# The columns of a second's row.
SUCCEEDED, FAILED, REFUSED, HELD, REFUSED_GOOD, HELD_GOOD, PROBES, THROTTLED, CANCELLED = range(9)
COLUMNS = 9


@dataclass(frozen=True, slots=True)
class StateChange:
    """A write that moved the state or the generation."""

    at_ms: int
    before: State
    after: State
    generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """An alarm that CloudWatch moved, or that was re-armed."""

    at_ms: int
    alarm: str
    value: str


@dataclass(frozen=True, slots=True)
class Probe:
    """A probe that ended, or whose environment did (None)."""

    at_ms: int
    generation: int
    succeeded: bool | None


@dataclass(slots=True)
class Recording:
    """The recording of a run.

    `calls` has a row for each second: calls that succeeded, failed, were refused because of the circuit and
    by the local trip, how many of both would have succeeded, probes, calls that found no environment, and
    calls that were cancelled.
    """

    start_ms: int
    seconds: int
    calls: list[list[int]] = field(default_factory=list)
    states: list[StateChange] = field(default_factory=list)
    alarms: list[AlarmChange] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    announced: int = 0
    trips: int = 0
    rearmed: int = 0
    deaths: int = 0
    cold_starts: int = 0

    def __post_init__(self) -> None:
        self.calls = [[0] * COLUMNS for _ in range(self.seconds + 1)]

    def row(self, at_ms: int) -> list[int]:
        return self.calls[min((at_ms - self.start_ms) // 1000, self.seconds)]

    def note_written(self, at_ms: int, before: Circuit, after: Circuit) -> None:
        if (before.state, before.generation) != (after.state, after.generation):
            self.states.append(StateChange(at_ms, before.state, after.state, after.generation, after.reason))

    def total(self, column: int, from_seconds: float = 0, until_seconds: float | None = None) -> int:
        """Sum a column over whole seconds."""
        until = self.seconds + 1 if until_seconds is None else int(until_seconds)
        return sum(row[column] for row in self.calls[int(from_seconds) : until])
