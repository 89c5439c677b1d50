"""Whatever a circuit is, it is read back as it was committed."""

from __future__ import annotations

import json
from typing import Any

from decisions import NOW_MS
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from stored_tables import StoredTables

from recloser.circuit import Cause, Circuit, Override, Probes, State, Transition
from recloser.decide import Decision
from recloser.store.memory import MemoryTables
from recloser.store.rows import (
    decode,
    decode_circuit,
    decode_probes,
    encode,
    encode_circuit,
    encode_minted,
    permit_key,
    read_permit_key,
)

names = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)
# Others are replaced on reading.
printables = st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"])
texts = st.text(printables, max_size=32)  # at most 128 bytes, so never shortened
times_ms = st.integers(0, 4_102_444_800_000)
counts = st.integers(0, 10**12)
states = st.sampled_from(State)


def numbers(smallest: float, largest: float) -> st.SearchStrategy[float]:
    """DynamoDB keeps no number nearer to zero than 1E-130; nobody waits for less than a microsecond."""
    return st.floats(smallest, largest).map(lambda number: round(number, 6))


seconds = numbers(0.1, 604_800.0) | st.integers(1, 604_800)


@st.composite
def overrides(draw: st.DrawFn) -> Override:
    at_ms = draw(times_ms)
    until_ms = draw(st.none() | st.integers(1, 10**12).map(lambda length: at_ms + length))
    return Override(
        draw(st.sampled_from([State.OPEN, State.CLOSED])), draw(texts), draw(texts), at_ms, until_ms
    )


def _is_possible(policy: dict[str, Any]) -> bool:
    """Settings that bound each other, where both are given, go together."""
    closes: bool = policy.get("successes_to_close", 1) <= policy.get("permits", 1000)
    waits: bool = policy.get("recovery_timeout_seconds", 0.1) <= policy.get(
        "max_recovery_timeout_seconds", 1e9
    )
    return closes and waits


policies = st.fixed_dictionaries(
    {},
    optional={
        "recovery_timeout_seconds": seconds,
        "backoff": numbers(1.0, 10.0),
        "max_recovery_timeout_seconds": seconds,
        "jitter": numbers(0.0, 0.5),
        "permits": st.integers(1, 1000),
        "successes_to_close": st.integers(1, 1000),
        "probe_deadline_seconds": numbers(0.1, 86_400.0),
        "stable_after_seconds": numbers(0.0, 604_800.0),
        "failure_threshold_percent": numbers(0.0, 100.0),
        "minimum_calls": st.integers(1, 1_000_000),
        "ramp_seconds": numbers(0.0, 86_400.0),
        "enforce": st.booleans(),
    },
).filter(_is_possible)
causes = st.sampled_from(Cause)
transitions = st.builds(Transition, times_ms, states, states, counts, texts, st.none() | causes)

circuits = st.builds(
    Circuit,
    name=names,
    state=states,
    generation=counts,
    revision=st.integers(1, 10**12),
    changed_at_ms=times_ms,
    opened_at_ms=st.none() | times_ms,
    closed_at_ms=st.none() | times_ms,
    retry_at_ms=st.none() | times_ms,
    deadline_at_ms=st.none() | times_ms,
    trips=counts,
    permits=counts,
    reason=texts,
    cause=st.none() | causes,
    alarm=st.none() | st.text(printables, min_size=1, max_size=255),
    override=st.none() | overrides(),
    policy=policies,
    history=st.lists(
        st.builds(Transition, times_ms, states, states, counts, texts, st.none() | causes), max_size=10
    ).map(tuple),
)


def over_the_wire(item: Any) -> Any:
    """Send an item as DynamoDB's protocol does."""
    return json.loads(json.dumps(item))


@given(circuits)
def test_an_item_is_read_as_it_was_written(circuit: Circuit) -> None:
    """Every circuit survives being written as an item, and nothing of it is a problem."""
    item = {name: value for name, value in encode_circuit(circuit).items() if value is not None}
    assert decode_circuit(circuit.name, over_the_wire(item)) == (circuit, [])


plain = st.recursive(
    st.booleans() | st.integers(-(10**37), 10**37) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


@given(plain | st.frozensets(st.integers(), min_size=1))
def test_values_are_read_as_they_were_written(value: Any) -> None:
    """Every plain value survives, of the same type where its type matters."""
    read = decode(over_the_wire(encode(value)))
    assert read == value
    assert isinstance(read, bool) == isinstance(value, bool)


@given(names, counts)
def test_permit_keys_are_read_as_they_were_written(name: str, generation: int) -> None:
    """A permit's key names its circuit and its generation, whatever the circuit is called."""
    assert read_permit_key(permit_key(name, generation)) == (name, generation)


@given(names, counts, st.integers(0, 1000), times_ms)
def test_minted_permits_are_read_as_they_were_written(
    name: str, generation: int, permits: int, opens_at_ms: int
) -> None:
    """The item of a new generation says what was minted, and nothing of it is a problem."""
    item = over_the_wire(encode_minted(name, generation, permits, opens_at_ms))
    assert decode_probes(item) == (name, Probes(generation, allowed=permits, opens_at_ms=opens_at_ms), [])


@given(circuits)
def test_memory_keeps_what_was_committed(circuit: Circuit) -> None:
    """Every circuit that is committed to memory is read back whole."""
    tables = MemoryTables()
    tables.commit(Circuit(circuit.name), Decision(Cause.RESET, "any", circuit))
    assert tables.read(circuit.name, consistent=True) == circuit
    assert list(tables.scan()) == [circuit]


@given(circuit=circuits)
@settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking over a database takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_dynamodb_keeps_what_was_committed(in_moto: StoredTables, circuit: Circuit) -> None:
    """Every circuit that is committed to DynamoDB is read back whole, by name, by scan and when it is due."""
    tables = in_moto.tables()
    in_moto.client.delete_item(TableName=in_moto.circuit_table, Key={"circuit": {"S": circuit.name}})

    tables.commit(Circuit(circuit.name), Decision(Cause.RESET, "any", circuit))

    assert tables.read(circuit.name, consistent=True) == circuit
    assert circuit in list(tables.scan())
    is_due = circuit.due_at_ms is not None and circuit.due_at_ms <= NOW_MS
    assert (circuit.name in list(tables.due(NOW_MS))) == is_due
