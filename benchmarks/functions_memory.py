"""How much memory and time the deployed functions take at their worst.

`start_recovery` meets 10,000 circuits that are all due at once, each item with all the history that it can
hold, and runs minute after minute until none is left. `flip_state` and `announce` get a batch as large as
Lambda hands over. Each function runs in a process of its own, as in Lambda; memory is the peak of its
resident set.

DynamoDB is Amazon's DynamoDB Local where RECLOSER_DYNAMODB_LOCAL names its folder (`make
contract-dynamodb-local` fetches it), else the local AWS's; CloudWatch is the local AWS's. Run it with
`python -m benchmarks.functions_memory`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests" / "support")]

import dynamodb_local  # noqa: E402  (where tests keep it)
from stored_tables import StoredTables, create_tables  # noqa: E402

from recloser.circuit import HISTORY_LENGTH, OPERATIONS_LENGTH, Cause, Circuit, State, Transition  # noqa: E402
from recloser.lab.local_aws.emulator import Emulator  # noqa: E402
from recloser.store.rows import encode_circuit, encode_minted  # noqa: E402

MINUTE_SECONDS = 60
LARGEST_EVENT_BYTES = 6_000_000  # "Lambda quotas", AWS Lambda developer guide
ITEMS_PER_BATCH = 25
SUFFIX = "memory"
REGION = "eu-west-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "123456789012",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": REGION,
}
RUNTIME = """
import importlib, json, os, resource, sys, time
told = sys.stdout
sys.stdout = open(os.devnull, "w")
app = importlib.import_module(sys.argv[1])
for line in sys.stdin:
    event = json.loads(line)
    began, used = time.monotonic(), time.process_time()
    try:
        app.handler(event, None)
        error = None
    except Exception as raised:  # Lambda logs it; the next minute goes on
        error = repr(raised)
    seconds, used = time.monotonic() - began, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"seconds": seconds, "used": used, "megabytes": peak, "error": error}
    print(json.dumps(figures), file=told, flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Memory and time of the functions at their worst.")
    parser.add_argument("--circuits", type=int, default=10_000, help="how many are due at once")
    circuits = parser.parse_args().circuits
    with _local_aws() as aws, _dynamodb(aws) as dynamodb:
        client = boto3.client(
            "dynamodb",
            endpoint_url=dynamodb,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )
        stored = create_tables(client, SUFFIX)
        environment = CREDENTIALS | {
            "AWS_ENDPOINT_URL": aws,
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
            "RECLOSER_CIRCUIT_TABLE": stored.circuit_table,
            "RECLOSER_PROBE_TABLE": stored.probe_table,
        }
        print(f"{sys.version.split()[0]}; DynamoDB is {'DynamoDB Local' if aws != dynamodb else 'ministack'}")
        _due_at_once(stored, environment, circuits)
        for name, golden in (("announce", "circuit-stream"), ("flip_state", "probe-stream")):
            with _function(name, environment) as invoke:
                told = invoke(_largest_batch(golden))
            print(f"{name}: a batch of {LARGEST_EVENT_BYTES / 1e6:.0f} MB in {_figures(told)}")


def _due_at_once(stored: StoredTables, environment: dict[str, str], circuits: int) -> None:
    retry_at_ms = time.time_ns() // 1_000_000 - 1000
    size = _put_circuits(stored, circuits, retry_at_ms)
    print(f"start_recovery: {circuits} circuits due, of {size} bytes each", flush=True)
    event = json.loads((ROOT / "events" / "scheduled-event.json").read_text())
    moved = 0
    with _function("start_recovery", environment) as invoke:
        while moved < circuits:
            began = time.monotonic()
            told = invoke(event)
            before, moved = moved, _half_open(stored)
            print(f"  {moved - before} moved, {circuits - moved} left, in {_figures(told)}", flush=True)
            if moved < circuits:
                time.sleep(max(0.0, MINUTE_SECONDS - (time.monotonic() - began)))


def _half_open(stored: StoredTables) -> int:
    pages = stored.client.get_paginator("scan").paginate(
        TableName=stored.circuit_table,
        Select="COUNT",
        FilterExpression="#state = :state",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":state": {"S": str(State.HALF_OPEN)}},
    )
    return sum(page["Count"] for page in pages)


