"""What CloudFormation itself refuses, as rules of ours: the emulator forgives it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transformed_template import ROOT, Document, deployed, written_template

USED_UP = ("W2001", "W8001")  # parameters and conditions, by the expansion
NEWER = ("W3037",)  # cloudwatch:DescribeAlarmContributors is newer than this cfn-lint's list of actions
PSEUDO_PARAMETERS = {
    *("AWS::AccountId", "AWS::NoValue", "AWS::NotificationARNs", "AWS::Partition", "AWS::Region"),
    *("AWS::StackId", "AWS::StackName", "AWS::URLSuffix"),
}
VARIABLE = re.compile(r"\$\{([^!][^}]*)\}")

# "AWS CloudFormation quotas", CloudFormation user guide.
MOST_RESOURCES = 500
MOST_PARAMETERS = 200
MOST_OUTPUTS = 200
LONGEST_PARAMETER_VALUE = 4096
LONGEST_DESCRIPTION = 1024
LARGEST_BODY_BYTES = 1_000_000
LARGEST_INLINE_BODY_BYTES = 51_200
# "Lambda quotas": all environment variables of a function together.
LARGEST_ENVIRONMENT_BYTES = 4096
# "IAM and AWS STS quotas", without white space.
LARGEST_MANAGED_POLICY = 6144


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    yield path, node
    if isinstance(node, dict):
        for key, value in node.items():
            yield from nodes(value, f"{path}.{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from nodes(value, f"{path}.{index}")


@pytest.mark.parametrize("name", ["template.yaml", "alarms.yaml"])
def test_no_text_becomes_a_substitution(name: str) -> None:
    """Fn::ToJsonString with a reference becomes Fn::Sub, which then refuses `${PROP(…)}` in its texts."""
    for path, node in nodes(written_template(name)):
        if isinstance(node, dict) and "Fn::ToJsonString" in node:
            assert "${" not in json.dumps(node), path


def test_every_variable_of_a_substitution_is_known() -> None:
    """Fn::Sub refuses a name that is no parameter, resource or variable of its own."""
    expanded = deployed(Circuits="payments-api", DemoCaller="true")
    known = PSEUDO_PARAMETERS | written_template()["Parameters"].keys() | expanded["Resources"].keys()
    for path, node in nodes(expanded):
        if isinstance(node, dict) and "Fn::Sub" in node:
            for name in VARIABLE.findall(node["Fn::Sub"]):
                assert name.split(".")[0] in known, f"{path}: {name}"


@pytest.mark.parametrize(("name", "circuits"), [("template.yaml", 100), ("alarms.yaml", 150)])
def test_as_many_circuits_as_promised(name: str, circuits: int) -> None:
    """A stack has room for as many circuits as the parameter's description promises."""
    text = written_template(name)
    promised = re.search(r"(?:at most|up to) (\d+)", (ROOT / name).read_text())
    assert promised is not None
    assert int(promised[1]) == circuits
    names = [f"c{number:03}" for number in range(circuits)]
    assert len(",".join(names)) <= LONGEST_PARAMETER_VALUE
    given = {"Circuits": ",".join(names)} | (
        {"DemoCaller": "true"} if "DemoCaller" in text["Parameters"] else {}
    )
    assert len(deployed(name=name, **given)["Resources"]) <= MOST_RESOURCES


@pytest.mark.parametrize("name", ["template.yaml", "alarms.yaml"])
def test_sizes(name: str) -> None:
    """Parameters, outputs, descriptions and the template itself are within CloudFormation's quotas."""
    text = written_template(name)
    assert len(text["Parameters"]) <= MOST_PARAMETERS
    assert len(text.get("Outputs", {})) <= MOST_OUTPUTS
    assert len(text["Description"]) <= LONGEST_DESCRIPTION
    assert all(len(each["Description"]) <= 4000 for each in text["Parameters"].values())
    assert (ROOT / name).stat().st_size <= (
        LARGEST_INLINE_BODY_BYTES if name == "alarms.yaml" else LARGEST_BODY_BYTES
    )


def test_environments_and_policies_are_small(resources: Document) -> None:
    """Environment variables and managed policies are within Lambda's and IAM's quotas."""
    for resource in resources.values():
        variables = resource["Properties"].get("Environment", {}).get("Variables")
        if variables:
            assert len(json.dumps(variables)) <= LARGEST_ENVIRONMENT_BYTES
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            document = json.dumps(resource["Properties"]["PolicyDocument"], separators=(",", ":"))
            assert len(document) <= LARGEST_MANAGED_POLICY - 1000  # ARNs are longer than references


@pytest.mark.parametrize("circuits", ["", "payments-api,inventory.v2"])
def test_the_expanded_template_is_clean(circuits: str, tmp_path: Path) -> None:
    """cfn-lint has nothing to say of what CloudFormation deploys after its transforms."""
    expanded = deployed(Circuits=circuits, DemoCaller="true")
    for entry in (*expanded["Resources"].values(), *expanded["Outputs"].values()):
        entry.pop("Condition", None)  # it holds: what it would leave out is left out
    document = {"AWSTemplateFormatVersion": "2010-09-09", **expanded}
    document["Parameters"] = written_template()["Parameters"]
    template = tmp_path / "expanded.json"
    template.write_text(json.dumps(document))
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "--ignore-checks", *USED_UP, *NEWER, "--", template],
        env=os.environ | {"AWS_DEFAULT_REGION": "eu-west-1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == ""
    assert done.returncode == 0
