"""An example's Lambda function in a process of its own, with a real log."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from stored_tables import ROOT

EMF = Draft202012Validator(json.loads((ROOT / "events/schemas/emf.schema.json").read_text()))
_RUNTIME = Path(__file__).with_name("lambda_runtime.py")


@dataclass
class Invocation:
    """What came of one event."""

    answer: Any
    log: list[str] = field(default_factory=list)

    def metrics(self) -> dict[str, list[float]]:
        """Return every published value by metric; each line fulfills its schema."""
        found: dict[str, list[float]] = {}
        for line in self.log:
            if not line.startswith("{"):
                continue
            document = json.loads(line)
            EMF.validate(document)
            for definition in document["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
                value = document[definition["Name"]]
                found.setdefault(definition["Name"], []).extend(value if isinstance(value, list) else [value])
        return found


class LambdaEnvironment:
    """One execution environment: what it keeps in memory lasts from event to event."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def invoke(self, event: Any, *, advance_seconds: float = 0) -> Invocation:
        """Let time pass for the function, then hand it an event."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(
            json.dumps({"event": event, "advance_seconds": advance_seconds}),
            file=self._process.stdin,
            flush=True,
        )
        invocation = Invocation(None)
        for line in self._process.stdout:
            told = json.loads(line) if line.startswith("{") else {}
            if "raised" in told:
                raise AssertionError(f"the handler raised {told['raised']}")
            if "answered" in told:
                invocation.answer = told["answered"]
                return invocation
            invocation.log.append(line.rstrip("\n"))
        raise AssertionError("the environment ended")


@contextmanager
def lambda_environment(folder: Path, environment: Mapping[str, str]) -> Iterator[LambdaEnvironment]:
    """Start the function of `folder`, as its template would."""
    process = subprocess.Popen(
        [sys.executable, "-P", _RUNTIME, folder],
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield LambdaEnvironment(process)
        finally:
            process.kill()
