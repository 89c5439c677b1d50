"""The files that building and deploying read."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from transformed_template import ROOT, written_template


def test_nothing_is_a_symbolic_link() -> None:
    """The tree works in a Windows checkout, and where a build sees one folder only."""
    listed = subprocess.run(
        ["git", "ls-files", "--stage"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert [line for line in listed.splitlines() if line.startswith("120000")] == []


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
