"""What `make release` makes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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
