"""Run every benchmark, round after round, each in its own process; `benchmarks.report` renders the page."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

# Loops per value, and values: of calls some milliseconds each, of starts one fresh interpreter each.
CALLS = dict.fromkeys(("closed", "async", "refused"), (1000, 100))
STARTS = dict.fromkeys(("import", "import-lambda", "first"), (1, 8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "benchmarks")
    arguments = parser.parse_args()
    folder: Path = arguments.output.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    results = folder / "calls.json"
    results.unlink(missing_ok=True)
    for number in range(arguments.rounds):
        print(f"round {number + 1} of {arguments.rounds}", flush=True)
        for section, (loops, values) in (CALLS | STARTS).items():
            run("calls", section, f"--loops={loops}", f"--values={values}", f"--append={results}")
    run("dynamodb_requests", f"--output={folder / 'requests.json'}")


def run(module: str, *arguments: str) -> None:
    command = [sys.executable, "-W", "ignore", "-m", f"benchmarks.{module}", *arguments]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, timeout=900)


if __name__ == "__main__":
    main()
