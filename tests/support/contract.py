"""`docs/contract.md` as data: its JSON blocks, and its table of cases as items of the two tables."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from stored_tables import ROOT, StoredTables

CONTRACT = ROOT / "docs" / "contract.md"
_BLOCK = re.compile(r"^```json (\S+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADER = "| state | override | retry_at | closed_at | permits | policy | then | published |"
_TIME = re.compile(r"(in )?(\d+) s( ago)?")
_FAR_FUTURE_S = 4_102_444_800


@dataclass(frozen=True)
class Block:
    """A fenced JSON document: what it is, which one of these, and its content."""

    kind: str
    role: str
    document: Any

    def __str__(self) -> str:
        return f"{self.kind} {self.role}".strip()


def blocks() -> list[Block]:
    return [Block(kind, role, json.loads(text)) for kind, role, text in _BLOCK.findall(CONTRACT.read_text())]


@dataclass(frozen=True)
class Case:
    """A row of the table: what is stored, and what a caller does."""

    row: str
    number: int
    state: str
    override: str
    retry_at: str
    closed_at: str
    permits: str
    policy: str
    then: str
    published: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.number}: {self.row}"

    @property
    def generation(self) -> int:
        """A generation of its own, so that what becomes of one case's permits changes no other case."""
        return 100 + self.number

    @property
    def granted(self) -> int:
        """How many permits are granted before the call."""
        return int(self.permits.split(" of ")[0]) if " of " in self.permits else 0

    def store(self, stored: StoredTables, circuit: str, now_ms: int) -> None:
        """Put the items of this case, and nothing else of this circuit and generation."""
        stored.client.delete_item(TableName=stored.circuit_table, Key={"circuit": {"S": circuit}})
        if self.state != "no item":
            stored.put_circuit(self.circuit_item(circuit, now_ms))
        if " of " in self.permits:
            stored.put_probes(self.probe_item(circuit, now_ms))

    def circuit_item(self, circuit: str, now_ms: int) -> dict[str, Any]:
        item: dict[str, Any] = {
            "circuit": {"S": circuit},
            "state": {"S": self.state},
            "generation": {"N": str(self.generation)},
            "revision": {"N": "1"},
            "changed_at": {"N": str(now_ms)},
            "trips": {"N": "1"},
            "permits": {"N": self._allowed},
            "reason": {"S": "a case of the contract"},
            "policy": {"M": dict(_setting(text) for text in _parts(self.policy))},
            "history": {"L": []},
            "schema": {"N": "1"},
        }
        for attribute, cell in (("retry_at", self.retry_at), ("closed_at", self.closed_at)):
            if cell:
                item[attribute] = {"N": str(_at_ms(cell, now_ms))}
        if self.override:
            item["override"] = {"M": _override(self.override, now_ms)}
        return item

    @property
    def _allowed(self) -> str:
        """How many permits there are. The circuit says so, too, or its permits would be taken for forged."""
        return self.permits.partition(", ")[0].split(" of ")[1] if " of " in self.permits else "1"

    def probe_item(self, circuit: str, now_ms: int) -> dict[str, Any]:
        counts, _, opens = self.permits.partition(", ")
        granted = counts.split(" of ")[0]
        return {
            "permit": {"S": f"{circuit}#{self.generation}"},
            "granted": {"N": granted},
            "allowed": {"N": self._allowed},
            "opens_at": {"N": str(_at_ms(opens or self.retry_at or "0 s ago", now_ms))},
            "expires": {"N": str(_FAR_FUTURE_S)},
        }


def cases() -> list[Case]:
    """Every row of the table."""
    lines = CONTRACT.read_text().splitlines()
    first = lines.index(_HEADER) + 2
    rows = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        rows.append(line)
    return [_case(number, row) for number, row in enumerate(rows, start=1)]


def _case(number: int, row: str) -> Case:
    state, override, retry_at, closed_at, permits, policy, then, published = (
        cell.strip() for cell in row.strip("|").split("|")
    )
    return Case(
        row,
        number,
        state=state,
        override=override,
        retry_at=retry_at,
        closed_at=closed_at,
        permits=permits,
        policy=policy,
        then=then,
        published=tuple(_parts(published)),
    )


def _parts(cell: str) -> list[str]:
    return [part for part in cell.split(", ") if part]


def _at_ms(cell: str, now_ms: int) -> int:
    found = _TIME.fullmatch(cell)
    if found is None or bool(found[1]) == bool(found[3]):
        raise ValueError(f"time {cell!r} is not allowed: `in 60 s` or `60 s ago`")
    return now_ms + (1000 if found[1] else -1000) * int(found[2])


def _override(cell: str, now_ms: int) -> dict[str, Any]:
    state, _, until = cell.partition(" until ")
    at_ms = now_ms - 3_600_000
    row = {"state": {"S": state}, "by": {"S": "maria"}, "why": {"S": "a case"}, "at": {"N": str(at_ms)}}
    return row | {"until": {"N": str(_at_ms(until, now_ms))}} if until else row


def _setting(text: str) -> tuple[str, dict[str, Any]]:
    name, value = text.split(" ")
    return name, {"BOOL": value == "true"} if name == "enforce" else {"N": value}
