"""Ends with one sentence where `sam` is missing or too old for the template: `make build`.

An older sam ends with an AttributeError: it takes the template's loops (Fn::ForEach) for resources.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
NEEDED = re.compile(r"aws-sam-cli>=(\d+)\.(\d+)")
FOUND = re.compile(r"SAM CLI, version (\d+)\.(\d+)\S*")


def main() -> int:
    """Return 0 if the sam on the PATH can build the template; else say why not, and return 1."""
    needed = NEEDED.search((ROOT / "pyproject.toml").read_text())
    if needed is None:
        raise SystemExit("pyproject.toml does not say which aws-sam-cli is needed")
    at_least = f"{needed[1]}.{needed[2]}"
    place = shutil.which("sam")
    if place is None:
        sys.stderr.write(
            f"Recloser needs SAM {at_least} or newer, and there is no sam on the PATH: make setup\n"
        )
        return 1
    told = subprocess.run(
        [place, "--version"], capture_output=True, text=True, check=False, timeout=60
    ).stdout
    found = FOUND.search(told)
    if found is None or (int(found[1]), int(found[2])) < (int(needed[1]), int(needed[2])):
        this = found[0].rpartition(" ")[2] if found else repr(told.strip())
        sys.stderr.write(f"Recloser needs SAM {at_least} or newer; {place} is {this}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