def _figures(told: dict[str, Any]) -> str:
    figures = f"{told['seconds']:.1f} s, processor {told['used']:.1f} s, peak {told['megabytes']:.0f} MB"
    return f"{figures}; {told['error']}" if told["error"] else figures


def _put_circuits(stored: StoredTables, count: int, retry_at_ms: int) -> int:
    """Store open circuits that are due, with their permits; return the size of an item in bytes."""
    line = Transition(
        retry_at_ms - 11_000, State.CLOSED, State.OPEN, 1, "alarm raised: " + "x" * 140, Cause.ALARM
    )
    model = Circuit(
        name="c" * 59,
        state=State.OPEN,
        generation=1,
        revision=1,
        changed_at_ms=retry_at_ms - 10_000,
        opened_at_ms=retry_at_ms - 10_000,
        retry_at_ms=retry_at_ms,
        trips=1,
        permits=1,
        reason=line.reason,
        cause=Cause.ALARM,
        alarm="recloser:any-circuit",
        history=(line,) * HISTORY_LENGTH,
        operations=(line,) * OPERATIONS_LENGTH,
    )
    names = [f"{model.name}{number:05}" for number in range(count)]
    circuits = ({"circuit": {"S": name}} | _item(replace(model, name=name)) for name in names)
    permits = (encode_minted(name, 1, 1, retry_at_ms) for name in names)
    _put_all(stored.client, stored.circuit_table, circuits)
    _put_all(stored.client, stored.probe_table, permits)
    return len(json.dumps(_item(model)))


def _item(circuit: Circuit) -> dict[str, Any]:
    return {name: value for name, value in encode_circuit(circuit).items() if value is not None}


def _put_all(client: Any, table: str, items: Iterator[dict[str, Any]]) -> None:
    batch: list[dict[str, Any]] = []
    for item in items:
        batch.append({"PutRequest": {"Item": item}})
        if len(batch) == ITEMS_PER_BATCH:
            client.batch_write_item(RequestItems={table: batch})
            batch = []
    if batch:
        client.batch_write_item(RequestItems={table: batch})


def _largest_batch(golden: str) -> dict[str, Any]:
    """Return as many records as one invocation can get: nobody limits what people write to the tables."""
    records = json.loads((ROOT / "events" / f"{golden}.json").read_text())["Records"]
    padding = {"S": "x" * (LARGEST_EVENT_BYTES // 100 - len(json.dumps(records[0])))}
    for record in records:
        record["dynamodb"]["NewImage"]["note"] = padding
    return {"Records": [records[number % len(records)] for number in range(100)]}


@contextlib.contextmanager
def _function(name: str, environment: dict[str, str]) -> Iterator[Any]:
    path = os.pathsep.join([str(ROOT / "functions"), str(ROOT)])
    process = subprocess.Popen(
        [sys.executable, "-c", RUNTIME, f"{name}.app"],
        env=os.environ | environment | {"PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    to, answers = process.stdin, process.stdout

    def invoke(event: dict[str, Any]) -> dict[str, Any]:
        print(json.dumps(event), file=to, flush=True)
        told: dict[str, Any] = json.loads(answers.readline())
        return told

    try:
        yield invoke
    finally:
        to.close()
        process.wait(timeout=60)


@contextlib.contextmanager
def _local_aws() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory:
        emulator = Emulator(Path(directory) / "ministack.log")
        emulator.start()
        try:
            yield emulator.endpoint_url
        finally:
            emulator.stop()


@contextlib.contextmanager
def _dynamodb(otherwise: str) -> Iterator[str]:
    if not dynamodb_local.is_wanted():
        yield otherwise
        return
    with dynamodb_local.running() as endpoint:
        yield endpoint


if __name__ == "__main__":
    main()
