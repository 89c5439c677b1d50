"""The items themselves, as DynamoDB has them: what other readers and the bill see."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from decisions import NOW_MS, RETRY_AT_MS, closing, committed, reported, trip, tripped
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from stored_tables import ROOT, Item, StoredTables

from recloser.circuit import (
    HISTORY_LENGTH,
    OPERATIONS_LENGTH,
    Cause,
    Circuit,
    Override,
    Probes,
    State,
    Transition,
    Trip,
)
from recloser.decide import Decision
from recloser.errors import Conflict

NAME = "payments-api"
READ_UNIT_BYTES = 4096
LONGEST_NAME = "n" * 64
# PutMetricAlarm: an alarm's name has 1 to 255 characters.
LONGEST_ALARM = "recloser:" + LONGEST_NAME + ":" + "a" * 181


def assert_fits(item: Item, schema: str) -> None:
    document = json.loads((ROOT / "events" / "schemas" / f"{schema}.schema.json").read_text())
    error = best_match(Draft202012Validator(document).iter_errors(item))
    assert error is None, f"{error.json_path}: {error.message}"


def size_bytes(item: Item) -> int:
    """Size an item by the rules of "DynamoDB item sizes and formats"."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(attribute: Item) -> int:
    [(kind, value)] = attribute.items()
    if kind == "S":
        return len(str(value).encode())
    if kind == "N":
        digits = len(str(value).lstrip("-").replace(".", "").strip("0"))
        return (digits + 1) // 2 + 1 + str(value).startswith("-")
    if kind == "NS":
        return sum(_value_bytes({"N": number}) for number in value)
    if kind == "M":
        return 3 + len(value) + size_bytes(value)
    if kind == "L":
        return 3 + len(value) + sum(map(_value_bytes, value))
    return 1


def test_items_fulfill_their_schemas(stored: StoredTables) -> None:
    """The items of every state fulfill the schemas that other readers rely on."""
    tables = stored.tables()
    opened = tripped(tables)
    tables.claim(NAME, 1, RETRY_AT_MS)
    tables.report(NAME, 1, 1, succeeded=True)
    states = [opened]
    for succeeded in (frozenset({1}), frozenset(range(1, 6))):
        probes = Probes(1, granted=len(succeeded), allowed=states[-1].permits, succeeded=succeeded)
        states.append(committed(tables, reported(states[-1], probes)))
        item = stored.circuit(NAME)
        assert item is not None
        assert_fits(item, "circuit-item")
    assert [circuit.state for circuit in states] == [State.OPEN, State.HALF_OPEN, State.CLOSED]
    permits = stored.probes(f"{NAME}#1")
    assert permits is not None
    assert_fits(permits, "probe-item")


def test_what_is_absent_is_no_attribute(stored: StoredTables) -> None:
    """A closed circuit's item has neither retry_at nor a place in the index, not even empty ones."""
    tables = stored.tables()
    opened = tripped(tables)
    opened_item = stored.circuit(NAME)
    committed(tables, closing(opened), opened)
    closed_item = stored.circuit(NAME)
    assert opened_item is not None
    assert closed_item is not None
    assert opened_item.keys() - closed_item.keys() == {"retry_at", "due", "due_at"}
    assert closed_item.keys() - opened_item.keys() == {"closed_at"}


