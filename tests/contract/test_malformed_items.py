"""Items that are older, newer, or edited manually: a clear log line, the safe default, never an exception."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from decisions import NOW_MS, RETRY_AT_MS, tripped
from hypothesis import given
from hypothesis import strategies as st
from stored_tables import Item, StoredTables

from recloser.circuit import Circuit, Override, State
from recloser.errors import CircuitOpen
from recloser.policy import SETTINGS, validated
from recloser.store.rows import LARGEST_COUNT, LATEST_MS, decode_circuit, decode_probes

NAME = "payments-api"
DEFAULT = Circuit(NAME)

OVERRIDE: dict[str, Any] = {
    "state": {"S": "OPEN"},
    "by": {"S": "maria"},
    "why": {"S": "INC-4711"},
    "at": {"N": str(NOW_MS)},
}
LINE: dict[str, Any] = {
    "at": {"N": str(NOW_MS)},
    "from": {"S": "CLOSED"},
    "to": {"S": "OPEN"},
    "generation": {"N": "1"},
    "reason": {"S": "alarm raised"},
}


def without(row: Item, field: str) -> Item:
    return {"M": {name: value for name, value in row.items() if name != field}}


WHOLE_NUMBERS = ("generation", "changed_at", "opened_at", "retry_at", "trips", "permits")
NOT_WHOLE: tuple[Item, ...] = (
    {"N": "-1"},
    {"N": "1e30"},
    {"N": "9" * 30},
    {"S": "17"},
    {"N": "17.5"},
    {"BOOL": True},
    {"NULL": True},
    {"L": []},
)

# attribute, what is stored there
MALFORMED: list[tuple[str, Item]] = [
    ("state", {"S": "BROKEN"}),
    ("state", {"S": "open"}),
    ("state", {"N": "1"}),
    ("state", {"NULL": True}),
    *[(attribute, value) for attribute in WHOLE_NUMBERS for value in NOT_WHOLE],
    ("reason", {"N": "1"}),
    ("alarm", {"L": [{"S": "recloser:payments-api:any"}]}),
    ("override", {"S": "OPEN"}),
    ("override", {"M": {}}),
    *[("override", without(OVERRIDE, field)) for field in OVERRIDE],
    ("override", {"M": OVERRIDE | {"state": {"S": "HALF_OPEN"}}}),
    ("override", {"M": OVERRIDE | {"until": {"N": str(NOW_MS - 1)}}}),
    ("override", {"M": OVERRIDE | {"until": {"S": "tomorrow"}}}),
    ("policy", {"S": "strict"}),
    ("policy", {"L": []}),
    ("policy", {"M": {"permit": {"N": "10"}}}),
    ("policy", {"M": {"permits": {"N": "0"}}}),
    ("policy", {"M": {"permits": {"S": "10"}}}),
    ("policy", {"M": {"permits": {"N": "10.5"}}}),
    ("policy", {"M": {"jitter": {"N": "10"}}}),
    ("policy", {"M": {"enforce": {"S": "false"}}}),
    ("policy", {"M": {"backoff": {"NS": ["1", "2"]}}}),
    ("history", {"S": "long"}),
    ("history", {"M": LINE}),
    ("history", {"L": [{"S": "opened"}]}),
    *[("history", {"L": [{"M": LINE}, without(LINE, field)]}) for field in LINE],
    ("history", {"L": [{"M": LINE | {"to": {"S": "AJAR"}}}]}),
    ("schema", {"S": "one"}),
    ("retry_at", {"B": b"17"}),
    ("reason", {"SS": ["one", "two"]}),
]


@pytest.mark.parametrize(("attribute", "value"), MALFORMED)
def test_a_malformed_attribute_takes_its_safe_default(attribute: str, value: Item) -> None:
    """What cannot be understood takes its default, and the problem names the attribute, once."""
    circuit, problems = decode_circuit(NAME, {"circuit": {"S": NAME}, attribute: value})
    assert circuit == DEFAULT
    [problem] = problems
    assert problem.startswith(f"{attribute}: ")


@pytest.mark.parametrize("attribute", ["state", "override", "policy", "history", "generation"])
def test_the_rest_of_the_item_is_read(attribute: str) -> None:
    """One bad attribute does not spoil the others."""
    item = {"state": {"S": "OPEN"}, "generation": {"N": "17"}, "trips": {"N": "2"}, "reason": {"S": "down"}}
    circuit, _ = decode_circuit(NAME, item | {attribute: {"BOOL": True}})
    assert (circuit.trips, circuit.reason) == (2, "down")
    assert circuit.generation == (0 if attribute == "generation" else 17)
    assert circuit.state is (State.CLOSED if attribute == "state" else State.OPEN)


def test_a_newer_schema_is_read_as_far_as_it_is_known() -> None:
    """An item of a newer schema is read for what is known of it, and said to be newer."""
    item = {"schema": {"N": "2"}, "state": {"S": "OPEN"}, "generation": {"N": "17"}, "zone": {"S": "a"}}
    circuit, problems = decode_circuit(NAME, item)
    assert circuit == Circuit(NAME, State.OPEN, generation=17)
    assert problems == ["schema 2 is newer than 1: what is known of it was read"]


@pytest.mark.parametrize("setting", [{"permits": 3}, {"successes_to_close": 20}])
def test_a_setting_may_fit_the_stacks_defaults_alone(setting: dict[str, int]) -> None:
    """A setting that only the library's own defaults contradict is kept: the stack may have others."""
    [(name, value)] = setting.items()
    circuit, problems = decode_circuit(NAME, {"policy": {"M": {name: {"N": str(value)}}}})
    assert (circuit.policy, problems) == (setting, [])


