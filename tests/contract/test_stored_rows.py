"""How a circuit, its permits and its reports stand in the tables, attribute by attribute."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from recloser.circuit import Cause, Circuit, Override, Probes, State, Transition, Trip
from recloser.store.report_rows import (
    REPORT_ATTRIBUTES,
    Counted,
    by_item,
    calls_attribute,
    decode_report,
    expires_at,
    failures_attribute,
    is_report_key,
    report_key,
    total,
)
from recloser.store.rows import (
    LARGEST_COUNT,
    LATEST_MS,
    decode,
    decode_circuit,
    decode_probes,
    encode,
    encode_circuit,
    encode_minted,
    item_bytes,
)

NAME = "payments-api"
STEP = Transition(11, State.CLOSED, State.OPEN, 12, "raised", Cause.ALARM, count=13)
DEED = Transition(21, State.OPEN, State.CLOSED, 22, "reset by ann", Cause.RESET, by="ann")
CIRCUIT = Circuit(
    NAME,
    State.HALF_OPEN,
    generation=1,
    revision=2,
    changed_at_ms=3,
    opened_at_ms=4,
    closed_at_ms=5,
    retry_at_ms=6,
    deadline_at_ms=7,
    trips=8,
    permits=9,
    reason="a probe runs",
    cause=Cause.PROBE_CLAIMED,
    alarm="fast",
    override=Override(State.CLOSED, "ann", "drill", at_ms=31, until_ms=32),
    policy={"permits": 20, "enforce": False, "backoff": 1.5},
    history=(STEP,),
    operations=(DEED,),
    trip=Trip(41, 42, Cause.ALARM, "failures", 50.5, (100.0, 75.25), 43, 44),
)


def number(value: float) -> dict[str, str]:
    return {"N": repr(value)}


def text(value: str) -> dict[str, str]:
    return {"S": value}


ITEM: dict[str, Any] = {
    "state": text("HALF_OPEN"),
    "generation": number(1),
    "revision": number(2),
    "changed_at": number(3),
    "opened_at": number(4),
    "closed_at": number(5),
    "retry_at": number(6),
    "deadline_at": number(7),
    "trips": number(8),
    "permits": number(9),
    "reason": text("a probe runs"),
    "cause": text("probe_claimed"),
    "alarm": text("fast"),
    "override": {
        "M": {
            "state": text("CLOSED"),
            "by": text("ann"),
            "why": text("drill"),
            "at": number(31),
            "until": number(32),
        }
    },
    "policy": {"M": {"permits": number(20), "enforce": {"BOOL": False}, "backoff": number(1.5)}},
    "trip": {
        "M": {
            "at": number(41),
            "generation": number(42),
            "cause": text("alarm"),
            "reason": text("failures"),
            "threshold": number(50.5),
            "datapoints": {"L": [number(100), number(75.25)]},
            "calls": number(43),
            "failures": number(44),
        }
    },
    "history": {
        "L": [
            {
                "M": {
                    "at": number(11),
                    "from": text("CLOSED"),
                    "to": text("OPEN"),
                    "generation": number(12),
                    "reason": text("raised"),
                    "cause": text("alarm"),
                    "count": number(13),
                }
            }
        ]
    },
    "operations": {
        "L": [
            {
                "M": {
                    "at": number(21),
                    "from": text("OPEN"),
                    "to": text("CLOSED"),
                    "generation": number(22),
                    "reason": text("reset by ann"),
                    "cause": text("reset"),
                    "by": text("ann"),
                }
            }
        ]
    },
    "due": number(CIRCUIT.due_shard),
    "due_at": number(7),
}


def test_a_circuit_is_stored_like_this() -> None:
    """Each fact has its attribute; what there is not is no attribute."""
    assert encode_circuit(CIRCUIT) == ITEM
    bare = encode_circuit(Circuit(NAME))
    assert {name for name, value in bare.items() if value is None} == {
        *("opened_at", "closed_at", "retry_at", "deadline_at", "cause", "alarm", "override", "trip"),
        *("operations", "due", "due_at"),
    }
    assert bare["history"] == {"L": []}


def test_a_circuit_is_read_from_it() -> None:
    """It is read as it was, without a word."""
    assert decode_circuit(NAME, ITEM) == (CIRCUIT, [])
    assert decode_circuit(NAME, {}) == (Circuit(NAME), [])


def test_a_trip_without_figures() -> None:
    """What is not known of a trip is no attribute of it."""
    trip = Trip(41, 42, None, "failures")
    row = encode_circuit(replace(CIRCUIT, trip=trip))
    assert row["trip"] == {"M": {"at": number(41), "generation": number(42), "reason": text("failures")}}
    assert decode_circuit(NAME, {"trip": row["trip"]})[0].trip == trip


def test_a_line_without_cause_or_operator() -> None:
    """An older version's lines have neither, and were made once."""
    line = {
        "M": {key: ITEM["history"]["L"][0]["M"][key] for key in ("at", "from", "to", "generation", "reason")}
    }
    [read] = decode_circuit(NAME, {"history": {"L": [line]}})[0].history
    assert read == replace(STEP, cause=None, count=1)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (1e30, 10**15),
        (10**400, 10**15),
        (-(10**400), -(10**15)),
        (-1e30, -(10**15)),
        (float("inf"), 10**15),
        (float("nan"), 10**15),
        (1e-30, 0),
        (-1e-30, 0),
        (33.333333333, 33.3333),
        (1_234_567.0, 1234570.0),
        (1e15, 1e15),
        (1e-15, 1e-15),
    ],
)
def test_figures_that_dynamodb_takes(value: float, stored: float) -> None:
    """Thresholds and datapoints are kept with six digits, within what DynamoDB takes for a number."""
    row = encode_circuit(replace(CIRCUIT, trip=Trip(1, 1, None, "", value, (value,) * 9)))["trip"]
    assert row is not None
    kept = decode(row)
    assert abs(kept["threshold"]) == abs(stored)
    assert (kept["threshold"] < 0) == (stored < 0)
    assert len(kept["datapoints"]) == 5


