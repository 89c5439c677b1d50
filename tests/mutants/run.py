"""Mutation tests: each small change of the core must make one of its tests fail. `make mutants` runs it.

mutmut makes the changes and runs the tests, in copies of the tracked files; the work tree is left alone. What
survives is either listed in `equivalent.toml` with the reason why no test can see it, or it is a gap.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import platform
import re
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "mutants.md"
READ_BY_TESTS = ("functions", "events", "docs", "examples", "template.yaml", "alarms.yaml")
COPIED = ("recloser", "tests", "pyproject.toml", *READ_BY_TESTS)
KILLED, TIMED_OUT = {1, 3}, {-24, 24, 36, 152, 255}  # exit codes, as in mutmut's stats.py
NUMBER = re.compile(r"__mutmut_\d+$")
QUOTED = re.compile(r'"[^"]*"')
PLACEHOLDER = re.compile(r"[#:]\w")


@dataclass(frozen=True)
class Mutant:
    """A change that survived: the lines of the function before and after."""

    module: str
    function: str
    before: str
    after: str

    @property
    def is_text_only(self) -> bool:
        """Only a sentence for people has changed: a reason, an error, a line of the log."""
        plain = [QUOTED.sub('""', each) for each in (self.before, self.after)]
        texts = [each for each in QUOTED.findall(self.before) if each not in QUOTED.findall(self.after)]
        return plain[0] == plain[1] and all(" " in each and not PLACEHOLDER.search(each) for each in texts)


@dataclass
class Result:
    """What became of the mutants of one module."""

    module: str
    seconds: float
    killed: int = 0
    timed_out: int = 0
    survived: list[Mutant] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", help="of targets.toml; all by default")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "mutants", help="where the copies go")
    parser.add_argument("--at-once", type=int, default=2, help="how many mutants run at once")
    parser.add_argument("--read", action="store_true", help="read what an earlier run left, and run nothing")
    arguments = parser.parse_args()
    plan = tomllib.loads((HERE / "targets.toml").read_text(encoding="utf-8"))
    known = tomllib.loads((HERE / "equivalent.toml").read_text(encoding="utf-8"))["mutants"]
    results: list[Result] = []
    for name, target in plan["targets"].items():
        if arguments.targets and name not in arguments.targets:
            continue
        work = arguments.work / name
        if not arguments.read:
            copy(work)
            run(work, target, arguments.at_once)
        results += [read(work, module) for module in target["modules"]]
    gaps = [mutant for each in results for mutant in each.survived if not is_known(mutant, known)]
    for mutant in gaps:
        sys.stdout.write(f"{mutant.module} {mutant.function}\n  - {mutant.before}\n  + {mutant.after}\n")
    lines = table(results, known)
    sys.stdout.write("\n".join(lines) + "\n")
    measured = {each.module for each in results}
    missing = [module for each in plan["targets"].values() for module in each["modules"]]
    missing = [module for module in missing if module not in measured]
    if arguments.read or not missing:
        gap_lines = [f"- `{each.module}`, `{each.function}`: `{each.after}`" for each in gaps]
        PAGE.write_text(page(lines, known, missing, gap_lines, arguments.at_once), encoding="utf-8")
    return 0 if all(percent(each, known) >= plan["least_percent"] for each in results) else 1


def copy(work: Path) -> None:
    """Copy the tracked files, as they are in the work tree."""
    subprocess.run(["rm", "-rf", str(work)], check=True)
    work.mkdir(parents=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *COPIED], cwd=ROOT, check=True, capture_output=True
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        copied = work / name
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_bytes((ROOT / name).read_bytes())


def run(work: Path, target: dict[str, Any], at_once: int) -> None:
    """Run mutmut in the copy. Where it survives is read from what it leaves there."""
    settings = {
        "source_paths": ["recloser"],
        "only_mutate": target["modules"],
        "also_copy": READ_BY_TESTS,
        "pytest_add_cli_args_test_selection": target["tests"],
        "pytest_add_cli_args": ["-p", "no:cacheprovider", *target.get("arguments", ())],
        "use_git_change_detection": ["false"],
        # Endless loops alone are to run out of time, also on a busy machine.
        "timeout_multiplier": ["60"],
        "timeout_constant": ["30"],
    }
    lines = ["[mutmut]"]
    for name, values in settings.items():
        lines += [f"{name} =", *(f"    {value}" for value in values)]
    (work / "setup.cfg").write_text("\n".join(lines))
    began = time.monotonic()
    with (work / "run.log").open("w") as log:
        subprocess.run(
            ["nice", sys.executable, "-m", "mutmut", "run", "--max-children", str(at_once)],
            cwd=work,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
            check=False,  # mutants that survive are no error of mutmut's; tests that fail without any are
        )
    (work / "seconds").write_text(str(round(time.monotonic() - began)))


def read(work: Path, module: str) -> Result:
    """Read mutmut's verdicts, and what each surviving mutant changed."""
    meta = work / "mutants" / f"{module}.meta"
    if not meta.exists():
        sys.exit(f"{module}: mutmut left nothing; see {work / 'run.log'}")
    codes = json.loads(meta.read_text())["exit_code_by_key"]
    if None in codes.values():
        sys.exit(f"{module}: mutmut has not tried every mutant; see {work / 'run.log'}")
    functions = bodies((work / "mutants" / module).read_text(encoding="utf-8"))
    result = Result(module, float((work / "seconds").read_text()))
    for key, code in codes.items():
        name = key.rsplit(".", 1)[1]
        if code in KILLED:
            result.killed += 1
        elif code in TIMED_OUT:
            result.timed_out += 1
        else:
            original = functions[NUMBER.sub("__mutmut_orig", name)]
            result.survived.append(Mutant(module, readable(name), *change(original, functions[name])))
    return result


