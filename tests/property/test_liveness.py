"""Nothing gets stuck: a healthy dependency with traffic is closed in minutes, whatever happened before."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import boto3
import pytest
from decisions import NOW_MS
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from moto import mock_aws
from stored_tables import StoredTables, create_tables

from recloser.circuit import GIVE_BACKS_PER_GENERATION, Override, Probes, State
from recloser.control.control import Control
from recloser.control.minute import Minute
from recloser.errors import StoreError
from recloser.policy import RecoveryPolicy
from recloser.signals import AlarmRaised, OverrideSet, ProbesReported
from recloser.store.memory import MemoryTables
from recloser.store.rows import decode_probes
from recloser.store.tables import Tables

NAME = "payments-api"
SECOND_MS, MINUTE_MS, HOUR_MS = 1000, 60_000, 3_600_000
# A sweep comes every five minutes, and then there are a wait, a canary and the other probes.
WITHIN_MINUTES = 10
CALLS_EVERY_MS = 20 * SECOND_MS
POLICY = RecoveryPolicy(recovery_timeout_seconds=10, jitter=0.1)


class Clock:
    """A clock that is set manually."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


def closes(tables: Tables, control: Control, clock: Clock, stream: Callable[[int], Probes | None]) -> bool:
    """Let a healthy dependency have traffic, and tell whether it is called freely within the minutes."""
    end_ms = clock.now_ms + WITHIN_MINUTES * MINUTE_MS
    for now_ms in range(clock.now_ms, end_ms, CALLS_EVERY_MS):
        clock.now_ms = now_ms
        if now_ms % MINUTE_MS < CALLS_EVERY_MS:
            Minute(control).run()
        circuit = tables.read(NAME, consistent=True)
        if circuit.state is State.CLOSED and circuit.state_for_callers(now_ms) is State.CLOSED:
            return True
        _call(tables, control, circuit.generation, clock, stream)
    return False


def _call(
    tables: Tables, control: Control, generation: int, clock: Clock, stream: Callable[[int], Probes | None]
) -> None:
    """A few environments claim, probe and report; the stream brings it to `flip_state`."""
    for _ in range(3):
        number = None
        with suppress(StoreError, TypeError):  # moto compares a number with a text, and says so
            number = tables.claim(NAME, generation, clock.now_ms)
        if number is None:
            return
        with suppress(StoreError):
            tables.report(NAME, generation, number, succeeded=True)
        probes = stream(generation)
        if probes is not None:
            control.apply(NAME, ProbesReported(probes))


# --- Arbitrary rows ------------------------------------------------------------------------------

# As DynamoDB gives numbers back: without exponents.
HUGE = "1" + "0" * 30
COUNTS = ["0", "1", "2", "5", "10", "11", "1000", "100000000", "-1", "0.5", HUGE, f"-{HUGE}"]
counts = st.sampled_from(COUNTS)
times = st.sampled_from(
    [NOW_MS + shift for shift in (-24 * HOUR_MS, -HOUR_MS, -30_000, 0, 30_000, HOUR_MS, 365 * 24 * HOUR_MS)]
    + [0, 10**17]
).map(str)
garbage: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"S": "seventeen"},
        {"BOOL": True},
        {"NULL": True},
        {"L": [{"N": "1"}]},
        {"M": {"at": {"N": "1"}}},
        {"B": b"\x00"},
        {"SS": ["one"]},
        {"NS": ["1", "2.5"]},
    ]
)
states = st.sampled_from(["CLOSED", "OPEN", "HALF_OPEN", "AJAR"])
number_sets = st.lists(st.integers(-2, 12), min_size=1, unique=True) | st.just(list(range(1, 200)))


def attributes(kind: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        values.map(lambda value: {kind: value}), values.map(lambda value: {kind: value}), garbage
    )


