"""The stored rows: circuits and probes as DynamoDB items, and back.

Reading is lenient, since an item may be older or newer than this code or edited manually: what
cannot be understood takes its safe default and is named in the list of problems. Texts that people read
(reasons, who did something) are printable from here on: they end in errors, logs and terminals.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

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
from recloser.plain_text import printable
from recloser.policy import usable

SCHEMA = 1
LARGEST_COUNT = 10**15  # what a circuit counts stays far below; DynamoDB itself keeps 38 digits
LATEST_MS = 253_402_300_799_999  # the end of the year 9999, the last that a calendar shows
# DynamoDB's limit is 400 KB, and an item that is nearly full takes no more claims. Ours stay far below.
LARGEST_PERMIT_ITEM_BYTES = 200_000
PROBES_KEPT_SECONDS = 30 * 24 * 3600
READ_UNIT_BYTES = 4096
LONGEST_TEXT_BYTES = 128
LONGEST_TRIP_REASON_BYTES = 1024  # an alarm's reason has at most 1023 characters, nearly always ASCII
DATAPOINTS_KEPT = 5
LONGEST_PROBLEM = 500  # characters: an item may hold 400 KB, and problems are logged

LONGEST_ALARM_NAME = 255
# "AlarmName", PutMetricAlarm, CloudWatch API reference; and lone surrogates, which are no characters.
_NOT_IN_ALARM_NAMES = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")

AttributeValue = Mapping[str, Any]
Item = Mapping[str, AttributeValue]
T = TypeVar("T")


# --- Values --------------------------------------------------------------------------------------


def encode(value: Any) -> dict[str, Any]:
    """Turn a plain value into a DynamoDB attribute value."""
    match value:
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": repr(value)}
        case str():
            return {"S": str(value)}
        case frozenset():
            return {"NS": [str(number) for number in sorted(value)]}
        case Mapping():
            return {"M": {key: encode(inner) for key, inner in value.items()}}
        case list() | tuple():
            return {"L": [encode(inner) for inner in value]}
        case _:
            raise TypeError(f"{type(value).__name__} {value!r} cannot be stored in DynamoDB")


def decode(attribute: AttributeValue) -> Any:
    """Turn a DynamoDB attribute value into a plain value; numbers are int where they are whole.

    Raises:
        ValueError: the type is one that Recloser never writes.

    """
    [(kind, value)] = attribute.items()
    match kind:
        case "S" | "BOOL":
            return value
        case "N":
            return _number(value)
        case "NS":
            return frozenset(_number(number) for number in value)
        case "M":
            return {key: decode(inner) for key, inner in value.items()}
        case "L":
            return [decode(inner) for inner in value]
        case "NULL":
            return None
        case _:
            raise ValueError(f"attribute type {kind} is none of S, N, BOOL, NS, M, L, NULL")


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


# --- Circuits ------------------------------------------------------------------------------------


def encode_circuit(circuit: Circuit) -> dict[str, dict[str, Any] | None]:
    """Every attribute of a circuit's item but its key; None: the attribute must be absent.

    The item stays below one read unit: where texts are very long, the oldest lines of the history go first,
    then the oldest operations.
    """
    override = circuit.override
    due_at_ms = circuit.due_at_ms
    plain: dict[str, Any] = {
        "state": circuit.state,
        "generation": circuit.generation,
        "revision": circuit.revision,
        "changed_at": circuit.changed_at_ms,
        "opened_at": circuit.opened_at_ms,
        "closed_at": circuit.closed_at_ms,
        "retry_at": circuit.retry_at_ms,
        "deadline_at": circuit.deadline_at_ms,
        "trips": circuit.trips,
        "permits": circuit.permits,
        "reason": _short(circuit.reason),
        "cause": circuit.cause,
        "alarm": circuit.alarm,
        "override": None if override is None else _override_row(override),
        "policy": circuit.policy,
        "trip": None if circuit.trip is None else _trip_row(circuit.trip),
        "history": [_transition_row(line) for line in circuit.history],
        "operations": [_transition_row(line) for line in circuit.operations] or None,
        "due": None if due_at_ms is None else circuit.due_shard,
        "due_at": due_at_ms,
    }
    key = {"circuit": encode(circuit.name), "schema": encode(SCHEMA)}
    while True:
        item = {name: None if value is None else encode(value) for name, value in plain.items()}
        lines = plain["history"] or plain["operations"] or []
        if not lines or item_bytes(key) + item_bytes(item) < READ_UNIT_BYTES:
            return item
        del lines[0]


def item_bytes(item: Mapping[str, AttributeValue | None]) -> int:
    """Size an item by the rules of "DynamoDB item sizes and formats" (DynamoDB developer guide)."""
    present = ((name, value) for name, value in item.items() if value is not None)
    return sum(len(name.encode()) + _value_bytes(value) for name, value in present)


def _value_bytes(attribute: AttributeValue) -> int:
    [(kind, value)] = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return len(value) // 2 + 2
        case "M":
            return 3 + len(value) + item_bytes(value)
        case "L":
            return 3 + sum(1 + _value_bytes(inner) for inner in value)
        case _:
            return 1


def _short(text: str, longest_bytes: int = LONGEST_TEXT_BYTES) -> str:
    # "replace": AWS cuts reasons off by UTF-16 units, perhaps within a character.
    return text.encode(errors="replace")[:longest_bytes].decode(errors="ignore")


def _override_row(override: Override) -> dict[str, Any]:
    row = {
        "state": override.state,
        "by": _short(override.by),
        "why": _short(override.why),
        "at": override.at_ms,
    }
    return row if override.until_ms is None else row | {"until": override.until_ms}


def _transition_row(line: Transition) -> dict[str, Any]:
    row = {
        "at": line.at_ms,
        "from": line.from_state,
        "to": line.to_state,
        "generation": line.generation,
        "reason": _short(line.reason),
    }
    if line.cause is not None:
        row["cause"] = line.cause
    if line.by is not None:
        row["by"] = _short(line.by)
    if line.count > 1:
        row["count"] = line.count
    return row


def _trip_row(trip: Trip) -> dict[str, Any]:
    row: dict[str, Any] = {
        "at": trip.at_ms,
        "generation": trip.generation,
        "cause": trip.cause,
        "reason": _short(trip.reason, LONGEST_TRIP_REASON_BYTES),
        "threshold": None if trip.threshold is None else _storable(trip.threshold),
        "datapoints": [_storable(value) for value in trip.datapoints[:DATAPOINTS_KEPT]] or None,
        "calls": trip.calls,
        "failures": trip.failures,
    }
    return {name: value for name, value in row.items() if value is not None}


def _storable(value: float) -> float:
    """Round to six digits, within what DynamoDB takes for a number."""
    if abs(value) > LARGEST_COUNT or not math.isfinite(value):  # in this order: an int may exceed every float
        return -LARGEST_COUNT if value < 0 else LARGEST_COUNT
    return 0 if abs(value) < 1 / LARGEST_COUNT else _number(f"{value:.6g}")


def decode_circuit(name: str, item: Item) -> tuple[Circuit, list[str]]:
    """Read an item of the circuit table.

    Returns:
        The circuit, and what in the item was not understood and took its safe default.

    """
    row = _Row(item)
    schema = row.take("schema", _count, SCHEMA)
    if schema > SCHEMA:
        row.problems.append(f"schema {schema} is newer than {SCHEMA}: what is known of it was read")
    circuit = Circuit(
        name=name,
        state=row.take("state", State, State.CLOSED),
        generation=row.take("generation", _count, 0),
        revision=row.take("revision", _revision, 0),
        changed_at_ms=row.take("changed_at", _moment, 0),
        opened_at_ms=row.take("opened_at", _moment, None),
        closed_at_ms=row.take("closed_at", _moment, None),
        retry_at_ms=row.take("retry_at", _moment, None),
        deadline_at_ms=row.take("deadline_at", _moment, None),
        trips=row.take("trips", _count, 0),
        permits=row.take("permits", _count, 0),
        reason=row.take("reason", _text, ""),
        cause=row.take("cause", _read_cause, None),
        alarm=row.take("alarm", _alarm_name, None),
        override=row.take("override", _read_override, None),
        policy=row.take_policy("policy"),
        history=row.take("history", _read_history, ()),
        operations=row.take("operations", _read_operations, ()),
        trip=row.take("trip", _read_trip, None),
    )
    return circuit, row.problems


class _Row:
    """An item being read: each attribute by its own reader, each problem noted and passed over."""

    def __init__(self, item: Item) -> None:
        self._item = item
        self.problems: list[str] = []

    def take(self, attribute: str, read: Callable[[Any], Any], default: Any) -> Any:
        if attribute not in self._item:
            return default
        try:
            return read(decode(self._item[attribute]))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self.problems.append(f"{attribute}: {error!s:.{LONGEST_PROBLEM}} (taken as {default!r})")
            return default

    def take_policy(self, attribute: str) -> Mapping[str, Any]:
        """Read the settings, each by itself: one that cannot be used leaves the others in force."""
        settings, problems = usable(self.take(attribute, _map, {}))
        self.problems += [
            f"{attribute}: {printable(problem)[:LONGEST_PROBLEM]} (passed over)" for problem in problems
        ]
        return settings


def _count(value: object, largest: int = LARGEST_COUNT) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= largest:
        return value
    raise ValueError(f"{value!r} is not a whole number from 0 to {largest}")


def _moment(value: object) -> int:
    return _count(value, LATEST_MS)


def _revision(value: object) -> int:
    """Read a revision, rounded down: the next write is conditional on what lies between it and the next."""
    return _count(math.floor(value) if isinstance(value, float) and math.isfinite(value) else value)


def _text(value: object) -> str:
    if isinstance(value, str):
        return printable(value)
    raise ValueError(f"{value!r} is not text")


def _alarm_name(value: object) -> str:
    """Read an alarm's name as it is: it is asked for by it. CloudWatch takes no control characters."""
    if isinstance(value, str) and len(value) <= LONGEST_ALARM_NAME and not _NOT_IN_ALARM_NAMES.search(value):
        return value
    raise ValueError(f"{value!r:.300} is no alarm's name")


