"""What reaches a function, how often it is tried, and where it ends when it cannot be handled."""

from __future__ import annotations

from typing import Any

import pytest
from transformed_template import Document, of_type


def dead_letters(function: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [f"{function}DeadLetters", "Arn"]}


@pytest.mark.parametrize(
    ("rule", "function", "retries"),
    [
        ("FlipStateAlarmRaised", "FlipState", {"MaximumEventAgeInSeconds": 300, "MaximumRetryAttempts": 20}),
        (
            "StartRecoveryEveryMinute",
            "StartRecovery",
            {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 5},
        ),
    ],
)
def test_rule(resources: Document, rule: str, function: str, retries: dict[str, int]) -> None:
    """A rule tries to deliver for as long as the event is fresh, then keeps it in the queue."""
    (target,) = resources[rule]["Properties"]["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": [function, "Arn"]}
    assert target["RetryPolicy"] == retries
    assert target["DeadLetterConfig"] == {"Arn": dead_letters(function)}


def test_there_are_three_rules(resources: Document) -> None:
    """Alarms, circuits of an alarm over all, and the clock: nothing else calls through EventBridge."""
    assert of_type(resources, "AWS::Events::Rule").keys() == {
        "FlipStateAlarmRaised",
        "FlipStateContributorRaised",
        "StartRecoveryEveryMinute",
    }


def test_recovery_runs_every_minute(resources: Document) -> None:
    """The clock ticks once a minute."""
    schedule = resources["StartRecoveryEveryMinute"]["Properties"]
    assert schedule["ScheduleExpression"] == "rate(1 minute)"
    assert schedule.get("State", "ENABLED") == "ENABLED"


@pytest.mark.parametrize(
    ("function", "age_seconds", "retries"), [("FlipState", 600, 2), ("StartRecovery", 120, 1)]
)
def test_failed_invocation(resources: Document, function: str, age_seconds: int, retries: int) -> None:
    """An event that a function could not handle is tried again, then kept."""
    assert resources[f"{function}EventInvokeConfig"]["Properties"] == {
        "FunctionName": {"Ref": function},
        "Qualifier": "$LATEST",
        "MaximumEventAgeInSeconds": age_seconds,
        "MaximumRetryAttempts": retries,
        "DestinationConfig": {"OnFailure": {"Destination": dead_letters(function)}},
    }


@pytest.mark.parametrize(
    ("mapping", "function", "table"),
    [
        ("FlipStateProbesReported", "FlipState", "ProbeTable"),
        ("AnnounceCircuitChanged", "Announce", "CircuitTable"),
    ],
)
def test_stream(resources: Document, mapping: str, function: str, table: str) -> None:
    """A record that cannot be handled is tried alone, then kept; the others go on."""
    settings: dict[str, Any] = dict(resources[mapping]["Properties"])
    settings.pop("FilterCriteria", None)  # test_event_patterns looks at it
    assert settings == {
        "EventSourceArn": {"Fn::GetAtt": [table, "StreamArn"]},
        "FunctionName": {"Ref": function},
        # From the oldest: a record written while the stack is made is not lost.
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 100,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 10,
        "MaximumRecordAgeInSeconds": 3600,
        "DestinationConfig": {"OnFailure": {"Destination": dead_letters(function)}},
    }


def test_stream_of_reports(resources: Document) -> None:
    """Reports have a mapping of their own. An old one says nothing: tried for a minute, and not kept."""
    settings: dict[str, Any] = dict(resources["FlipStateFailuresReported"]["Properties"])
    del settings["FilterCriteria"]
    assert settings == {
        "EventSourceArn": {"Fn::GetAtt": ["ProbeTable", "StreamArn"]},
        "FunctionName": {"Ref": "FlipState"},
        "StartingPosition": "LATEST",
        "BatchSize": 1000,
        "MaximumRetryAttempts": 2,
        "MaximumRecordAgeInSeconds": 60,
    }


def test_there_are_two_streams(resources: Document) -> None:
    """The circuits' stream has one reader, the permits' two: one for probes, one for reports."""
    mappings = of_type(resources, "AWS::Lambda::EventSourceMapping")
    assert mappings.keys() == {
        "FlipStateProbesReported",
        "FlipStateFailuresReported",
        "AnnounceCircuitChanged",
    }


@pytest.mark.parametrize("function", ["FlipState", "StartRecovery", "Announce"])
def test_dead_letter_queue(resources: Document, function: str) -> None:
    """What is given up is kept, encrypted, for as long as a queue keeps anything."""
    assert resources[f"{function}DeadLetters"]["Properties"] == {
        "SqsManagedSseEnabled": True,
        "MessageRetentionPeriod": 14 * 24 * 3600,
    }
