"""`recloser doctor` on the breaker's own parts and on its callers: each documented finding is found."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from small_stack import STACK, table
from transformed_template import deployed
from typer.testing import Result

Run = Callable[..., Result]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
NOTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
FUNCTION = {
    "Type": "AWS::Lambda::Function",
    "Properties": {
        "FunctionName": "recloser-Announce",
        "Runtime": "python3.13",
        "Handler": "app.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Code": {"ZipFile": "def handler(event, context): pass"},
    },
}
STREAMED = table("circuit")
STREAMED["Properties"] |= {"StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"}}
PARTS = {
    "Parameters": STACK["Parameters"],
    "Resources": STACK["Resources"]
    | {
        "CircuitTable": STREAMED,
        "DeadLetters": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "dead-letters"}},
        "EveryMinute": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Name": "every-minute",
                "ScheduleExpression": "rate(1 minute)",
                "State": "ENABLED",
            },
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"RoleName": "own", "AssumeRolePolicyDocument": TRUST},
        },
        "CallerPolicy": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"ManagedPolicyName": "callers", "PolicyDocument": NOTHING},
        },
        "Announce": FUNCTION,
        "CircuitChanged": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": {"Fn::GetAtt": ["CircuitTable", "StreamArn"]},
                "FunctionName": {"Ref": "Announce"},
                "StartingPosition": "TRIM_HORIZON",
            },
        },
    },
    "Outputs": STACK["Outputs"]
    | {
        "CallerPolicyArn": {"Value": {"Ref": "CallerPolicy"}},
        "LayerArn": {"Value": "arn:aws:lambda:eu-west-1:123456789012:layer:recloser:3"},
    },
}


@pytest.fixture
def outputs(aws: None) -> dict[str, str]:
    """The outputs of a stack that has all kinds of parts."""
    boto3.client("cloudformation").create_stack(StackName="recloser", TemplateBody=json.dumps(PARTS))
    [stack] = boto3.client("cloudformation").describe_stacks(StackName="recloser")["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def found(recloser: Run) -> list[dict[str, Any]]:
    answer = recloser("doctor", "--json")
    document = json.loads(answer.stdout)
    assert document["not_checked"] == {}
    findings: list[dict[str, Any]] = document["findings"]
    assert answer.exit_code == (1 if any(each["is_problem"] for each in findings) else 0)
    assert all(each["why"] and each["fix"] for each in findings)
    return findings


def caller(outputs: dict[str, str], **changes: Any) -> None:
    """A function that has all that a caller needs, but for the changes."""
    iam = boto3.client("iam")
    role = iam.create_role(RoleName="caller", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    if changes.pop("has_policy", True):
        iam.attach_role_policy(RoleName="caller", PolicyArn=outputs["CallerPolicyArn"])
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): pass")
    variables = {
        "RECLOSER_CIRCUIT_TABLE": outputs["CircuitTableName"],
        "RECLOSER_PROBE_TABLE": outputs["ProbeTableName"],
    } | changes.pop("variables", {})
    boto3.client("lambda").create_function(
        **{
            "FunctionName": "checkout",
            "Runtime": "python3.13",
            "Handler": "app.handler",
            "Role": role["Arn"],
            "Code": {"ZipFile": code.getvalue()},
            "Environment": {"Variables": variables},
        }
        | changes
    )


def test_a_whole_stack_with_a_caller(recloser: Run, outputs: dict[str, str]) -> None:
    """Where everything is as it should be, nothing is found."""
    caller(outputs)
    assert found(recloser) == []


def test_dead_letters(recloser: Run, outputs: dict[str, str]) -> None:
    """What the functions gave up on is counted."""
    sqs = boto3.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="dead-letters")["QueueUrl"], MessageBody="{}")
    [finding] = found(recloser)
    assert (finding["check"], finding["what"]) == ("dead letters", "1 events could not be handled")


def test_a_rule_that_is_disabled(recloser: Run, outputs: dict[str, str]) -> None:
    """A rule that starts nothing is found, with the command that enables it."""
    boto3.client("events").disable_rule(Name="every-minute")
    [finding] = found(recloser)
    assert (finding["check"], finding["subject"]) == ("rules", "every-minute")
    assert finding["fix"] == "aws events enable-rule --name every-minute"


def test_a_stream_that_nobody_reads(recloser: Run, outputs: dict[str, str]) -> None:
    """An event source mapping that is disabled, or gone, is found."""
    [mapping] = boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    boto3.client("lambda").update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    [finding] = found(recloser)
    assert (finding["check"], finding["subject"]) == ("streams", "recloser-Announce")
    assert mapping["UUID"] in finding["fix"]
    boto3.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])
    [finding] = found(recloser)
    assert finding["what"] == "the stack's event source mapping is gone"


def test_a_stream_that_is_read_late(recloser: Run, outputs: dict[str, str]) -> None:
    """A function that is over a minute behind its stream is found."""
    datum = {
        "MetricName": "IteratorAge",
        "Dimensions": [{"Name": "FunctionName", "Value": "recloser-Announce"}],
        "Timestamp": datetime.now(UTC) - timedelta(minutes=3),
        "Value": 90_000.0,
    }
    boto3.client("cloudwatch").put_metric_data(Namespace="AWS/Lambda", MetricData=[datum])
    [finding] = found(recloser)
    assert finding["what"] == "it was 90 s behind its stream"


def test_the_breakers_own_alarms(
    recloser: Run, outputs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alarm of the stack on the breaker itself that stands in ALARM is told in its own words."""
    told = "start_recovery has not ended well for five minutes."
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="runs",
        AlarmDescription=told,
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )

    def with_alarm(answered: Any) -> None:  # which moto's CloudFormation cannot make
        resource = {"ResourceType": "AWS::CloudWatch::Alarm", "PhysicalResourceId": "runs"}
        answered["StackResourceSummaries"].append(resource)

    change_answers(monkeypatch, "ListStackResources", with_alarm)
    assert found(recloser) == []
    cloudwatch.set_alarm_state(AlarmName="runs", StateValue="ALARM", StateReason="test")
    [finding] = found(recloser)
    assert finding["what"] == f"in ALARM: {told}"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"variables": {"RECLOSER_PROBE_TABLE": ""}}, "its variable RECLOSER_PROBE_TABLE is ''"),
        ({"variables": {"RECLOSER_NAMESPACE": "Mine"}}, "it publishes to the namespace Mine"),
        ({"variables": {"RECLOSER_ENABLED": "False"}}, "its variable RECLOSER_ENABLED is False"),
        ({"Runtime": "python3.10"}, "its runtime is python3.10"),
        ({"has_policy": False}, "its role caller does not have the stack's policy for callers"),
        (
            {"LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "WARN"}},
            "its log format is JSON, at the level WARN",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_callers(
    recloser: Run,
    outputs: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    told: str,
) -> None:
    """What a caller lacks is found, one by one."""
    logging = changes.get("LoggingConfig")
    if logging is not None:
        listed_with(monkeypatch, LoggingConfig=logging)
        changes = {}
    caller(outputs, **changes)
    [finding] = found(recloser)
    assert (finding["check"], finding["subject"]) == ("callers", "checkout")
    assert finding["what"].startswith(told)
    assert finding["is_problem"]


def change_answers(monkeypatch: pytest.MonkeyPatch, operation: str, change: Callable[[Any], None]) -> None:
    call: Any = BaseClient._make_api_call  # type: ignore[attr-defined]  # private to botocore

    def answer(self: Any, called: str, request: Any) -> Any:
        answered = call(self, called, request)
        if called == operation:
            change(answered)
        return answered

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)


def listed_with(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
    """Let ListFunctions tell settings that moto does not keep."""

    def change(answered: Any) -> None:
        for function in answered["Functions"]:
            if function["FunctionName"] == "checkout":
                function.update(settings)

    change_answers(monkeypatch, "ListFunctions", change)


def test_json_logs_at_info(recloser: Run, outputs: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON logs that keep INFO keep the metrics."""
    listed_with(monkeypatch, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "INFO"})
    caller(outputs)
    assert found(recloser) == []


def test_an_old_layer(recloser: Run, outputs: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller with an older version of the layer is a note: exit code 0."""
    listed_with(monkeypatch, Layers=[{"Arn": "arn:aws:lambda:eu-west-1:123456789012:layer:recloser:2"}])
    caller(outputs)
    [finding] = found(recloser)
    assert finding["what"] == "it has version 2 of the layer, and the stack deployed 3"
    assert finding["is_problem"] is False


@pytest.mark.parametrize("kind", ["INFREQUENT_ACCESS", "DELIVERY"])
def test_log_groups_without_metrics(
    recloser: Run, outputs: dict[str, str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A log group of a class that CloudWatch takes no metrics out of is found."""
    caller(outputs)
    logs = boto3.client("logs")
    for name in ("/aws/lambda/checkout", "/aws/lambda/checkout-2"):
        logs.create_log_group(logGroupName=name)
    assert found(recloser) == []

    def with_class(answered: Any) -> None:  # which moto does not keep
        for group in answered["logGroups"]:
            group["logGroupClass"] = kind

    change_answers(monkeypatch, "DescribeLogGroups", with_class)
    [finding] = found(recloser)
    assert finding["what"] == f"its log group /aws/lambda/checkout is of the class {kind}"


def test_a_network_without_a_way_to_the_table(
    recloser: Run, outputs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller in a VPC without a DynamoDB endpoint is found; with one it is well."""
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    listed_with(monkeypatch, VpcConfig={"VpcId": vpc})
    caller(outputs)
    [finding] = found(recloser)
    assert finding["what"] == f"it runs in {vpc}, which has no DynamoDB endpoint"
    ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.eu-west-1.dynamodb")
    assert found(recloser) == []


def test_calls_that_went_past(recloser: Run, outputs: dict[str, str]) -> None:
    """Calls of the last hour that were let through because the flag could not be read are counted."""
    datum = {
        "MetricName": "Unprotected",
        "Dimensions": [{"Name": "Circuit", "Value": "payments-api"}],
        "Timestamp": datetime.now(UTC) - timedelta(minutes=3),
        "Value": 1.0,
    }
    boto3.client("cloudwatch").put_metric_data(Namespace="Recloser", MetricData=[datum, datum])
    [finding] = found(recloser)
    assert (finding["check"], finding["subject"]) == ("unprotected calls", "payments-api")
    assert finding["what"].startswith("2 calls of the last hour")


def test_readers_may_ask_all_of_it(
    recloser: Run, outputs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The template's ReaderPolicy allows every call that the doctor makes."""
    asked: set[str] = set()
    call: Any = BaseClient._make_api_call  # type: ignore[attr-defined]  # private to botocore

    def answer(self: Any, operation: str, request: Any) -> Any:
        asked.add(f"{self.meta.service_model.signing_name}:{operation}")
        return call(self, operation, request)

    vpc = boto3.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    listed_with(monkeypatch, VpcConfig={"VpcId": vpc})
    caller(outputs)
    asked.clear()
    recloser("doctor")
    statements = deployed()["Resources"]["ReaderPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    actions = [statement["Action"] for statement in statements]
    allowed = {each for action in actions for each in ([action] if isinstance(action, str) else action)}
    allowed = {action.replace("monitoring:", "cloudwatch:") for action in allowed}
    told = {name.replace("monitoring:", "cloudwatch:").removesuffix("20150331") for name in asked}
    assert told <= allowed | {"lambda:ListFunctions"}
