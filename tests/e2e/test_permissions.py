"""What a caller may do: read the flags, claim and report permits, and nothing else."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from recloser.lab.local_aws.deployment import STACK_NAME
from recloser.lab.local_aws.emulator import REGION
from recloser.lab.local_aws.local_aws import LocalAws

NAME = "by-hand-api"
CIRCUIT = {"circuit": {"S": NAME}}
PERMIT = {"permit": {"S": f"{NAME}#1"}}
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
    counted = {"permit": {"S": f"{NAME}#1#failures-0-1"}}
    failures = {
        "UpdateExpression": "SET expires = :expires ADD calls_01 :one, failures_01 :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":expires": {"N": "1"}},
    }
    assert not is_denied(lambda: caller.update_item(TableName=aws.probe_table, Key=counted, **failures))
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
    assert not is_denied(lambda: reader.client("lambda").list_functions())
    flip = {"Key": CIRCUIT, "UpdateExpression": "REMOVE retry_at"}
    assert is_denied(lambda: table.update_item(TableName=aws.circuit_table, **flip))
    assert is_denied(lambda: table.update_item(TableName=aws.probe_table, Key=PERMIT, **REPORT))
    assert is_denied(lambda: set_alarm(alarms, OWN_ALARM))
    assert is_denied(lambda: alarms.put_metric_alarm(**ALARM | {"AlarmName": OWN_ALARM}))
    assert is_denied(lambda: table.delete_item(TableName=aws.circuit_table, Key=CIRCUIT))


def test_an_operator_overrules_and_tunes_this_stack_alone(aws: LocalAws, operator: Person) -> None:
    """An operator writes circuits and sets the stack's alarms, and no alarm of anybody else."""
    table, alarms = operator.client("dynamodb"), operator.client("cloudwatch")
    flip = {"Key": CIRCUIT, "UpdateExpression": "REMOVE nothing"}
    assert not is_denied(lambda: table.update_item(TableName=aws.circuit_table, **flip))
    assert not is_denied(lambda: set_alarm(alarms, OWN_ALARM))
    assert not is_denied(lambda: table.delete_item(TableName=aws.circuit_table, Key=FLIP["Key"]))
    assert is_denied(lambda: set_alarm(alarms, "billing"))
    assert is_denied(lambda: alarms.put_metric_alarm(**ALARM | {"AlarmName": "billing"}))
    assert is_denied(lambda: alarms.delete_alarms(AlarmNames=[OWN_ALARM]))
    assert is_denied(lambda: table.delete_table(TableName=aws.circuit_table))
    assert is_denied(lambda: operator.client("lambda").list_layers())


def press(aws: LocalAws, person: Person, function: str, event: dict[str, Any]) -> str:
    """Have a person's dashboard invoke a function of the widget, and return the HTML."""
    answer = person.client("lambda").invoke(
        FunctionName=aws.stack.resources[function], Payload=json.dumps(event).encode()
    )
    html: str = json.load(answer["Payload"])
    return html


def test_a_reader_sees_the_widget_and_presses_nothing(
    aws: LocalAws, reader: Person, operator: Person
) -> None:
    """Who may see circuits may not act on them, nor call any function of the stack but the one that shows."""
    form = {"recloser_by": "ann", "recloser_reason": "drill", "recloser_minutes": "1"}
    close = {"action": "close", "circuit": "nobody-s-api", "widgetContext": {"forms": {"all": form}}}
    assert 'class="recloser"' in press(aws, reader, "Console", {})
    for function in ("ConsoleAct", "FlipState", "DemoCallerFunction"):
        assert is_denied(lambda name=function: press(aws, reader, name, close))  # type: ignore[misc]
    assert "circuit nobody-s-api is not known" in press(aws, operator, "ConsoleAct", close)
    for function in ("FlipState", "DemoCallerFunction"):
        assert is_denied(lambda name=function: press(aws, operator, name, close))  # type: ignore[misc]


OWN_ALARM = f"recloser:{NAME}:failure-rate-steady"
ALARM: dict[str, Any] = {
    "Namespace": "Recloser",
    "MetricName": "Failure",
    "Statistic": "Average",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 0.5,
    "ComparisonOperator": "GreaterThanThreshold",
}


@pytest.fixture(scope="module")
def function(aws: LocalAws, person: Callable[..., Person]) -> Callable[[str], Person]:
    """Give somebody who may do what a function's role may, and nothing else."""
    iam = aws.client("iam")
    made: dict[str, Person] = {}

    def acting_as(name: str) -> Person:
        if name not in made:
            role = aws.stack.resources[f"{name}Role"]
            made[name] = person(f"as-{name}")
            for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
                document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
                iam.put_user_policy(
                    UserName=f"as-{name}", PolicyName=policy, PolicyDocument=json.dumps(document)
                )
        return made[name]

    return acting_as


