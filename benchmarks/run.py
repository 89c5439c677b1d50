"""Run every benchmark, the contestants in turn, round after round: other work on the machine hits all alike.

Each round begins with another contestant. The report compares within rounds, and takes their median.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks.calls import CALLS

ROOT = Path(__file__).parent.parent
LOOPS, VALUES = 2048, 30
LOOPS_OF_STARTS, VALUES_OF_STARTS = 1, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "benchmarks")
    arguments = parser.parse_args()
    folder: Path = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    results = folder / "calls.json"
    results.unlink(missing_ok=True)
    names = list(CALLS)
    for number in range(arguments.rounds):
        print(f"round {number + 1} of {arguments.rounds}", flush=True)
        start = number * len(names) // arguments.rounds
        for name in names[start:] + names[:start]:
            measure(name, results)
    run("benchmarks.dynamodb_requests", "--output", str(folder / "requests.json"))


def measure(name: str, results: Path) -> None:
    is_start = name.startswith(("import", "first"))
    loops, values = (LOOPS_OF_STARTS, VALUES_OF_STARTS) if is_start else (LOOPS, VALUES)
    settings = {"processes": 1, "values": values, "warmups": 1, "loops": loops, "append": results}
    options = [f"--{setting}={value}" for setting, value in settings.items()]
    run("benchmarks.calls", "--call", name, "--quiet", *options)


def run(module: str, *arguments: str) -> None:
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, timeout=900)


if __name__ == "__main__":
    main()
