"""The captured cases that are replayed: the project's own, or those of the folder in RECLOSER_VECTORS."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

OWN = Path(__file__).parents[1] / "vectors"
VARIABLE = "RECLOSER_VECTORS"

TIMELINES, EVALUATIONS = "timelines of contributor alarms", "evaluations of single alarms"
REPLAYED_BY = {
    TIMELINES: "tests/unit/cloudwatch/test_contributor_vectors.py",
    EVALUATIONS: "tests/unit/cloudwatch/test_alarm_vectors.py",
}
STEPS = frozenset(
    {"put_metric_data", "put_metric_alarm", "given", "evaluate", "evaluate_single", "observe", "admit"}
)
NO_VECTOR = (
    "neither a timeline of a contributor alarm (members series and steps, see "
    "tests/vectors/contributors/FORMAT.md) nor an evaluation of an alarm (members alarm, points, query, "
    "prior and expect, see tests/vectors/README.md)"
)

Vector = dict[str, Any]


@dataclass
class Vectors:
    """The `*.json` of a folder, by name and kind; `problems` are files that are no vectors, with why."""

    folder: Path
    of_kind: dict[str, dict[str, Vector]] = field(default_factory=lambda: {TIMELINES: {}, EVALUATIONS: {}})
    problems: list[str] = field(default_factory=list)

    def read(self) -> Vectors:
        if not self.folder.is_dir():
            what = "is no folder" if self.folder.exists() else "does not exist"
            self.problems.append(f"{self.folder} {what} (looked for from {Path.cwd()})")
            return self
        paths = sorted(self.folder.glob("*.json"))
        if not paths:
            inside = sorted(path.name for path in self.folder.iterdir() if path.is_dir())
            hint = f"; its folders are {', '.join(inside)}" if inside else ""
            self.problems.append(f"{self.folder} holds no *.json{hint}")
        for path in paths:
            try:
                vector = json.loads(path.read_text(encoding="utf-8"))
                self.of_kind[_kind(vector)][path.stem] = vector
            except ValueError as error:
                self.problems.append(f"{path}: {error}")
        return self

    def check(self, kind: str) -> None:
        """Fail for what is no vector; skip where only the other kind is there, which has its own test."""
        if self.problems:
            pytest.fail(f"{VARIABLE}: " + "\n".join(self.problems), pytrace=False)
        if not self.of_kind[kind]:
            other = TIMELINES if kind == EVALUATIONS else EVALUATIONS
            pytest.skip(
                f"{VARIABLE}: {self.folder} holds no {kind}, but {len(self.of_kind[other])} {other}, "
                f"which {REPLAYED_BY[other]} replays"
            )


def vectors(default: str) -> Vectors:
    """Read the folder that the environment names, else the project's own `default`."""
    named = os.environ.get(VARIABLE)
    return Vectors(Path(named) if named else OWN / default).read()


def _kind(vector: Any) -> str:
    """Tell which kind a file is. Raises ValueError: it is none."""
    if not isinstance(vector, dict):
        raise ValueError(f"{NO_VECTOR}, but {json.dumps(vector)[:60]}")  # noqa: TRY004  (of the file, no type)
    if "steps" in vector:
        _check_steps(vector)
        return TIMELINES
    if "expect" in vector:
        return EVALUATIONS
    raise ValueError(f"{NO_VECTOR}: its members are {', '.join(vector) or 'none'}")


def _check_steps(vector: Vector) -> None:
    for number, step in enumerate(vector["steps"], start=1):
        done = step.get("do") if isinstance(step, dict) else step
        if done not in STEPS:
            raise ValueError(f"step {number} does {done!r}; known are {', '.join(sorted(STEPS))}")
    if "series" not in vector:
        raise ValueError("member series is missing")
