"""The functions as they are built: small, plain Python, and quick to start on any of the runtimes."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from transformed_template import ROOT

HANDLERS = {
    "FlipState": "flip_state.app",
    "StartRecovery": "start_recovery.app",
    "Announce": "announce.app",
    "Console": "console.app",
    "ConsoleAct": "console_act.app",
    "DemoCallerFunction": "demo_caller.app",
}
LARGEST_BYTES = 1_000_000
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "PYTHONDONTWRITEBYTECODE": "1",  # /var/task and /opt cannot be written
    "RECLOSER_CIRCUIT_TABLE": "circuits",
    "RECLOSER_PROBE_TABLE": "probes",
    "DEPENDENCY_URL": "http://127.0.0.1:9",
    "CIRCUIT": "payments-api",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every function as `sam build` makes it, for a runtime that this machine does not have."""
    build = tmp_path_factory.mktemp("functions")
    sam = Path(sys.executable).with_name("sam")
    subprocess.run(
        [
            sam,
            *("build", "--config-env", "local", "--build-dir", build),
            *("--parameter-overrides", "Runtime=python3.13 Architecture=arm64 DemoCaller=true"),
        ],
        cwd=ROOT,
        # No Python is on the path but the one that sam itself runs on.
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(build),
            "SAM_CLI_TELEMETRY": "0",
            "__SAM_CLI_APP_DIR": str(build / "sam"),
        },
        check=True,
        capture_output=True,
        timeout=180,
    )
    return build


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("function", HANDLERS)
def test_it_is_small(built: Path, function: str) -> None:
    """A function with the layer is less than 1 MB unpacked."""
    assert folder_bytes(built / function) + folder_bytes(built / "RecloserLayer") < LARGEST_BYTES


@pytest.mark.parametrize("function", HANDLERS)
def test_it_is_plain_python(built: Path, function: str) -> None:
    """It holds Python sources only, and none of another function: nothing is compiled for a machine."""
    files = [path.relative_to(built / function) for path in (built / function).rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".py"}
    apps = [path for path in files if path.name == "app.py"]
    assert [".".join(path.with_suffix("").parts) for path in apps] == [HANDLERS[function]]


def interpreters() -> dict[str, Path]:
    """Find the Pythons of this machine that Lambda has as a runtime, this one among them."""
    found = {f"{sys.version_info.major}.{sys.version_info.minor}": Path(os.path.realpath(sys.executable))}
    for version in ("3.11", "3.12", "3.13", "3.14"):
        beside = Path(sys.base_prefix).parent.glob(f"{version}.*/bin/python3")  # as pyenv keeps them
        on_path = shutil.which(f"python{version}")
        for candidate in [*beside, *([Path(on_path)] if on_path else [])]:
            ask: list[str | Path] = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
            told = subprocess.run(ask, capture_output=True, text=True, timeout=60, check=False).stdout.strip()
            if told == version:
                found.setdefault(version, candidate)
    return found


INTERPRETERS = interpreters()


@pytest.mark.parametrize("version", INTERPRETERS)
@pytest.mark.parametrize("function", HANDLERS)
def test_it_needs_nothing_but_the_runtime(built: Path, function: str, version: str) -> None:
    """Its handler is imported with the layer, botocore and the standard library, and logs JSON."""
    names = ("botocore", "dateutil", "jmespath", "six", "urllib3")  # what Lambda's runtimes bring
    runtime = built / "runtime"
    runtime.mkdir(exist_ok=True)
    for name in names:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        place = origin.parent if origin.name == "__init__.py" else origin
        if not (runtime / place.name).exists():
            (runtime / place.name).symlink_to(place)
    path = [str(built / function), str(built / "RecloserLayer" / "python"), str(runtime)]
    program = (
        f"import sys; sys.path[:0] = {path!r}\n"
        f"import importlib, logging; app = importlib.import_module({HANDLERS[function]!r})\n"
        "assert callable(app.handler)\n"
        "logging.getLogger('recloser.store').warning('written', extra={'circuit': 'a'})\n"
    )
    done = subprocess.run(
        [INTERPRETERS[version], "-I", "-S", "-c", program],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if function != "DemoCallerFunction":
        line = json.loads(done.stdout)
        assert (line["level"], line["message"], line["circuit"]) == ("WARNING", "written", "a")
