"""What an operator can set, and what is refused before anything is deployed."""

from __future__ import annotations

import re

import pytest
from transformed_template import Document, written_template

from recloser.circuit import is_name
from recloser.policy import RecoveryPolicy

PARAMETERS: Document = written_template()["Parameters"]

# The parameters that become the functions' default policy, by the policy's name for them.
POLICY_PARAMETERS = {
    "RecoveryTimeoutSeconds": "recovery_timeout_seconds",
    "Backoff": "backoff",
    "MaxRecoveryTimeoutSeconds": "max_recovery_timeout_seconds",
    "Jitter": "jitter",
    "Permits": "permits",
    "SuccessesToClose": "successes_to_close",
    "ProbeDeadlineSeconds": "probe_deadline_seconds",
    "StableAfterSeconds": "stable_after_seconds",
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter(name: str) -> None:
    """Every parameter says what it is, has a default, and has limits."""
    parameter = PARAMETERS[name]
    assert re.match(r"^[A-Z].*\.$", parameter["Description"], re.DOTALL)
    assert "Default" in parameter
    assert (
        parameter.keys() & {"AllowedValues", "AllowedPattern"} or {"MinValue", "MaxValue"} <= parameter.keys()
    )


def test_every_parameter_is_shown() -> None:
    """The console shows each parameter once, under a heading."""
    groups = written_template()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(PARAMETERS)


@pytest.mark.parametrize(
    "name", ["payments-api", "inventory.v2", "A_b", "x", "x" * 64, "", "x" * 65, "a b", "a/b", "a:b", "ä"]
)
def test_circuit_names(name: str) -> None:
    """The stack takes exactly the names that the library takes, and none at all; alarms.yaml needs some."""
    is_allowed = is_name(name)
    assert bool(re.search(PARAMETERS["Circuits"]["AllowedPattern"], name)) is (is_allowed or not name)
    more = written_template("alarms.yaml")["Parameters"]["Circuits"]["AllowedPattern"]
    assert bool(re.search(more, name)) is is_allowed


@pytest.mark.parametrize(("parameter", "setting"), POLICY_PARAMETERS.items())
@pytest.mark.parametrize("limit", ["Default", "MinValue", "MaxValue"])
def test_policy_limits(parameter: str, setting: str, limit: str) -> None:
    """Whatever the stack takes, the library takes too."""
    value = PARAMETERS[parameter][limit]
    others: dict[str, float] = {"permits": 1000} if setting == "successes_to_close" else {}
    others |= {"successes_to_close": 1} if setting == "permits" else {}
    others |= {"max_recovery_timeout_seconds": value} if setting == "recovery_timeout_seconds" else {}
    others |= {"recovery_timeout_seconds": 0.1} if setting == "max_recovery_timeout_seconds" else {}
    assert getattr(RecoveryPolicy(**{setting: value, **others}), setting) == value


@pytest.mark.parametrize(
    ("parameter", "text", "allowed"),
    [
        ("OutageTopicArn", "", True),
        ("OutageTopicArn", "arn:aws:sns:eu-west-1:123456789012:outages", True),
        ("OutageTopicArn", "outages@example.com", False),
        ("NotificationTopicArn", "", True),
        ("NotificationTopicArn", "arn:aws:sns:eu-west-1:123456789012:on-call", True),
        ("NotificationTopicArn", "arn:aws-cn:sns:cn-north-1:123456789012:on-call", True),
        ("NotificationTopicArn", "on-call", False),
        ("NotificationTopicArn", "arn:aws:sqs:eu-west-1:123456789012:on-call", False),
        ("TableKeyArn", "", True),
        ("TableKeyArn", "arn:aws:kms:eu-west-1:123456789012:key/0b", True),
        ("TableKeyArn", "alias/aws/dynamodb", False),
        ("LogKeyArn", "arn:aws:kms:eu-west-1:123456789012:key/0b", True),
        ("PermissionsBoundaryArn", "arn:aws:iam::123456789012:policy/boundary", True),
        ("PermissionsBoundaryArn", "arn:aws:iam::123456789012:role/boundary", False),
        ("Namespace", "Recloser", True),
        ("Namespace", "Recloser/blue", True),
        ("Namespace", "AWS-like", False),
        ("Namespace", "", False),
        ("FailureThresholdPercent", "50", True),
        ("FailureThresholdPercent", "5", False),
        ("FailureThresholdPercent", "100", False),
        ("FailureThresholdPercent", "50.5", False),
        ("DependencyUrl", "", True),
        ("DependencyUrl", "http://127.0.0.1:8080", True),
        ("DependencyUrl", "ftp://example.com", False),
    ],
)
def test_addresses(parameter: str, text: str, allowed: bool) -> None:  # noqa: FBT001
    """An address of another kind is refused."""
    assert bool(re.search(PARAMETERS[parameter]["AllowedPattern"], text)) is allowed
