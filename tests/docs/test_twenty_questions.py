"""The operators' questions whose answer is a command: it is run as the page has it, and answers."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from small_stack import STACK
from typer.testing import CliRunner

from recloser.circuit import Probes
from recloser.cli.main import app
from recloser.control.alarms import CloudWatchAlarms
from recloser.control.control import Control, wall_clock_ms
from recloser.signals import AlarmRaised, Evidence, Limits, ProbesReported
from recloser.store.dynamodb import DynamoDBTables

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
ALARM = "recloser:payments-api:failure-rate-fast"


@pytest.fixture(autouse=True)
def an_outage(one_loader: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """payments-api is open by its alarm, and a probe has failed; ann forced search closed, without an end."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "eu-west-1")
    with mock_aws():
        cloudformation = boto3.client("cloudformation")
        cloudformation.create_stack(StackName="recloser", TemplateBody=json.dumps(STACK))
        [stack] = cloudformation.describe_stacks(StackName="recloser")["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        tables = DynamoDBTables(
            outputs["CircuitTableName"], outputs["ProbeTableName"], boto3.client("dynamodb")
        )
        control = Control(tables, CloudWatchAlarms(boto3.client("cloudwatch")))
        now_ms = wall_clock_ms()
        evidence = Evidence(40, 30, now_ms - 60_000, now_ms, Limits(50.0, 10))
        control.apply("payments-api", AlarmRaised(ALARM, "Crossed", now_ms, None, evidence, 50.0, (75.0,)))
        control.apply("payments-api", ProbesReported(Probes(1, 1, 1, failed=frozenset({1}))))
        say("recloser close search --reason 'false alarms' --by ann")
        yield


def say(command: str) -> str:
    answer = CliRunner().invoke(app, shlex.split(command)[1:])
    assert answer.exit_code == 0, f"{command}: {answer.stderr}"
    return " ".join(answer.stdout.split())


def commands(question: int) -> list[str]:
    """The commands of the page's answer."""
    section = re.search(rf"^## {question}\. .*?(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    assert section is not None
    [block] = re.findall(r"^```sh\n(.*?)^```", section[0], re.MULTILINE | re.DOTALL)
    return str(block).splitlines()


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        (1, ["1 open, 0 half-open, 1 closed; 1 overridden", "OPEN payments-api", "probe 1 failed"]),
        (2, ["by " + ALARM, "threshold 50", "datapoints 75", "30 of 40 calls failed"]),
        (3, ["OPEN"]),
        (5, ["state OPEN", "retry at"]),
        (13, ["CLOSED search", "by ann: false alarms (until released)"]),
    ],
)
def test_what_is_looked_at(question: int, answers: list[str]) -> None:
    """The first command of the answer shows what was asked."""
    shown = say(commands(question)[0])
    assert [answer for answer in answers if answer not in shown] == []


def test_3_who_forced_it() -> None:
    """Probes that fail all night do not push out what an operator did."""
    [command] = commands(3)
    assert "forced CLOSED by ann: false alarms" in say(command.replace("payments-api", "search"))


def test_4_when_does_it_retry() -> None:
    """Forced open and released, it is probed at once."""
    assert re.search(r"OPEN payments-api .*? in \d+s", say("recloser status"))
    before = json.loads(CliRunner().invoke(app, ["status", "payments-api", "--json"]).stdout)
    for command in commands(4):
        say(command)
    after = json.loads(CliRunner().invoke(app, ["status", "payments-api", "--json"]).stdout)
    assert after["retry_at_ms"] < before["retry_at_ms"]
    assert after["override"] is None


def test_7_what_is_broken() -> None:
    """The doctor tells that somebody forced a circuit closed without an end, and how to release it."""
    [command] = commands(7)
    answer = CliRunner().invoke(app, shlex.split(command)[1:])
    assert answer.exit_code == 1
    assert "overrides: search" in answer.stdout
    assert "fix: recloser release search" in answer.stdout


def test_14_let_everything_through() -> None:
    """Every circuit is forced closed for two hours; the way back is there."""
    [command] = commands(14)
    say(command)
    assert "0 open, 0 half-open, 2 closed; 2 overridden" in say("recloser status")
    say("recloser release --all --yes")
    assert "1 open" in say("recloser status")


def test_15_shadow_mode() -> None:
    """A circuit that nobody has called yet begins in shadow mode."""
    [command] = commands(15)
    say(command.replace("payments-api", "orders"))
    say("recloser open orders --reason test")
    assert "shadow mode (nobody is refused)" in say("recloser status")


def test_16_half_an_hour() -> None:
    """It is forced open with an end."""
    [command] = commands(16)
    say(command)
    override = json.loads(CliRunner().invoke(app, ["status", "payments-api", "--json"]).stdout)["override"]
    assert (override["state"], override["until_ms"] - override["at_ms"]) == ("OPEN", 1_800_000)
