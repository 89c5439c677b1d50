"""The parameter `Circuits`, as CloudFormation's loop sees it: on the local AWS, through CreateStack."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from emulator_clients import clients
from transformed_template import Document, written_template

from recloser.lab.local_aws.emulator import Emulator

LOOP = "Fn::ForEach::CircuitAlarms"
STEADY, FAST, SLOW = "failure-rate-steady", "failure-rate-fast", "slow-calls"


@pytest.fixture(scope="module")
def client(emulator: Emulator) -> Iterator[Callable[[str], Any]]:
    with clients(emulator) as client:
        yield client


def alarms_only() -> Document:
    """The template with nothing in it but the loop over circuits; a stack needs one resource for sure."""
    written = written_template()
    kept: Document = {name: written[name] for name in ("Parameters", "Conditions")}
    resources = {LOOP: written["Resources"][LOOP], "Always": {"Type": "AWS::SQS::Queue"}}
    return kept | {"Transform": "AWS::LanguageExtensions", "Resources": resources}


@pytest.mark.parametrize(
    ("circuits", "fast", "expected"),
    [
        ("", "true", set()),
        ("", "false", set()),
        ("payments-api", "true", {f"payments-api:{kind}" for kind in (STEADY, FAST, SLOW)}),
        ("payments-api", "false", {f"payments-api:{STEADY}"}),
        ("a,b.c", "false", {f"a:{STEADY}", f"b.c:{STEADY}"}),
    ],
)
def test_alarms_are_made_for_circuits_that_have_a_name(
    client: Callable[[str], Any], circuits: str, fast: str, expected: set[str]
) -> None:
    """An empty `Circuits` makes no alarm, although CloudFormation's loop takes it as one empty name."""
    name = f"alarms-{circuits.replace(',', '-').replace('.', '')}-{fast}"
    cloudformation = client("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(alarms_only()),
        Capabilities=["CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            {"ParameterKey": "Circuits", "ParameterValue": circuits},
            {"ParameterKey": "FastAlarms", "ParameterValue": fast},
        ],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    found = client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{name}:")["MetricAlarms"]
    assert {alarm["AlarmName"].removeprefix(f"{name}:") for alarm in found} == expected
