"""The deployment that the command works on: found in the stack's outputs, or named by the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from recloser.circuit import Circuit
from recloser.cli.aws_problems import aws_problems, refuse_web_page
from recloser.cli.problems import BadInput, Problem
from recloser.control.alarm_circuit import (
    EveryCircuit,
    circuit_of_alarm,
    described_expressions,
    described_metrics,
)
from recloser.control.alarms import CloudWatchAlarms
from recloser.control.called_circuits import called_circuits
from recloser.control.control import Control
from recloser.control.ignored import Ignored
from recloser.control.settings import CIRCUIT_TABLE, PROBE_TABLE, SettingError, default_policy
from recloser.control.stack import Stack
from recloser.errors import EventError
from recloser.metrics.emf import namespace_of
from recloser.policy import RecoveryPolicy
from recloser.store.dynamodb import DynamoDBTables
from recloser.store.rows import Item

if TYPE_CHECKING:
    from botocore.session import Session

DEFAULT_STACK = "recloser"
DEFAULT_NAMESPACE = "Recloser"
CIRCUIT_TABLE_OUTPUT = "CircuitTableName"
PROBE_TABLE_OUTPUT = "ProbeTableName"
NAMESPACE_PARAMETER = "Namespace"
_STACK_NAME = re.compile(r"[A-Za-z0-9:/_.-]+")


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a deployment of Recloser consists of, as far as an operator is concerned.

    `circuits` are those that the stack has alarms for; a circuit may exist without them.
    """

    circuit_table: str
    probe_table: str
    defaults: RecoveryPolicy
    circuits: tuple[str, ...] = ()
    stack: str | None = None
    namespace: str = DEFAULT_NAMESPACE


