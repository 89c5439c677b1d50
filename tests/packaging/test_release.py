"""What `make release` makes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import WaiterError
from emulator_clients import clients

from recloser.lab.local_aws.emulator import Emulator

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"

# One process makes the release: two would write the same folder.
pytestmark = pytest.mark.xdist_group("release")


@pytest.fixture(scope="module")
def dist() -> Path:
    subprocess.run(
        [sys.executable, ROOT / "release" / "make.py"], check=True, capture_output=True, timeout=180
    )
    return DIST


def test_checksums(dist: Path) -> None:
    """Every file of the release has its checksum, the wheel and the source archive among them."""
    lines = [line.split("  ") for line in (dist / "SHA256SUMS").read_text().splitlines()]
    sums = {name: digest for digest, name in lines}
    assert sums.keys() == {path.name for path in dist.iterdir()} - {"SHA256SUMS"}
    assert {Path(name).suffix for name in sums} == {".whl", ".gz", ".zip", ".json"}
    for name, digest in sums.items():
        assert hashlib.sha256((dist / name).read_bytes()).hexdigest() == digest


def test_the_archives_are_what_lambda_unpacks(dist: Path) -> None:
    """The layer has the library where Lambda looks for it; the functions have their handlers."""
    layer = zipfile.ZipFile(dist / "recloser-layer.zip").namelist()
    functions = zipfile.ZipFile(dist / "recloser-functions.zip").namelist()
    assert "python/recloser/decide.py" in layer
    assert not [name for name in layer if "/cli/" in name or "/lab/" in name]
    assert {"flip_state/app.py", "start_recovery/app.py", "announce/app.py"} <= set(functions)


def test_the_flat_template_has_no_macro(dist: Path) -> None:
    """Plain CloudFormation: no transform, no loop, nothing of SAM, and cfn-lint finds nothing."""
    text = (dist / "recloser-template.json").read_text()
    template = json.loads(text)
    assert "Transform" not in template
    assert "Fn::ForEach" not in text
    assert not [entry for entry in template["Resources"].values() if "Serverless" in entry["Type"]]
    assert {"Namespace", "FailureThresholdPercent", "ArtifactBucket"} <= template["Parameters"].keys()
    done = subprocess.run(
        # W3037: cloudwatch:DescribeAlarmContributors is newer than this cfn-lint's list of actions.
        [
            Path(sys.executable).with_name("cfn-lint"),
            "--ignore-checks",
            "W3037",
            "--",
            dist / "recloser-template.json",
        ],
        env=os.environ | {"AWS_DEFAULT_REGION": "eu-west-1"},
        cwd=dist,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == ""
    assert done.returncode == 0


BUCKET = "releases"
STACK = "by-hand"


@pytest.fixture(scope="module")
def client(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Any]]:
    """An account with the release in a bucket."""
    emulator = Emulator(tmp_path_factory.mktemp("ministack") / "ministack.log")
    emulator.start()
    try:
        with clients(emulator) as client:
            client("s3").create_bucket(Bucket=BUCKET)
            for name in ("recloser-layer.zip", "recloser-functions.zip", "recloser-template.json"):
                client("s3").upload_file(str(dist / name), BUCKET, f"v1/{name}")
            yield client
    finally:
        emulator.stop()


def failures(cloudformation: Any) -> list[str]:
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    return [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
        for event in events
        if event["ResourceStatus"].endswith("FAILED")
    ]


def test_the_flat_template_is_deployed_without_sam(client: Callable[[str], Any]) -> None:
    """CreateStack with the template and both archives from a bucket makes a stack whose functions run."""
    cloudformation = client("cloudformation")
    given = {
        "ArtifactBucket": BUCKET,
        "ArtifactPrefix": "v1/",
        "Runtime": f"python{sys.version_info.major}.{sys.version_info.minor}",
        "Architecture": "x86_64",
        "Namespace": "ByHand",
    }
    cloudformation.create_stack(
        StackName=STACK,
        TemplateURL=f"{cloudformation.meta.endpoint_url}/{BUCKET}/v1/recloser-template.json",
        Capabilities=["CAPABILITY_IAM"],  # no macro: CAPABILITY_AUTO_EXPAND is not needed
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
    )
    with contextlib.suppress(WaiterError):
        cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    assert failures(cloudformation) == []
    found = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    functions = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in found
        if each["ResourceType"] == "AWS::Lambda::Function"
    }
    assert functions.keys() == {"FlipState", "StartRecovery", "Announce", "Console", "ConsoleAct"}
    event = (ROOT / "events" / "scheduled-event.json").read_bytes()
    answer = client("lambda").invoke(FunctionName=functions["StartRecovery"], Payload=event)
    assert "FunctionError" not in answer, answer["Payload"].read()
    assert json.load(answer["Payload"]) == {"moved": [], "tripped": [], "rearmed": [], "left": 0}
    alarms = client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{STACK}:")["MetricAlarms"]
    assert {alarm["AlarmName"] for alarm in alarms} == {f"{STACK}:any-circuit", f"{STACK}:any-circuit-slow"}
