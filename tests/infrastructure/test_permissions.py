"""Who may do what: every statement of every policy, written out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from transformed_template import ACCOUNT, REGION, Document, of_type


def attribute(resource: str, name: str = "Arn") -> dict[str, list[str]]:
    return {"Fn::GetAtt": [resource, name]}


ANY_ALARM = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*"
DEFAULT_BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
TRACE = (["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "*")
READ_STREAM = [
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
]
COMMIT = [
    (["cloudwatch:GetMetricData"], "*"),
    (["cloudwatch:SetAlarmState"], ANY_ALARM),
]


def own(function: str) -> list[tuple[Any, ...]]:
    """What each function may do with what is its own: its log and the traces."""
    return [(["logs:CreateLogStream", "logs:PutLogEvents"], attribute(f"{function}LogGroup")), TRACE]


def dead_letters(function: str) -> tuple[Any, ...]:
    return (["sqs:SendMessage"], attribute(f"{function}DeadLetters"))


ALLOWED: dict[str, list[tuple[Any, ...]]] = {
    "FlipStateRole": [
        *own("FlipState"),
        *COMMIT,
        (["dynamodb:GetItem", "dynamodb:UpdateItem"], attribute("CircuitTable")),
        (
            ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
            attribute("ProbeTable"),
        ),
        (["cloudwatch:DescribeAlarms"], "*"),
        (READ_STREAM, attribute("ProbeTable", "StreamArn")),
        dead_letters("FlipState"),
    ],
    "StartRecoveryRole": [
        *own("StartRecovery"),
        *COMMIT,
        (["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem"], attribute("CircuitTable")),
        (["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], attribute("ProbeTable")),
        (["cloudwatch:DescribeAlarmContributors", "cloudwatch:DescribeAlarms"], "*"),
        (["dynamodb:Query"], {"Fn::Sub": "${CircuitTable.Arn}/index/due"}),
        (["dynamodb:Scan"], {"Fn::GetAtt": ["CircuitTable", "Arn"]}),
        dead_letters("StartRecovery"),
    ],
    "AnnounceRole": [
        *own("Announce"),
        (READ_STREAM, attribute("CircuitTable", "StreamArn")),
        (
            ["events:PutEvents"],
            DEFAULT_BUS,
            {"StringEquals": {"events:source": "recloser", "events:detail-type": "Circuit State Changed"}},
        ),
        dead_letters("Announce"),
    ],
    "DemoCallerRole": own("DemoCaller"),
}

CALLER = [
    (["dynamodb:BatchGetItem", "dynamodb:GetItem"], attribute("CircuitTable")),
    (["dynamodb:UpdateItem"], attribute("ProbeTable")),
]


def statements(*documents: Document) -> list[str]:
    """Every statement as comparable text: its actions, its resource, and its condition where it has one."""
    found = []
    for statement in (statement for document in documents for statement in document["Statement"]):
        assert statement.keys() - {"Sid", "Condition"} == {"Effect", "Action", "Resource"}
        assert statement["Effect"] == "Allow"
        actions = statement["Action"]
        condition = [statement["Condition"]] if "Condition" in statement else []
        found.append(
            comparable(
                [
                    sorted([actions] if isinstance(actions, str) else actions),
                    statement["Resource"],
                    *condition,
                ]
            )
        )
    return sorted(found)


def comparable(statement: Any) -> str:
    return json.dumps(list(statement), sort_keys=True)


@pytest.mark.parametrize("role", ALLOWED)
def test_role(resources: Document, role: str) -> None:
    """A function may do what it needs, on the resource it needs it on, and nothing else."""
    documents = [policy["PolicyDocument"] for policy in resources[role]["Properties"]["Policies"]]
    assert statements(*documents) == sorted(comparable(statement) for statement in ALLOWED[role])


def test_every_role_is_known(resources: Document) -> None:
    """There is no role but those of the functions: the SAM transform adds none of its own."""
    assert of_type(resources, "AWS::IAM::Role").keys() == ALLOWED.keys()
    used = {name: function["Role"] for name, function in of_type(resources, "AWS::Lambda::Function").items()}
    assert used == {
        "FlipState": attribute("FlipStateRole"),
        "StartRecovery": attribute("StartRecoveryRole"),
        "Announce": attribute("AnnounceRole"),
        "DemoCallerFunction": attribute("DemoCallerRole"),
    }


def test_only_lambda_takes_a_role(resources: Document) -> None:
    """Nobody but Lambda may act as a function."""
    for role in of_type(resources, "AWS::IAM::Role").values():
        assert role["AssumeRolePolicyDocument"]["Statement"] == [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ]


def test_caller_policy(resources: Document) -> None:
    """A caller may read the circuits and update the probes, and nothing else."""
    (policy,) = of_type(resources, "AWS::IAM::ManagedPolicy").values()
    assert statements(policy["PolicyDocument"]) == sorted(comparable(statement) for statement in CALLER)


def test_managed_policies(resources: Document) -> None:
    """The demo caller has what every caller has; no function has a managed policy of AWS's."""
    attached = {
        name: role["ManagedPolicyArns"]
        for name, role in of_type(resources, "AWS::IAM::Role").items()
        if "ManagedPolicyArns" in role
    }
    assert attached == {"DemoCallerRole": [{"Ref": "CallerPolicy"}]}


@pytest.mark.parametrize(
    ("function", "rule"),
    [
        ("FlipState", "FlipStateAlarmRaised"),
        ("FlipState", "FlipStateContributorRaised"),
        ("StartRecovery", "StartRecoveryEveryMinute"),
    ],
)
def test_only_its_rule_calls_a_function(resources: Document, function: str, rule: str) -> None:
    """EventBridge may call a function for its own rule, and for no other."""
    assert resources[f"{rule}Permission"]["Properties"] == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": {"Ref": function},
        "Principal": "events.amazonaws.com",
        "SourceArn": attribute(rule),
    }


@pytest.mark.parametrize(
    ("function", "sources"),
    [
        ("FlipState", [attribute("FlipStateAlarmRaised"), attribute("FlipStateContributorRaised")]),
        ("StartRecovery", attribute("StartRecoveryEveryMinute")),
    ],
)
def test_only_its_rules_send_to_a_dead_letter_queue(
    resources: Document, function: str, sources: object
) -> None:
    """EventBridge may put into a queue what that function's rules could not deliver, and nothing else."""
    policy = resources[f"{function}DeadLettersPolicy"]["Properties"]
    assert policy["Queues"] == [{"Ref": f"{function}DeadLetters"}]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Resource"] == attribute(f"{function}DeadLetters")
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": sources}}