def bodies(source: str) -> dict[str, list[str]]:
    """Each function's lines but its first, by name: mutmut keeps the original and its mutants in one file."""
    lines = source.splitlines()
    return {
        node.name: lines[node.lineno - 1 : node.end_lineno]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def change(original: list[str], mutated: list[str]) -> tuple[str, str]:
    changed = [
        line
        for line in difflib.unified_diff(original, mutated, lineterm="", n=0)
        if not line.startswith(("---", "+++", "@@")) and "__mutmut_" not in line
    ]
    before, after = (
        " ".join(line[1:].strip() for line in changed if line[0] == sign).strip() for sign in "-+"
    )
    return before, after


def readable(name: str) -> str:
    """Turn `xǁCircuitǁread__mutmut_3` into `Circuit.read`."""
    return NUMBER.sub("", name).removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")


def is_known(mutant: Mutant, known: list[dict[str, str]]) -> bool:
    return mutant.is_text_only or any(explains(entry, mutant) for entry in known)


def explains(entry: dict[str, str], mutant: Mutant) -> bool:
    return (entry["module"], entry["function"], entry["after"]) == (
        mutant.module,
        mutant.function,
        mutant.after,
    )


def counted(result: Result, known: list[dict[str, str]]) -> Counter[str]:
    """Count the mutants by what became of them; those that only change text are counted apart."""
    counts = Counter(killed=result.killed, timed_out=result.timed_out)
    for mutant in result.survived:
        if mutant.is_text_only:
            counts["text_only"] += 1
        elif any(explains(entry, mutant) for entry in known):
            counts["equivalent"] += 1
        else:
            counts["gaps"] += 1
    return counts


def percent(result: Result, known: list[dict[str, str]]) -> float:
    """The share that was killed of the mutants that change behavior, or might."""
    counts = counted(result, known)
    died = counts["killed"] + counts["timed_out"]
    return 100 * died / (died + counts["equivalent"] + counts["gaps"])


def table(results: list[Result], known: list[dict[str, str]]) -> list[str]:
    lines = [
        "| module | mutants | killed | text only | equivalent | gaps | share killed |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in results:
        counts = counted(each, known)
        died = counts["killed"] + counts["timed_out"]
        cells = [f"`{each.module}`", sum(counts.values()), died]
        cells += [counts[name] for name in ("text_only", "equivalent", "gaps")]
        lines.append(f"| {' | '.join(map(str, cells))} | {percent(each, known):.1f} % |")
    return lines


def page(
    lines: list[str], known: list[dict[str, str]], missing: list[str], gaps: list[str], at_once: int
) -> str:
    if missing:
        lines = [*lines, "", f"Not measured yet: {', '.join(f'`{module}`' for module in missing)}."]
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    processors = f"{os.cpu_count()} processors, {at_once} mutants at once"
    return PAGE_TEXT.format(
        table="\n".join(lines),
        machine=f"mutmut {version('mutmut')}, {machine}, {processors}",
        known="\n".join(listed(known)),
        gaps="\n".join(gaps) or "None.",
    )


def listed(known: list[dict[str, str]]) -> Iterator[str]:
    for entry in known:
        place = f"`{entry['module']}`, `{entry['function']}`"
        yield f"- {place}: `{entry['after'] or '(removed)'}`. {entry['reason']}"


PAGE_TEXT = """\
# Mutation tests

A mutant is the code with one small change, such as `<` instead of `<=`, a missing argument or an inverted
condition. If a test fails, the mutant is killed. If all tests pass, it survives: the tests have a gap.
`make mutants` makes the mutants and writes this page. `make test` does not.

{table}

Measured with {machine}.
The command is `python tests/mutants/run.py`. `tests/mutants/targets.toml` lists the modules, and the tests
for each.

- "text only" are survivors that change only a sentence for people: a reason, an error, a line of the log.
- "equivalent" are survivors that behave like the original code. They are listed below with the reason.
- "share killed" is the share of all mutants except those of text only.

mutmut does not change functions with a decorator, fields of dataclasses, and constants of a module.

## Gaps

{gaps}

## Equivalent mutants

{known}
"""


if __name__ == "__main__":
    sys.exit(main())
