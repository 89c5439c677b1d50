"""The files that building and deploying read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from transformed_template import ROOT, written_template

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def pins(path: Path) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in PIN.findall(path.read_text())}


def needed(name: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """Everything that importing a package needs, itself included."""
    found: set[str] = {canonicalize_name(name)}
    for line in requires(name) or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""}):
            found |= needed(requirement.name, frozenset(requirement.extras))
    return found


def test_function_requirements_are_locked() -> None:
    """The functions are built from the versions that everything else is tested with."""
    locked = pins(ROOT / "requirements.lock")
    wanted = pins(ROOT / "functions" / "requirements.txt")
    assert wanted == {name: locked[name] for name in wanted}


def test_function_requirements_are_complete() -> None:
    """Nothing is left for the day of the build to choose."""
    tools = needed("aws-lambda-powertools", frozenset({"tracer"})) | needed("jsonschema") | needed("boto3")
    assert pins(ROOT / "functions" / "requirements.txt").keys() == tools


@pytest.mark.parametrize("environment", ["default", "local", "prod"])
def test_language_extensions(environment: str) -> None:
    """sam expands Fn::ForEach only where it is told to: in every environment, for every command."""
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text())[environment]
    assert settings["global"]["parameters"]["language_extensions"] is True


def test_local_environment() -> None:
    """The local AWS runs functions with this machine's Python, asks nothing, and shows the demonstration."""
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text())["local"]
    deploy = settings["deploy"]["parameters"]
    given = dict(pair.split("=") for pair in deploy["parameter_overrides"].split())
    assert given == {"Runtime": "python3.11", "Architecture": "x86_64", "DemoCaller": "true"}
    assert settings["build"]["parameters"]["parameter_overrides"] == deploy["parameter_overrides"]
    assert deploy["confirm_changeset"] is False
    assert deploy["resolve_s3"] is True


def test_parameter_overrides_are_parameters() -> None:
    """No configuration sets a parameter that the template does not have."""
    parameters = written_template()["Parameters"]
    for environment in tomllib.loads((ROOT / "samconfig.toml").read_text()).values():
        for command in environment.values() if isinstance(environment, dict) else ():
            overrides = command["parameters"].get("parameter_overrides", "")
            for pair in overrides.split():
                assert pair.split("=")[0] in parameters


@pytest.mark.parametrize("command", [["cfn-lint"], ["sam", "validate", "--lint"]])
def test_lint(command: list[str], tmp_path: Path) -> None:
    """cfn-lint and sam find nothing to say."""
    tool, *arguments = command
    settings = {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(tmp_path),  # not this machine's home folder
    }
    done = subprocess.run(
        [Path(sys.executable).with_name(tool), *arguments],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if tool == "cfn-lint":
        assert done.stdout == ""
