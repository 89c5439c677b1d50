"""The examples' templates are valid, and take what the Recloser stack publishes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse
from stored_tables import ROOT

TEMPLATES = sorted(ROOT.glob("examples/*/template.yaml"))


def published() -> set[str]:
    """The names of the parameters that a stack of the default name publishes."""
    resources = yaml_parse((ROOT / "template.yaml").read_text())["Resources"].values()
    parameters = [
        entry for entry in resources if isinstance(entry, dict) and entry["Type"] == "AWS::SSM::Parameter"
    ]
    names = {entry["Properties"]["Name"]["Fn::Sub"] for entry in parameters}
    return {name.replace("${AWS::StackName}", "recloser") for name in names}


def run(*command: str | Path, directory: Path) -> subprocess.CompletedProcess[str]:
    tool, *arguments = command
    return subprocess.run(
        [Path(sys.executable).with_name(str(tool)), *arguments],
        env=os.environ
        | {
            "AWS_DEFAULT_REGION": "eu-west-1",
            "SAM_CLI_TELEMETRY": "0",
            "__SAM_CLI_APP_DIR": str(directory / "sam"),
        },
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_lint(tmp_path: Path) -> None:
    """cfn-lint, with its informational checks on, finds nothing."""
    ended = run("cfn-lint", "--include-checks", "I", "--", *TEMPLATES, directory=tmp_path)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.parent.name)
def test_sam_takes_it(template: Path, tmp_path: Path) -> None:
    """`sam validate` takes the template."""
    ended = run("sam", "validate", "--template", template, directory=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.parent.name)
def test_parameters(template: Path) -> None:
    """What is taken is published by the Recloser stack; nothing is imported, which would pin it."""
    text = template.read_text()
    assert "ImportValue" not in text
    parameters = yaml_parse(text)["Parameters"].values()
    taken = {
        entry["Default"] for entry in parameters if entry["Type"] == "AWS::SSM::Parameter::Value<String>"
    }
    needed = {
        "/recloser/caller-policy",
        "/recloser/circuit-table",
        "/recloser/probe-table",
        "/recloser/namespace",
    }
    assert needed <= taken <= published()


def test_there_are_templates() -> None:
    """The templates of the HTTP API and of the workflow were found."""
    assert {"http_api", "workflow"} <= {template.parent.name for template in TEMPLATES}
