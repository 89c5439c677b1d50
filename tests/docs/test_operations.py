"""The operators' pages: each command that they show runs, in the order in which they show it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from alarm_twin import rate_alarm
from moto import mock_aws
from small_stack import STACK
from typer.testing import CliRunner

from recloser.cli.doctor.command import CHECKS
from recloser.cli.main import app
from recloser.policy import SETTINGS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / name for name in ("operations.md", "policy.md")]
_SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """Every command of a page, without its comment."""
    lines = [
        line for block in _SHELL.findall(page.read_text(encoding="utf-8")) for line in block.splitlines()
    ]
    return [line.partition("  #")[0].strip() for line in lines]


@pytest.fixture
def stack(one_loader: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stack in moto with an alarm on a circuit, and twenty minutes of its calls."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "eu-west-1")
    with mock_aws():
        boto3.client("cloudformation").create_stack(StackName="recloser", TemplateBody=json.dumps(STACK))
        boto3.client("cloudwatch").put_metric_alarm(**rate_alarm(period=60, minimum=3))
        publish_calls()
        yield


def publish_calls() -> None:
    begins = datetime.now(UTC) - timedelta(minutes=20)
    data = [
        {
            "MetricName": "Failure",
            "Dimensions": [{"Name": "Circuit", "Value": "payments-api"}],
            "Timestamp": begins + timedelta(seconds=10 * number),
            "Value": 0.0,
        }
        for number in range(110)
    ]
    boto3.client("cloudwatch").put_metric_data(Namespace="Recloser", MetricData=data)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_of_a_page(page: Path, stack: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command is one that there is, with options that there are, and does what it says."""
    monkeypatch.chdir(tmp_path)
    found = commands(page)
    assert found
    for command in found:
        line, _, file = command.partition(" > ")
        answer = CliRunner().invoke(app, shlex.split(line)[1:])
        assert answer.exit_code == 0, f"{command}: {answer.stderr}"
        if file:
            (tmp_path / file).write_text(answer.stdout)


def test_twenty_questions() -> None:
    """There are twenty questions, and none takes more than two commands."""
    sections = re.split(r"^## ", PAGES[0].read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    numbered = [section for section in sections if section[0].isdigit()]
    assert [int(section.partition(".")[0]) for section in numbered] == list(range(1, 21))
    for section in numbered:
        assert sum(len(block.splitlines()) for block in _SHELL.findall(section)) <= 2


def test_every_check_is_explained() -> None:
    """The page names everything that the doctor looks at."""
    table = PAGES[0].read_text(encoding="utf-8").partition("## What the doctor looks at")[2]
    explained = {
        name.strip()
        for cells in re.findall(r"^\| (.+?) \|", table, re.MULTILINE)
        for name in cells.split(",")
    }
    assert set(CHECKS) <= explained


def test_every_setting_is_explained() -> None:
    """The page of the policy names every setting."""
    text = PAGES[1].read_text(encoding="utf-8")
    assert all(f"| `{setting}` |" in text for setting in SETTINGS)
