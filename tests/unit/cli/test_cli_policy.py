"""`recloser policy`: shown, changed after validation, and taken back."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

from recloser.store.dynamodb import DynamoDBTables


def test_show(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """Without a change it shows every setting and where it comes from; here the stack's parameters."""
    lines = [line.split() for line in recloser("policy", "payments-api").stdout.splitlines()]

    assert lines[0] == ["setting", "value", "from"]
    assert ["recovery_timeout_seconds", "40.0", "default"] in lines
    assert ["permits", "8", "default"] in lines
    assert ["enforce", "true", "default"] in lines
    assert len(lines) == 13
    assert tables.read("payments-api", consistent=True).revision == 0


def test_change(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """Settings are added to those that the circuit has; the rest keeps its defaults."""
    recloser("policy", "payments-api", "permits=20", "enforce=false")
    answer = recloser("policy", "payments-api", "permits=30", "backoff=1.5")

    assert answer.exit_code == 0
    assert answer.stdout == (
        "payments-api: policy set by user/moto: permits=30 (was 20), backoff=1.5; callers see CLOSED\n"
        "payments-api: its own settings: permits=30, enforce=false, backoff=1.5\n"
    )
    stored = tables.read("payments-api", consistent=True).policy
    assert stored == {"permits": 30, "enforce": False, "backoff": 1.5}
    shown = json.loads(recloser("policy", "payments-api", "--json").stdout)
    assert shown["own_policy"] == stored
    assert shown["policy"]["permits"] == 30
    assert shown["policy"]["recovery_timeout_seconds"] == 40.0


def test_unset_and_clear(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """A setting, or all of them, go back to the defaults."""
    recloser("policy", "payments-api", "permits=20", "backoff=2", "jitter=0")

    recloser("policy", "payments-api", "--unset", "permits", "--unset", "jitter")
    assert tables.read("payments-api", consistent=True).policy == {"backoff": 2}
    recloser("policy", "payments-api", "--clear", "permits=9")
    assert tables.read("payments-api", consistent=True).policy == {"permits": 9}
    answer = recloser("policy", "payments-api", "--clear")
    assert tables.read("payments-api", consistent=True).policy == {}
    assert answer.stdout.endswith("payments-api: its own settings: none, the defaults hold\n")


def test_no_change(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """What is so already is not written again."""
    recloser("policy", "payments-api", "permits=20")
    answer = recloser("policy", "payments-api", "permits=20")

    assert answer.stdout == "payments-api: nothing changed: the policy is so already\n"
    assert tables.read("payments-api", consistent=True).revision == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["permits"], "change 'permits' is not allowed: NAME=VALUE, as permits=20; or --unset NAME"),
        (["permit=20"], "setting 'permit' is not allowed: one of recovery_timeout_seconds, backoff,"),
        (["--unset", "permit"], "--unset 'permit' is not allowed: one of recovery_timeout_seconds"),
    ],
)
def test_bad_changes(arguments: list[str], told: str, recloser: Callable[..., Result]) -> None:
    """A change of another form, or of no setting that there is, is refused before AWS is asked."""
    answer = recloser("policy", "payments-api", *arguments)

    assert answer.exit_code == 2
    assert told in answer.stderr
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["permits=lots"], "policy permits = 'lots' is not allowed: a whole number from 1 to 1000"),
        (["permits=2.5"], "policy permits = 2.5 is not allowed: a whole number from 1 to 1000"),
        (["permits="], "policy permits = '' is not allowed: a whole number from 1 to 1000"),
        (["jitter=NaN"], "policy jitter = nan is not allowed: a number from 0.0 to 0.5"),
        (["jitter=[0.1]"], "policy jitter = '[0.1]' is not allowed: a number from 0.0 to 0.5"),
        (["backoff=11"], "policy backoff = 11 is not allowed: a number from 1.0 to 10.0"),
        (["enforce=no"], "policy enforce = 'no' is not allowed: true or false"),
        (["backoff=true"], "policy backoff = True is not allowed: a number from 1.0 to 10.0"),
        (["successes_to_close=9"], "successes_to_close = 9 is not allowed: at most permits = 8"),
        (["permits=4"], "successes_to_close = 5 is not allowed: at most permits = 4"),
    ],
)
def test_bad_settings(
    arguments: list[str], told: str, recloser: Callable[..., Result], tables: DynamoDBTables
) -> None:
    """What the policy refuses, with the stack's defaults around it, is never written."""
    answer = recloser("policy", "payments-api", "backoff=2", *arguments)

    assert answer.exit_code == 2
    assert told in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert tables.read("payments-api", consistent=True).revision == 0
