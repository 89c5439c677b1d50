"""The real `sam build` and `sam deploy --config-env local`, against the emulator."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import recloser
from recloser.lab.local_aws.emulator import REGION, client_environment

STACK_NAME = "recloser"
BUILD_WITHIN_SECONDS = 300
DEPLOY_WITHIN_SECONDS = 180

# What the built functions and the built layer are made of.
SOURCES = ("template.yaml", "samconfig.toml", "functions", "recloser")
# Of these, what the layer leaves out (recloser/Makefile) and what running leaves behind.
NOT_BUILT = {"cli", "lab", "__pycache__"}


class DeploymentError(RuntimeError):
    """`sam` failed, or there is nothing here that it could deploy."""


@dataclass(frozen=True, slots=True)
class Stack:
    """What a deployment made.

    Attributes:
        outputs: the stack's outputs by name.
        resources: physical ids by logical id.

    """

    outputs: Mapping[str, str]
    resources: Mapping[str, str]


class Deployment:
    """Builds and deploys the template of this source tree.

    Args:
        directory: where builds are kept between runs, and `sam.log`.

    Raises:
        DeploymentError: recloser runs from somewhere that has no template.

    """

    def __init__(self, directory: Path) -> None:
        self._root = source_tree()
        self._directory = directory
        self._parameters = _machine_parameters() | {"DemoCaller": "true"}
        self._log = directory / "sam.log"

    def build(self) -> None:
        """Run `sam build`, unless the last one was of the same sources.

        Raises:
            DeploymentError: it failed; the message ends with the last lines of its output.

        """
        self._directory.mkdir(parents=True, exist_ok=True)
        stamp = self._directory / "built.sha256"
        with _only_one(self._directory):
            fingerprint = self._fingerprint()
            if stamp.exists() and stamp.read_text() == fingerprint:
                return
            stamp.unlink(missing_ok=True)
            places: list[str | Path] = ["--build-dir", self._build, "--cache-dir", self._directory / "cache"]
            self._sam(
                ["build", "--cached", "--parallel", *places],
                _tool_environment(),
                self._parameters,
                BUILD_WITHIN_SECONDS,
            )
            stamp.write_text(fingerprint)

    def deploy(self, endpoint_url: str, parameters: Mapping[str, str]) -> None:
        """Run `sam deploy` of what was built.

        Args:
            endpoint_url: the emulator's address.
            parameters: template parameters, in addition to those of this machine.

        Raises:
            DeploymentError: it failed; the message ends with the last lines of its output.

        """
        with _only_one(self._directory):
            self._sam(
                ["deploy", "--template-file", self._build / "template.yaml", "--region", REGION],
                _tool_environment() | client_environment(endpoint_url),
                self._parameters | dict(parameters),
                DEPLOY_WITHIN_SECONDS,
            )

    @property
    def _build(self) -> Path:
        return self._directory / "build"

    def _sam(
        self,
        arguments: list[str | Path],
        environment: Mapping[str, str],
        parameters: Mapping[str, str],
        within_seconds: float,
    ) -> None:
        command = [
            Path(sys.executable).with_name("sam"),
            *arguments,
            "--config-file",
            self._root / "samconfig.toml",
            "--config-env",
            "local",
            # The command line replaces the overrides of samconfig.toml, so these are all of them.
            "--parameter-overrides",
            *(f"{name}={value}" for name, value in sorted(parameters.items())),
        ]
        with self._log.open("wb") as log, tempfile.TemporaryDirectory() as scratch:  # sam leaves its archives
            try:
                ended = subprocess.run(
                    command,
                    cwd=self._root,
                    env=dict(environment)
                    | {"TMPDIR": scratch, "__SAM_CLI_APP_DIR": str(self._directory / "sam")},
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    timeout=within_seconds,
                    check=False,
                )
            except subprocess.TimeoutExpired as problem:
                raise DeploymentError(
                    self._failure(arguments, f"took over {within_seconds:.0f} s")
                ) from problem
        if ended.returncode != 0:
            raise DeploymentError(self._failure(arguments, f"failed with exit code {ended.returncode}"))

    def _failure(self, arguments: list[str | Path], what: str, lines: int = 30) -> str:
        tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])
        return f"`sam {arguments[0]}` {what}; the end of {self._log}:\n{tail}"

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(repr((sorted(self._parameters.items()), sys.version)).encode())
        for path in self._source_files():
            digest.update(f"{path.relative_to(self._root)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def _source_files(self) -> Iterator[Path]:
        for source in SOURCES:
            path = self._root / source
            if path.is_file():
                yield path
            for directory, folders, files in os.walk(path):
                folders[:] = sorted(set(folders) - NOT_BUILT)
                yield from (Path(directory, name) for name in sorted(files))


def stack(cloudformation: Any, name: str = STACK_NAME) -> Stack:
    """What a deployed stack consists of.

    Args:
        cloudformation: the boto3 client.
        name: the stack.

    """
    outputs = cloudformation.describe_stacks(StackName=name)["Stacks"][0].get("Outputs", [])
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
    return Stack(
        outputs={output["OutputKey"]: output["OutputValue"] for output in outputs},
        resources={resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources},
    )


def source_tree() -> Path:
    """The folder of template.yaml, in which recloser is used from source.

    Raises:
        DeploymentError: recloser is installed, without the template.

    """
    root = Path(recloser.__file__).resolve().parent.parent
    if not (root / "template.yaml").exists():
        raise DeploymentError(
            f"there is no template.yaml in {root}: the local AWS deploys a clone of the repository"
        )
    return root


def _machine_parameters() -> dict[str, str]:
    """What lets this machine's Python run the functions."""
    return {
        "Runtime": f"python{sys.version_info.major}.{sys.version_info.minor}",
        "Architecture": "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64",
    }


def _tool_environment() -> dict[str, str]:
    """This machine's environment without its AWS settings: no account is ever touched."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_CLI_"))}
    # sam looks for the Python of the runtime on the PATH: the one that runs this is there for sure.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return kept | {
        "PATH": path,
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.5",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """One `sam` at a time: a demo and a test run may share the folder."""
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
