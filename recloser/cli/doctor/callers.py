"""Whether the functions that call through breakers have what they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from recloser.cli.account import Account, is_demo
from recloser.cli.doctor.findings import Finding
from recloser.control.settings import CIRCUIT_TABLE, PROBE_TABLE
from recloser.metrics.emf import NAMESPACE, NAMESPACE_VARIABLE

RUNTIMES = ("python3.11", "python3.12", "python3.13", "python3.14")
OWN_FUNCTIONS = "AWS::Lambda::Function"
CALLER_POLICIES = ("CallerPolicyArn", "OneCircuitCallerPolicyArn")
ENABLED = "RECLOSER_ENABLED"
# Lambda gives a line without a level of its own INFO ("Log-level filtering", Lambda developer guide).
_LEVELS_WITH_METRICS = {"TRACE", "DEBUG", "INFO"}


@dataclass
class Callers:
    """The functions of an account that have the layer, or name a table of the stack."""

    account: Account
    _endpoints: dict[str, bool] = field(default_factory=dict)

    def functions(self) -> Iterator[dict[str, Any]]:
        own = set(self.account.resources(OWN_FUNCTIONS))
        layer, _ = self.layer
        for page in self.account.client("lambda").get_paginator("list_functions").paginate():
            for function in page["Functions"]:
                if function["FunctionName"] in own and not is_demo(function["FunctionName"]):
                    continue
                tables = {self.account.deployment.circuit_table, self.account.deployment.probe_table}
                if tables & set(_variables(function).values()) or (layer and layer in _layers(function)):
                    yield function

    @cached_property
    def layer(self) -> tuple[str, str]:
        """The layer of the stack, and its version."""
        layer, _, version = self.account.outputs.get("LayerArn", "").rpartition(":")
        return layer, version

    @cached_property
    def allowed_roles(self) -> set[str] | None:
        """The roles that have one of the stack's policies for callers; None: the stack has none."""
        policies = [arn for name in CALLER_POLICIES if (arn := self.account.outputs.get(name))]
        if not policies:
            return None
        pages = self.account.client("iam").get_paginator("list_entities_for_policy")
        return {
            role["RoleName"]
            for policy in policies
            for page in pages.paginate(PolicyArn=policy, EntityFilter="Role")
            for role in page["PolicyRoles"]
        }

    def has_endpoint(self, vpc: str) -> bool:
        if vpc not in self._endpoints:
            ec2 = self.account.client("ec2")
            answer = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
            self._endpoints[vpc] = any(
                each["ServiceName"].endswith(".dynamodb") for each in answer["VpcEndpoints"]
            )
        return self._endpoints[vpc]


def check_callers(account: Account) -> Iterator[Finding]:
    """Look at every function that calls through breakers."""
    callers = Callers(account)
    for function in callers.functions():
        yield from _check_variables(account, function)
        yield from _check_code(callers, function)
        yield from _check_permissions(account, callers, function)
        yield from _check_network(account, callers, function)
        yield from _check_logging(function)


def check_log_groups(account: Account) -> Iterator[Finding]:
    """Look at the log groups that the callers' metrics go through."""
    logs = account.client("logs")
    groups = {_log_group(function): function["FunctionName"] for function in Callers(account).functions()}
    for group, function in groups.items():
        answer = logs.describe_log_groups(logGroupNamePrefix=group, limit=50)
        for found in answer["logGroups"]:
            kind = found.get("logGroupClass", "STANDARD")
            if found["logGroupName"] == group and kind != "STANDARD":
                yield _caller(
                    function,
                    f"its log group {group} is of the class {kind}",
                    "CloudWatch takes no metrics out of such logs: its calls are not counted",
                    "give the function a log group of the class STANDARD (a group's class cannot be changed)",
                )


