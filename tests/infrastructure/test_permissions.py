"""Who may do what: every statement of every policy, written out."""

from __future__ import annotations

import fnmatch
import json
from typing import Any

import pytest
from transformed_template import ACCOUNT, REGION, Document, deployed, of_type

from recloser.store.report_rows import REPORT_ATTRIBUTES


def attribute(resource: str, name: str = "Arn") -> dict[str, list[str]]:
    return {"Fn::GetAtt": [resource, name]}


ANY_ALARM = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*"
OWN_ALARMS = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:recloser:*"
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
    (["cloudwatch:SetAlarmState"], OWN_ALARMS),
    (
        ["cloudwatch:SetAlarmState"],
        ANY_ALARM,
        {"StringEquals": {"aws:ResourceTag/recloser-stack": "recloser"}},
    ),
]


def own(function: str) -> list[tuple[Any, ...]]:
    """What each function may do with what is its own: its log and the traces."""
    return [(["logs:CreateLogStream", "logs:PutLogEvents"], attribute(f"{function}LogGroup")), TRACE]


def dead_letters(function: str) -> tuple[Any, ...]:
    return (["sqs:SendMessage"], attribute(f"{function}DeadLetters"))


ALLOWED: dict[str, list[tuple[Any, ...]]] = {
    # Who may look may not act.
    "ConsoleRole": [
        *own("Console"),
        (["dynamodb:GetItem", "dynamodb:Scan"], attribute("CircuitTable")),
        (["cloudwatch:ListMetrics"], "*"),
    ],
    "ConsoleActRole": [
        *own("ConsoleAct"),
        (["dynamodb:GetItem", "dynamodb:UpdateItem"], attribute("CircuitTable")),
        (["dynamodb:PutItem", "dynamodb:UpdateItem"], attribute("ProbeTable")),
        (["cloudwatch:ListMetrics"], "*"),
        (["cloudwatch:SetAlarmState"], OWN_ALARMS),
    ],
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
            {
                "StringEquals": {
                    "events:source": "recloser",
                    "events:detail-type": ["Circuit State Changed", "Circuit Policy Changed"],
                }
            },
        ),
        dead_letters("Announce"),
    ],
    "DemoCallerRole": own("DemoCaller"),
}

PERMIT_ATTRIBUTES = [
    *("permit", "granted", "allowed", "opens_at", "succeeded", "failed", "returned", "expires"),
    *("claim_*", "calls_*", "failures_*"),
]
READ = ["dynamodb:BatchGetItem", "dynamodb:GetItem"]
TAG = "${aws:PrincipalTag/recloser-circuit}"
MANAGED: dict[str, list[tuple[Any, ...]]] = {
    "CallerPolicy": [
        (READ, attribute("CircuitTable")),
        (
            ["dynamodb:UpdateItem"],
            attribute("ProbeTable"),
            {"ForAllValues:StringLike": {"dynamodb:Attributes": PERMIT_ATTRIBUTES}},
        ),
    ],
    "OneCircuitCallerPolicy": [
        (READ, attribute("CircuitTable"), {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [TAG]}}),
        (
            ["dynamodb:UpdateItem"],
            attribute("ProbeTable"),
            {
                "ForAllValues:StringLike": {
                    "dynamodb:LeadingKeys": [f"{TAG}#*"],
                    "dynamodb:Attributes": PERMIT_ATTRIBUTES,
                }
            },
        ),
    ],
    "OperatorPolicy": [
        (["dynamodb:DeleteItem", "dynamodb:UpdateItem"], attribute("CircuitTable")),
        (["dynamodb:PutItem", "dynamodb:UpdateItem"], attribute("ProbeTable")),
        (["lambda:InvokeFunction"], attribute("ConsoleAct")),
        (["cloudwatch:PutMetricAlarm", "cloudwatch:SetAlarmState"], OWN_ALARMS),
    ],
}
WRITING = ("Put", "Update", "Delete", "Set", "Create", "Tag", "Untag", "Invoke", "Send", "Pass")


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
        "Console": attribute("ConsoleRole"),
        "ConsoleAct": attribute("ConsoleActRole"),
        "DemoCallerFunction": attribute("DemoCallerRole"),
    }


def test_only_lambda_takes_a_role(resources: Document) -> None:
    """Nobody but Lambda may act as a function."""
    for role in of_type(resources, "AWS::IAM::Role").values():
        assert role["AssumeRolePolicyDocument"]["Statement"] == [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ]


@pytest.mark.parametrize("policy", MANAGED)
def test_managed_policy(resources: Document, policy: str) -> None:
    """Callers read flags and write permits, of every circuit or of one; operators write circuits."""
    document = resources[policy]["Properties"]["PolicyDocument"]
    assert statements(document) == sorted(comparable(statement) for statement in MANAGED[policy])


def test_every_managed_policy_is_known(resources: Document) -> None:
    """There are four, and the reader's allows nothing that writes: the widget that it invokes does not."""
    policies = of_type(resources, "AWS::IAM::ManagedPolicy")
    assert policies.keys() == MANAGED.keys() | {"ReaderPolicy"}
    for statement in policies["ReaderPolicy"]["PolicyDocument"]["Statement"]:
        if statement["Action"] == "lambda:InvokeFunction":
            assert statement["Resource"] == attribute("Console")
            continue
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert not action.split(":")[1].startswith(WRITING)


def test_descriptions_of_managed_policies_never_change(resources: Document) -> None:
    """A new description replaces the policy: the old one cannot be deleted while a role holds it."""
    policies = of_type(resources, "AWS::IAM::ManagedPolicy")
    assert {name: policy["Description"].split(" - ") for name, policy in policies.items()} == {
        "CallerPolicy": [
            "What a caller of Recloser may do",
            "read the flags, claim permits and report probes.",
        ],
        "OneCircuitCallerPolicy": [
            "What a caller of one circuit of Recloser may do",
            "the circuit of its role's tag recloser-circuit.",
        ],
        "ReaderPolicy": [
            "What a reader of Recloser may do",
            "see circuits, alarms and metrics, and change nothing.",
        ],
        "OperatorPolicy": [
            "What an operator of Recloser may do besides reading",
            "overrule, tune and forget circuits.",
        ],
    }


def test_what_callers_write_is_allowed() -> None:
    """The attributes that the policy names are those that the library writes for callers."""
    for name in ("permit", *REPORT_ATTRIBUTES, "claim_0123456789abcdef"):
        assert any(fnmatch.fnmatchcase(name, allowed) for allowed in PERMIT_ATTRIBUTES), name


def test_permissions_boundary() -> None:
    """Every role takes the boundary that is given."""
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    roles = of_type(
        deployed(PermissionsBoundaryArn=boundary, DemoCaller="true")["Resources"], "AWS::IAM::Role"
    )
    assert {role["PermissionsBoundary"] for role in roles.values()} == {boundary}


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
