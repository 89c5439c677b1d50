"""The JavaScript breaker and the library agree on every case of the contract, against the same tables."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from contract import Case, cases
from lambda_environment import EMF
from stored_tables import StoredTables

from recloser import CircuitBreaker, CircuitOpen
from recloser.caller.process import Process
from recloser.lab.local_aws.emulator import Emulator
from recloser.metrics.recorder import EmfPublisher

NODE = shutil.which("node")
CASES = cases()

needs_node = pytest.mark.skipif(NODE is None, reason="there is no node on this machine")


@dataclass(frozen=True)
class Answer:
    """What one call through a breaker did."""

    called: bool
    refusal: str | None
    lines: list[dict[str, Any]]

    def published(self) -> list[str]:
        return [name for line in self.lines for name in line if name not in ("_aws", "Circuit")]


Caller = Callable[[Emulator, StoredTables, list[str]], list[Answer]]

# The clock of every caller: it stands still, so that no flag is read twice and nothing comes due.
NOW_MS = time.time_ns() // 1_000_000


def by_the_library(_: Emulator, stored: StoredTables, circuits: list[str]) -> list[Answer]:
    """Call once for each name, through one breaker per name."""
    lines: list[dict[str, Any]] = []

    @functools.cache
    def breaker(circuit: str) -> CircuitBreaker:
        publisher = EmfPublisher(lambda line: lines.append(json.loads(line)))
        process = Process(tables=stored.tables(), publisher=publisher, clock=lambda: NOW_MS / 1000)
        return CircuitBreaker(circuit, process=process)

    def call(circuit: str) -> Answer:
        lines.clear()
        calls: list[str] = []
        try:
            breaker(circuit).call(calls.append, "made")
        except CircuitOpen as refused:
            return Answer(bool(calls), type(refused).__name__, lines.copy())
        return Answer(bool(calls), None, lines.copy())

    return [call(circuit) for circuit in circuits]


def by_javascript(emulator: Emulator, stored: StoredTables, circuits: list[str]) -> list[Answer]:
    """Call once for each name, through one breaker per name."""
    assert NODE is not None
    wanted = {
        "endpoint": emulator.endpoint_url,
        "circuitTable": stored.circuit_table,
        "probeTable": stored.probe_table,
        "circuits": circuits,
        "nowMs": NOW_MS,
    }
    script = Path(__file__).with_name("run_breaker.mjs")
    ended = subprocess.run(
        [NODE, script], input=json.dumps(wanted), capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return [Answer(**json.loads(line)) for line in ended.stdout.splitlines()]


CALLERS = [
    pytest.param(by_the_library, id="library"),
    pytest.param(by_javascript, id="javascript", marks=needs_node),
]


@pytest.fixture(scope="module", params=CALLERS)
def caller(request: pytest.FixtureRequest) -> Caller:
    found: Caller = request.param
    return found


@pytest.fixture(scope="module")
def answers(caller: Caller, emulator: Emulator, stored: StoredTables) -> Mapping[int, Answer]:
    """Every case, called once on a circuit of its own."""
    circuits = [f"{caller.__name__}-{case.number}" for case in CASES]
    for case, circuit in zip(CASES, circuits, strict=True):
        case.store(stored, circuit, NOW_MS)
    called = caller(emulator, stored, circuits)
    return {case.number: answer for case, answer in zip(CASES, called, strict=True)}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(caller: Caller, case: Case, answers: Mapping[int, Answer], stored: StoredTables) -> None:
    """A caller does what the contract's table says: calls or not, publishes that, claims and reports that."""
    answer = answers[case.number]
    assert answer.called == (case.then != "refuse")
    assert answer.refusal == ("CircuitOpen" if case.then == "refuse" else None)
    assert sorted(answer.published()) == sorted(case.published)
    for line in answer.lines:
        EMF.validate(line)
    probes = stored.probes(f"{caller.__name__}-{case.number}#{case.generation}") or {}
    if case.then == "probe":
        assert probes["granted"] == {"N": str(case.granted + 1)}
        assert probes["succeeded"] == {"NS": [str(case.granted + 1)]}
    else:
        assert int(probes.get("granted", {"N": "0"})["N"]) == case.granted
        assert "succeeded" not in probes


def test_one_claim_per_reading(caller: Caller, emulator: Emulator, stored: StoredTables) -> None:
    """A caller that stays in memory claims one permit on one reading of the flag, however many there are."""
    [case] = [
        case for case in CASES if (case.state, case.permits, case.then) == ("HALF_OPEN", "1 of 10", "probe")
    ]
    circuit = f"{caller.__name__}-again"
    case.store(stored, circuit, NOW_MS)
    answers = caller(emulator, stored, [circuit] * 3)
    assert [answer.called for answer in answers] == [True, False, False]
    assert (stored.probes(f"{circuit}#{case.generation}") or {})["granted"] == {"N": "2"}


def test_the_table_has_every_answer() -> None:
    """The table of cases was found, and each kind of answer is in it more than once."""
    answers = [case.then for case in CASES]
    assert {then: answers.count(then) > 1 for then in ("call", "probe", "refuse")} == dict.fromkeys(
        ("call", "probe", "refuse"), True
    )
    assert len(CASES) == len({case.row for case in CASES})
