"""Every line of every log group is read once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from recloser.lab.cloudwatch import CloudWatch, Metric, Sample
from recloser.lab.local_aws.logs import OVERLAP_MS, LogFollower
from recloser.lab.local_aws.telemetry import Telemetry

EMF = (
    '{"_aws":{"Timestamp":%d,"CloudWatchMetrics":[{"Namespace":"Recloser","Dimensions":[["Circuit"]],'
    '"Metrics":[{"Name":"Failure","StorageResolution":1}]}]},"Circuit":"payments-api","Failure":[0,1]}'
)


class Group:
    def __init__(self, logs: Any, name: str) -> None:
        self.logs = logs
        self.name = name
        logs.create_log_group(logGroupName=name)
        logs.create_log_stream(logGroupName=name, logStreamName="stream")

    def write(self, *messages: str, at_ms: int) -> None:
        self.logs.put_log_events(
            logGroupName=self.name,
            logStreamName="stream",
            logEvents=[{"timestamp": at_ms, "message": message} for message in messages],
        )


def test_each_line_once(client: Callable[[str], Any]) -> None:
    """New lines are returned once, also identical ones of one millisecond and slightly late ones."""
    logs = client("logs")
    group = Group(logs, "/test/once")
    follower = LogFollower(logs)

    def read() -> list[str]:
        return [line.message for line in follower.new_lines() if line.group == group.name]

    assert read() == []
    group.write("one", "same", "same", at_ms=100_000)
    assert read() == ["one", "same", "same"]
    assert read() == []
    group.write("same", at_ms=100_000)
    assert read() == ["same"]
    group.write("newer", at_ms=200_000)
    assert read() == ["newer"]
    group.write("late", at_ms=200_000 - OVERLAP_MS)
    assert read() == ["late"]
    assert read() == []


def test_new_groups_are_found(client: Callable[[str], Any]) -> None:
    """A log group that appears later is followed as well, from its first line."""
    logs = client("logs")
    follower = LogFollower(logs)
    list(follower.new_lines())
    Group(logs, "/test/later").write("hello", at_ms=5)
    assert [line.message for line in follower.new_lines() if line.group == "/test/later"] == ["hello"]


def test_a_group_that_is_deleted_meanwhile(
    client: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group that is gone when its turn comes, as while a stack is deleted, has no lines; others go on."""
    logs = client("logs")
    gone, kept = Group(logs, "/test/a-gone"), Group(logs, "/test/b-kept")
    kept.write("hello", at_ms=5)
    follower = LogFollower(logs)
    listed = [{"logGroups": [{"logGroupName": group.name} for group in (gone, kept)]}]
    get_paginator = logs.get_paginator

    class Listed:
        def paginate(self) -> list[Any]:
            logs.delete_log_group(logGroupName=gone.name)
            return listed

    monkeypatch.setattr(
        logs,
        "get_paginator",
        lambda name: Listed() if name == "describe_log_groups" else get_paginator(name),
    )
    assert [line.message for line in follower.new_lines()] == ["hello"]


def test_metrics_are_extracted(client: Callable[[str], Any]) -> None:
    """A line in embedded metric format becomes samples; plain lines and other JSON are left alone."""
    logs = client("logs")
    samples: list[Sample] = []
    telemetry = Telemetry(LogFollower(logs), CloudWatch(), samples.append)
    now_ms = time.time_ns() // 1_000_000
    telemetry.collect(now_ms)
    samples.clear()
    telemetry.malformed.clear()
    group = Group(logs, "/test/metrics")
    group.write("START", '{"level": "INFO"}', EMF % now_ms, "END", at_ms=now_ms)
    telemetry.collect(now_ms)
    telemetry.collect(now_ms)
    metric = Metric.of("Recloser", "Failure", {"Circuit": "payments-api"})
    assert [(s.metric, s.value, s.timestamp_ms) for s in samples] == [
        (metric, 0.0, now_ms),
        (metric, 1.0, now_ms),
    ]
    assert telemetry.malformed == []


def test_malformed_metrics_are_reported(client: Callable[[str], Any]) -> None:
    """A line that was meant as metrics and is cut off, or lacks a value, is reported with its problem."""
    logs = client("logs")
    telemetry = Telemetry(LogFollower(logs), CloudWatch())
    now_ms = time.time_ns() // 1_000_000
    telemetry.collect(now_ms)
    telemetry.malformed.clear()
    group = Group(logs, "/test/malformed")
    whole = EMF % now_ms
    group.write(whole[:80], whole.replace("[0,1]", '"none"'), at_ms=now_ms)
    telemetry.collect(now_ms)
    assert [malformed.line.message for malformed in telemetry.malformed] == [
        whole[:80],
        whole.replace("[0,1]", '"none"'),
    ]
    assert all(malformed.problems for malformed in telemetry.malformed)
