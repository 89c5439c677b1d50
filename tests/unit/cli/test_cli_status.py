"""`recloser status` and `recloser history`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import boto3
import pytest
from typer.testing import Result

from recloser.circuit import Cause, Circuit, Override, Probes, State
from recloser.cli import status, views
from recloser.cli.times import clock, moment
from recloser.control.control import Control, wall_clock_ms
from recloser.decide import Decision
from recloser.policy import RecoveryPolicy
from recloser.signals import AlarmRaised, Evidence, Limits, OverrideSet, ProbesReported
from recloser.store.dynamodb import DynamoDBTables

BROKEN = AlarmRaised("payments-alarm", "[red]Threshold[/red] Crossed", None)


def test_untouched_circuits(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """The circuits of the stack are listed although nothing ever happened to them: they are closed."""
    answer = recloser("status", "--json")

    documents = json.loads(answer.stdout)
    assert [(document["circuit"], document["state"]) for document in documents] == [
        ("payments-api", "CLOSED"),
        ("search", "CLOSED"),
    ]
    assert documents[0]["since_ms"] is None


def test_table(recloser: Callable[..., Result], control: Control) -> None:
    """A line for each circuit, with what callers see, whatever is underneath."""
    control.apply("payments-api", BROKEN)
    recloser("close", "payments-api", "--reason", "false alarm", "--by", "ann")
    recloser("open", "z-orders", "--new", "--reason", "migration", "--by", "lee")

    counts, header, orders, payments, search = recloser("status").stdout.splitlines()

    assert counts.rstrip() == "1 open, 0 half-open, 2 closed; 2 overridden"
    assert header.split() == ["state", "circuit", "since", "retry", "trips", "why"]
    assert orders.startswith("OPEN   z-orders ")  # what is open comes first, whatever its name
    assert "by lee: migration (until released)" in orders
    assert payments.split()[:2] == ["CLOSED", "payments-api"]
    assert "by ann: false alarm (until released, underneath OPEN)" in payments
    assert search.split() == ["CLOSED", "search"]


def test_only_open(recloser: Callable[..., Result], control: Control) -> None:
    """--open leaves out what is simply closed; a pattern leaves out what does not match."""
    control.apply("payments-api", BROKEN)
    recloser("close", "search", "--reason", "let it through")

    def named(*arguments: str) -> list[str]:
        return [each["circuit"] for each in json.loads(recloser("status", *arguments, "--json").stdout)]

    assert named("--open") == ["payments-api", "search"]
    assert named("pay*", "--open") == ["payments-api"]
    assert named("payments-api", "search") == ["payments-api", "search"]
    recloser("release", "search")
    assert named("--open") == ["payments-api"]
    assert recloser("status", "nothing-*").stderr == "recloser: no circuit matches 'nothing-*'\n"


def test_200_circuits_at_80_columns(
    recloser: Callable[..., Result], control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 circuits are 200 lines of at most 80 columns; no name is cut, what is open comes first."""
    monkeypatch.setattr(views, "_WIDTH_WITHOUT_TERMINAL", 80)
    for number in range(198):
        circuit = Circuit(f"team-{number % 7}-service-{number:03d}", revision=1, reason="x" * 120)
        control.tables.commit(Circuit(circuit.name), Decision(Cause.RESET, "", circuit))
    control.apply("payments-api", BROKEN)

    lines = recloser("status").stdout.splitlines()

    assert len(lines) == 2 + 200
    assert max(len(line) for line in lines) <= 80
    assert lines[2].startswith("OPEN   payments-api ")
    assert all(f"team-{number % 7}-service-{number:03d} " in "\n".join(lines) for number in range(198))


