"""The saved queries of Logs Insights, run over lines that the library writes.

The local AWS cannot run them: its Logs Insights knows neither the fields of JSON lines nor functions of text.
Those are done here as "CloudWatch Logs Insights language query syntax" describes them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from transformed_template import Document

from recloser.circuit import Cause, Circuit, State, Transition
from recloser.control.announcement import log_entry
from recloser.metrics.recorder import Batching, EmfPublisher, Recorder

FUNCTIONS: dict[str, Callable[..., Any]] = {"strlen": len, "replace": str.replace}


@pytest.fixture
def suffering(resources: Document) -> str:
    text: str = resources["SufferingFunctionsQuery"]["Properties"]["QueryString"]
    return text


def counted(query: str, line: str) -> dict[str, Any]:
    """What the query's `parse` and `fields` make of a line; what is missing is left out."""
    found: dict[str, Any] = {}
    for pattern in re.findall(r"\| parse @message /(.+)/", query):
        match = re.search(pattern.replace("(?<", "(?P<"), line)
        found |= {} if match is None else match.groupdict()
    for expression, name in re.findall(r"\| fields (.+) as (\w+)", query):
        if set(re.findall(r"\b(?:outcomes|refusals)\b", expression)) <= set(found):
            found[name] = eval(expression, {"__builtins__": {}}, FUNCTIONS | found)
    return {name: value for name, value in found.items() if name.endswith("_count")}


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A failure, a success and a refusal alone; and a document of many calls."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "checkout")
    written: list[str] = []
    batching = Batching()
    recorder = Recorder("payments-api", lambda: 1e9, EmfPublisher(written.append), batching)
    recorder.failed(0.1)
    recorder.succeeded(0.1)
    recorder.rejected()
    batching.is_on = True
    for _ in range(12):
        recorder.succeeded(0.1)
    recorder.failed(0.2)
    recorder.failed(0.2)
    for _ in range(11):
        recorder.rejected()
    batching.flush()
    return written


def test_which_functions_suffer(suffering: str, lines: list[str]) -> None:
    """Failures and refusals are counted in lines of one call and of many."""
    assert [counted(suffering, line) for line in lines] == [
        {"failure_count": 1},
        {"failure_count": 0},
        {"refusal_count": 1},
        {"failure_count": 2, "refusal_count": 11},
    ]


def test_it_groups_by_what_the_lines_bear(suffering: str, lines: list[str]) -> None:
    """The circuit and the function's name are fields of every line that tells of more than successes."""
    [grouping] = re.findall(r"\| stats .+ by (.+)", suffering)
    for line in lines:
        if counted(suffering, line) == {"failure_count": 0}:
            assert "function_name" not in json.loads(line), "it would cost most where nothing is wrong"
            continue
        assert {"Circuit", "function_name"} == set(grouping.split(", ")) <= json.loads(line).keys()
    assert suffering.startswith("filter ispresent(function_name)")


def test_the_audit_trail_asks_for_fields_of_the_lines(resources: Document) -> None:
    """Whatever it shows is in the line of a transition."""
    query = resources["AuditTrailQuery"]["Properties"]["QueryString"]
    line = Transition(1, State.CLOSED, State.OPEN, 1, "alarm raised", Cause.ALARM)
    [shown] = re.findall(r"\| fields @timestamp, (.+)", query)
    assert set(shown.split(", ")) <= log_entry(Circuit("payments-api"), line).keys()
    assert resources["AuditTrailQuery"]["Properties"]["LogGroupNames"] == [{"Ref": "AnnounceLogGroup"}]
