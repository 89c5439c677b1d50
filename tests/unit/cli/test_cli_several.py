"""Several circuits at once, circuits that are forgotten, and circuits that move to another stack."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner, Result

from recloser.circuit import State
from recloser.cli import choice
from recloser.cli.changes import in_parallel
from recloser.cli.main import app
from recloser.control.control import Control
from recloser.signals import AlarmRaised
from recloser.store.dynamodb import DynamoDBTables

ORDERS = {"Name": "Circuit", "Value": "orders"}
BROKEN = AlarmRaised("payments-alarm", "it fails", None)


def states(recloser: Callable[..., Result]) -> dict[str, str]:
    return {each["circuit"]: each["state"] for each in json.loads(recloser("status", "--json").stdout)}


def test_several_circuits(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """Names, patterns and --all take several circuits; each answers on a line, or in a list of JSON."""
    opened = recloser("open", "pay*", "search", "--reason", "outage", "--yes", "--by", "ann")
    closed = recloser("close", "--all", "--reason", "over", "--yes", "--json")

    assert [line.split(":")[0] for line in opened.stdout.splitlines()] == ["payments-api", "search"]
    assert [(each["circuit"], each["changed"]) for each in json.loads(closed.stdout)] == [
        ("payments-api", True),
        ("search", True),
    ]
    assert states(recloser) == {"payments-api": "CLOSED", "search": "CLOSED"}
    recloser("release", "--all", "--yes")
    recloser("reset", "--all", "--reason", "over", "--yes")
    assert states(recloser) == {"payments-api": "CLOSED", "search": "CLOSED"}


def test_one_confirmation(
    recloser: Callable[..., Result], tables: DynamoDBTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several circuits are changed after one question that names them; where nobody can be asked, --yes."""
    refused = recloser("open", "--all", "--reason", "outage")
    assert refused.exit_code == 2
    assert refused.stderr == (
        "recloser: circuits '2 at once' is not allowed: with --yes, where nobody can be asked\n"
    )

    monkeypatch.setattr(choice, "is_interactive", lambda: True)
    command = ["open", "--all", "--reason", "outage"]
    no = CliRunner().invoke(app, command, input="n\n")
    assert no.exit_code == 1
    assert "payments-api\nsearch\nRefuse every call of these 2 circuits? [y/N]:" in no.stderr
    assert set(states(recloser).values()) == {"CLOSED"}
    assert CliRunner().invoke(app, command, input="y\n").exit_code == 0
    assert set(states(recloser).values()) == {"OPEN"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["release"], "circuit '' is not allowed: at least one name or pattern, or --all"),
        (["release", "--all", "a"], "--all 'a' is not allowed: not together with names"),
    ],
)
def test_no_circuit(arguments: list[str], told: str, recloser: Callable[..., Result]) -> None:
    """Which circuits are meant is said, and said once."""
    answer = recloser(*arguments)
    assert (answer.exit_code, answer.stderr) == (2, f"recloser: {told}\n")


