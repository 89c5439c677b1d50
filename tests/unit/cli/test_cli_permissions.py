"""What the commands ask of AWS is what the template's policies for people allow."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from transformed_template import deployed
from typer.testing import Result

from recloser.store.dynamodb import DynamoDBTables

Run = Callable[..., Result]
NAME = "payments-api"
WHY = ("--reason", "a drill", "--by", "ann")
READING = [
    ("status",),
    ("status", NAME),
    ("history", NAME),
    ("policy", NAME),
    ("alarms",),
    ("backtest", NAME),
    ("backtest", "--from-aws", "--alarm", f"recloser:{NAME}:failure-rate-steady"),
    ("cost",),
    ("export",),
]
ACTING = [
    ("open", NAME, *WHY),
    ("release", NAME),
    ("close", NAME, *WHY),
    ("reset", NAME, *WHY),
    ("policy", NAME, "permits=20"),
    ("alarms", "tune", NAME, "--threshold", "80"),
    ("forget", NAME, "--force", "--yes"),
]
# "Using IAM with DynamoDB transactions", DynamoDB developer guide: a transaction needs what its parts need.
TRANSACTIONS = {
    "TransactWriteItems": {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"},
    "TransactGetItems": {"Get": "GetItem"},
}
# "Permissions for GetCallerIdentity", AWS STS API reference: it needs none, and none can deny it.
NEED_NO_PERMISSION = {"sts:GetCallerIdentity"}
# CloudWatch is `monitoring` to the signer.
PREFIXES = {"monitoring": "cloudwatch"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The IAM actions of all that is asked from here on."""
    found: set[str] = set()
    call: Any = BaseClient._make_api_call  # type: ignore[attr-defined]  # private to botocore

    def answer(self: Any, operation: str, request: Any) -> Any:
        service = self.meta.service_model.signing_name
        parts = TRANSACTIONS.get(operation)
        names = {parts[kind] for each in request["TransactItems"] for kind in each} if parts else {operation}
        found.update(f"{PREFIXES.get(service, service)}:{name}" for name in names)
        return call(self, operation, request)

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    return found


@functools.cache
def allowed(*policies: str) -> set[str]:
    resources = deployed()["Resources"]
    found = set(NEED_NO_PERMISSION)
    for policy in policies:
        for statement in resources[policy]["Properties"]["PolicyDocument"]["Statement"]:
            actions = statement["Action"]
            found.update([actions] if isinstance(actions, str) else actions)
    return found


def put_circuit() -> None:
    """Let the circuit have calls of the last hours, and an alarm of its own."""
    cloudwatch = boto3.client("cloudwatch")
    now = datetime.now(UTC)
    data = [
        {
            "MetricName": "Failure",
            "Dimensions": [{"Name": "Circuit", "Value": NAME}],
            "Timestamp": now - timedelta(minutes=ago),
            "Value": 0.0,
        }
        for ago in range(5, 200, 20)
    ]
    cloudwatch.put_metric_data(Namespace="Recloser", MetricData=data)
    metric = {
        "Namespace": "Recloser",
        "MetricName": "Failure",
        "Dimensions": [{"Name": "Circuit", "Value": NAME}],
    }
    expression = "IF(FILL(calls, 0) >= 3, 100 * failures / calls, 0)"
    cloudwatch.put_metric_alarm(
        AlarmName=f"recloser:{NAME}:failure-rate-steady",
        Metrics=[
            {"Id": "rate", "Expression": expression, "ReturnData": True},
            *(
                {
                    "Id": name,
                    "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat},
                    "ReturnData": False,
                }
                for name, stat in (("failures", "Sum"), ("calls", "SampleCount"))
            ),
        ],
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
        Threshold=50,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_readers(recloser: Run, tables: DynamoDBTables, asked: set[str], command: tuple[str, ...]) -> None:
    """A command that shows something asks no more than ReaderPolicy allows."""
    put_circuit()
    recloser("open", NAME, *WHY)
    asked.clear()
    answer = recloser(*command)
    assert answer.exit_code == 0, answer.output
    assert asked
    assert asked <= allowed("ReaderPolicy")


@pytest.mark.parametrize("command", ACTING, ids=" ".join)
def test_operators(recloser: Run, tables: DynamoDBTables, asked: set[str], command: tuple[str, ...]) -> None:
    """A command that changes something asks no more than both policies allow, and more than the reader's."""
    put_circuit()
    recloser("open", NAME, *WHY)
    asked.clear()
    answer = recloser(*command)
    assert answer.exit_code == 0, answer.output
    assert asked <= allowed("ReaderPolicy", "OperatorPolicy")
    assert asked - allowed("ReaderPolicy")
