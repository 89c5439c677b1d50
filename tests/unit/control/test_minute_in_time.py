"""Every minute at its worst: 10,000 circuits are due at once, and requests to the tables take time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from recloser.circuit import Circuit, State
from recloser.control.control import Control
from recloser.control.minute import Minute, Report
from recloser.decide import Decision
from recloser.signals import AlarmRaised
from recloser.store.memory import MemoryTables

CIRCUITS = 10_000
NAMES = [f"circuit-{number:05}" for number in range(CIRCUITS)]
BEGINNING_MS = 1_795_000_020_000
MINUTE_MS = 60_000
LONGEST_RUN_MS = 45_000
LAMBDA_TIMEOUT_MS = 60_000


class SlowTables(MemoryTables):
    """Tables whose requests take time by the clock that they move."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = float(BEGINNING_MS)
        self.commit_ms = self.read_ms = self.scan_ms = 0

    def read_many(self, names: Iterable[str]) -> dict[str, Circuit]:
        found = super().read_many(names)
        self.now_ms += self.read_ms * len(found)
        return found

    def commit(self, before: Circuit, decision: Decision) -> None:
        self.now_ms += self.commit_ms
        super().commit(before, decision)

    def not_closed(self) -> Iterator[Circuit]:
        for circuit in super().not_closed():
            self.now_ms += self.scan_ms
            yield circuit


@pytest.fixture(scope="module")
def stored() -> MemoryTables:
    """All of them tripped a minute ago, so that all are due."""
    tables = MemoryTables()
    control = Control(tables, now_ms=lambda: BEGINNING_MS - MINUTE_MS)
    for name in NAMES:
        control.apply(name, AlarmRaised("recloser:any-circuit", "it fails", BEGINNING_MS - MINUTE_MS))
    return tables


@pytest.fixture
def opened(stored: MemoryTables) -> SlowTables:
    tables = SlowTables()
    tables._circuits, tables._probes = dict(stored._circuits), dict(stored._probes)
    return tables


def run(tables: SlowTables, published: list[str]) -> Report:
    control = Control(tables, now_ms=lambda: round(tables.now_ms))
    minute = Minute(control, lambda circuit: published.append(circuit.name))
    return minute.run(round(tables.now_ms) + LONGEST_RUN_MS)


def test_no_circuit_is_lost_and_no_run_is_over_its_time(opened: SlowTables) -> None:
    """What a run has no time for, the next ones do: each circuit moves, once, and each run ends in time."""
    opened.commit_ms, opened.scan_ms = 10, 1
    moved: list[str] = []
    for minute in range(4):  # 30 s of a run are for the circuits: 3,000 of them
        opened.now_ms = begins = BEGINNING_MS + minute * MINUTE_MS
        report = run(opened, [])
        assert opened.now_ms - begins <= LONGEST_RUN_MS + opened.commit_ms
        assert report.problems == []
        moved += [applied.circuit.name for applied in report.moved]
    assert sorted(moved) == NAMES
    assert {opened.read(name).state for name in NAMES} == {State.HALF_OPEN}


def test_reading_them_all_leaves_time_to_move_some(opened: SlowTables) -> None:
    """Circuits move from the first minute on, also where reading all of them takes longer than a run."""
    opened.commit_ms, opened.read_ms = 5, 5
    moved: list[str] = []
    for minute in range(4):
        opened.now_ms = begins = BEGINNING_MS + minute * MINUTE_MS
        report = run(opened, [])
        assert report.moved
        assert opened.now_ms - begins <= LONGEST_RUN_MS + 100 * opened.read_ms
        moved += [applied.circuit.name for applied in report.moved]
    assert len(moved) == len(set(moved))
    assert len(moved) > CIRCUITS / 2


def test_a_slow_scan_ends_in_time_too(opened: SlowTables) -> None:
    """The metric State is written for as many circuits as there is time for, also where all are scanned."""
    opened.commit_ms, opened.scan_ms = 10, 20
    for minute in range(5, 7):  # of these one sweeps
        opened.now_ms = begins = BEGINNING_MS + minute * MINUTE_MS
        published: list[str] = []
        run(opened, published)
        assert opened.now_ms - begins < LAMBDA_TIMEOUT_MS
        assert opened.now_ms - begins <= LONGEST_RUN_MS + opened.scan_ms
        assert published
