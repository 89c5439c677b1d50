"""What the tables in memory tell, as the streams of the real ones do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from decisions import NOW_MS, RETRY_AT_MS, more_permits, trip

from recloser.circuit import Circuit, Probes
from recloser.errors import Conflict
from recloser.store.memory import MemoryTables
from recloser.store.report_rows import SECONDS_PER_ITEM, Counted

NAME = "payments-api"


def test_changes_are_told() -> None:
    """Each change is told once, with what it is about; what changes nothing is not."""
    told: list[Any] = []
    tables = MemoryTables(
        lambda before, after: told.append((before, after)),
        lambda name, probes: told.append((name, probes)),
        lambda name, generation: told.append((name, generation)),
    )
    before = Circuit(NAME)
    decision = trip(before, now_ms=NOW_MS)
    tables.commit(before, decision)
    assert told.pop() == (before, decision.circuit)
    tables.claim(NAME, 1, RETRY_AT_MS)
    claimed = Probes(1, granted=1, allowed=1, opens_at_ms=RETRY_AT_MS)
    assert told.pop() == (NAME, claimed)
    for _ in range(2):
        tables.give_back(NAME, 1, 1)
    given_back = replace(claimed, allowed=2, returned=frozenset({1}))
    assert told == [(NAME, given_back)]
    for _ in range(2):
        tables.report(NAME, 1, 2, succeeded=True)
    assert told[1:] == [(NAME, replace(given_back, succeeded=frozenset({2})))]
    tables.report_failures(NAME, 1, 0, {5: Counted(1, 1)})
    assert told[-1] == (NAME, 1)


def test_several_are_read() -> None:
    """Circuits by their names, from any iterable, each name once."""
    tables = MemoryTables()
    assert tables.read_many(iter(["a", "b"])) == {"a": Circuit("a"), "b": Circuit("b")}


def test_conflicts_say_what_is_wrong() -> None:
    """A write that comes too late, and permits that cannot be added, name the circuit and why."""
    tables = MemoryTables()
    decision = trip(Circuit(NAME))
    tables.commit(Circuit(NAME), decision)
    with pytest.raises(Conflict, match=r"^circuit payments-api is no longer at revision 0$"):
        tables.commit(Circuit(NAME), decision)
    known = tables.read(NAME)
    with pytest.raises(Conflict, match=r"^circuit payments-api has no permits of generation 7 to add to$"):
        tables.commit(known, more_permits(known, 2, generation=7))


def test_old_reports_are_forgotten() -> None:
    """Seconds that an item would no longer hold are not kept."""
    tables = MemoryTables()
    for second in (0, 1, SECONDS_PER_ITEM):
        tables.report_failures(NAME, 1, 0, {second: Counted(1, 1)})
    assert set(tables.read_failures(NAME, 1, 0, 100)) == {1, SECONDS_PER_ITEM}
