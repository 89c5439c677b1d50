"""The command as operators run it, over a stack in moto: the real clients, the real tables."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from small_stack import STACK
from typer.testing import CliRunner, Result

from recloser.cli.main import app
from recloser.control.alarms import CloudWatchAlarms
from recloser.control.control import Control
from recloser.policy import RecoveryPolicy
from recloser.store.dynamodb import DynamoDBTables


@pytest.fixture(autouse=True)
def environment(one_loader: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Nothing of the machine's own AWS configuration or terminal reaches a test."""
    for variable in os.environ:
        if variable.startswith(("AWS_", "RECLOSER_")):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account in moto, with nothing in it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield


@pytest.fixture
def tables(aws: None) -> DynamoDBTables:
    """The tables of the stack `recloser`, which has been deployed."""
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(StackName="recloser", TemplateBody=json.dumps(STACK))
    [stack] = cloudformation.describe_stacks(StackName="recloser")["Stacks"]
    names = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    return DynamoDBTables(names["CircuitTableName"], names["ProbeTableName"], boto3.client("dynamodb"))


@pytest.fixture
def control(tables: DynamoDBTables) -> Control:
    """What the functions would do, with a policy without jitter."""
    return Control(tables, CloudWatchAlarms(boto3.client("cloudwatch")), RecoveryPolicy(jitter=0))


@pytest.fixture
def recloser() -> Callable[..., Result]:
    """Run `recloser` with the given arguments."""
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, arguments)