def _check_variables(account: Account, function: Mapping[str, Any]) -> Iterator[Finding]:
    name, variables, deployment = function["FunctionName"], _variables(function), account.deployment
    for variable, table in ((CIRCUIT_TABLE, deployment.circuit_table), (PROBE_TABLE, deployment.probe_table)):
        if variables.get(variable) != table:
            yield _caller(
                name,
                f"its variable {variable} is {variables.get(variable, 'not set')!r}",
                "its circuits live in the process alone, or in another stack's tables",
                f"set {variable}={table} where the function is deployed",
            )
    namespace = variables.get(NAMESPACE_VARIABLE) or NAMESPACE
    if namespace != deployment.namespace:
        yield _caller(
            name,
            f"it publishes to the namespace {namespace}, and the stack's is {deployment.namespace}",
            "no alarm of the stack sees its calls",
            f"set {NAMESPACE_VARIABLE}={deployment.namespace} where the function is deployed",
        )
    if variables.get(ENABLED, "").strip().lower() == "false":
        yield _caller(
            name,
            f"its variable {ENABLED} is {variables[ENABLED]}",
            "all its calls go past their breakers, whatever the circuits say",
            f"take {ENABLED} away where the function is deployed",
        )


def _check_code(callers: Callers, function: Mapping[str, Any]) -> Iterator[Finding]:
    name, runtime = function["FunctionName"], function.get("Runtime")
    if runtime is not None and runtime.startswith("python") and runtime not in RUNTIMES:
        yield _caller(name, f"its runtime is {runtime}", "the layer does not import there", "use python3.13")
    layer, newest = callers.layer
    version = _layers(function).get(layer)
    if version is not None and version != newest:
        yield _caller(
            name,
            f"it has version {version} of the layer, and the stack deployed {newest}",
            "later fixes are not in it",
            f"deploy it with {layer}:{newest}",
            is_problem=False,
        )


def _check_permissions(account: Account, callers: Callers, function: Mapping[str, Any]) -> Iterator[Finding]:
    allowed, role = callers.allowed_roles, function["Role"].rpartition("/")[-1]
    if allowed is not None and role not in allowed:
        policy = account.outputs.get("CallerPolicyArn", "the stack's CallerPolicy")
        yield _caller(
            function["FunctionName"],
            f"its role {role} does not have the stack's policy for callers",
            "unless another policy allows the same, it cannot read flags and claims no probes",
            f"aws iam attach-role-policy --role-name {role} --policy-arn {policy}",
        )


def _check_network(account: Account, callers: Callers, function: Mapping[str, Any]) -> Iterator[Finding]:
    vpc = function.get("VpcConfig", {}).get("VpcId")
    if vpc and not callers.has_endpoint(vpc):
        region = account.client("ec2").meta.region_name
        yield _caller(
            function["FunctionName"],
            f"it runs in {vpc}, which has no DynamoDB endpoint",
            "unless a NAT leads out, it cannot read flags, and every call is let through unprotected",
            f"aws ec2 create-vpc-endpoint --vpc-id {vpc} --service-name com.amazonaws.{region}.dynamodb "
            "--route-table-ids THE-SUBNETS-TABLES",
        )


def _check_logging(function: Mapping[str, Any]) -> Iterator[Finding]:
    logging = function.get("LoggingConfig", {})
    level = logging.get("ApplicationLogLevel", "INFO")
    if logging.get("LogFormat") == "JSON" and level not in _LEVELS_WITH_METRICS:
        name = function["FunctionName"]
        yield _caller(
            name,
            f"its log format is JSON, at the level {level}",
            "Lambda drops the lines with metrics, which it takes for INFO: its calls are not counted",
            f"aws lambda update-function-configuration --function-name {name} "
            "--logging-config LogFormat=JSON,ApplicationLogLevel=INFO",
        )


def _caller(name: str, what: str, why: str, fix: str, *, is_problem: bool = True) -> Finding:
    return Finding("callers", name, what, why, fix, is_problem)


def _variables(function: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = function.get("Environment", {}).get("Variables", {})
    return found


def _layers(function: Mapping[str, Any]) -> dict[str, str]:
    """The function's layers, and their versions."""
    parts = [each["Arn"].rpartition(":") for each in function.get("Layers", ())]
    return {layer: version for layer, _, version in parts}


def _log_group(function: Mapping[str, Any]) -> str:
    given: str | None = function.get("LoggingConfig", {}).get("LogGroup")
    return given or f"/aws/lambda/{function['FunctionName']}"