def _map(value: object) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise ValueError(f"{value!r} is not a map")


def _numbers(value: object) -> frozenset[int]:
    if isinstance(value, frozenset):
        return frozenset(_count(number) for number in value)
    raise ValueError(f"{value!r} is not a set of numbers")


def _read_override(row: Mapping[str, Any]) -> Override:
    until = row.get("until")
    return Override(
        state=State(row["state"]),
        by=_text(row["by"]),
        why=_text(row["why"]),
        at_ms=_moment(row["at"]),
        until_ms=None if until is None else _moment(until),
    )


def _read_cause(value: object) -> Cause | None:
    """None where it is missing, or of a version that this one does not know."""
    return Cause(value) if isinstance(value, str) and value in set(Cause) else None


def _read_history(rows: list[Mapping[str, Any]]) -> tuple[Transition, ...]:
    return tuple(map(_read_transition, rows[-HISTORY_LENGTH:]))


def _read_operations(rows: list[Mapping[str, Any]]) -> tuple[Transition, ...]:
    return tuple(map(_read_transition, rows[-OPERATIONS_LENGTH:]))


def _read_transition(row: Mapping[str, Any]) -> Transition:
    return Transition(
        at_ms=_moment(row["at"]),
        from_state=State(row["from"]),
        to_state=State(row["to"]),
        generation=_count(row["generation"]),
        reason=_text(row["reason"]),
        cause=_read_cause(row.get("cause")),
        by=_optional(_text, row.get("by")),
        count=_count(row.get("count", 1)),
    )