@dataclass(frozen=True, slots=True)
class TripAlarm:
    """A metric alarm on the stack's namespace, as it was described; the circuit None: `problem` says why."""

    name: str
    described: dict[str, Any]
    circuit: str | EveryCircuit | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a deployment is.

    Args:
        stack: the CloudFormation stack; None: the tables that the environment names, or else `recloser`.
        region: the Region; None: what the profile and the environment say.
        profile: of the AWS configuration files; None: the default chain of credentials.
        endpoint_url: where AWS answers, as on a local AWS; None: what the profile and the environment say.

    """

    stack: str | None = None
    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None


class Account:
    """An AWS account and Region, asked only when a command needs it.

    Every method may raise Problem, with what an operator can do about it.
    """

    def __init__(self, place: Place | None = None) -> None:
        self._place = place or Place()

    def at(self, **given: str) -> Account:
        """Return the account with another stack, region, profile or endpoint_url."""
        return Account(replace(self._place, **given))

    @cached_property
    def deployment(self) -> Deployment:
        stack = self._place.stack
        if stack is None and (os.environ.get(CIRCUIT_TABLE) or os.environ.get(PROBE_TABLE)):
            return _named_by(os.environ)
        return self._described_by(stack or DEFAULT_STACK)

    @cached_property
    def tables(self) -> DynamoDBTables:
        deployment = self.deployment
        return DynamoDBTables(deployment.circuit_table, deployment.probe_table, self.dynamodb)

    @cached_property
    def dynamodb(self) -> Any:
        """One client for all threads: making one is not safe among them, and takes long."""
        return self.client("dynamodb")

    @cached_property
    def control(self) -> Control:
        alarms = CloudWatchAlarms(self.client("cloudwatch"), self.stack)
        return Control(self.tables, alarms, self.deployment.defaults)

    def circuits(self) -> list[Circuit]:
        """Return every circuit that was ever written, and those that are only watched or called, by name."""
        circuits = {name: Circuit(name) for name in (*self.deployment.circuits, *self.called)}
        circuits |= {circuit.name: circuit for circuit in self.tables.scan()}
        return [circuits[name] for name in sorted(circuits)]

    @cached_property
    def called(self) -> frozenset[str]:
        """The circuits that callers have counted calls of in the last two weeks ("ListMetrics", CloudWatch).

        A circuit that never tripped has no item, and needs no alarm of its own: only the metrics know it.
        Empty where they may not be listed.
        """
        try:
            return self.list_called()
        except Problem:
            return frozenset()

    def list_called(self) -> frozenset[str]:
        """Return the same, or raise why it cannot be told."""
        with aws_problems("CloudWatch"):
            return called_circuits(self.client("cloudwatch"), self.deployment.namespace)

    def stored_items(self) -> list[Item]:
        """Return the circuits as they are stored."""
        with aws_problems("DynamoDB"):
            pages = self.dynamodb.get_paginator("scan")
            found = pages.paginate(TableName=self.deployment.circuit_table, ConsistentRead=True)
            return [item for page in found for item in page["Items"]]

    @cached_property
    def trip_alarms(self) -> list[TripAlarm]:
        """The metric alarms on the stack's namespace that trip circuits, or are meant to, by name."""
        found = [self._trip_alarm(alarm) for alarm in self._every_alarm[0]]
        return sorted((alarm for alarm in found if alarm is not None), key=lambda alarm: alarm.name)

    @cached_property
    def composite_alarms(self) -> list[str]:
        """The names of the account's composite alarms."""
        return self._every_alarm[1]

    @cached_property
    def _every_alarm(self) -> tuple[list[dict[str, Any]], list[str]]:
        with aws_problems("CloudWatch"):
            pages = list(
                self.client("cloudwatch")
                .get_paginator("describe_alarms")
                .paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
            )
        metric = [alarm for page in pages for alarm in page.get("MetricAlarms", ())]
        return metric, [alarm["AlarmName"] for page in pages for alarm in page.get("CompositeAlarms", ())]

    def _trip_alarm(self, described: dict[str, Any]) -> TripAlarm | None:
        name = described["AlarmName"]
        metrics, expressions = described_metrics(described), described_expressions(described)
        try:
            circuit = circuit_of_alarm(name, metrics, expressions, self.stack)
        except EventError as error:
            return TripAlarm(name, described, None, str(error))
        return None if isinstance(circuit, Ignored) else TripAlarm(name, described, circuit)

    def put_alarm(self, definition: Mapping[str, Any]) -> None:
        """Edit an alarm, as the console does."""
        with aws_problems("CloudWatch"):
            self.client("cloudwatch").put_metric_alarm(**definition)

    @property
    def stack(self) -> Stack:
        return Stack(self.deployment.stack or DEFAULT_STACK, self.deployment.namespace)

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs; none where the tables are named by the environment."""
        stack = self.deployment.stack
        described = {} if stack is None else self._describe(stack)
        return {entry["OutputKey"]: entry["OutputValue"] for entry in described.get("Outputs", ())}

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The stack's parameters; none where the tables are named by the environment."""
        stack = self.deployment.stack
        described = {} if stack is None else self._describe(stack)
        return {entry["ParameterKey"]: entry["ParameterValue"] for entry in described.get("Parameters", ())}

    def resources(self, kind: str) -> list[str]:
        """Name the stack's resources of a type, by their physical ids."""
        return [identity for resource_kind, identity in self._resources if resource_kind == kind]

    @cached_property
    def _resources(self) -> list[tuple[str, str]]:
        stack = self.deployment.stack
        if stack is None:
            return []
        with aws_problems("cloudformation"):
            pages = (
                self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
            )
            found = [resource for page in pages for resource in page["StackResourceSummaries"]]
        return [
            (each["ResourceType"], each["PhysicalResourceId"])
            for each in found
            if "PhysicalResourceId" in each
        ]

    def client(
        self, service: str, *, connect_timeout: float = 3, read_timeout: float = 10, attempts: int = 3
    ) -> Any:
        """Make a client; the timeouts in seconds."""
        from botocore.config import Config  # noqa: PLC0415  (slow to import)

        config = Config(
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
        )
        with aws_problems(service):
            client = self._session.create_client(
                service, region_name=self._place.region, endpoint_url=self._place.endpoint_url, config=config
            )
            _ = urlsplit(client.meta.endpoint_url).port  # one that is none raises here, not at the first call
            return client

    @cached_property
    def _session(self) -> Session:
        from botocore.exceptions import ProfileNotFound  # noqa: PLC0415
        from botocore.session import Session  # noqa: PLC0415

        session = Session(profile=self._place.profile)
        session.register("before-parse", refuse_web_page)
        with aws_problems("AWS configuration"):
            try:
                session.get_scoped_config()
            except ProfileNotFound:
                profile = self._place.profile or session.get_config_variable("profile")
                allowed = ", ".join(sorted(session.available_profiles)) or "there are none"
                raise BadInput("profile", profile, f"a profile of the AWS configuration: {allowed}") from None
        return session

    def _described_by(self, stack: str) -> Deployment:
        description = self._describe(stack)
        outputs = {entry["OutputKey"]: entry["OutputValue"] for entry in description.get("Outputs", ())}
        for output in (CIRCUIT_TABLE_OUTPUT, PROBE_TABLE_OUTPUT):
            if output not in outputs:
                raise Problem(
                    f"stack {stack} ({description['StackStatus']}) has no output {output}: "
                    "it is not Recloser's, or its deployment has not ended; name another with --stack-name"
                )
        parameters = {
            entry["ParameterKey"]: entry["ParameterValue"] for entry in description.get("Parameters", ())
        }
        try:
            defaults = default_policy(_environment_of(parameters))
        except SettingError as error:
            raise Problem(f"stack {stack}: {error}") from error
        names = (name.strip() for name in parameters.get("Circuits", "").split(","))
        circuits = tuple(name for name in names if name)
        return Deployment(
            outputs[CIRCUIT_TABLE_OUTPUT],
            outputs[PROBE_TABLE_OUTPUT],
            defaults,
            circuits,
            stack,
            parameters.get(NAMESPACE_PARAMETER, DEFAULT_NAMESPACE),
        )

    def _describe(self, stack: str) -> dict[str, Any]:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        if not _STACK_NAME.fullmatch(stack):
            raise BadInput("stack", stack, "the name of a CloudFormation stack, A-Z a-z 0-9 -, or its ARN")
        client = self.client("cloudformation")
        with aws_problems("cloudformation"):
            try:
                [description] = client.describe_stacks(StackName=stack)["Stacks"]
            except ClientError as error:
                # The code is this one for a stack that does not exist; others have their own.
                if error.response["Error"]["Code"] != "ValidationError":
                    raise
                raise Problem(
                    f"stack {stack!r} was not found in {client.meta.region_name}: name it with --stack-name "
                    f"and --region, or set {CIRCUIT_TABLE} and {PROBE_TABLE}"
                ) from error
        described: dict[str, Any] = description
        return described


