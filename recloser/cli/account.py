"""The deployment that the command works on: found in the stack's outputs, or named by the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from recloser.circuit import Circuit
from recloser.cli.problems import BadInput, Problem
from recloser.control.alarms import CloudWatchAlarms
from recloser.control.control import Control
from recloser.control.settings import CIRCUIT_TABLE, PROBE_TABLE, SettingError, default_policy
from recloser.policy import RecoveryPolicy
from recloser.store.dynamodb import DynamoDBTables

if TYPE_CHECKING:
    from botocore.session import Session

DEFAULT_STACK = "recloser"
CIRCUIT_TABLE_OUTPUT = "CircuitTableName"
PROBE_TABLE_OUTPUT = "ProbeTableName"


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a deployment of Recloser consists of, as far as an operator is concerned.

    `circuits` are those that the stack has alarms for; a circuit may exist without them.
    """

    circuit_table: str
    probe_table: str
    defaults: RecoveryPolicy
    circuits: tuple[str, ...] = ()


class Account:
    """An AWS account and Region, asked only when a command needs it.

    Args:
        stack: the CloudFormation stack; None: the tables that the environment names, or else `recloser`.
        region: the Region; None: what the profile and the environment say.
        profile: of the AWS configuration files; None: the default chain of credentials.

    Every method may raise Problem, with what an operator can do about it.

    """

    def __init__(
        self, stack: str | None = None, region: str | None = None, profile: str | None = None
    ) -> None:
        self._stack = stack
        self._region = region
        self._profile = profile

    @cached_property
    def deployment(self) -> Deployment:
        if self._stack is None and (os.environ.get(CIRCUIT_TABLE) or os.environ.get(PROBE_TABLE)):
            return _named_by(os.environ)
        return self._described_by(self._stack or DEFAULT_STACK)

    @cached_property
    def tables(self) -> DynamoDBTables:
        deployment = self.deployment
        client = self.client("dynamodb")
        return DynamoDBTables(deployment.circuit_table, deployment.probe_table, client)

    @cached_property
    def control(self) -> Control:
        return Control(self.tables, CloudWatchAlarms(self.client("cloudwatch")), self.deployment.defaults)

    def circuits(self) -> list[Circuit]:
        """Return every circuit that was ever written, and those of the stack that never were, by name."""
        circuits = {name: Circuit(name) for name in self.deployment.circuits}
        circuits |= {circuit.name: circuit for circuit in self.tables.scan()}
        return [circuits[name] for name in sorted(circuits)]

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
        with _aws_problems(service):
            return self._session.create_client(service, region_name=self._region, config=config)

    @cached_property
    def _session(self) -> Session:
        from botocore.exceptions import ProfileNotFound  # noqa: PLC0415
        from botocore.session import Session  # noqa: PLC0415

        session = Session(profile=self._profile)
        with _aws_problems("AWS configuration"):
            try:
                session.get_scoped_config()
            except ProfileNotFound:
                profile = self._profile or session.get_config_variable("profile")
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
                    "it is not Recloser's, or its deployment has not ended; name another with --stack"
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
        return Deployment(outputs[CIRCUIT_TABLE_OUTPUT], outputs[PROBE_TABLE_OUTPUT], defaults, circuits)

    def _describe(self, stack: str) -> dict[str, Any]:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        client = self.client("cloudformation")
        with _aws_problems("cloudformation"):
            try:
                [description] = client.describe_stacks(StackName=stack)["Stacks"]
            except ClientError as error:
                # The code is this one for a stack that does not exist; others have their own.
                if error.response["Error"]["Code"] != "ValidationError":
                    raise
                raise Problem(
                    f"stack {stack!r} was not found in {client.meta.region_name}: name it with --stack and "
                    f"--region, or set {CIRCUIT_TABLE} and {PROBE_TABLE}"
                ) from error
        described: dict[str, Any] = description
        return described


def _named_by(environment: Mapping[str, str]) -> Deployment:
    for variable, other in ((CIRCUIT_TABLE, PROBE_TABLE), (PROBE_TABLE, CIRCUIT_TABLE)):
        if not environment.get(variable):
            raise BadInput(f"environment variable {variable}", "", f"it must be set, because {other} is")
    try:
        defaults = default_policy(environment)
    except SettingError as error:
        raise Problem(str(error)) from error
    return Deployment(environment[CIRCUIT_TABLE], environment[PROBE_TABLE], defaults)


def _environment_of(parameters: Mapping[str, str]) -> dict[str, str]:
    """Name the stack's parameters as its functions know them: `Permits` is `RECLOSER_PERMITS`."""
    variables = {}
    for setting in fields(RecoveryPolicy):
        parameter = "".join(word.capitalize() for word in setting.name.split("_"))
        if parameter in parameters:
            variables[f"RECLOSER_{setting.name.upper()}"] = parameters[parameter]
    return variables


@contextmanager
def _aws_problems(service: str) -> Iterator[None]:
    """Turn what goes wrong at AWS into one line that an operator can act on."""
    from botocore.exceptions import (  # noqa: PLC0415
        BotoCoreError,
        ClientError,
        InvalidRegionError,
        NoCredentialsError,
        NoRegionError,
    )

    try:
        yield
    except NoCredentialsError as error:
        raise Problem("no AWS credentials were found: sign in, or name a profile with --profile") from error
    except NoRegionError as error:
        raise Problem("no AWS Region is set: name it with --region or AWS_REGION") from error
    except InvalidRegionError as error:
        region = error.kwargs["region_name"]
        raise BadInput("region", region, "the name of an AWS Region, as eu-west-1") from error
    except (BotoCoreError, ClientError) as error:
        raise Problem(f"{service}: {error}") from error