numbers = attributes("N", counts)
moments = attributes("N", times)
reported = st.one_of(number_sets.map(lambda each: {"NS": [str(number) for number in each]}), garbage)
# An operator who holds a circuit open is obeyed; everything else must end.
overrides = st.fixed_dictionaries(
    {"state": st.just({"S": "CLOSED"}), "by": st.just({"S": "maria"}), "why": st.just({"S": "drill"})},
    optional={"at": moments, "until": moments},
).map(lambda row: {"M": row})
policies = st.fixed_dictionaries(
    {},
    optional={
        "recovery_timeout_seconds": attributes("N", st.sampled_from(["0.1", "30", "-1"])),
        "backoff": attributes("N", st.sampled_from(["1", "10", "11"])),
        "max_recovery_timeout_seconds": attributes("N", st.sampled_from(["30", "60", "1e9"])),
        "permits": attributes("N", st.sampled_from(["1", "3", "10.0", "0", "1e9"])),
        "successes_to_close": attributes("N", st.sampled_from(["1", "3", "0", "5000"])),
        "probe_deadline_seconds": attributes("N", st.sampled_from(["1", "30", "1e9"])),
        "speed": garbage,
    },
).map(lambda row: {"M": row})

circuit_items = st.fixed_dictionaries(
    {"state": attributes("S", states), "generation": attributes("N", counts)},
    optional={
        "revision": numbers,
        "changed_at": moments,
        "opened_at": moments,
        "closed_at": moments,
        "retry_at": moments,
        "deadline_at": moments,
        "trips": numbers,
        "permits": numbers,
        "reason": garbage,
        "alarm": garbage,
        "override": overrides | garbage,
        "policy": policies | garbage,
        "history": garbage,
        "schema": numbers,
        "due": attributes("N", st.sampled_from(["0", "3", "7"])),
        "due_at": moments,
    },
)
probe_items = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "granted": numbers,
        "allowed": numbers,
        "opens_at": moments,
        "succeeded": reported,
        "failed": reported,
        "returned": reported,
        "filled": st.just({"S": "x" * 250_000}),
    },
)


@pytest.fixture(scope="module")
def in_moto() -> Iterator[StoredTables]:
    with mock_aws():
        client = boto3.client(
            "dynamodb", "eu-west-1", aws_access_key_id="123456789012", aws_secret_access_key="none"
        )
        yield create_tables(client, "liveness")


def _is_possible(item: Mapping[str, Any]) -> bool:
    """The keys of the index must be numbers: DynamoDB itself refuses others."""
    return all("N" in item[key] for key in ("due", "due_at") if key in item)


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


# What random generation rarely puts together: rows that are in order, but for one value.
_OPEN: dict[str, Any] = {
    "state": {"S": "OPEN"},
    "generation": _number(5),
    "retry_at": _number(NOW_MS - MINUTE_MS),
    "permits": _number(1),
    "trips": _number(1),
}
_UNCLAIMED: dict[str, Any] = {"granted": _number(0), "allowed": _number(1), "opens_at": _number(0)}


