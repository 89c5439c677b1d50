"""Finding circuits: those for which time must do something, and all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from decisions import NOW_MS, RETRY_AT_MS, closing, committed, reported, set_policy, tripped
from stored_tables import StoredTables

from recloser.circuit import Circuit, Override, Probes, State
from recloser.decide import decide
from recloser.policy import RecoveryPolicy
from recloser.signals import OverrideSet
from recloser.store.tables import Tables

# Enough that every shard of the index has several.
NAMES = [f"dependency-{number}" for number in range(24)]


def due(tables: Tables, now_ms: int) -> list[str]:
    return sorted(tables.due(now_ms))


def opened_one_by_one(tables: Tables) -> None:
    """Trip the circuits a second apart, so that each is due a second after the one before."""
    for second, name in enumerate(NAMES):
        tripped(tables, name, now_ms=NOW_MS + 1000 * second)


def test_the_names_are_in_every_shard() -> None:
    """The names used here are spread over all shards."""
    assert {Circuit(name).due_shard for name in NAMES} == set(range(8))


def test_nothing_is_due_at_first(tables: Tables) -> None:
    """No circuit is due where none was written, nor where none is waiting."""
    committed(tables, set_policy(Circuit("payments-api"), permits=20))
    assert due(tables, NOW_MS * 2) == []


@pytest.mark.parametrize("count", [0, 1, 7, 24])
def test_exactly_those_are_due_whose_time_has_come(tables: Tables, count: int) -> None:
    """A circuit is due from retry_at on, to the millisecond, in whatever shard it is."""
    opened_one_by_one(tables)
    latest_ms = RETRY_AT_MS + 1000 * (count - 1)
    assert due(tables, latest_ms) == sorted(NAMES[:count])
    assert due(tables, latest_ms + 999) == sorted(NAMES[:count])


def test_a_closed_circuit_is_no_longer_due(tables: Tables) -> None:
    """Closing takes a circuit out of the index; half-open leaves it in."""
    for name in ("half-open", "closed", "open"):
        tripped(tables, name)
    half_open = reported(tables.read("half-open"), Probes(1, granted=1, allowed=1))
    committed(tables, half_open)
    committed(tables, closing(tables.read("closed")))

    assert tables.read("half-open").state is State.HALF_OPEN
    assert due(tables, RETRY_AT_MS + 30_000) == ["half-open", "open"]


def test_an_override_is_due_when_it_expires(tables: Tables) -> None:
    """A circuit held open is due at the override's end; held open without end, never."""
    for name, until_ms in (("for-a-minute", NOW_MS + 60_000), ("for-ever", None)):
        override = Override(State.OPEN, by="maria", why="INC-4711", at_ms=NOW_MS, until_ms=until_ms)
        committed(tables, decide(Circuit(name), OverrideSet(override), NOW_MS, RecoveryPolicy()))
    assert due(tables, NOW_MS + 59_999) == []
    assert due(tables, NOW_MS * 2) == ["for-a-minute"]


def test_scan_yields_every_circuit(tables: Tables) -> None:
    """A scan yields each circuit that was ever written, whole, open and closed alike."""
    opened_one_by_one(tables)
    committed(tables, set_policy(Circuit("payments-api"), permits=20))
    found = {circuit.name: circuit for circuit in tables.scan()}
    assert sorted(found) == sorted([*NAMES, "payments-api"])
    assert all(circuit == tables.read(name, consistent=True) for name, circuit in found.items())


def test_what_is_not_closed_is_found(tables: Tables) -> None:
    """Circuits that are not closed, or that an operator overrides, are yielded, and no closed ones."""
    opened_one_by_one(tables)
    committed(tables, set_policy(Circuit("closed"), permits=20))
    for name, state in (("held", State.OPEN), ("let-through", State.CLOSED)):
        override = Override(state, by="maria", why="INC-4711", at_ms=NOW_MS)
        committed(tables, decide(Circuit(name), OverrideSet(override), NOW_MS, RecoveryPolicy()))
    assert sorted(circuit.name for circuit in tables.not_closed()) == sorted([*NAMES, "held", "let-through"])


@pytest.fixture
def requests(stored: StoredTables) -> Iterator[list[str]]:
    """Ask for two items a page, where DynamoDB by itself would give a megabyte; list the requests made."""
    events = stored.client.meta.events
    made: list[str] = []

    def small_page(params: Mapping[str, Any], model: Any, **_: object) -> dict[str, Any]:
        made.append(model.name)
        return {**params, "Limit": 2}

    hooks = [f"provide-client-params.dynamodb.{operation}" for operation in ("Query", "Scan")]
    for hook in hooks:
        events.register(hook, small_page)
    yield made
    for hook in hooks:
        events.unregister(hook, small_page)


def test_pages_are_followed(stored: StoredTables, requests: list[str]) -> None:
    """What does not fit into one answer is fetched with the next."""
    tables = stored.tables()
    opened_one_by_one(tables)
    assert due(tables, NOW_MS * 2) == sorted(NAMES)
    assert sorted(circuit.name for circuit in tables.scan()) == sorted(NAMES)
    assert requests.count("Query") > 12
    assert requests.count("Scan") >= 12