@pytest.mark.parametrize(
    ("revision", "read"), [("17", 17), ("17.9", 17), ("-1", 0), ("1e400", 0), ("1e15", 10**15), ("1e16", 0)]
)
def test_revisions(revision: str, read: int) -> None:
    """A revision is read rounded down; one that cannot be one is 0."""
    assert decode_circuit(NAME, {"revision": {"N": revision}})[0].revision == read


def test_how_large_a_number_may_be() -> None:
    """Counts end at 10^15, moments with the year 9999."""
    for attribute, largest, name in (
        ("trips", LARGEST_COUNT, "trips"),
        ("retry_at", LATEST_MS, "retry_at_ms"),
    ):
        assert getattr(decode_circuit(NAME, {attribute: number(largest)})[0], name) == largest
        beyond, [problem] = decode_circuit(NAME, {attribute: number(largest + 1)})
        assert not getattr(beyond, name)
        assert problem.startswith(f"{attribute}: {largest + 1} is not a whole number from 0 to {largest}")


def test_only_the_newest_lines_are_read() -> None:
    """Ten lines of the history and five operations, however many somebody wrote."""
    lines = {"L": [{"M": ITEM["history"]["L"][0]["M"] | {"at": number(at)}} for at in range(20)]}
    circuit = decode_circuit(NAME, {"history": lines, "operations": lines})[0]
    assert [line.at_ms for line in circuit.history] == list(range(10, 20))
    assert [line.at_ms for line in circuit.operations] == list(range(15, 20))


