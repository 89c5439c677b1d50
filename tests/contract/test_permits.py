"""Claiming permits, reporting probes, giving permits back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from decisions import RETRY_AT_MS, committed, more_permits, tripped
from stored_tables import StoredTables

from recloser.circuit import Probes
from recloser.store.tables import Tables

NAME = "payments-api"


def probes_of(tables: Tables, generation: int = 1) -> Probes:
    probes = tables.read_probes(NAME, generation)
    assert probes is not None
    return probes


def with_permits(tables: Tables, permits: int) -> None:
    """A tripped circuit with so many permits, all to be claimed."""
    committed(tables, more_permits(tripped(tables), permits - 1))


# --- Claims --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("after_ms", "number"), [(-1, None), (0, 1), (1, 1)])
def test_permits_open_on_time(tables: Tables, after_ms: int, number: int | None) -> None:
    """A permit can be claimed from opens_at on, to the millisecond, and not before."""
    tripped(tables)
    assert tables.claim(NAME, 1, RETRY_AT_MS + after_ms) == number
    assert probes_of(tables).granted == (number or 0)


def test_claims_are_numbered_up_to_the_limit(tables: Tables) -> None:
    """Permits are numbered from 1; beyond those allowed there is none, however often one asks."""
    with_permits(tables, 3)
    assert [tables.claim(NAME, 1, RETRY_AT_MS) for _ in range(5)] == [1, 2, 3, None, None]
    assert probes_of(tables).granted == 3


def test_more_permits_can_be_claimed(tables: Tables) -> None:
    """Permits added later go on with the numbers."""
    opened = tripped(tables)
    assert tables.claim(NAME, 1, RETRY_AT_MS) == 1
    assert tables.claim(NAME, 1, RETRY_AT_MS) is None
    committed(tables, more_permits(opened, 2), opened)
    assert [tables.claim(NAME, 1, RETRY_AT_MS) for _ in range(3)] == [2, 3, None]


@pytest.mark.parametrize("generation", [0, 2])
def test_a_generation_without_permits_grants_none(tables: Tables, generation: int) -> None:
    """A claim of a generation that has no permits is refused, and creates nothing."""
    tripped(tables)
    assert tables.claim(NAME, generation, RETRY_AT_MS) is None
    assert tables.read_probes(NAME, generation) is None


def test_a_circuit_that_was_never_written_grants_none(tables: Tables) -> None:
    """Nobody probes a circuit that never tripped."""
    assert tables.claim(NAME, 0, RETRY_AT_MS) is None
    assert tables.read_probes(NAME, 0) is None


@pytest.mark.parametrize("allowed", [1, 5])
def test_claims_at_once_never_exceed_the_limit(shared_tables: Tables, allowed: int) -> None:
    """However many ask at the same time, each number is given once, and never more than are allowed."""
    with_permits(shared_tables, allowed)
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: shared_tables.claim(NAME, 1, RETRY_AT_MS), range(24)))
    assert sorted(number for number in numbers if number is not None) == list(range(1, allowed + 1))
    assert probes_of(shared_tables).granted == allowed


# --- Reports -------------------------------------------------------------------------------------


def test_reports_are_kept_by_outcome(tables: Tables) -> None:
    """A report moves its number, and nothing else, from those that are out."""
    with_permits(tables, 3)
    for _ in range(3):
        tables.claim(NAME, 1, RETRY_AT_MS)
    tables.report(NAME, 1, 1, succeeded=True)
    tables.report(NAME, 1, 3, succeeded=False)
    assert probes_of(tables) == Probes(
        1, granted=3, allowed=3, opens_at_ms=RETRY_AT_MS, succeeded=frozenset({1}), failed=frozenset({3})
    )
    assert probes_of(tables).out == 1


@pytest.mark.parametrize("succeeded", [True, False])
def test_a_repeated_report_changes_nothing(tables: Tables, *, succeeded: bool) -> None:
    """A report sent twice counts once."""
    tripped(tables)
    tables.claim(NAME, 1, RETRY_AT_MS)
    tables.report(NAME, 1, 1, succeeded=succeeded)
    once = probes_of(tables)
    tables.report(NAME, 1, 1, succeeded=succeeded)
    assert probes_of(tables) == once


def test_reports_at_once_are_all_kept(shared_tables: Tables) -> None:
    """Reports from many environments at the same time lose none."""
    with_permits(shared_tables, 12)
    numbers = [shared_tables.claim(NAME, 1, RETRY_AT_MS) for _ in range(12)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: shared_tables.report(NAME, 1, number or 0, succeeded=True), numbers))
    assert probes_of(shared_tables).succeeded == frozenset(range(1, 13))


def test_a_report_to_nowhere_creates_nothing(tables: Tables) -> None:
    """A report to a generation that does not exist is passed over, and creates nothing."""
    tripped(tables)
    for generation in (0, 2):
        tables.report(NAME, generation, 1, succeeded=True)
        tables.report(NAME, generation, 1, succeeded=False)
        assert tables.read_probes(NAME, generation) is None


# --- Giving back ---------------------------------------------------------------------------------


def test_a_permit_given_back_can_be_claimed_again(tables: Tables) -> None:
    """A permit given back lets one more probe be made, under a new number."""
    tripped(tables)
    assert tables.claim(NAME, 1, RETRY_AT_MS) == 1
    tables.give_back(NAME, 1, 1)
    assert probes_of(tables).out == 0
    assert [tables.claim(NAME, 1, RETRY_AT_MS) for _ in range(2)] == [2, None]
    assert probes_of(tables) == Probes(
        1, granted=2, allowed=2, opens_at_ms=RETRY_AT_MS, returned=frozenset({1})
    )


def test_a_permit_is_given_back_once(tables: Tables) -> None:
    """Giving back the same permit twice lets only one more probe be made."""
    with_permits(tables, 2)
    for _ in range(2):
        tables.claim(NAME, 1, RETRY_AT_MS)
    tables.give_back(NAME, 1, 2)
    once = probes_of(tables)
    tables.give_back(NAME, 1, 2)
    assert probes_of(tables) == once
    assert once.allowed == 3


def test_permits_given_back_at_once_count_once(shared_tables: Tables) -> None:
    """A permit given back by many retries at the same time counts once."""
    tripped(shared_tables)
    shared_tables.claim(NAME, 1, RETRY_AT_MS)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: shared_tables.give_back(NAME, 1, 1), range(8)))
    assert probes_of(shared_tables) == Probes(
        1, granted=1, allowed=2, opens_at_ms=RETRY_AT_MS, returned=frozenset({1})
    )


def test_giving_back_to_nowhere_creates_nothing(tables: Tables) -> None:
    """A permit of a generation that does not exist is not given back, and nothing is created."""
    tripped(tables)
    tables.give_back(NAME, 2, 1)
    assert tables.read_probes(NAME, 2) is None


# --- Marks ---------------------------------------------------------------------------------------


def test_a_settled_permit_leaves_no_mark(stored: StoredTables) -> None:
    """The mark of a claim goes with its report or its return: an item never fills up with them."""
    tables = stored.tables()
    with_permits(tables, 3)
    for number in (1, 2, 3):
        assert tables.claim(NAME, 1, RETRY_AT_MS) == number
    item = stored.probes(f"{NAME}#1") or {}
    assert len([attribute for attribute in item if attribute.startswith("claim_")]) == 3
    tables.report(NAME, 1, 1, succeeded=True)
    tables.report(NAME, 1, 2, succeeded=False)
    tables.give_back(NAME, 1, 3)
    item = stored.probes(f"{NAME}#1") or {}
    assert set(item) == {
        "permit", "granted", "allowed", "opens_at", "succeeded", "failed", "returned", "expires"
    }  # fmt: skip


def test_a_mark_goes_once(stored: StoredTables) -> None:
    """A report that is repeated, or comes from another process than the claim, does what it should."""
    tables = stored.tables()
    tripped(tables)
    tables.claim(NAME, 1, RETRY_AT_MS)
    stored.tables().report(NAME, 1, 1, succeeded=True)
    for _ in range(2):
        tables.report(NAME, 1, 1, succeeded=True)
    assert probes_of(tables).succeeded == frozenset({1})
    item = stored.probes(f"{NAME}#1") or {}
    assert not any(attribute.startswith("claim_") for attribute in item)
