"""What the schedule is for, and what goes on without it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from scene import Scene

from recloser import State
from recloser.circuit import Cause
from recloser.lab.demo.observer import Outcome
from recloser.lab.local_aws.local_aws import LocalAws

SCHEDULED_EVENT = json.loads((Path(__file__).parents[2] / "events" / "scheduled-event.json").read_text())


@pytest.fixture
def dead_scheduler(aws: LocalAws) -> Iterator[None]:
    events, rule = aws.client("events"), aws.stack.resources["StartRecoveryEveryMinute"]
    events.disable_rule(Name=rule)
    yield
    events.enable_rule(Name=rule)


@pytest.mark.usefixtures("dead_scheduler")
def test_recovery_without_the_schedule(scene: Callable[[str], Scene]) -> None:
    """With the schedule dead, callers probe from retry_at on and close the circuit."""
    api = scene("no-scheduler-api")
    api.set_alarm("ALARM", "drill")
    opened = api.wait_for_state(State.OPEN, 30)
    with api.traffic():
        closed = api.wait_for_state(State.CLOSED, 30)
        api.wait_for_outcome(Outcome.SUCCEEDED)
    assert closed.cause is Cause.PROBES_SUCCEEDED
    assert opened.retry_at_ms is not None
    first_move = next(line for line in closed.history if line.to_state is State.HALF_OPEN)
    assert first_move.cause is Cause.PROBE_CLAIMED
    assert first_move.at_ms - opened.retry_at_ms < 20_000


def test_recovery_without_traffic(scene: Callable[[str], Scene]) -> None:
    """With nobody calling, the scheduled function shows that the circuit waits for probes."""
    api = scene("no-traffic-api")
    api.set_alarm("ALARM", "drill")
    opened = api.wait_for_state(State.OPEN, 30)
    sleep_until_due(opened.retry_at_ms)
    assert api.name in api.invoke("StartRecovery", SCHEDULED_EVENT)["moved"]
    waiting = api.circuit()
    assert waiting.state is State.HALF_OPEN
    assert waiting.cause is Cause.RETRY_DUE
    assert waiting.generation == opened.generation


def sleep_until_due(retry_at_ms: int | None) -> None:
    assert retry_at_ms is not None
    time.sleep(max(0.0, retry_at_ms / 1000 - time.time()))