def test_a_row_that_cannot_be_shown(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """A time that no calendar has, or text that steers a terminal, is shown as it is stored."""
    boto3.client("dynamodb").put_item(
        TableName=tables._circuit_table,
        Item={
            "circuit": {"S": "bad\x1b[2Jname"},
            "state": {"S": "OPEN"},
            "revision": {"N": "1"},
            "opened_at": {"N": "9" * 38},
            "retry_at": {"N": "-" + "9" * 38},
            "reason": {"S": "\x1b]0;title\x07 \x9b31m \u202egnp.exe"},
        },
    )
    for arguments in (["status"], ["status", "--open"], ["status", "--json"], ["status", "bad*", "--json"]):
        answer = recloser(*arguments)
        assert answer.exit_code == 0, answer.stderr
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(answer.stdout + answer.stderr)
    # What no circuit can have is shown apart from the list, as it is stored.
    assert "9" * 38 in recloser("status").stderr + recloser("status").stdout


def test_json(recloser: Callable[..., Result], control: Control) -> None:
    """The same for programs: times in milliseconds, the names of the announced event."""
    opened = control.apply("payments-api", BROKEN).circuit
    answer = recloser("status", "--json")

    assert json.loads(answer.stdout)[0] == {
        "circuit": "payments-api",
        "state": "OPEN",
        "state_underneath": "OPEN",
        "since_ms": opened.opened_at_ms,
        "generation": 1,
        "revision": 1,
        "trips": 1,
        "retry_at_ms": opened.retry_at_ms,
        "override": None,
        "cause": "alarm_by_hand",
        "reason": "alarm set manually: [red]Threshold[/red] Crossed",
        "alarm": "payments-alarm",
    }


def test_one_circuit(recloser: Callable[..., Result], control: Control, tables: DynamoDBTables) -> None:
    """One circuit is shown in full: facts, probes of its generation, policy, history."""
    opened = control.apply("payments-api", BROKEN).circuit
    assert opened.retry_at_ms is not None
    recloser("policy", "payments-api", "permits=20")
    assert tables.claim("payments-api", 1, opened.retry_at_ms) == 1

    page = recloser("status", "payments-api").stdout

    assert f"{moment(opened.retry_at_ms)} (in " in page
    assert "1 of 1 permits granted: 0 succeeded, 0 failed, 0 given back, 1 out" in page
    assert "alarm set manually: [red]Threshold[/red] Crossed" in page
    lines = {" ".join(line.split()) for line in page.splitlines()}
    assert "generation 1 (revision 2)" in lines
    assert "permits 20 this circuit (default 8)" in lines
    assert "recovery_timeout_seconds 40.0 default" in lines
    told = "alarm set manually: [red]Threshold[/red] Crossed"
    assert f"{clock(opened.changed_at_ms)} OPEN {told}" in lines


def test_the_outage_stays(
    recloser: Callable[..., Result], control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What tripped a circuit is shown whole, also once probes have failed: alarm, threshold, data."""
    monkeypatch.setattr(views, "_WIDTH_WITHOUT_TERMINAL", 80)
    now_ms = wall_clock_ms()
    evidence = Evidence(40, 30, now_ms - 60_000, now_ms, Limits(50.0, 10))
    raised = AlarmRaised("fast", "Threshold Crossed", now_ms, None, evidence, 50.0, (75.0, 60.0))
    opened = control.apply("payments-api", raised).circuit
    assert opened.retry_at_ms is not None
    failed = Probes(1, granted=1, allowed=1, failed=frozenset({1}))
    control.apply("payments-api", ProbesReported(failed))

    page = recloser("status", "payments-api").stdout
    assert "reason          probe 1 failed" in page
    lines = {" ".join(line.split()) for line in page.splitlines()}
    assert {
        "by fast",
        "threshold 50",
        "datapoints 75, 60 (newest first)",
        "counted 30 of 40 calls failed",
    } <= lines
    assert max(map(len, page.splitlines())) <= 80
    document = json.loads(recloser("status", "payments-api", "--json").stdout)["trip"]
    assert (document["threshold"], document["calls"], document["failures"]) == (50.0, 40, 30)


def test_one_circuit_json(recloser: Callable[..., Result], control: Control, tables: DynamoDBTables) -> None:
    """In full for programs, with the policy in force: the stack's defaults and the circuit's own."""
    opened = control.apply("payments-api", BROKEN).circuit
    assert opened.retry_at_ms is not None
    recloser("policy", "payments-api", "permits=20")
    tables.claim("payments-api", 1, opened.retry_at_ms)
    tables.report("payments-api", 1, 1, succeeded=True)
    probes = tables.read_probes("payments-api", 1)
    assert probes is not None
    control.apply("payments-api", ProbesReported(probes))

    document = json.loads(recloser("status", "payments-api", "--json").stdout)

    assert document["state"] == "HALF_OPEN"
    assert document["own_policy"] == {"permits": 20}
    assert (document["policy"]["permits"], document["policy"]["recovery_timeout_seconds"]) == (20, 40.0)
    assert document["probes"] == {
        "generation": 1,
        "granted": 1,
        "allowed": 20,
        "opens_at_ms": opened.retry_at_ms,
        "succeeded": [1],
        "failed": [],
        "returned": [],
        "out": 0,
    }
    assert [(line["from_state"], line["to_state"]) for line in document["history"]] == [
        ("CLOSED", "OPEN"),
        ("OPEN", "OPEN"),  # the policy was set
        ("OPEN", "HALF_OPEN"),
    ]


@pytest.mark.parametrize(("lasting_ms", "shown"), [(60_000, None), (7_200_000, "a while")])
def test_expired_override(
    lasting_ms: int, shown: str | None, recloser: Callable[..., Result], tables: DynamoDBTables
) -> None:
    """An override that is over is not shown, although nobody has taken it out of the table yet."""
    hour_ago_ms = wall_clock_ms() - 3_600_000
    override = Override(State.CLOSED, "ann", "a while", hour_ago_ms, hour_ago_ms + lasting_ms)
    Control(tables, now_ms=lambda: hour_ago_ms).apply("payments-api", OverrideSet(override))

    document = json.loads(recloser("status", "payments-api", "--json").stdout)

    assert (document["override"] and document["override"]["why"]) == shown


def test_shadow_mode_is_shown(recloser: Callable[..., Result], control: Control) -> None:
    """A circuit that refuses nobody says so."""
    control.apply("payments-api", BROKEN)
    recloser("policy", "payments-api", "enforce=false")
    assert "shadow mode (nobody is refused): " in recloser("status").stdout
    assert "OPEN (shadow: nobody is refused)" in recloser("status", "payments-api").stdout


def test_watch(recloser: Callable[..., Result], control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """Watching looks again and again, until Ctrl-C, which is no failure."""
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise KeyboardInterrupt
        control.apply("payments-api", BROKEN)

    monkeypatch.setattr(time, "sleep", pause)
    answer = recloser("status", "--watch")

    assert answer.exit_code == 0
    assert pauses == [2.0, 2.0]
    assert answer.stdout.count("alarm set manually") == 1
    refused = recloser("status", "--watch", "--json")
    assert (refused.exit_code, refused.stderr) == (
        2,
        "recloser: --watch True is not allowed: not together with --json\n",
    )


def test_history(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """People read the newest transition first, programs last."""
    assert recloser("history", "payments-api").stdout == "no transitions yet\n"
    recloser("open", "payments-api", "--reason", "migration", "--by", "ann")
    recloser("reset", "payments-api", "--reason", "done", "--by", "lee")

    _, newest, oldest = recloser("history", "payments-api").stdout.splitlines()
    documents = json.loads(recloser("history", "payments-api", "--json").stdout)

    assert newest.rstrip().endswith("reset by lee: done")
    assert oldest.rstrip().endswith("forced OPEN by ann: migration")
    assert [document["to_state"] for document in documents] == ["OPEN", "CLOSED"]
    assert documents[1]["generation"] == 2


def test_policy_that_does_not_go_with_the_defaults() -> None:
    """As for the functions, the defaults hold where a circuit's own settings do not go with them."""
    defaults = RecoveryPolicy(permits=3, successes_to_close=3)
    assert status.policy_in_force(defaults, {"successes_to_close": 5}) == defaults
    assert status.policy_in_force(defaults, {"permits": 5}).permits == 5