def is_demo(function: str) -> bool:
    """Tell the demo's caller from the functions that are the breaker's own."""
    return "DemoCaller" in function


def _named_by(environment: Mapping[str, str]) -> Deployment:
    for variable, other in ((CIRCUIT_TABLE, PROBE_TABLE), (PROBE_TABLE, CIRCUIT_TABLE)):
        if not environment.get(variable):
            raise BadInput(f"environment variable {variable}", "", f"it must be set, because {other} is")
    try:
        defaults, namespace = default_policy(environment), namespace_of(environment)
    except (SettingError, ValueError) as error:
        raise Problem(str(error)) from error
    return Deployment(environment[CIRCUIT_TABLE], environment[PROBE_TABLE], defaults, namespace=namespace)


# The one that the stack calls otherwise: its steady alarms ask for as many.
_PARAMETERS = {"minimum_calls": "MinimumCallsSteady"}


def _environment_of(parameters: Mapping[str, str]) -> dict[str, str]:
    """Name the stack's parameters as its functions know them: `Permits` is `RECLOSER_PERMITS`."""
    variables = {}
    for setting in fields(RecoveryPolicy):
        parameter = _PARAMETERS.get(setting.name) or "".join(
            word.capitalize() for word in setting.name.split("_")
        )
        if parameter in parameters:
            variables[f"RECLOSER_{setting.name.upper()}"] = parameters[parameter]
    return variables
