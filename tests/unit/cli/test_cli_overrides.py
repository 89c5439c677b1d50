"""`recloser open`, `close`, `release`, `reset`, and what they leave in the table."""

from __future__ import annotations

import getpass
import logging
import socket
import time
from collections.abc import Callable

import boto3
import pytest
from typer.testing import Result

from recloser.circuit import State
from recloser.cli.times import moment, moment_ms
from recloser.control.control import Control
from recloser.signals import AlarmRaised
from recloser.store.dynamodb import DynamoDBTables

BROKEN = AlarmRaised("recloser:payments-api:failure-rate-fast", "Threshold Crossed", None)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_open(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """Open holds a circuit open, in a new generation, with who and why, until it is released."""
    answer = recloser("open", "payments-api", "--reason", "the vendor migrates")

    assert answer.exit_code == 0
    assert answer.stdout == (
        "payments-api: forced OPEN by user/moto: the vendor migrates; callers see OPEN until released\n"
    )
    assert answer.stderr == ""
    circuit = tables.read("payments-api", consistent=True)
    assert (circuit.state, circuit.generation, circuit.retry_at_ms) == (State.OPEN, 1, None)
    assert circuit.override is not None
    assert (circuit.override.state, circuit.override.until_ms) == (State.OPEN, None)
    assert (circuit.override.by, circuit.override.why) == ("user/moto", "the vendor migrates")
    assert tables.read_probes("payments-api", 1) is None


def test_open_for_a_while(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """With --for it ends by itself: the permits open at the end."""
    before_ms = now_ms()
    answer = recloser("open", "payments-api", "--reason", "migration", "--for", "30m")
    after_ms = now_ms()

    override = tables.read("payments-api", consistent=True).override
    probes = tables.read_probes("payments-api", 1)
    assert override is not None
    assert override.until_ms is not None
    assert probes is not None
    assert before_ms + 1_800_000 <= override.until_ms <= after_ms + 1_800_000
    assert probes.opens_at_ms == override.until_ms
    assert answer.stdout.endswith(f"; callers see OPEN until {moment(override.until_ms)}\n")


def test_close_until(recloser: Callable[..., Result], tables: DynamoDBTables, control: Control) -> None:
    """Close lets everything through over an open circuit, whose own state lives on; --until ends it."""
    opened = control.apply("payments-api", BROKEN).circuit
    end = "2031-01-01T00:00:00Z"
    answer = recloser(
        "close", "payments-api", "--reason", "false alarm", "--until", end, "--by", " ann \n lee "
    )

    assert answer.stdout == (
        f"payments-api: forced CLOSED by ann lee: false alarm; "
        f"callers see CLOSED until {moment(moment_ms(end))}\n"
    )
    circuit = tables.read("payments-api", consistent=True)
    assert (circuit.state, circuit.retry_at_ms) == (State.OPEN, opened.retry_at_ms)
    assert circuit.state_for_callers(now_ms()) is State.CLOSED


def test_release(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """A circuit that was held open goes to probes, from now on."""
    recloser("open", "payments-api", "--reason", "migration")
    before_ms = now_ms()
    answer = recloser("release", "payments-api", "--by", "ann")

    circuit = tables.read("payments-api", consistent=True)
    assert answer.exit_code == 0
    assert circuit.override is None
    assert circuit.retry_at_ms is not None
    assert before_ms <= circuit.retry_at_ms <= now_ms()
    assert answer.stdout == (
        "payments-api: override released by ann; callers see OPEN until probes succeed, "
        f"the first from {moment(circuit.retry_at_ms)}\n"
    )


def test_release_of_nothing(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """A word that changes nothing says why, and is no failure."""
    answer = recloser("release", "payments-api")

    assert answer.stdout == "payments-api: nothing changed: no override to release\n"
    assert answer.exit_code == 0
    assert tables.read("payments-api", consistent=True).revision == 0


def test_reset(recloser: Callable[..., Result], tables: DynamoDBTables, control: Control) -> None:
    """Reset closes, forgets trips and override, and sets the alarm that tripped it to OK."""
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=BROKEN.alarm,
        Namespace="Recloser",
        MetricName="Failure",
        Dimensions=[{"Name": "Circuit", "Value": "payments-api"}],
        Period=10,
        EvaluationPeriods=1,
        Statistic="Average",
        Threshold=0.5,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=BROKEN.alarm, StateValue="ALARM", StateReason="it fails")
    control.apply("payments-api", BROKEN)

    answer = recloser("reset", "payments-api", "--reason", "replaced the vendor", "--by", "ann")

    assert answer.stdout == "payments-api: reset by ann: replaced the vendor; callers see CLOSED\n"
    circuit = tables.read("payments-api", consistent=True)
    assert (circuit.state, circuit.trips, circuit.generation) == (State.CLOSED, 0, 2)
    [alarm] = cloudwatch.describe_alarms(AlarmNames=[BROKEN.alarm])["MetricAlarms"]
    assert alarm["StateValue"] == "OK"


def test_alarm_that_cannot_be_rearmed(
    recloser: Callable[..., Result], tables: DynamoDBTables, control: Control
) -> None:
    """A problem is a line on stderr without a traceback, and the circuit is written."""
    control.apply("payments-api", BROKEN)  # there is no such alarm
    answer = recloser("reset", "payments-api", "--reason", "gone")

    assert answer.exit_code == 0
    assert answer.stderr.startswith(f"recloser: alarm {BROKEN.alarm} could not be re-armed: ")
    assert answer.stderr.count("\n") == 1
    assert tables.read("payments-api", consistent=True).state is State.CLOSED
    assert not logging.getLogger("recloser").handlers


def test_misspelled_circuit(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """An unknown name is refused, with the one that may be meant, unless it is to be new."""
    for command in (
        ["open", "--reason", "outage"],
        ["close", "--reason", "outage"],
        ["reset", "--reason", "outage"],
        ["release"],
        ["forget"],
        ["policy"],
        ["history"],
        ["status"],
    ):
        answer = recloser(command[0], "paymnets-api", *command[1:])
        assert answer.exit_code == 1
        assert answer.stdout == ""
        assert answer.stderr == ("recloser: circuit paymnets-api is not known: did you mean payments-api?\n")
    assert tables.read("paymnets-api", consistent=True).revision == 0

    assert recloser("open", "paymnets-api", "--new", "--reason", "outage").exit_code == 0
    assert tables.read("paymnets-api", consistent=True).state is State.OPEN


def test_known_circuit_without_alarms(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """A circuit that was written before is known, whatever the stack says."""
    recloser("open", "mine", "--new", "--reason", "new")
    answer = recloser("reset", "mine", "--reason", "outage")
    assert (answer.exit_code, answer.stderr) == (0, "")


def test_long_reason(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """A word too long to store is obeyed, and the operator hears that its end is lost."""
    answer = recloser("open", "payments-api", "--reason", "x" * 200)

    assert answer.exit_code == 0
    assert answer.stderr == "recloser: note: the stored reason of payments-api ends after 128 bytes\n"


def test_open_in_shadow_mode(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """Who opens a circuit that refuses nobody is told so."""
    recloser("policy", "payments-api", "enforce=false")
    opened = recloser("open", "payments-api", "--reason", "outage")
    closed = recloser("reset", "payments-api", "--reason", "over")

    assert opened.stderr == (
        "recloser: note: payments-api is in shadow mode (enforce=false): calls are counted, not refused\n"
    )
    assert closed.stderr == ""


@pytest.mark.parametrize("command", ["open", "close", "reset"])
def test_why_is_needed(command: str, recloser: Callable[..., Result]) -> None:
    """Nobody forces a circuit without a reason; AWS is not even asked, here without credentials."""
    missing = recloser(command, "payments-api")
    empty = recloser(command, "payments-api", "--reason", "  ")

    assert (missing.exit_code, empty.exit_code) == (2, 2)
    assert "--reason" in missing.stderr
    assert empty.stderr == "recloser: --reason '  ' is not allowed: a few words\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["open", "a b", "--reason", "x"],
            "circuit name 'a b' is not allowed: 1 to 64 of A-Z a-z 0-9 - _ .",
        ),
        (["release", "a/b"], "circuit name 'a/b' is not allowed: 1 to 64 of A-Z a-z 0-9 - _ ."),
        (["open", "a", "--reason", "x", "--for", "soon"], "--for 'soon' is not allowed: whole or decimal"),
        (
            ["close", "a", "--reason", "x", "--until", "2001-01-01"],
            "--until '2001-01-01' is not allowed: a time",
        ),
        (
            ["open", "a", "--reason", "x", "--for", "1m", "--until", "2031-01-01"],
            "not together with --for 1m",
        ),
        (["release", "a", "--by", ""], "--by '' is not allowed: a few words"),
    ],
)
def test_bad_input(arguments: list[str], told: str, recloser: Callable[..., Result]) -> None:
    """Bad input is refused before AWS is asked; the message names thing, value and what is allowed."""
    answer = recloser(*arguments)

    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert told in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_assumed_role(
    recloser: Callable[..., Result], tables: DynamoDBTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who assumed a role is told by role and session."""
    credentials = boto3.client("sts").assume_role(
        RoleArn="arn:aws:iam::123456789012:role/operators", RoleSessionName="ann@example.com"
    )["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", credentials["SessionToken"])

    answer = recloser("open", "payments-api", "--reason", "outage")

    assert "forced OPEN by operators/ann@example.com: outage" in answer.stdout


def test_without_sts(
    recloser: Callable[..., Result], tables: DynamoDBTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where AWS does not say who calls, the operating system does."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{unused.getsockname()[1]}")
        answer = recloser("open", "payments-api", "--reason", "outage")

    assert f"forced OPEN by {getpass.getuser()}: outage" in answer.stdout