def test_circuits_that_only_the_metrics_know(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """A circuit that is called is known, although it never tripped and the stack has no alarm for it."""
    boto3.client("cloudwatch").put_metric_data(
        Namespace="Recloser",
        MetricData=[{"MetricName": "Failure", "Dimensions": [ORDERS], "Value": 0}],
    )
    assert states(recloser) == {"orders": "CLOSED", "payments-api": "CLOSED", "search": "CLOSED"}
    assert recloser("open", "orders", "--reason", "outage").exit_code == 0


def test_forget(recloser: Callable[..., Result], tables: DynamoDBTables, control: Control) -> None:
    """Forget deletes what is stored, and asks for --force where the circuit is not closed."""
    control.apply("payments-api", BROKEN)
    refused = recloser("forget", "payments-api")
    assert refused.exit_code == 1
    assert "it is OPEN or overridden; add --force" in refused.stderr
    assert tables.read("payments-api", consistent=True).revision == 1

    assert recloser("forget", "payments-api", "--force").stdout == "payments-api: forgotten\n"
    assert tables.read("payments-api", consistent=True).revision == 0
    assert recloser("forget", "payments-api").stdout == "payments-api: nothing was stored\n"


def test_export_and_import(
    recloser: Callable[..., Result], tables: DynamoDBTables, control: Control, tmp_path: Path
) -> None:
    """What was exported is imported as it was: state, override, policy and history."""
    control.apply("payments-api", BROKEN)
    recloser("policy", "search", "permits=20", "enforce=false")
    recloser("open", "search", "--reason", "migration", "--for", "2h", "--by", "ann")
    before = {name: tables.read(name, consistent=True) for name in ("payments-api", "search")}
    file = tmp_path / "circuits.json"
    file.write_text(recloser("export").stdout)

    kept = recloser("import", str(file))
    assert kept.stdout.splitlines() == [
        f"{name}: left alone: it is stored already (--replace)" for name in ("payments-api", "search")
    ]
    recloser("forget", "--all", "--force", "--yes")
    assert recloser("import", str(file)).stdout == "payments-api: imported\nsearch: imported\n"

    assert {name: tables.read(name, consistent=True) for name in before} == before
    assert before["search"].state is State.OPEN
    assert before["search"].policy == {"permits": 20, "enforce": False}
    only = json.loads(recloser("export", "search").stdout)
    assert [each["circuit"] for each in only["circuits"]] == ["search"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "no JSON"),
        ("{}", "not what recloser export writes"),
        ('{"format": "recloser circuits", "version": 1}', "circuits: a list is needed"),
        ('{"format": "recloser circuits", "version": 1, "circuits": [3]}', "circuits[0]: a map is needed"),
        (
            '{"format": "recloser circuits", "version": 1, "circuits": [{"circuit": "a b"}]}',
            "circuits[0]: circuit name 'a b' is not allowed",
        ),
        (
            '{"format": "recloser circuits", "version": 1, "circuits": [{"circuit": "b", "state": "ajar"}]}',
            "circuits[0] (b): state: 'ajar' is not a valid State",
        ),
        (
            '{"format": "recloser circuits", "version": 1, "circuits": [{"circuit": "a", "trips": 1e999}]}',
            "circuits[0] (a): trips: inf is not a whole number",
        ),
        (
            '{"format": "recloser circuits", "version":1, "circuits":[{"circuit": "b", "alarm": "\\ud800"}]}',
            "circuits[0] (b): alarm: '\\ud800' is no alarm's name",
        ),
    ],
)
def test_bad_files(
    text: str, told: str, recloser: Callable[..., Result], tables: DynamoDBTables, tmp_path: Path
) -> None:
    """A file that holds something else is told with the place, and nothing of it is stored."""
    file = tmp_path / "circuits.json"
    file.write_text(text)
    answer = recloser("import", str(file))

    assert answer.exit_code == 2
    assert told in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert list(tables.scan()) == []


@pytest.mark.parametrize("text", ["\x1b[2J", "a\x9bb", "a\u202eb", "a\udcffb", "a\u2028b", "a\x00"])
@pytest.mark.parametrize("option", ["--reason", "--by"])
def test_text_that_steers_terminals(text: str, option: str, recloser: Callable[..., Result]) -> None:
    """Control characters, bidirectional marks and lone surrogates are refused where they are written."""
    others = {"--reason": "outage"} | {option: text}
    answer = recloser("open", "payments-api", *(word for pair in others.items() for word in pair))

    assert answer.exit_code == 2
    assert answer.stderr.startswith(f"recloser: {option} ")
    assert "no control characters, as U+" in answer.stderr
    assert all(character.isprintable() for character in answer.stderr.rstrip("\n"))