# Rows of several hundred KB are what is wanted here, though nobody would like to read them.
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@given(circuit=circuit_items.filter(_is_possible), probes=probe_items)
@example(circuit=_OPEN, probes=_UNCLAIMED | {"opens_at": _number(NOW_MS + HOUR_MS)})
@example(circuit=_OPEN | {"state": {"S": "HALF_OPEN"}}, probes=_UNCLAIMED | {"opens_at": _number(10**14)})
@example(circuit=_OPEN | {"permits": _number(0)}, probes=_UNCLAIMED)
@example(circuit=_OPEN | {"state": {"S": "HALF_OPEN"}}, probes=None)
@example(
    circuit=_OPEN | {"state": {"S": "HALF_OPEN"}, "permits": _number(18)},
    probes={"granted": _number(6), "allowed": _number(6), "succeeded": {"NS": ["1", "2", "3", "4"]}},
)
@settings(
    max_examples=100,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking over a database takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_the_rows_hold(
    in_moto: StoredTables, circuit: dict[str, Any], probes: dict[str, Any] | None
) -> None:
    """Whatever somebody wrote into either table, a healthy dependency with traffic ends closed in minutes."""
    _empty(in_moto)
    in_moto.put_circuit(circuit | {"circuit": {"S": NAME}})
    tables, clock = in_moto.tables(), Clock(NOW_MS)
    generation = tables.read(NAME, consistent=True).generation
    if probes is not None:
        in_moto.put_probes(probes | {"permit": {"S": f"{NAME}#{generation}"}})

    def stream(generation: int) -> Probes | None:
        item = in_moto.probes(f"{NAME}#{generation}")
        if item is None:
            return None
        _, probes, problems = decode_probes(item)
        return None if problems else probes

    assert closes(tables, Control(tables, defaults=POLICY, now_ms=clock), clock, stream)


def _empty(stored: StoredTables) -> None:
    for table, items in stored.everything().items():
        key = "circuit" if table == stored.circuit_table else "permit"
        for item in items:
            stored.client.delete_item(TableName=table, Key={key: item[key]})


# --- Wrong clocks and forged reports -------------------------------------------------------------

HOLDS = {"hold open": State.OPEN, "hold closed": State.CLOSED}
deeds = st.lists(
    st.tuples(
        st.sampled_from([-HOUR_MS, 0, 0, HOUR_MS]),
        st.sampled_from(["alarm", "tick", "claim", "succeed", "fail", "forge", "give back", *HOLDS]),
        st.integers(1, 12),
    ),
    max_size=12,
)


@given(deeds=deeds)
@settings(max_examples=300)
def test_whatever_clocks_and_callers_did(deeds: list[tuple[int, str, int]]) -> None:
    """Writers whose clocks were an hour off, and callers who forged and gave back, leave nothing stuck."""
    tables, clock = MemoryTables(), Clock(NOW_MS)
    control = Control(tables, defaults=POLICY, now_ms=clock)
    for skew_ms, deed, number in deeds:
        if deed in HOLDS:  # an operator's clock is right: the command reads the end of the override back
            _hold(HOLDS[deed], control, clock.now_ms)
            continue
        clock.now_ms += skew_ms
        _do(deed, number, tables, control, clock)
        clock.now_ms += 5 * SECOND_MS - skew_ms

    assert closes(tables, control, clock, lambda generation: tables.read_probes(NAME, generation))


def _hold(state: State, control: Control, now_ms: int) -> None:
    control.apply(NAME, OverrideSet(Override(state, "maria", "drill", now_ms, now_ms + 2 * MINUTE_MS)))


def _do(deed: str, number: int, tables: MemoryTables, control: Control, clock: Clock) -> None:
    generation = tables.read(NAME).generation
    match deed:
        case "alarm":
            control.apply(NAME, AlarmRaised("fast", "failures", clock.now_ms))
        case "tick":
            control.tick(NAME)
        case "claim":
            tables.claim(NAME, generation, clock.now_ms)
        case "succeed" | "fail":
            tables.report(NAME, generation, number, succeeded=deed == "succeed")
        case "forge":
            for forged in range(1, 20):
                tables.report(NAME, generation, forged, succeeded=True)
        case "give back":
            for given in range(GIVE_BACKS_PER_GENERATION // 2):
                tables.give_back(NAME, generation, given + number)
    probes = tables.read_probes(NAME, generation)
    if probes is not None:
        control.apply(NAME, ProbesReported(probes))


def test_a_canary_that_is_given_back_for_ever_begins_new_generations() -> None:
    """Callers that always give the canary back cannot fill its item: at the limit new permits are minted."""
    tables, clock = MemoryTables(), Clock(NOW_MS)
    control = Control(tables, defaults=POLICY, now_ms=clock)
    control.apply(NAME, AlarmRaised("fast", "failures", NOW_MS))
    clock.now_ms += MINUTE_MS
    for _ in itertools.repeat(None, 3 * GIVE_BACKS_PER_GENERATION):
        generation = tables.read(NAME).generation
        number = tables.claim(NAME, generation, clock.now_ms)
        assert number is not None
        tables.give_back(NAME, generation, number)
        probes = tables.read_probes(NAME, generation)
        assert probes is not None
        assert len(probes.returned) <= GIVE_BACKS_PER_GENERATION
        control.apply(NAME, ProbesReported(probes))
    assert tables.read(NAME).generation == 1 + 3
    assert closes(tables, control, clock, lambda generation: tables.read_probes(NAME, generation))
