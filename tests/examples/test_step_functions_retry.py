"""A guarded function that is refused: Step Functions retries by the rule that names CircuitOpen."""

from __future__ import annotations

import io
import json
import re
import time
import uuid
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from stored_tables import ROOT

PAGE = (ROOT / "docs" / "cookbook.md").read_text(encoding="utf-8")

FUNCTION = """
import os
from recloser import CircuitBreaker

guarded = CircuitBreaker(os.environ["CIRCUIT"])

def handler(event, context):
    return guarded.call(lambda: "called")
"""


def rules() -> list[dict[str, Any]]:
    """The page's Retry."""
    found = re.search(r"```json retry\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    read: list[dict[str, Any]] = json.loads(found.group(1))
    return read


def package() -> bytes:
    """A deployment package: the function, and the library beside it."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", FUNCTION)
        for path in (ROOT / "recloser").rglob("*.py"):
            if path.relative_to(ROOT).parts[1] not in {"cli", "lab"}:
                archive.write(path, path.relative_to(ROOT))
    return code.getvalue()


@pytest.fixture
def role(client: Callable[[str], Any]) -> str:
    made = client("iam").create_role(RoleName=f"retry-{uuid.uuid4()}", AssumeRolePolicyDocument="{}")
    return str(made["Role"]["Arn"])


@pytest.fixture
def guarded(client: Callable[[str], Any], caller_environment: Mapping[str, str], role: str) -> str:
    """A Lambda function that makes a guarded call."""
    name = f"guarded-{uuid.uuid4()}"
    made = client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": package()},
        Timeout=30,
        Environment={"Variables": dict(caller_environment)},
    )
    return str(made["FunctionArn"])


def test_the_name_of_the_error(
    client: Callable[[str], Any], guarded: str, role: str, trip: Callable[[float], None]
) -> None:
    """Of the page's two rules the first is taken, as often as it says; then Catch sees the same name."""
    by_name, by_all = rules()
    assert by_name["ErrorEquals"] == ["CircuitOpen"]
    assert by_all["ErrorEquals"] == ["States.ALL"]
    quickly = {"IntervalSeconds": 1, "BackoffRate": 1.0, "MaxAttempts": 2}
    task = {
        "Type": "Task",
        "Resource": guarded,
        "Retry": [by_name | quickly, by_all | {"MaxAttempts": 0}],
        "Catch": [{"ErrorEquals": ["CircuitOpen"], "Next": "Later"}],
        "End": True,
    }
    definition = {"StartAt": "Call", "States": {"Call": task, "Later": {"Type": "Pass", "End": True}}}
    trip(600)
    states = client("stepfunctions")
    machine = states.create_state_machine(
        name=f"retry-{uuid.uuid4()}", definition=json.dumps(definition), roleArn=role
    )["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine)["executionArn"]
    deadline = time.monotonic() + 60
    while (ended := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"])["Error"] == "CircuitOpen"
    events = states.get_execution_history(executionArn=execution)["events"]
    kinds = [event["type"] for event in events]
    assert sum(kind in {"LambdaFunctionFailed", "TaskFailed"} for kind in kinds) == 3