def test_each_setting_stands_by_itself() -> None:
    """A setting that cannot be used leaves the others in force, and is named; 10.0 is a whole number."""
    row = {"enforce": {"BOOL": False}, "permits": {"N": "10.0"}, "jitter": {"N": "7"}, "speed": {"S": "fast"}}
    circuit, problems = decode_circuit(NAME, {"policy": {"M": row}})
    assert circuit.policy == {"enforce": False, "permits": 10}
    assert [problem.split(" = ")[0] for problem in problems] == [
        "policy: policy jitter",
        f"policy: policy speed is unknown: allowed are {', '.join(SETTINGS)} (passed over)",
    ]


def test_of_two_settings_that_do_not_go_together_one_is_taken() -> None:
    """More successes than permits could never close: the number of permits holds."""
    row = {"successes_to_close": {"N": "4"}, "permits": {"N": "3"}}
    circuit, [problem] = decode_circuit(NAME, {"policy": {"M": row}})
    assert circuit.policy == {"permits": 3}
    assert "successes_to_close = 4 is not allowed: at most permits = 3" in problem


@pytest.mark.parametrize("cause", [{"S": "sunspots"}, {"N": "1"}, {"L": []}])
def test_a_cause_of_another_version_is_none(cause: Item) -> None:
    """A cause that is not known reads as None, in the item and in its history: newer versions have more."""
    item = {"cause": cause, "history": {"L": [{"M": LINE | {"cause": cause}}, {"M": LINE}]}}
    circuit, problems = decode_circuit(NAME, item)
    assert problems == []
    assert circuit.cause is None
    assert [line.cause for line in circuit.history] == [None, None]


def test_an_override_of_a_newer_version_counts() -> None:
    """An override that carries more than is known is an override all the same."""
    item = {"override": {"M": OVERRIDE | {"ticket": {"S": "INC-4711"}}}}
    circuit, problems = decode_circuit(NAME, item)
    assert circuit.override == Override(State.OPEN, "maria", "INC-4711", NOW_MS)
    assert problems == []


