"""Reports of failures: many processes add to the same seconds, and one reads them all."""

from __future__ import annotations

import pytest
from contract import blocks
from stored_tables import StoredTables

from recloser.store.report_rows import (
    ALL_SHARDS,
    FIRST_HELD_SHARD,
    FIRST_LATER_SHARD,
    HELD_SHARDS,
    SECONDS_PER_ITEM,
    SHARDS,
    Counted,
)
from recloser.store.tables import Tables

NAME = "payments-api"
NOW = 1_767_225_600


def test_what_was_never_reported_is_not_there(tables: Tables) -> None:
    """No report: nothing to read."""
    assert tables.read_failures(NAME, 0, NOW, NOW + 60) == {}


def test_reports_add_up(tables: Tables) -> None:
    """What several processes counted in a second is added, whichever shard they add to."""
    for shard in range(SHARDS):
        tables.report_failures(NAME, 3, shard, {NOW: Counted(2, 1), NOW + 1: Counted(1, 1)})
    tables.report_failures(NAME, 3, 0, {NOW: Counted(5, 0)})
    assert tables.read_failures(NAME, 3, NOW, NOW + 1) == {
        NOW: Counted(2 * SHARDS + 5, SHARDS),
        NOW + 1: Counted(SHARDS, SHARDS),
    }


def test_what_comes_after_a_first_report_is_told_apart(tables: Tables) -> None:
    """Calls of the further shards are among all calls, and known as later ones."""
    tables.report_failures(NAME, 3, 1, {NOW: Counted(3, 3)})
    tables.report_failures(NAME, 3, FIRST_LATER_SHARD + 1, {NOW: Counted(5, 2)})
    tables.report_failures(NAME, 3, FIRST_LATER_SHARD + 3, {NOW: Counted(1, 1)})
    assert tables.read_failures(NAME, 3, NOW, NOW) == {NOW: Counted(9, 6, 6, 3)}


def test_refused_calls_are_no_calls(tables: Tables) -> None:
    """What the last shards hold was not made: it is no call, and known as held."""
    tables.report_failures(NAME, 3, 0, {NOW: Counted(3, 3)})
    for shard in range(FIRST_HELD_SHARD, ALL_SHARDS):
        tables.report_failures(NAME, 3, shard, {NOW: Counted(4, 0)})
    assert tables.read_failures(NAME, 3, NOW, NOW) == {NOW: Counted(3, 3, held_calls=4 * HELD_SHARDS)}


def test_only_the_seconds_that_are_asked_for(tables: Tables) -> None:
    """Both ends belong to the span."""
    report = {NOW + second: Counted(1, 1) for second in range(10)}
    tables.report_failures(NAME, 3, 1, report)
    assert set(tables.read_failures(NAME, 3, NOW + 2, NOW + 4)) == {NOW + 2, NOW + 3, NOW + 4}


def test_a_report_over_the_edge_of_an_item(tables: Tables) -> None:
    """Seconds on both sides of an item's end are kept and read alike."""
    edge = NOW - NOW % SECONDS_PER_ITEM + SECONDS_PER_ITEM
    report = {edge - 1: Counted(4, 3), edge: Counted(2, 2)}
    tables.report_failures(NAME, 3, 2, report)
    assert tables.read_failures(NAME, 3, edge - 8, edge + 2) == report


def test_generations_and_circuits_are_apart(tables: Tables) -> None:
    """A report says nothing of another circuit or generation."""
    tables.report_failures(NAME, 3, 0, {NOW: Counted(1, 1)})
    assert tables.read_failures(NAME, 4, NOW, NOW) == {}
    assert tables.read_failures("ledger", 3, NOW, NOW) == {}


def test_an_empty_report_changes_nothing(tables: Tables) -> None:
    """Nothing counted: nothing written."""
    tables.report_failures(NAME, 3, 0, {})
    assert tables.read_failures(NAME, 3, NOW, NOW) == {}


def test_reports_and_permits_do_not_meet(tables: Tables) -> None:
    """A report makes no permit of its generation."""
    tables.report_failures(NAME, 3, 0, {NOW: Counted(1, 1)})
    assert tables.read_probes(NAME, 3) is None
    assert tables.claim(NAME, 3, NOW * 1000) is None


@pytest.mark.parametrize(
    "absurd", [{"N": "-5"}, {"N": "1.5"}, {"N": "9999999999999"}, {"S": "many" * 10_000}]
)
def test_what_nobody_can_have_counted_is_turned_away(
    stored: StoredTables, absurd: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """A caller may write what it likes there: one short line tells what is left out; the rest holds."""
    tables = stored.tables()
    tables.report_failures(NAME, 3, 0, {NOW: Counted(2, 1), NOW + 1: Counted(2, 1)})
    key = {"permit": {"S": f"{NAME}#3#failures-0-{NOW // SECONDS_PER_ITEM}"}}
    stored.client.update_item(
        TableName=stored.probe_table,
        Key=key,
        UpdateExpression="SET calls_00 = :absurd",
        ExpressionAttributeValues={":absurd": absurd},
    )
    for _ in range(3):
        assert tables.read_failures(NAME, 3, NOW, NOW + 1) == {NOW + 1: Counted(2, 1)}
    [line] = [each.getMessage() for each in caplog.records if "turned away" in each.getMessage()]
    assert line.startswith(f"circuit {NAME}: a report is turned away: second {NOW}: calls {absurd!r:.80}")
    assert len(line) < 300


def test_what_the_contract_page_shows(stored: StoredTables) -> None:
    """A caller in another language that sends the page's request is read as ours are."""
    [request] = [block.document for block in blocks() if block.role == "failures"]
    stored.client.update_item(**request | {"TableName": stored.probe_table})
    found = stored.tables().read_failures(NAME, 16, 1_789_364_580, 1_789_364_600)
    assert found == {1_789_364_587: Counted(5, 4)}
    item = stored.probes(request["Key"]["permit"]["S"])
    stored.tables().report_failures(NAME, 16, 2, {1_789_364_587: Counted(5, 4)})
    twice = stored.probes(request["Key"]["permit"]["S"])
    assert item is not None
    assert twice == item | {"calls_07": {"N": "10"}, "failures_07": {"N": "8"}}


def test_the_item_expires(stored: StoredTables) -> None:
    """An item is removed by itself an hour after its last second."""
    stored.tables().report_failures(NAME, 3, 0, {NOW: Counted(1, 1)})
    item = stored.probes(f"{NAME}#3#failures-0-{NOW // SECONDS_PER_ITEM}")
    assert item is not None
    assert item["expires"] == {"N": str(NOW + SECONDS_PER_ITEM + 3600)}


def test_a_cut_count() -> None:
    """What is more than can have been is cut, each number by itself."""
    assert Counted(9, 8, 7, 6, 5).at_most(10) == Counted(9, 8, 7, 6, 5)
    assert Counted(9, 8, 7, 6, 5).at_most(6) == Counted(6, 6, 6, 6, 5)
    assert Counted(9, 8, 7, 6, 5).at_most(1) == Counted(1, 1, 1, 1, 1)