def test_a_newer_schema_is_a_problem_that_is_told() -> None:
    """What is known of it is read all the same."""
    circuit, [problem] = decode_circuit(NAME, {"schema": number(2), "trips": number(3)})
    assert (circuit.trips, problem) == (3, "schema 2 is newer than 1: what is known of it was read")
    assert decode_circuit(NAME, {"schema": number(1)})[1] == []


@pytest.mark.parametrize(
    ("value", "attribute"),
    [
        (True, {"BOOL": True}),
        (7, {"N": "7"}),
        (0.25, {"N": "0.25"}),
        ("x", {"S": "x"}),
        (frozenset({3, 1}), {"NS": ["1", "3"]}),
        ({"a": [1, "b"]}, {"M": {"a": {"L": [{"N": "1"}, {"S": "b"}]}}}),
        ((1, 2), {"L": [{"N": "1"}, {"N": "2"}]}),
    ],
)
def test_values(value: object, attribute: dict[str, Any]) -> None:
    """Plain values and DynamoDB's."""
    assert encode(value) == attribute
    assert decode(attribute) == (list(value) if isinstance(value, tuple) else value)


def test_values_that_are_none_of_these() -> None:
    """What cannot be stored, and what Recloser never writes, is an error that names it."""
    with pytest.raises(TypeError, match=r"^bytes b'x' cannot be stored in DynamoDB$"):
        encode(b"x")
    with pytest.raises(ValueError, match=r"^attribute type SS is none of S, N, BOOL, NS, M, L, NULL$"):
        decode({"SS": ["x"]})
    assert decode({"NULL": True}) is None


def test_the_size_of_an_item() -> None:
    """By DynamoDB's rules: names and texts as UTF-8, two digits a byte, three bytes for a map or list."""
    assert item_bytes({"é": {"S": "éx"}}) == 2 + 3
    assert item_bytes({"n": {"N": "1234"}}) == 1 + 4
    assert item_bytes({"b": {"BOOL": True}, "gone": None}) == 1 + 1
    assert item_bytes({"l": {"L": [{"S": "ab"}, {"N": "1"}]}}) == 1 + 3 + (1 + 2) + (1 + 2)
    assert item_bytes({"m": {"M": {"ab": {"S": "c"}}}}) == 1 + 3 + 1 + (2 + 1)


# --- Permits -------------------------------------------------------------------------------------


def test_permits_are_stored_like_this() -> None:
    """A generation begins with so many permits, from a time on; DynamoDB removes it 30 days later."""
    assert encode_minted(NAME, 17, 1, 1_000_000_999) == {
        "permit": text("payments-api#17"),
        "granted": number(0),
        "allowed": number(1),
        "opens_at": number(1_000_000_999),
        "expires": number(1_000_000 + 30 * 24 * 3600),
    }


def test_permits_are_read_from_it() -> None:
    """Each fact from its attribute, and nothing where there is none."""
    item: dict[str, Any] = {
        "permit": text("payments-api#17"),
        "granted": number(1),
        "allowed": number(2),
        "opens_at": number(3),
        "succeeded": {"NS": ["4"]},
        "failed": {"NS": ["5"]},
        "returned": {"NS": ["6"]},
    }
    expected = Probes(17, 1, 2, 3, frozenset({4}), frozenset({5}), frozenset({6}))
    assert decode_probes(item) == (NAME, expected, [])
    assert decode_probes({"permit": item["permit"]}) == (NAME, Probes(17), [])
    with pytest.raises(ValueError, match=r"^the item has no permit$"):
        decode_probes({})


def test_permits_that_are_too_large() -> None:
    """An item that is nearly full takes no more claims."""
    item = {"permit": text("payments-api#17"), "filled": text("x" * 200_001)}
    [problem] = decode_probes(item)[2]
    assert problem == "the item is larger than 200000 bytes: nobody could claim"


# --- Reports of failures --------------------------------------------------------------------------