attribute_values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.fixed_dictionaries({"S": st.text(max_size=8)}),
        st.fixed_dictionaries({"N": st.one_of(st.integers(), st.floats()).map(repr)}),
        st.fixed_dictionaries({"BOOL": st.booleans()}),
        st.just({"NULL": True}),
        st.fixed_dictionaries({"B": st.binary(max_size=4)}),
        st.fixed_dictionaries({"SS": st.lists(st.text(max_size=3), min_size=1)}),
        st.fixed_dictionaries({"NS": st.lists(st.integers().map(str), min_size=1)}),
    ),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"L": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries(
            {"M": st.dictionaries(st.sampled_from([*OVERRIDE, *LINE, "until", "permits", "backoff"]), inner)}
        ),
    ),
    max_leaves=6,
)
ATTRIBUTES = [
    "state", "generation", "revision", "changed_at", "opened_at", "closed_at", "retry_at", "deadline_at",
    "trips", "permits", "reason", "alarm", "override", "policy", "history", "schema", "due", "due_at",
]  # fmt: skip


@given(st.dictionaries(st.sampled_from(ATTRIBUTES), attribute_values))
def test_no_item_can_break_a_reader(item: dict[str, Any]) -> None:
    """Whatever is stored under a circuit's name, a circuit with a state and a valid policy is read."""
    circuit, _ = decode_circuit(NAME, item)
    assert circuit.state in State
    assert validated(circuit.policy) == circuit.policy
    assert 0 <= circuit.generation <= LARGEST_COUNT
    assert 0 <= circuit.revision <= LARGEST_COUNT
    assert circuit.due_at_ms is None or 0 <= circuit.due_at_ms <= LATEST_MS
    assert circuit.state_for_callers(NOW_MS) in State


@given(
    st.dictionaries(
        st.sampled_from(["granted", "allowed", "opens_at", "succeeded", "failed"]), attribute_values
    )
)
def test_no_item_can_break_a_reader_of_permits(item: dict[str, Any]) -> None:
    """Whatever is stored under a permit's name, probes are read."""
    name, probes, _ = decode_probes(item | {"permit": {"S": "payments-api#17"}})
    assert (name, probes.generation) == (NAME, 17)
    assert 0 <= probes.granted <= LARGEST_COUNT
    assert 0 <= probes.allowed <= LARGEST_COUNT


@pytest.mark.parametrize(
    "key",
    [
        "payments-api",
        "payments-api#",
        "payments-api#-1",
        "#",
        "payments-api#17.5",
        "payments-api#\u0661\u0667",
    ],
)
def test_a_permit_of_another_form_belongs_to_nobody(key: str) -> None:
    """A permit whose key names no circuit and generation is an error that names it."""
    with pytest.raises(ValueError, match="CIRCUIT#GENERATION") as raised:
        decode_probes({"permit": {"S": key}})
    assert repr(key) in str(raised.value)


# --- Texts that steer a terminal -------------------------------------------------------------------

HOSTILE = "red \x1b[31m, back \x9b2J, \u202egnirts\u202c,\nnew line\x00"
SHOWN = "red �[31m, back �2J, �gnirts�, new line�"


def test_stored_texts_are_printable() -> None:
    """Reasons and who did something come without characters that steer a terminal."""
    text = {"S": HOSTILE}
    line = {"M": {**LINE, "reason": text, "by": text}}
    circuit, problems = decode_circuit(
        NAME,
        {
            "state": {"S": "OPEN"},
            "reason": text,
            "override": {"M": OVERRIDE | {"by": text, "why": text}},
            "history": {"L": [line]},
            "operations": {"L": [line]},
            "trip": {"M": {"at": {"N": "1"}, "generation": {"N": "1"}, "reason": text}},
        },
    )
    assert problems == []
    assert circuit.override is not None
    assert circuit.trip is not None
    texts = [circuit.reason, circuit.override.by, circuit.override.why, circuit.trip.reason]
    for each in circuit.timeline:
        texts += [each.reason, each.by or ""]
    assert texts == [SHOWN] * 8
    refusal = str(CircuitOpen(circuit, retry_after=1.0))
    assert refusal == f"circuit payments-api is OPEN: {SHOWN}; retry after 1.0 s"


def test_texts_of_other_languages_stay() -> None:
    """What only looks foreign is left as it is."""
    reason = "Zahlung ist gestört: 支払い失敗 🧨 زمان"
    assert decode_circuit(NAME, {"reason": {"S": reason}})[0].reason == reason


