"""What a caller may do: read the flags, claim and report permits, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from recloser.lab.local_aws.deployment import STACK_NAME
from recloser.lab.local_aws.emulator import REGION
from recloser.lab.local_aws.local_aws import LocalAws

CIRCUIT = {"circuit": {"S": "by-hand-api"}}
PERMIT = {"permit": {"S": "by-hand-api#1"}}
CLAIM: dict[str, Any] = {
    "Key": PERMIT,
    "UpdateExpression": "ADD granted :one",
    "ConditionExpression": "attribute_exists(permit)",
    "ExpressionAttributeValues": {":one": {"N": "1"}},
}


class Person:
    """Somebody with one managed policy of the stack, and no other."""

    def __init__(self, aws: LocalAws, name: str, policies: tuple[str, ...], tags: dict[str, str]) -> None:
        iam = aws.client("iam")
        iam.create_user(UserName=name, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
        for policy in policies:
            iam.attach_user_policy(UserName=name, PolicyArn=aws.stack.outputs[f"{policy}Arn"])
        self._key = iam.create_access_key(UserName=name)["AccessKey"]
        self._endpoint_url = aws.endpoint_url
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.Session(
                aws_access_key_id=self._key["AccessKeyId"],
                aws_secret_access_key=self._key["SecretAccessKey"],
                region_name=REGION,
            ).client(service, endpoint_url=self._endpoint_url)  # type: ignore[call-overload]  # a name not literal
        return self._clients[service]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


@pytest.fixture(scope="module")
def person(aws: LocalAws) -> Iterator[Callable[..., Person]]:
    made: list[Person] = []

    def make(name: str, *policies: str, **tags: str) -> Person:
        made.append(
            Person(aws, name, policies, {key.replace("_", "-"): value for key, value in tags.items()})
        )
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def caller(person: Callable[..., Person]) -> Any:
    """DynamoDB with the credentials of a caller of every circuit."""
    return person("caller", "CallerPolicy").client("dynamodb")


@pytest.fixture(scope="module")
def payments_caller(person: Callable[..., Person]) -> Any:
    """DynamoDB with the credentials of a caller of the circuit by-hand-api alone."""
    return person("payments", "OneCircuitCallerPolicy", recloser_circuit="by-hand-api").client("dynamodb")


@pytest.fixture(scope="module")
def reader(person: Callable[..., Person]) -> Person:
    return person("reader", "ReaderPolicy")


@pytest.fixture(scope="module")
def operator(person: Callable[..., Person]) -> Person:
    return person("operator", "ReaderPolicy", "OperatorPolicy")


def is_denied(call: Callable[[], object]) -> bool:
    """Tell whether a call is denied; a condition that does not hold is no denial."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] in {"AccessDeniedException", "AccessDenied"}:
            return True
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
    return False


def test_a_caller_reads_flags_and_claims_permits(aws: LocalAws, caller: Any) -> None:
    """The policy allows what the library does on behalf of a caller."""
    assert not is_denied(lambda: caller.get_item(TableName=aws.circuit_table, Key=CIRCUIT))
    assert not is_denied(lambda: caller.update_item(TableName=aws.probe_table, **CLAIM))


def test_a_caller_can_do_nothing_else(aws: LocalAws, caller: Any) -> None:
    """It can neither flip a flag, nor mint, nor delete, nor look at other people's circuits as a whole."""
    flip = {"Key": CIRCUIT, "UpdateExpression": "REMOVE retry_at"}
    assert is_denied(lambda: caller.update_item(TableName=aws.circuit_table, **flip))
    assert is_denied(lambda: caller.put_item(TableName=aws.circuit_table, Item=CIRCUIT))
    assert is_denied(lambda: caller.delete_item(TableName=aws.circuit_table, Key=CIRCUIT))
    assert is_denied(lambda: caller.scan(TableName=aws.circuit_table))
    assert is_denied(lambda: caller.put_item(TableName=aws.probe_table, Item=PERMIT))
    assert is_denied(lambda: caller.delete_item(TableName=aws.probe_table, Key=PERMIT))


OTHER_CIRCUIT = {"circuit": {"S": "other-api"}}
OTHER_PERMIT = {"permit": {"S": "other-api#1"}}
REPORT = {
    "UpdateExpression": "ADD succeeded :number",
    "ExpressionAttributeValues": {":number": {"NS": ["1"]}},
}


def test_a_caller_writes_only_what_callers_write(aws: LocalAws, caller: Any) -> None:
    """It cannot add attributes of its own to a permit's item."""
    assert not is_denied(lambda: caller.update_item(TableName=aws.probe_table, Key=PERMIT, **REPORT))
    junk = {"UpdateExpression": "SET junk = :junk", "ExpressionAttributeValues": {":junk": {"S": "x"}}}
    assert is_denied(lambda: caller.update_item(TableName=aws.probe_table, Key=PERMIT, **junk))