def test_reports_are_stored_like_this() -> None:
    """An item holds twenty seconds, an attribute for the calls and one for the failures of each."""
    assert (
        report_key(NAME, 3, 2, 1_000_019) == report_key(NAME, 3, 2, 1_000_000) == f"{NAME}#3#failures-2-50000"
    )
    assert report_key(NAME, 3, 2, 1_000_020) == f"{NAME}#3#failures-2-50001"
    assert (calls_attribute(1_000_007), failures_attribute(1_000_007)) == ("calls_07", "failures_07")
    assert len(REPORT_ATTRIBUTES) == 41
    assert expires_at(1_000_007) == 1_000_000 + 20 + 3600
    assert is_report_key(f"{NAME}#3#failures-2-50000")
    assert not is_report_key(f"{NAME}#3")
    assert not is_report_key(None)
    one, two = Counted(1, 0), Counted(2, 1)
    assert by_item({20: two, 19: one, 21: one}) == {0: {19: one}, 20: {20: two, 21: one}}
    assert total([{5: one}, {5: two, 6: two}]) == {5: Counted(3, 1), 6: two}


@pytest.mark.parametrize(
    ("calls", "failures", "read"),
    [
        ({"N": "5"}, {"N": "5"}, Counted(5, 5)),
        ({"N": "5"}, None, Counted(5, 0)),
        (None, {"N": "1"}, None),
        ({"N": "5"}, {"N": "6"}, None),
        ({"N": "1000000000"}, {"N": "0"}, Counted(10**9, 0)),
        ({"N": "1000000001"}, {"N": "0"}, None),
        ({"N": "0.5"}, {"N": "0"}, None),
        ({"S": "5"}, {"N": "0"}, None),
        ("5", {"N": "0"}, None),
    ],
)
def test_what_can_have_been_counted(calls: Any, failures: Any, read: Counted | None) -> None:
    """Whole numbers up to a thousand million, no more failures than calls; else the second is turned away."""
    item = {"permit": text(f"{NAME}#3#failures-2-50000"), "calls_19": calls, "failures_19": failures}
    item = {key: value for key, value in item.items() if value is not None}
    name, generation, report, problems = decode_report(item)
    assert (name, generation) == (NAME, 3)
    if read is not None:
        assert (report, problems) == ({1_000_019: read}, [])
    else:
        assert report == {}
        assert problems == [f"second 1000019: calls {calls!r}, failures {failures!r} were never counted"]


@pytest.mark.parametrize("key", [{}, {"permit": {"N": "1"}}, {"permit": {"S": f"{NAME}#3"}}])
def test_a_report_of_another_form(key: dict[str, Any]) -> None:
    """A key that is no report's is an error that names it."""
    with pytest.raises(ValueError, match="is not of the form CIRCUIT#GENERATION#failures-SHARD-SPAN"):
        decode_report(key)


@pytest.mark.parametrize(
    "row",
    [
        {"alarm": {"S": "\ud800"}},
        {
            "trip": {
                "M": {
                    "at": number(1),
                    "generation": number(1),
                    "reason": text(""),
                    "threshold": number(10**400),
                }
            }
        },
    ],
)
def test_what_is_read_can_be_written(row: dict[str, Any]) -> None:
    """Lone surrogates and numbers that no float holds are not understood: they could not be stored."""
    circuit, problems = decode_circuit(NAME, row)
    assert len(problems) == 1
    assert circuit == Circuit(NAME)
    encode_circuit(circuit)


@pytest.mark.parametrize("attribute", ["state", "revision", "override", "alarm", "history", "trip", "policy"])
@pytest.mark.parametrize(
    "long", [{"S": "x" * 300_000}, {"M": {"permits": {"S": "x" * 300_000}, "state": {"S": "x" * 300_000}}}]
)
def test_problems_are_short(attribute: str, long: dict[str, Any]) -> None:
    """What is said of an attribute is short, however much somebody wrote in it."""
    _, problems = decode_circuit(NAME, {attribute: long})
    assert problems
    assert all(len(problem) < 600 for problem in problems)