def test_permits_are_deleted_after_a_month(stored: StoredTables) -> None:
    """Permits expire, in epoch seconds as TTL wants them, thirty days after they open."""
    tripped(stored.tables())
    item = stored.probes(f"{NAME}#1")
    assert item is not None
    assert item["expires"] == {"N": str(RETRY_AT_MS // 1000 + 30 * 24 * 3600)}


def test_a_newer_schema_survives_a_write(stored: StoredTables) -> None:
    """What a newer version stored, this one leaves in place: its schema and its attributes."""
    tables = stored.tables()
    tripped(tables)
    item = stored.circuit(NAME)
    assert item is not None
    newer: dict[str, Any] = {"schema": {"N": "2"}, "region_group": {"M": {"primary": {"S": "eu-west-1"}}}}
    stored.put_circuit(item | newer)

    before = tables.read(NAME, consistent=True)
    committed(tables, reported(before, Probes(1, granted=1, failed=frozenset({1}))), before)

    written = stored.circuit(NAME)
    assert written is not None
    assert written["generation"] == {"N": "2"}
    assert {name: written[name] for name in newer} == newer


@pytest.mark.parametrize("letter", ["x", "é", "💥"])
def test_the_largest_item_is_one_read_unit(stored: StoredTables, letter: str) -> None:
    """With the longest texts everywhere an item stays below 4 KB, and its texts are still text."""
    tables = stored.tables()
    text = letter * 1024
    override = Override(State.CLOSED, by=text, why=text, at_ms=NOW_MS, until_ms=NOW_MS + 1)
    longest = max(Cause, key=len)
    transition = Transition(NOW_MS, State.HALF_OPEN, State.HALF_OPEN, 10**9, text, longest)
    circuit = Circuit(
        LONGEST_NAME,
        State.HALF_OPEN,
        generation=10**9,
        revision=1,
        changed_at_ms=NOW_MS,
        opened_at_ms=NOW_MS,
        closed_at_ms=NOW_MS,
        retry_at_ms=NOW_MS,
        deadline_at_ms=NOW_MS,
        trips=10**9,
        permits=1000,
        reason=text,
        cause=longest,
        alarm=LONGEST_ALARM if letter == "x" else letter * 255,
        override=override,
        policy={
            "recovery_timeout_seconds": 12345.678901234567,
            "backoff": 1.2345678901234567,
            "max_recovery_timeout_seconds": 123456.78901234567,
            "jitter": 0.12345678901234568,
            "permits": 1000,
            "successes_to_close": 999,
            "probe_deadline_seconds": 12345.678901234567,
            "stable_after_seconds": 12345.678901234567,
            "failure_threshold_percent": 12.345678901234567,
            "minimum_calls": 999_999,
            "ramp_seconds": 12345.678901234567,
            "enforce": False,
        },
        history=(transition,) * HISTORY_LENGTH,
        operations=(replace(transition, by=text),) * OPERATIONS_LENGTH,
        trip=Trip(NOW_MS, 10**9, longest, text, 12.345678, (1234.5678,) * 100, 10**9, 10**9),
    )
    tables.commit(Circuit(LONGEST_NAME), Decision(Cause.RESET, "large", circuit))

    item = stored.circuit(LONGEST_NAME)
    assert item is not None
    assert size_bytes(item) < READ_UNIT_BYTES
    assert_fits(item, "circuit-item")
    read = tables.read(LONGEST_NAME, consistent=True)
    assert read.reason == letter * (128 // len(letter.encode()))
    assert read.override == replace(override, by=read.reason, why=read.reason)
    assert read.trip is not None, "the oldest lines go first, what began the outage stays"
    assert read.trip.reason == letter * (1024 // len(letter.encode()))
    assert len(read.trip.datapoints) == 5


def test_a_text_that_is_no_text_is_stored_all_the_same(stored: StoredTables) -> None:
    """Half a character, as a reason cut off within an emoji has it, does not stop a trip."""
    tables = stored.tables()
    decision = trip(Circuit(NAME), reason="the card scheme is down \ud83d")
    circuit = committed(tables, decision, Circuit(NAME))
    assert circuit.state is State.OPEN
    assert circuit.reason == "alarm set manually: the card scheme is down ?"


@pytest.mark.parametrize(
    "revision",
    [
        None,
        {"N": "0"},
        {"S": "one"},
        {"NULL": True},
        {"N": "0.5"},
        {"N": "-3"},
        {"N": "1e100"},
        {"N": "-1e100"},
    ],
)
def test_an_item_made_by_hand_can_be_written(stored: StoredTables, revision: Item | None) -> None:
    """An operator's own item, without a revision or with one that is none, is no dead end."""
    tables = stored.tables()
    item: dict[str, Any] = {"circuit": {"S": NAME}, "policy": {"M": {"permits": {"N": "20"}}}}
    stored.put_circuit(item if revision is None else item | {"revision": revision})

    circuit = tripped(tables)

    assert (circuit.state, circuit.generation, circuit.revision) == (State.OPEN, 1, 1)
    assert circuit.policy == {"permits": 20}


@pytest.mark.parametrize("revision", ["17.5", "17.999"])
def test_a_revision_that_is_no_whole_number_is_one_after_the_next_write(
    stored: StoredTables, revision: str
) -> None:
    """A revision is read rounded down, and fences like any other: the second of two writers loses."""
    tables = stored.tables()
    stored.put_circuit({"circuit": {"S": NAME}, "revision": {"N": revision}})
    before = tables.read(NAME, consistent=True)

    written = committed(tables, trip(before), before)

    assert written.revision == int(float(revision)) + 1
    with pytest.raises(Conflict):
        tables.commit(before, trip(before))


def test_settings_that_are_not_understood_survive_a_write(stored: StoredTables) -> None:
    """A policy that does not validate is an operator's all the same: a trip does not take it away."""
    tables = stored.tables()
    tripped(tables)
    item = stored.circuit(NAME)
    assert item is not None
    policy = {"M": {"permits": {"N": "20"}, "setting_of_a_newer_version": {"S": "on"}}}
    stored.put_circuit(item | {"policy": policy})

    before = tables.read(NAME, consistent=True)
    assert before.policy == {"permits": 20}
    committed(tables, reported(before, Probes(1, granted=1, failed=frozenset({1}))), before)

    written = stored.circuit(NAME)
    assert written is not None
    assert written["generation"] == {"N": "2"}
    assert written["policy"] == policy