def test_a_caller_of_one_circuit_touches_no_other(aws: LocalAws, payments_caller: Any) -> None:
    """The role's tag says which circuit it reads, claims and reports for; a batch with another is denied."""
    table = payments_caller
    assert not is_denied(lambda: table.get_item(TableName=aws.circuit_table, Key=CIRCUIT))
    assert is_denied(lambda: table.get_item(TableName=aws.circuit_table, Key=OTHER_CIRCUIT))
    own, both = [CIRCUIT], [CIRCUIT, OTHER_CIRCUIT]
    assert not is_denied(lambda: table.batch_get_item(RequestItems={aws.circuit_table: {"Keys": own}}))
    assert is_denied(lambda: table.batch_get_item(RequestItems={aws.circuit_table: {"Keys": both}}))
    assert not is_denied(lambda: table.update_item(TableName=aws.probe_table, **CLAIM))
    assert not is_denied(lambda: table.update_item(TableName=aws.probe_table, Key=PERMIT, **REPORT))
    assert is_denied(lambda: table.update_item(TableName=aws.probe_table, Key=OTHER_PERMIT, **REPORT))
    assert is_denied(lambda: table.scan(TableName=aws.circuit_table))


def test_a_role_without_the_tag_may_do_nothing(aws: LocalAws, person: Callable[..., Person]) -> None:
    """The policy for one circuit allows nothing to a role that has no tag."""
    table = person("untagged", "OneCircuitCallerPolicy").client("dynamodb")
    assert is_denied(lambda: table.get_item(TableName=aws.circuit_table, Key=CIRCUIT))
    assert is_denied(lambda: table.update_item(TableName=aws.probe_table, Key=PERMIT, **REPORT))


def test_a_reader_sees_and_changes_nothing(aws: LocalAws, reader: Person) -> None:
    """A reader sees circuits and alarms; overrides, permits and alarms are not theirs."""
    table, alarms = reader.client("dynamodb"), reader.client("cloudwatch")
    assert not is_denied(lambda: table.scan(TableName=aws.circuit_table))
    assert not is_denied(lambda: table.get_item(TableName=aws.probe_table, Key=PERMIT))
    assert not is_denied(alarms.describe_alarms)
    assert not is_denied(lambda: reader.client("cloudformation").describe_stacks(StackName=STACK_NAME))
    flip = {"Key": CIRCUIT, "UpdateExpression": "REMOVE retry_at"}
    assert is_denied(lambda: table.update_item(TableName=aws.circuit_table, **flip))
    assert is_denied(lambda: table.update_item(TableName=aws.probe_table, Key=PERMIT, **REPORT))
    assert is_denied(lambda: alarms.set_alarm_state(AlarmName=OWN_ALARM, StateValue="OK", StateReason="x"))


def test_an_operator_overrules_and_tunes_this_stack_alone(aws: LocalAws, operator: Person) -> None:
    """An operator writes circuits and sets the stack's alarms, and no alarm of anybody else."""
    table, alarms = operator.client("dynamodb"), operator.client("cloudwatch")
    flip = {"Key": CIRCUIT, "UpdateExpression": "REMOVE nothing"}
    assert not is_denied(lambda: table.update_item(TableName=aws.circuit_table, **flip))
    assert not is_denied(
        lambda: alarms.set_alarm_state(AlarmName=OWN_ALARM, StateValue="OK", StateReason="operator")
    )
    assert is_denied(lambda: alarms.set_alarm_state(AlarmName="billing", StateValue="OK", StateReason="x"))
    assert is_denied(lambda: table.delete_table(TableName=aws.circuit_table))
    assert is_denied(lambda: operator.client("lambda").list_layers())


OWN_ALARM = "recloser:by-hand-api:failure-rate-steady"


def test_only_recloser_s_own_events_may_be_sent(aws: LocalAws) -> None:
    """Announce's role allows events of the source `recloser` alone."""
    document = aws.client("iam").get_role_policy(
        RoleName=aws.stack.resources["AnnounceRole"], PolicyName="announce"
    )["PolicyDocument"]
    iam = aws.client("iam")
    iam.create_user(UserName="announcer")
    iam.put_user_policy(UserName="announcer", PolicyName="announce", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName="announcer")["AccessKey"]
    events = boto3.client(
        "events",
        endpoint_url=aws.endpoint_url,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    own = {"Source": "recloser", "DetailType": "Circuit State Changed", "Detail": "{}"}
    assert not is_denied(lambda: events.put_events(Entries=[own]))
    assert is_denied(lambda: events.put_events(Entries=[own | {"Source": "someone-else"}]))
    events.close()