def test_places_after_the_command(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """Stack, Region, profile and endpoint may be named after the command, where they win."""
    assert recloser("status", "--stack-name", "recloser", "--region", "eu-west-1").exit_code == 0
    nowhere = recloser("--stack-name", "recloser", "status", "--stack-name", "nowhere")
    assert (nowhere.exit_code, "stack 'nowhere' was not found" in nowhere.stderr) == (1, True)
    bad = recloser("status", "--endpoint-url", "nonsense")
    assert bad.exit_code == 2
    assert bad.stderr.count("\n") == 1
    assert recloser("status", "--profile", "nobody").exit_code == 2


def test_completion(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """A shell completes the names of circuits."""
    environment = {"_RECLOSER_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "recloser history pa"}
    answer = CliRunner().invoke(app, [], env=environment, prog_name="recloser")
    assert "payments-api" in answer.stdout
    assert "search" not in answer.stdout


@pytest.mark.parametrize("until", ["9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z", "2999-01-01"])
def test_an_end_too_far_away(until: str, recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """An end that nobody could be shown is refused before anything is written."""
    answer = recloser("open", "payments-api", "--reason", "outage", "--until", until)
    assert answer.exit_code == 2
    assert answer.stderr.startswith(f"recloser: --until {until!r} is not allowed: ")
    assert tables.read("payments-api", consistent=True).revision == 0


def put_manually(tables: DynamoDBTables, **attributes: dict[str, object]) -> None:
    boto3.client("dynamodb").put_item(TableName=tables._circuit_table, Item=attributes)


def test_a_row_of_no_circuit(
    recloser: Callable[..., Result], tables: DynamoDBTables, control: Control
) -> None:
    """An item under a name that no circuit can have is shown; a command for every circuit passes it over."""
    put_manually(tables, circuit={"S": "payments api"}, state={"S": "OPEN"})
    control.apply("orders", BROKEN)
    assert set(states(recloser)) >= {"payments api", "orders"}
    for command in ("open", "close", "reset"):
        answer = recloser(command, "--all", "--yes", "--reason", "outage", "--by", "ann")
        assert answer.exit_code == 0
        assert "orders: " in answer.stdout
        assert "payments api" not in answer.stdout


@pytest.mark.parametrize(
    "revision", [None, {"S": "7"}, {"N": "-1"}, {"N": "1E+37"}, {"N": "17.9"}, {"N": "0"}]
)
def test_a_row_that_was_written_manually_is_forgotten(
    recloser: Callable[..., Result], tables: DynamoDBTables, revision: dict[str, object] | None
) -> None:
    """Whatever its revision is, an item that is stored can be forgotten."""
    more = {} if revision is None else {"revision": revision}
    put_manually(tables, circuit={"S": "search"}, policy={"M": {"permits": {"N": "20"}}}, **more)
    assert recloser("forget", "search").stdout == "search: forgotten\n"
    assert [circuit.name for circuit in tables.scan()] == []
    assert recloser("forget", "search").stdout == "search: nothing was stored\n"


def test_what_cannot_be_imported_is_not_exported(
    recloser: Callable[..., Result], tables: DynamoDBTables
) -> None:
    """An attribute of a type that Recloser never writes is left out and told: the file can be imported."""
    put_manually(
        tables, circuit={"S": "search"}, trips={"N": "3"}, note={"NULL": True}, more={"L": [{"NULL": True}]}
    )
    exported = recloser("export")
    assert exported.stderr.count("is left out: ") == 2
    answer = CliRunner().invoke(app, ["import", "-", "--replace"], input=exported.stdout)
    assert (answer.stdout, answer.stderr) == ("search: imported\n", "")


def test_an_interrupt_says_what_may_have_been_done(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C leaves the circuits alone that were not begun, and says where to see the others."""
    begun: list[str] = []

    def interrupted(name: str) -> None:
        begun.append(name)
        time.sleep(0.01)  # so that the interrupt is met while others wait
        if name == "circuit-0":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_parallel([f"circuit-{number}" for number in range(10_000)], interrupted)
    assert len(begun) < 10_000
    assert capsys.readouterr().err == (
        "recloser: interrupted: some circuits may have been changed, as recloser status shows\n"
    )
