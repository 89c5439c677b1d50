"""`make redrive`, against the local AWS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

from stored_tables import ROOT

from recloser.circuit import Override, State
from recloser.control.control import Control
from recloser.lab.local_aws.emulator import client_environment
from recloser.lab.local_aws.local_aws import LocalAws
from recloser.signals import OverrideSet
from recloser.store.dynamodb import DynamoDBTables

NAME = "told-again-api"


def redrive(aws: LocalAws) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "release" / "redrive.py"],
        env=os.environ | client_environment(aws.endpoint_url),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def record_of(aws: LocalAws, circuit: str) -> tuple[dict[str, Any], str]:
    """Find a circuit's record in the stream, and what Lambda writes into a dead letter about it."""
    streams = aws.client("dynamodbstreams")
    [stream] = streams.list_streams(TableName=aws.circuit_table)["Streams"]
    arn = stream["StreamArn"]
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        for record in streams.get_records(ShardIterator=iterator)["Records"]:
            if record["dynamodb"]["Keys"]["circuit"]["S"] == circuit:
                number = record["dynamodb"]["SequenceNumber"]
                return record, letter(arn, shard["ShardId"], number)
    raise AssertionError(f"{circuit} is not in the stream")


def letter(stream_arn: str, shard_id: str, number: str) -> str:
    """Make a letter; the form is that of "Retain discarded batches", AWS Lambda developer guide."""
    batch = {
        "shardId": shard_id,
        "startSequenceNumber": number,
        "endSequenceNumber": number,
        "batchSize": 1,
        "streamArn": stream_arn,
    }
    return json.dumps({"version": "1.0", "DDBStreamBatchInfo": batch})


def told_about(aws: LocalAws, circuit: str) -> int:
    """Count the transitions of a circuit that announce has logged."""
    logs = aws.client("logs")
    group = aws.stack.resources["AnnounceLogGroup"]
    events = logs.filter_log_events(logGroupName=group)["events"]
    lines = [event["message"] for event in events if event["message"].startswith("{")]
    return sum(1 for line in map(json.loads, lines) if line.get("circuit") == circuit)


def test_records_are_told_again(aws: LocalAws) -> None:
    """A letter whose records the stream still has reaches announce once more; another one stays, with why."""
    tables = DynamoDBTables(aws.circuit_table, aws.probe_table, client=aws.client("dynamodb"))
    now_ms = time.time_ns() // 1_000_000
    Control(tables).apply(NAME, OverrideSet(Override(State.OPEN, "ann", "a drill", now_ms, None)))
    _, dead = record_of(aws, NAME)
    queues, queue = aws.client("sqs"), aws.stack.resources["AnnounceDeadLetters"]
    queues.send_message(QueueUrl=queue, MessageBody=dead)
    batch = json.loads(dead)["DDBStreamBatchInfo"]
    gone = letter(batch["streamArn"], batch["shardId"], "999999999999999999999")
    queues.send_message(QueueUrl=queue, MessageBody=gone)

    done = redrive(aws)

    queues.purge_queue(QueueUrl=queue)
    assert done.stderr == ""
    assert f"told again: {NAME}\n" in done.stdout
    assert "its records are gone: recloser history shows what circuits did" in done.stdout
    assert done.stdout.count("left: ") == 1
    assert done.returncode == 1
    deadline = time.monotonic() + 60  # for the stream's own delivery, which is the other one
    while told_about(aws, NAME) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.2)
