"""Makes what a release consists of, in `dist/`: `make release`.

The wheel and the source archive for PyPI; the layer and the functions as archives; the template without
macros, for Terraform, for CDK's CfnInclude and for accounts that ban transforms; and the checksums of all.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.services.cloudformation import language_extensions
from samcli.yamlhelper import parse_yaml_file
from samtranslator.translator.transform import transform

ROOT = Path(__file__).parents[1]
LAYER, FUNCTIONS = "recloser-layer.zip", "recloser-functions.zip"
NOT_IN_LAYER = {"cli", "lab", "Makefile", "__pycache__"}
NOT_IN_FUNCTIONS = {"demo_caller", "Makefile", "__pycache__"}

# Of the loop over circuits and the demonstration; alarms for single circuits are made by other means.
LEFT_OUT_CONDITIONS = {"HasCircuits", "HasFastAlarms", "HasDemoCaller"}
ARTIFACTS = {
    "ArtifactBucket": {
        "Type": "String",
        "Description": "The S3 bucket, of this Region, that holds both archives.",
    },
    "ArtifactPrefix": {
        "Type": "String",
        "Default": "",
        "Description": "What stands before the archives' names there, with its slash.",
    },
}


def main() -> None:
    target = ROOT / "dist"
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", target, ROOT],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    archive(target / LAYER, ROOT / "recloser", "python/recloser/", NOT_IN_LAYER)
    archive(target / FUNCTIONS, ROOT / "functions", "", NOT_IN_FUNCTIONS)
    (target / "recloser-template.json").write_text(json.dumps(flat_template(), indent=1) + "\n")
    made = sorted(path for path in target.iterdir() if path.name != "SHA256SUMS")
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in made]
    (target / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    sys.stdout.write("\n".join(sums) + "\n")


def archive(path: Path, folder: Path, prefix: str, left_out: set[str]) -> None:
    """Pack a folder; the same files make the same archive, to the byte."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(files(folder, left_out)):
            entry = zipfile.ZipInfo(prefix + file.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, file.read_bytes())


def files(folder: Path, left_out: set[str]) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not left_out & set(path.relative_to(folder).parts):
            yield path


def flat_template() -> dict[str, Any]:
    """Return the template with its loops and SAM resources expanded; its parameters stay parameters."""
    template = _without_circuits(parse_yaml_file(str(ROOT / "template.yaml")))
    values = {name: str(entry["Default"]) for name, entry in template["Parameters"].items()}
    template = language_extensions.apply(template, values)
    for resource in template["Resources"].values():
        for folder in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][folder] = f"s3://bucket/{LAYER if folder == 'ContentUri' else FUNCTIONS}"
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")  # the SAM transform asks boto3 for it
    flat: dict[str, Any] = transform(template, values, SimpleNamespace(load=dict))
    for resource in flat["Resources"].values():
        for member in ("Code", "Content"):
            if "S3Bucket" in (code := resource["Properties"].get(member, {})):
                key = {"Fn::Sub": f"${{ArtifactPrefix}}{code['S3Key']}"}
                resource["Properties"][member] = {"S3Bucket": {"Ref": "ArtifactBucket"}, "S3Key": key}
    flat["Parameters"] |= ARTIFACTS
    flat.pop("Transform", None)
    return flat


def _without_circuits(template: dict[str, Any]) -> dict[str, Any]:
    resources = template["Resources"]
    del resources["Fn::ForEach::CircuitAlarms"]
    for name in [name for name, entry in resources.items() if _is_demo(entry)]:
        del resources[name]
    template["Outputs"] = {name: entry for name, entry in template["Outputs"].items() if not _is_demo(entry)}
    template["Conditions"] = {
        name: entry for name, entry in template["Conditions"].items() if name not in LEFT_OUT_CONDITIONS
    }
    answered: dict[str, Any] = _answered(template)
    used = json.dumps([answered[section] for section in ("Globals", "Conditions", "Resources", "Outputs")])
    answered["Parameters"] = {
        name: entry
        for name, entry in answered["Parameters"].items()
        if f'{{"Ref": "{name}"}}' in used or f"${{{name}}}" in used
    }
    for group in answered["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]:
        group["Parameters"] = [name for name in group["Parameters"] if name in answered["Parameters"]]
    return answered


def _answered(node: Any) -> Any:
    """Take what each condition that is left out says when it does not hold."""
    match node:
        case {"Fn::If": [str(condition), _, otherwise]} if condition in LEFT_OUT_CONDITIONS:
            return _answered(otherwise)
        case dict():
            return {key: _answered(value) for key, value in node.items()}
        case list():
            return [_answered(value) for value in node]
    return node


def _is_demo(entry: Any) -> bool:
    return isinstance(entry, dict) and entry.get("Condition") == "HasDemoCaller"


if __name__ == "__main__":
    main()