@pytest.mark.parametrize(
    "item",
    [
        {HOSTILE: {"N": "1"}},
        {"state": {"S": HOSTILE}},
        {"policy": {"M": {HOSTILE: {"N": "1"}}}},
        {"policy": {"M": {"backoff": {"S": HOSTILE}}}},
        {"alarm": {"S": HOSTILE}},
        {"cause": {"S": HOSTILE}},
        {"override": {"M": OVERRIDE | {"state": {"S": HOSTILE}}}},
        {"history": {"L": [{"M": LINE | {"from": {"S": HOSTILE}}}]}},
    ],
)
def test_problems_are_printable(item: dict[str, Any]) -> None:
    """What is said of an item that is not understood steers no terminal either."""
    _, problems = decode_circuit(NAME, item)
    assert all(problem.isprintable() for problem in problems)


def test_an_alarms_name_is_taken_as_it_is_or_not_at_all() -> None:
    """It is asked for by this name, so no character is replaced; CloudWatch takes no control characters."""
    assert decode_circuit(NAME, {"alarm": {"S": "störung \u202e"}})[0].alarm == "störung \u202e"
    circuit, [problem] = decode_circuit(NAME, {"alarm": {"S": "fast\x1b[2J"}})
    assert circuit.alarm is None
    assert problem == "alarm: 'fast\\x1b[2J' is no alarm's name (taken as None)"


def test_a_name_in_the_log_is_printable(in_moto: StoredTables, caplog: pytest.LogCaptureFixture) -> None:
    """The key of an item that somebody wrote may be any text; the log shows it without its controls."""
    in_moto.put_circuit({"circuit": {"S": HOSTILE}, "state": {"S": "BROKEN"}})
    [circuit] = in_moto.tables().scan()
    assert circuit.name == HOSTILE, "it is the key"
    [line] = caplog.records
    assert line.getMessage().startswith(f"circuit {SHOWN}: stored item: state: 'BROKEN' is not a valid State")


# --- Through the tables --------------------------------------------------------------------------


def test_a_problem_is_logged_once(stored: StoredTables, caplog: pytest.LogCaptureFixture) -> None:
    """Callers read a malformed item every few seconds, and say once what is wrong with it."""
    stored.put_circuit({"circuit": {"S": NAME}, "state": {"S": "BROKEN"}, "generation": {"N": "17"}})
    tables = stored.tables()

    with caplog.at_level(logging.INFO):
        circuits = [tables.read(NAME), tables.read(NAME, consistent=True), *tables.scan()]

    assert circuits == [Circuit(NAME, State.CLOSED, generation=17)] * 3
    [line] = caplog.records
    assert line.levelno == logging.ERROR
    assert line.getMessage().startswith(
        "circuit payments-api: stored item: state: 'BROKEN' is not a valid State (taken as <State.CLOSED"
    )


def test_malformed_permits_are_none(in_ministack: StoredTables, caplog: pytest.LogCaptureFixture) -> None:
    """Permits that cannot be understood are as good as none. (moto cannot compare a number with a text.)"""
    in_ministack.put_probes({"permit": {"S": f"{NAME}#1"}, "granted": {"N": "0"}, "allowed": {"S": "many"}})
    tables = in_ministack.tables()
    assert tables.read_probes(NAME, 1) is None
    [line] = caplog.records
    assert line.getMessage().startswith(
        "circuit payments-api: stored item: allowed: 'many' is not a whole number"
    )
    assert tables.claim(NAME, 1, RETRY_AT_MS) is None


def test_a_malformed_item_is_mended_by_the_next_write(stored: StoredTables) -> None:
    """A state that is none counts as closed: such a circuit trips, and then its item is in order."""
    stored.put_circuit({"circuit": {"S": NAME}, "state": {"S": "BROKEN"}, "trips": {"S": "two"}})
    circuit = tripped(stored.tables())
    assert (circuit.state, circuit.generation, circuit.trips) == (State.OPEN, 1, 1)
    item = stored.circuit(NAME)
    assert item is not None
    assert decode_circuit(NAME, item) == (circuit, [])
