"""Committing a decision: all of it or nothing, and only on the circuit it was made on."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from decisions import (
    NOW_MS,
    RETRY_AT_MS,
    WAIT_MS,
    closing,
    committed,
    more_permits,
    reported,
    set_policy,
    trip,
    tripped,
)

from recloser.circuit import Cause, Circuit, Probes, State
from recloser.decide import Decision, Mint, nothing
from recloser.errors import Conflict
from recloser.store.tables import Tables

NAME = "payments-api"


@pytest.mark.parametrize("consistent", [False, True])
def test_a_circuit_that_was_never_written(tables: Tables, *, consistent: bool) -> None:
    """A circuit that was never written is closed, of generation 0, and has no permits."""
    assert tables.read(NAME, consistent=consistent) == Circuit(NAME, State.CLOSED, generation=0, revision=0)
    assert tables.read_probes(NAME, 0) is None


def test_reading_writes_nothing(tables: Tables) -> None:
    """Reading a circuit does not create it."""
    tables.read(NAME)
    assert list(tables.scan()) == []


def test_what_is_committed_is_read_back(tables: Tables) -> None:
    """A trip is read back whole, and its canary's permit with it."""
    decision = trip(tables.read(NAME))

    tables.commit(tables.read(NAME), decision)

    assert tables.read(NAME, consistent=True) == decision.circuit
    assert tables.read_probes(NAME, 1) == Probes(1, granted=0, allowed=1, opens_at_ms=RETRY_AT_MS)


def test_optional_attributes_go_away(tables: Tables) -> None:
    """What a circuit no longer has is gone when it is read back: a closed one has no retry_at."""
    opened = tripped(tables)
    decision = closing(opened)

    closed = committed(tables, decision, opened)

    assert closed == decision.circuit
    assert (closed.state, closed.retry_at_ms, closed.due_at_ms) == (State.CLOSED, None, None)


def test_a_decision_of_nothing_writes_nothing(tables: Tables) -> None:
    """Nothing decided is nothing written."""
    tables.commit(Circuit(NAME), nothing(Cause.ALREADY_OPEN, "already open"))
    assert list(tables.scan()) == []


def test_circuits_do_not_touch_each_other(tables: Tables) -> None:
    """A commit changes its own circuit alone, whatever the others are called."""
    others = ["payments", "payments-api.v2", "PAYMENTS-API", "payments-api-1"]
    tripped(tables)
    assert [tables.read(other) for other in others] == [Circuit(other) for other in others]
    assert [tables.read_probes(other, 1) for other in others] == [None] * len(others)


def test_the_second_writer_of_an_unwritten_circuit_loses(tables: Tables) -> None:
    """Two writers find no circuit: one wins; of the other nothing is visible, its permits included."""
    unwritten = tables.read(NAME)
    first = trip(unwritten, reason="first")
    second = trip(unwritten, reason="second", now_ms=NOW_MS + 60_000)

    tables.commit(unwritten, first)
    with pytest.raises(Conflict):
        tables.commit(unwritten, second)

    assert tables.read(NAME, consistent=True) == first.circuit
    assert tables.read_probes(NAME, 1) == Probes(1, allowed=1, opens_at_ms=RETRY_AT_MS)


def test_the_second_writer_of_a_revision_loses(tables: Tables) -> None:
    """Two writers read one revision: the slower one gets Conflict, and no new generation has permits."""
    opened = tripped(tables)
    failed = reported(opened, Probes(1, granted=1, allowed=1, failed=frozenset({1})))
    half_opened = reported(opened, Probes(1, granted=1, allowed=1))
    assert failed.mint is not None

    tables.commit(opened, half_opened)
    with pytest.raises(Conflict):
        tables.commit(opened, failed)

    assert tables.read(NAME, consistent=True) == half_opened.circuit
    assert tables.read_probes(NAME, 2) is None


def test_the_loser_adds_no_permits(tables: Tables) -> None:
    """The canary's success, reported twice at once, admits the other probes once."""
    opened = tripped(tables)
    success = reported(opened, Probes(1, granted=1, allowed=1, succeeded=frozenset({1})))

    tables.commit(opened, success)
    with pytest.raises(Conflict):
        tables.commit(opened, success)

    assert tables.read_probes(NAME, 1) == Probes(1, allowed=10, opens_at_ms=RETRY_AT_MS)


def test_a_writer_without_permits_loses_as_well(tables: Tables) -> None:
    """A plain write, that mints nothing, is conditional in the same way."""
    before = tables.read(NAME)
    first = committed(tables, set_policy(before, permits=20), before)
    with pytest.raises(Conflict):
        tables.commit(before, set_policy(before, permits=30))
    assert tables.read(NAME, consistent=True) == first


def test_a_repeated_commit_is_a_conflict(tables: Tables) -> None:
    """The same decision committed twice is written once."""
    before = tables.read(NAME)
    decision = trip(before)
    tables.commit(before, decision)
    tables.claim(NAME, 1, RETRY_AT_MS)
    with pytest.raises(Conflict):
        tables.commit(before, decision)
    probes = tables.read_probes(NAME, 1)
    assert probes is not None
    assert probes.granted == 1


def test_a_transaction_that_half_fails_leaves_nothing(tables: Tables) -> None:
    """Permits cannot be added to a generation that has none: then the circuit stays as it was, too."""
    opened = tripped(tables)
    with pytest.raises(Conflict):
        tables.commit(opened, more_permits(opened, 9, generation=7))
    assert tables.read(NAME, consistent=True) == opened
    assert tables.read_probes(NAME, 7) is None
    assert tables.read_probes(NAME, 1) == Probes(1, allowed=1, opens_at_ms=RETRY_AT_MS)


def test_a_new_generation_starts_afresh(tables: Tables) -> None:
    """Permits left over from a circuit that was deleted manually do not count in a new generation."""
    opened = tripped(tables)
    mint = Mint(2, permits=5, opens_at_ms=NOW_MS)
    leftover = Decision(Cause.RETRY_DUE, "leftover", replace(opened, revision=2), mint)
    before = committed(tables, leftover, opened)
    for number in (1, 2):
        tables.claim(NAME, 2, NOW_MS)
        tables.report(NAME, 2, number, succeeded=False)

    committed(tables, reported(before, Probes(1, granted=1, failed=frozenset({1}))), before)

    assert tables.read_probes(NAME, 2) == Probes(2, allowed=1, opens_at_ms=RETRY_AT_MS + WAIT_MS)
    assert tables.read_probes(NAME, 1) == Probes(1, allowed=1, opens_at_ms=RETRY_AT_MS)


def test_of_many_writers_at_once_one_wins(shared_tables: Tables) -> None:
    """Eight writers at the same instant: exactly one wins, and what is stored is all its own."""
    writers = 8
    before = tripped(shared_tables)
    start = threading.Barrier(writers)

    def write(number: int) -> Decision | None:
        decision = trip(replace(before, state=State.HALF_OPEN), now_ms=NOW_MS + number)
        start.wait()
        try:
            shared_tables.commit(before, decision)
        except Conflict:
            return None
        return decision

    with ThreadPoolExecutor(writers) as pool:
        [winner] = [decision for decision in pool.map(write, range(writers)) if decision is not None]

    assert shared_tables.read(NAME, consistent=True) == winner.circuit
    probes = shared_tables.read_probes(NAME, 2)
    assert winner.mint is not None
    assert probes is not None
    assert probes.opens_at_ms == winner.mint.opens_at_ms
