"""How large the deployed functions are, and how much processor time each takes to import.

As in Lambda: the function's own files and the layer's have no byte code and cannot keep any, botocore has,
and nothing else is importable. The clients that a handler makes are included. Each figure is of a fresh
interpreter; all take turns, so that what else the machine does meets each of them. Run it with
`python -m benchmarks.functions_cold_start`.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
FUNCTIONS = ("flip_state", "start_recovery", "announce")
RUNTIME_PACKAGES = ("botocore", "dateutil", "jmespath", "six", "urllib3")
RUNS = 15
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "RECLOSER_CIRCUIT_TABLE": "circuits",
    "RECLOSER_PROBE_TABLE": "probes",
}
PROGRAM = """
import sys, time
sys.dont_write_bytecode = True
sys.path[:0] = {path!r}
started = time.process_time()
{measured}
print(time.process_time() - started)
"""
CLIENTS = (
    "from botocore.session import get_session; session = get_session(); "
    "session.create_client('dynamodb'); session.create_client('cloudwatch')"
)


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        path = [str(place / "functions"), str(place), str(place / "runtime")]
        _install(place)
        print(
            f"unpacked: {_kilobytes(place / 'functions')} KB of functions, "
            f"{_kilobytes(place / 'recloser')} KB of layer"
        )
        measured = {name: f"import {name}.app" for name in FUNCTIONS} | {"botocore alone": CLIENTS}
        seconds: dict[str, list[float]] = {name: [] for name in measured}
        for _ in range(RUNS):
            for name, statement in measured.items():
                seconds[name].append(_import(path, statement))
        print(f"{sys.version.split()[0]} on {_processor()}")
        bare = min(seconds["botocore alone"])
        for name, each in seconds.items():
            print(
                f"{name}: least {1000 * min(each):.0f} ms, median {1000 * statistics.median(each):.0f} ms, "
                f"{1000 * (min(each) - bare):.0f} ms beyond botocore alone"
            )


def _processor() -> str:
    models = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    return f"{len(models)} x {models[0].partition(':')[2].strip()}" if models else platform.processor()


def _install(place: Path) -> None:
    left_out = shutil.ignore_patterns("__pycache__", "cli", "lab", "demo_caller", "Makefile")
    for folder in ("functions", "recloser"):
        shutil.copytree(ROOT / folder, place / folder, ignore=left_out)
    (place / "runtime").mkdir()
    for name in RUNTIME_PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise SystemExit(f"{name} is not installed")
        origin = Path(spec.origin)
        found = origin.parent if origin.name == "__init__.py" else origin
        (place / "runtime" / found.name).symlink_to(found)


def _kilobytes(folder: Path) -> int:
    return round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1000)


def _import(path: list[str], statement: str) -> float:
    program = PROGRAM.format(path=path, measured=statement)
    interpreter = os.path.realpath(sys.executable)
    done = subprocess.run(
        [interpreter, "-I", "-S", "-c", program], env=ENVIRONMENT, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


if __name__ == "__main__":
    main()
