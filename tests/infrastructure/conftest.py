"""The stack that these tests look at, and the emulator and the layer that some of them need."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from transformed_template import ROOT, Document, deployed

from recloser.lab.local_aws.emulator import Emulator


@pytest.fixture(scope="session")
def stack() -> Document:
    """A deployment with everything in it, and with a circuit of each kind of name."""
    return deployed(Circuits="payments-api,inventory.v2", DemoCaller="true")


@pytest.fixture(scope="session")
def resources(stack: Document) -> Document:
    found: Document = stack["Resources"]
    return found


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    emulator = Emulator(tmp_path_factory.mktemp("ministack") / "ministack.log")
    emulator.start()
    yield emulator
    emulator.stop()


@pytest.fixture(scope="session")
def built_layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer as `sam build` makes it: the folder that Lambda unpacks to /opt."""
    build = tmp_path_factory.mktemp("build")
    subprocess.run(
        [
            Path(sys.executable).with_name("sam"),
            *("build", "RecloserLayer", "--config-env", "local", "--build-dir", build),
        ],
        cwd=ROOT,
        # What sam remembers of its runs goes where the build goes, not into this machine's home folder.
        env=os.environ | {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(build / "sam")},
        check=True,
        capture_output=True,
        timeout=120,
    )
    return build / "RecloserLayer"