def _read_trip(row: Mapping[str, Any]) -> Trip:
    return Trip(
        at_ms=_moment(row["at"]),
        generation=_count(row["generation"]),
        cause=_read_cause(row.get("cause")),
        reason=_text(row["reason"]),
        threshold=_optional(_finite, row.get("threshold")),
        datapoints=tuple(map(_finite, row.get("datapoints", ()))),
        calls=_optional(_count, row.get("calls")),
        failures=_optional(_count, row.get("failures")),
    )


def _optional(read: Callable[[object], T], value: object) -> T | None:
    return None if value is None else read(value)


def _finite(value: object) -> float:
    # Not by isfinite: an int may exceed every float.
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_COUNT:
        return value
    raise ValueError(f"{value!r} is not a number")


# --- Probes --------------------------------------------------------------------------------------


def permit_key(circuit: str, generation: int) -> str:
    return f"{circuit}#{generation}"


def read_permit_key(key: str) -> tuple[str, int]:
    """Split `payments-api#17` into the circuit and the generation.

    Raises:
        ValueError: the key has another form.

    """
    circuit, separator, generation = key.rpartition("#")
    if not separator or not (generation.isascii() and generation.isdecimal()):
        raise ValueError(f"permit {key!r} is not of the form CIRCUIT#GENERATION")
    return circuit, int(generation)


def encode_minted(circuit: str, generation: int, permits: int, opens_at_ms: int) -> dict[str, Any]:
    """The item of a generation that begins."""
    return {
        "permit": encode(permit_key(circuit, generation)),
        "granted": encode(0),
        "allowed": encode(permits),
        "opens_at": encode(opens_at_ms),
        "expires": encode(opens_at_ms // 1000 + PROBES_KEPT_SECONDS),
    }


def decode_probes(item: Item) -> tuple[str, Probes, list[str]]:
    """Read an item of the probe table.

    Returns:
        The circuit's name, its probes, and what makes the item unusable.

    Raises:
        ValueError: the key is missing or has another form.

    """
    if "permit" not in item:
        raise ValueError("the item has no permit")
    name, generation = read_permit_key(decode(item["permit"]))
    row = _Row(item)
    probes = Probes(
        generation=generation,
        granted=row.take("granted", _count, 0),
        allowed=row.take("allowed", _count, 0),
        opens_at_ms=row.take("opens_at", _moment, 0),
        succeeded=row.take("succeeded", _numbers, frozenset()),
        failed=row.take("failed", _numbers, frozenset()),
        returned=row.take("returned", _numbers, frozenset()),
    )
    if len(repr(item)) > LARGEST_PERMIT_ITEM_BYTES:
        row.problems.append(f"the item is larger than {LARGEST_PERMIT_ITEM_BYTES} bytes: nobody could claim")
    return name, probes, row.problems
