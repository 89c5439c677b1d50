"""Asks AWS what only AWS can answer of a deployed stack: `make aws-check`.

It reads, and changes nothing. The account, the Region and the credentials are the environment's; the stack is
`recloser`, or what STACK names. docs/aws-checklist.md says what each answer should be.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

Check = Callable[["Account"], Iterator[str]]


class Account:
    """The account and Region that the environment names, and one stack in it."""

    def __init__(self, stack: str) -> None:
        self.stack = stack
        self._session = get_session()

    def client(self, service: str) -> Any:
        return self._session.create_client(service)

    def policy(self, logical_id: str) -> tuple[str, str]:
        """Return a managed policy's document, and the ARN of the table of circuits."""
        described = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"][0]
        outputs = {entry["OutputKey"]: entry["OutputValue"] for entry in described["Outputs"]}
        iam, arn = self.client("iam"), outputs[f"{logical_id}Arn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        return json.dumps(document), outputs["CircuitTableArn"]


def the_dashboard_names_circuits(account: Account) -> Iterator[str]:
    """The labels reached CloudWatch as `${PROP('Dim.Circuit')}`."""
    cloudwatch = account.client("cloudwatch")
    name = f"{account.stack}-{cloudwatch.meta.region_name}"
    if "${PROP('Dim.Circuit')}" not in cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]:
        yield f"dashboard {name} has no label ${{PROP('Dim.Circuit')}}"


def any_circuit_is_watched(account: Account) -> Iterator[str]:
    """The two alarms over all circuits are evaluated in full, and their contributors can be listed."""
    cloudwatch = account.client("cloudwatch")
    for name in (f"{account.stack}:any-circuit", f"{account.stack}:any-circuit-slow"):
        found = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        if not found:
            yield f"alarm {name} does not exist"
            continue
        if found[0].get("EvaluationState"):
            yield f"alarm {name}: {found[0]['EvaluationState']}"
        cloudwatch.describe_alarm_contributors(AlarmName=name)


def one_circuit_is_one_circuit(account: Account) -> Iterator[str]:
    """IAM's own simulator lets the policy for one circuit read that circuit, and no other."""
    document, table = account.policy("OneCircuitCallerPolicy")
    for circuit, expected in (("payments-api", "allowed"), ("other-api", "implicitDeny")):
        context = [
            {
                "ContextKeyName": "dynamodb:LeadingKeys",
                "ContextKeyValues": [circuit],
                "ContextKeyType": "stringList",
            },
            {
                "ContextKeyName": "aws:PrincipalTag/recloser-circuit",
                "ContextKeyValues": ["payments-api"],
                "ContextKeyType": "string",
            },
        ]
        [result] = account.client("iam").simulate_custom_policy(
            PolicyInputList=[document],
            ActionNames=["dynamodb:GetItem"],
            ResourceArns=[table],
            ContextEntries=context,
        )["EvaluationResults"]
        if result["EvalDecision"] != expected:
            yield f"reading {circuit}: {result['EvalDecision']}, expected {expected}"


def the_minute_runs(account: Account) -> Iterator[str]:
    """The alarm on the schedule has seen a run that ended well."""
    alarms = account.client("cloudwatch").describe_alarms(
        AlarmNamePrefix=f"{account.stack}-StartRecoveryRuns"
    )
    for alarm in alarms["MetricAlarms"]:
        if alarm["StateValue"] != "OK":
            yield f"alarm {alarm['AlarmName']} is {alarm['StateValue']}: {alarm.get('StateReason', '')}"
    if not alarms["MetricAlarms"]:
        yield "the alarm on start_recovery does not exist"


CHECKS: tuple[Check, ...] = (
    the_dashboard_names_circuits,
    any_circuit_is_watched,
    one_circuit_is_one_circuit,
    the_minute_runs,
)


def main() -> int:
    """Ask, then print a line for each check; return 0 if all are as they should be."""
    account = Account(os.environ.get("STACK", "recloser"))
    try:
        identity = account.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        sys.stderr.write(f"aws-check: no account to ask: {error}\n")
        return 2
    sys.stdout.write(
        f"account {identity['Account']}, as {identity['Arn']}, stack {account.stack}; reads only\n"
    )
    if input("go on? [y/N] ").strip().lower() != "y":
        return 1
    return max([_run(check, account) for check in CHECKS])


def _run(check: Check, account: Account) -> int:
    title = check.__name__.replace("_", " ")
    try:
        problems = list(check(account))
    except (BotoCoreError, ClientError) as error:
        problems = [str(error)]
    sys.stdout.write(f"{'ok  ' if not problems else 'FAIL'} {title}\n")
    for problem in problems:
        sys.stdout.write(f"     {problem}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
