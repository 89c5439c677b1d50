"""One circuit of the deployed stack, and what a test does with it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from recloser import Circuit, State
from recloser.control.control import Control
from recloser.lab.cloudwatch import Event
from recloser.lab.demo.callers import Callers
from recloser.lab.demo.observer import Call, Outcome
from recloser.lab.local_aws.local_aws import LocalAws
from recloser.signals import PolicySet
from recloser.store.dynamodb import DynamoDBTables

POLL_SECONDS = 0.1
ALARM_CHANGED = "CloudWatch Alarm State Change"


class Scene:
    """One circuit of the deployed stack, and what a test does with it."""

    def __init__(self, aws: LocalAws, name: str, alarm_events: list[Event]) -> None:
        self.aws = aws
        self.name = name
        self.alarm = f"recloser:{name}:failure-rate-fast"
        self.calls: list[Call] = []
        self._alarm_events = alarm_events
        self._tables = DynamoDBTables(aws.circuit_table, aws.probe_table, client=aws.client("dynamodb"))

    def circuit(self) -> Circuit:
        return self._tables.read(self.name, consistent=True)

    def granted(self, generation: int) -> int:
        """Return how many permits of a generation were claimed."""
        probes = self._tables.read_probes(self.name, generation)
        return 0 if probes is None else probes.granted

    def set_policy(self, **settings: Any) -> None:
        """Set the circuit's own policy, as an operator does."""
        Control(self._tables).apply(self.name, PolicySet(settings, by="e2e"))

    def wait_for(self, what: str, condition: Callable[[Circuit], bool], within_seconds: float) -> Circuit:
        """Wait until the circuit is as wanted; fail with what is known when it does not come to it."""
        deadline = time.monotonic() + within_seconds
        while not condition(circuit := self.circuit()):
            self.aws.check()
            if time.monotonic() > deadline:
                history = "\n".join(map(str, circuit.history))
                permits = self._tables.read_probes(self.name, circuit.generation)
                told = "\n".join([f"{circuit}", f"{permits}", history, *self.log_lines()])
                pytest.fail(f"{self.name}: no {what} within {within_seconds:.0f} s\n{told}")
            time.sleep(POLL_SECONDS)
        return circuit

    def log_lines(self, most: int = 40) -> list[str]:
        """Return the callers' last log lines, but for their metrics."""
        logs = self.aws.client("logs")
        group = f"/aws/lambda/{self.aws.demo_caller}"
        events = logs.filter_log_events(logGroupName=group)["events"]
        lines = [each["message"].rstrip() for each in events if '"_aws"' not in each["message"]]
        return [line for line in lines if not line.startswith(("START ", "END ", "REPORT "))][-most:]

    def wait_for_state(self, state: State, within_seconds: float) -> Circuit:
        return self.wait_for(state, lambda circuit: circuit.state is state, within_seconds)

    def wait_for_outcome(self, outcome: Outcome, within_seconds: float = 20) -> Call:
        """Wait for a call, made from now on, that ends so."""
        since = len(self.calls)
        deadline = time.monotonic() + within_seconds
        while not (found := [call for call in self.calls[since:] if call.outcome is outcome]):
            self.aws.check()
            assert time.monotonic() < deadline, f"{self.name}: no call {outcome} within {within_seconds} s"
            time.sleep(POLL_SECONDS)
        return found[0]

    @contextmanager
    def traffic(self, callers: int = 3, every_seconds: float = 0.3) -> Iterator[None]:
        """Let deployed callers call through the breaker for as long as the block lasts."""
        calling = Callers(
            self.aws.client("lambda"),
            self.aws.demo_caller,
            callers=callers,
            every_seconds=every_seconds,
            see=self.calls.append,
            circuit=self.name,
        )
        with calling:
            yield
            calling.check()

    def set_alarm(self, value: str, reason: str) -> None:
        self.aws.client("cloudwatch").set_alarm_state(
            AlarmName=self.alarm, StateValue=value, StateReason=reason
        )

    def alarm_state(self) -> tuple[str, str]:
        found = self.aws.client("cloudwatch").describe_alarms(AlarmNames=[self.alarm])
        [alarm] = found["MetricAlarms"]
        return alarm["StateValue"], alarm["StateReason"]

    def wait_for_alarm_event(self, value: str, reason: str = "", within_seconds: float = 75) -> Event:
        """Wait for CloudWatch's event that this circuit's alarm is so, for a reason that begins so.

        An alarm is set to OK after the circuit has closed, at the latest by the next run of start_recovery.
        """
        deadline = time.monotonic() + within_seconds
        while not (found := self._alarm_event(value, reason)):
            self.aws.check()
            assert time.monotonic() < deadline, f"{self.alarm}: no {value} {reason!r}: {self._alarm_events}"
            time.sleep(POLL_SECONDS)
        return found

    def _alarm_event(self, value: str, reason: str) -> Event | None:
        for event in list(self._alarm_events):
            if event["detail-type"] != ALARM_CHANGED or event["detail"]["alarmName"] != self.alarm:
                continue
            state = event["detail"]["state"]
            if state["value"] == value and state["reason"].startswith(reason):
                return event
        return None

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Invoke one of the stack's functions by its logical name, and return its answer."""
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.aws.stack.resources[function], Payload=json.dumps(event).encode()
        )
        return json.load(answer["Payload"])
