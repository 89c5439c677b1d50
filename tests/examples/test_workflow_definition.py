"""The workflow's definition, as far as it can be checked without running it; tests/e2e runs it."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from contract import blocks
from stored_tables import ROOT

DEFINITION: dict[str, Any] = json.loads((ROOT / "examples/workflow/workflow.asl.json").read_text())
STATES: dict[str, Any] = DEFINITION["States"]


def complaints(definition: dict[str, Any], directory: Path) -> str:
    """Return what cfn-lint's model of the Amazon States Language says of a definition."""
    properties = {"RoleArn": "arn:aws:iam::123456789012:role/workflow", "Definition": definition}
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    template = directory / "template.json"
    template.write_text(json.dumps({"Resources": {"Workflow": machine}}))
    ended = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), template],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.stdout


def ways_from(state: dict[str, Any]) -> Iterator[str]:
    for rule in (state, *state.get("Choices", []), *state.get("Catch", [])):
        yield from (rule[way] for way in ("Next", "Default") if way in rule)


def test_the_definition_is_valid(tmp_path: Path) -> None:
    """The definition is what the Amazon States Language allows, and an error in it would be found."""
    assert complaints(DEFINITION, tmp_path) == ""
    damaged = copy.deepcopy(DEFINITION)
    damaged["States"]["Call"]["Retries"] = 3
    assert "'Retries' was unexpected" in complaints(damaged, tmp_path)


def test_every_state_is_reached() -> None:
    """Every way leads to a state, and every state but the first is led to."""
    led_to = {name for state in STATES.values() for name in ways_from(state)}
    assert led_to | {DEFINITION["StartAt"]} == set(STATES)


def test_only_one_state_ends_the_workflow() -> None:
    """Nothing fails the workflow: every task has a way on when it raises."""
    tasks = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
    assert all(state["Catch"][-1]["ErrorEquals"] == ["States.ALL"] for state in tasks.values())
    assert [name for name, state in STATES.items() if not list(ways_from(state))] == ["Done"]


def test_it_writes_what_the_contract_says() -> None:
    """The claim and the report are the contract's expressions, word for word, but for the mark.

    A workflow never repeats a claim, so it may leave the mark out.
    """
    told = {block.role: block.document for block in blocks() if block.kind == "dynamodb:UpdateItem"}
    for role, state in (("claim", "ClaimPermit"), ("report", "ReportProbe")):
        for expression in ("UpdateExpression", "ConditionExpression"):
            without_mark = told[role][expression]
            for words in ("SET #mark = granted + :one ", " AND attribute_not_exists(#mark)"):
                without_mark = without_mark.replace(words, "")
            assert STATES[state]["Arguments"][expression] == without_mark


NOW_MS = 1_789_364_587_912
ODD: list[dict[str, Any]] = [
    *[{"N": number} for number in ("0", "-1", "1.5", "1E+125", "9" * 38, str(NOW_MS + 3_600_000))],
    *[{"S": text} for text in ("", "OPEN", "CLOSED", "ajar")],
    {"NULL": True},
    {"NS": ["1"]},
    *[
        {"M": {"state": {"S": "OPEN"}, "until": until}}
        for until in ({"N": "1"}, {"S": "soon"}, {"NULL": True})
    ],
    *[{"M": {"ramp_seconds": seconds}} for seconds in ({"N": "0"}, {"N": "-5"}, {"N": "1E+120"}, {"S": "5"})],
]


def evaluated(expression: str, variables: dict[str, Any]) -> Any:
    """Evaluate an expression; Step Functions fails the execution where one has no result."""
    jsonata = pytest.importorskip("jsonata")
    answer = jsonata.Jsonata(expression.removeprefix("{%").removesuffix("%}").strip()).evaluate(
        None, variables
    )
    assert answer is not None, expression
    return answer


def way(flag: dict[str, Any]) -> str:
    """Say to which state a flag leads."""
    known = {"flag": flag, "read_at": NOW_MS}
    variables = known | {
        name: evaluated(expression, known) for name, expression in STATES["UnderstandFlag"]["Assign"].items()
    }
    for choice in STATES["MayCall"]["Choices"]:
        if evaluated(choice["Condition"], variables):
            return str(choice["Next"])
    return str(STATES["MayCall"]["Default"])


@pytest.mark.parametrize("ahead_ms", [1, 3_600_000])
def test_a_close_by_a_clock_that_is_ahead(ahead_ms: int) -> None:
    """Without a ramp a closed circuit is called, also where its close lies ahead of the workflow's clock."""
    flag = {"state": {"S": "CLOSED"}, "closed_at": {"N": str(NOW_MS + ahead_ms)}}
    assert way(flag) == "Call"
    assert way(flag | {"policy": {"M": {"ramp_seconds": {"N": "0"}}}}) == "Call"


@pytest.mark.parametrize("attribute", ["state", "override", "generation", "retry_at", "closed_at", "policy"])
@pytest.mark.parametrize("state", ["CLOSED", "OPEN"])
def test_no_flag_fails_the_workflow(state: str, attribute: str) -> None:
    """Whatever somebody wrote in an item, the workflow calls, claims or refuses: a choice catches nothing."""
    ways = {way({"state": {"S": state}, attribute: value}) for value in ODD}
    assert ways <= {"Call", "ClaimPermit", "RecordRefusal"}
