"""Whether the functions that call through breakers have what they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from recloser.cli.account import Account
from recloser.cli.doctor.findings import Finding
from recloser.control.settings import CIRCUIT_TABLE, PROBE_TABLE

RUNTIMES = ("python3.11", "python3.12", "python3.13", "python3.14")
OWN_FUNCTIONS = "AWS::Lambda::Function"
CALLER_POLICY = "CallerPolicyArn"


def check_callers(account: Account) -> Iterator[Finding]:
    """Look at every function of the account that has the layer or names a table of this stack."""
    deployment = account.deployment
    own = set(account.resources(OWN_FUNCTIONS))
    layer = account.outputs.get("LayerArn", "").rpartition(":")[0]
    for page in account.client("lambda").get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            variables = function.get("Environment", {}).get("Variables", {})
            layers = {each["Arn"].rpartition(":")[0] for each in function.get("Layers", ())}
            names_table = deployment.circuit_table in variables.values()
            if function["FunctionName"] in own and not _is_demo(function):
                continue
            if names_table or (layer and layer in layers):
                yield from _check_caller(account, function, variables)


def _is_demo(function: Mapping[str, Any]) -> bool:
    return "DemoCaller" in function["FunctionName"]


def _check_caller(
    account: Account, function: Mapping[str, Any], variables: Mapping[str, str]
) -> Iterator[Finding]:
    name = function["FunctionName"]
    deployment = account.deployment
    for variable, table in ((CIRCUIT_TABLE, deployment.circuit_table), (PROBE_TABLE, deployment.probe_table)):
        if variables.get(variable) != table:
            yield Finding(
                "callers",
                name,
                f"its variable {variable} is {variables.get(variable, 'not set')!r}",
                "its circuits live in the process alone, or in another stack's tables",
                f"set {variable}={table} where the function is deployed",
            )
    runtime = function.get("Runtime")
    if runtime is not None and runtime.startswith("python") and runtime not in RUNTIMES:
        yield Finding(
            "callers", name, f"its runtime is {runtime}", "the layer does not import there", "use python3.13"
        )
    yield from _check_permissions(account, function)
    vpc = function.get("VpcConfig", {}).get("VpcId")
    if vpc and not _has_endpoint(account, vpc):
        yield Finding(
            "callers",
            name,
            f"it runs in {vpc}, which has no DynamoDB endpoint",
            "without a way out it cannot read flags, and every call is let through unprotected",
            f"aws ec2 create-vpc-endpoint --vpc-id {vpc} --service-name com.amazonaws.REGION.dynamodb",
        )


def _check_permissions(account: Account, function: Mapping[str, Any]) -> Iterator[Finding]:
    policy = account.outputs.get(CALLER_POLICY)
    if policy is None:
        return
    role = function["Role"].rpartition("/")[-1]
    attached = account.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    if policy not in {each["PolicyArn"] for each in attached}:
        yield Finding(
            "callers",
            function["FunctionName"],
            f"its role {role} does not have the stack's policy for callers",
            "unless another policy allows the same, it cannot read flags and claims no probes",
            f"aws iam attach-role-policy --role-name {role} --policy-arn {policy}",
        )


def _has_endpoint(account: Account, vpc: str) -> bool:
    answer = account.client("ec2").describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    return any(each["ServiceName"].endswith(".dynamodb") for each in answer["VpcEndpoints"])
