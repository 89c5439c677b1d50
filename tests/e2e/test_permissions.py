"""What a caller may do: read the flags, claim and report permits, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

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


@pytest.fixture(scope="module")
def caller(aws: LocalAws) -> Iterator[Any]:
    """DynamoDB with the credentials of somebody who has the managed policy of callers, and no other."""
    iam = aws.client("iam")
    iam.create_user(UserName="caller")
    iam.attach_user_policy(UserName="caller", PolicyArn=aws.stack.outputs["CallerPolicyArn"])
    key = iam.create_access_key(UserName="caller")["AccessKey"]
    client = boto3.client(
        "dynamodb",
        endpoint_url=aws.endpoint_url,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    yield client
    client.close()


def is_denied(call: Callable[[], object]) -> bool:
    """Tell whether a call is denied; a condition that does not hold is no denial."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] == "AccessDeniedException":
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
