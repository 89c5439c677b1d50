"""A second stack in the same account and Region, with a name and a namespace of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stored_tables import ROOT

from recloser.lab.local_aws.deployment import Stack, stack
from recloser.lab.local_aws.emulator import REGION, client_environment
from recloser.lab.local_aws.local_aws import LocalAws

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"  # of this machine
PARAMETERS = ("Namespace=Blue", "Circuits=two-stacks-api", f"Runtime={RUNTIME}", "Architecture=x86_64")


@pytest.fixture(scope="module")
def blue(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """What is built already, deployed once more as the stack `blue`."""
    directory = tmp_path_factory.mktemp("blue")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_CLI_"))}
    done = subprocess.run(
        [
            Path(sys.executable).with_name("sam"),
            *("deploy", "--template-file", aws._directory / "build" / "template.yaml"),
            *("--config-file", ROOT / "samconfig.toml", "--config-env", "local"),
            *("--stack-name", "blue", "--region", REGION, "--parameter-overrides", *PARAMETERS),
        ],
        env=kept
        | client_environment(aws.endpoint_url)
        | {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.5", "__SAM_CLI_APP_DIR": str(directory)},
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    cloudformation = aws.client("cloudformation")
    yield stack(cloudformation, "blue")
    cloudformation.delete_stack(StackName="blue")


def flip(aws: LocalAws, which: Stack, event: dict[str, Any]) -> dict[str, Any]:
    answer = aws.client("lambda").invoke(
        FunctionName=which.resources["FlipState"], Payload=json.dumps(event).encode()
    )
    told: dict[str, Any] = json.load(answer["Payload"])
    return told


def alarm_of(namespace: str) -> dict[str, Any]:
    """A raised alarm on the circuit of that namespace."""
    event: dict[str, Any] = json.loads((ROOT / "events" / "alarm-metric.json").read_text())
    event |= {"region": REGION, "account": "123456789012"}
    event["detail"]["alarmName"] = "made manually"
    metric = event["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"]
    metric |= {"namespace": namespace, "dimensions": {"Circuit": "two-stacks-api"}}
    return event


def states(aws: LocalAws, which: Stack) -> set[str]:
    item = aws.client("dynamodb").get_item(
        TableName=which.outputs["CircuitTableName"], Key={"circuit": {"S": "two-stacks-api"}}
    )
    return {item["Item"]["state"]["S"]} if "Item" in item else set()


def test_alarms_carry_the_stack_s_name(aws: LocalAws, blue: Stack) -> None:
    """Both stacks have alarms for the same circuits, side by side."""
    alarms = aws.client("cloudwatch").describe_alarms(AlarmNamePrefix="blue:")["MetricAlarms"]
    names = {alarm["AlarmName"] for alarm in alarms}
    assert {"blue:any-circuit", "blue:two-stacks-api:failure-rate-fast"} <= names
    assert blue.outputs["Namespace"] == "Blue"


def test_neither_moves_the_other_s_circuits(aws: LocalAws, blue: Stack) -> None:
    """An alarm on one stack's namespace trips that stack's circuit, and is turned away by the other."""
    assert flip(aws, blue, alarm_of("Recloser")).keys() & {"discarded", "ignored"}
    assert states(aws, blue) == set()
    flip(aws, blue, alarm_of("Blue"))
    assert states(aws, blue) == {"OPEN"}
    assert flip(aws, aws.stack, alarm_of("Blue")).keys() & {"discarded", "ignored"}
    assert states(aws, aws.stack) == set()
