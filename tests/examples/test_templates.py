"""The examples' templates are valid, and import what the Recloser stack exports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse
from stored_tables import ROOT

TEMPLATES = sorted(ROOT.glob("examples/*/template.yaml"))
IMPORT = re.compile(r"\$\{RecloserStack\}-(\w+)")


def exported() -> set[str]:
    outputs = yaml_parse((ROOT / "template.yaml").read_text())["Outputs"]
    names = {output["Export"]["Name"]["Fn::Sub"] for output in outputs.values() if "Export" in output}
    return {name.removeprefix("${AWS::StackName}-") for name in names}


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
def test_imports(template: Path) -> None:
    """What is imported is exported by the Recloser stack, the policy and both tables among it."""
    imported = set(IMPORT.findall(template.read_text()))
    assert {"CallerPolicyArn", "CircuitTableName", "ProbeTableName"} <= imported <= exported()


def test_there_are_templates() -> None:
    """The templates of the HTTP API and of the workflow were found."""
    assert {"http_api", "workflow"} <= {template.parent.name for template in TEMPLATES}