def test_only_recloser_s_own_events_may_be_sent(function: Callable[[str], Person]) -> None:
    """Announce's role allows the two events of the source `recloser` alone, and none of the tables."""
    events = function("Announce").client("events")
    own = {"Source": "recloser", "DetailType": "Circuit State Changed", "Detail": "{}"}
    assert not is_denied(lambda: events.put_events(Entries=[own]))
    assert not is_denied(lambda: events.put_events(Entries=[own | {"DetailType": "Circuit Policy Changed"}]))
    assert is_denied(lambda: events.put_events(Entries=[own | {"Source": "someone-else"}]))
    assert is_denied(lambda: events.put_events(Entries=[own | {"DetailType": "Something Else"}]))


FLIP: dict[str, Any] = {"Key": {"circuit": {"S": "nobody-s-api"}}, "UpdateExpression": "REMOVE nothing"}


@pytest.mark.parametrize("name", ["FlipState", "StartRecovery"])
def test_the_functions_that_decide(aws: LocalAws, function: Callable[[str], Person], name: str) -> None:
    """They write circuits and permits and set the stack's alarms; no other alarm, and no table as a whole."""
    table, alarms = function(name).client("dynamodb"), function(name).client("cloudwatch")
    permit = {"permit": {"S": f"nobody-s-api#{name}"}}
    assert not is_denied(lambda: table.get_item(TableName=aws.circuit_table, Key=CIRCUIT))
    assert not is_denied(lambda: table.update_item(TableName=aws.circuit_table, **FLIP))
    assert not is_denied(lambda: table.put_item(TableName=aws.probe_table, Item=permit))
    assert not is_denied(alarms.describe_alarms)
    assert not is_denied(lambda: set_alarm(alarms, OWN_ALARM))
    assert is_denied(lambda: set_alarm(alarms, "billing"))
    assert is_denied(lambda: alarms.delete_alarms(AlarmNames=[OWN_ALARM]))
    assert is_denied(lambda: table.put_item(TableName=aws.circuit_table, Item=CIRCUIT))
    assert is_denied(lambda: table.delete_item(TableName=aws.circuit_table, Key=CIRCUIT))
    assert is_denied(lambda: table.delete_item(TableName=aws.probe_table, Key=permit))
    assert is_denied(lambda: table.delete_table(TableName=aws.circuit_table))
    assert is_denied(lambda: function(name).client("events").put_events(Entries=[{"Source": "recloser"}]))


def test_only_the_scheduled_function_lists_circuits(aws: LocalAws, function: Callable[[str], Person]) -> None:
    """start_recovery looks for circuits that are due; flip_state knows which one it is asked about."""
    for name, may in (("StartRecovery", True), ("FlipState", False), ("Announce", False)):
        scan = functools.partial(function(name).client("dynamodb").scan, TableName=aws.circuit_table)
        assert is_denied(scan) is not may


def test_who_looks_at_the_dashboard_may_not_act(aws: LocalAws, function: Callable[[str], Person]) -> None:
    """The widget that shows circuits reads them, and changes neither a circuit nor an alarm."""
    table, alarms = function("Console").client("dynamodb"), function("Console").client("cloudwatch")
    assert not is_denied(lambda: table.scan(TableName=aws.circuit_table))
    assert not is_denied(lambda: table.get_item(TableName=aws.circuit_table, Key=CIRCUIT))
    assert is_denied(lambda: table.update_item(TableName=aws.circuit_table, **FLIP))
    assert is_denied(lambda: table.update_item(TableName=aws.probe_table, Key=PERMIT, **REPORT))
    assert is_denied(lambda: set_alarm(alarms, OWN_ALARM))


def test_the_buttons_of_the_dashboard(aws: LocalAws, function: Callable[[str], Person]) -> None:
    """What acts writes one circuit and mints permits; it lists no circuits, and sets no other alarm."""
    table, alarms = function("ConsoleAct").client("dynamodb"), function("ConsoleAct").client("cloudwatch")
    permit = {"permit": {"S": "nobody-s-api#console"}}
    assert not is_denied(lambda: table.get_item(TableName=aws.circuit_table, Key=CIRCUIT))
    assert not is_denied(lambda: table.update_item(TableName=aws.circuit_table, **FLIP))
    assert not is_denied(lambda: table.put_item(TableName=aws.probe_table, Item=permit))
    assert not is_denied(lambda: set_alarm(alarms, OWN_ALARM))
    assert is_denied(lambda: set_alarm(alarms, "billing"))
    assert is_denied(lambda: table.scan(TableName=aws.circuit_table))
    assert is_denied(lambda: table.delete_item(TableName=aws.circuit_table, Key=CIRCUIT))


def set_alarm(alarms: Any, name: str) -> None:
    alarms.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="a test")
