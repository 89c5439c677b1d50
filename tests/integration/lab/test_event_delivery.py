"""Events of CloudWatch reach the targets of the rules that match, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from recloser.lab.local_aws.emulator import ACCOUNT, REGION
from recloser.lab.local_aws.event_delivery import EventDelivery, UndeliverableTargetError

EVENT = {
    "version": "0",
    "id": "c4c1c1c9-6542-e61b-6ef0-8c4d36933a92",
    "detail-type": "CloudWatch Alarm State Change",
    "source": "aws.cloudwatch",
    "account": ACCOUNT,
    "time": "2026-11-23T10:00:00Z",
    "region": REGION,
    "resources": [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:rate"],
    "detail": {"alarmName": "rate", "state": {"value": "ALARM"}},
}


class Bus:
    """Rules of one test, each with a queue of its own as target."""

    def __init__(self, client: Callable[[str], Any], prefix: str) -> None:
        self.events = client("events")
        self.queues = client("sqs")
        self.prefix = prefix
        self.delivery = EventDelivery(events=self.events, functions=client("lambda"), queues=self.queues)

    def queue(self, name: str) -> tuple[str, str]:
        url = self.queues.create_queue(QueueName=f"{self.prefix}-{name}")["QueueUrl"]
        return url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.prefix}-{name}"

    def rule(self, name: str, detail: dict[str, Any], state: str = "ENABLED", **target: Any) -> str:
        url, arn = self.queue(name)
        pattern = json.dumps({"source": ["aws.cloudwatch"], "detail": detail})
        self.events.put_rule(Name=f"{self.prefix}-{name}", EventPattern=pattern, State=state)
        self.events.put_targets(
            Rule=f"{self.prefix}-{name}", Targets=[{"Id": "target", "Arn": arn, **target}]
        )
        return url

    def received(self, url: str) -> list[Any]:
        messages = self.queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    def clear(self) -> None:
        for rule in self.events.list_rules(NamePrefix=self.prefix)["Rules"]:
            self.events.remove_targets(Rule=rule["Name"], Ids=["target"])
            self.events.delete_rule(Name=rule["Name"])


@pytest.fixture
def bus(client: Callable[[str], Any], request: pytest.FixtureRequest) -> Any:
    bus = Bus(client, request.node.name.replace("_", "-"))
    yield bus
    bus.clear()


def test_matching_rules_only(bus: Bus) -> None:
    """An enabled rule whose pattern matches gets the event whole; the others get nothing."""
    matching = bus.rule("alarm", {"state": {"value": ["ALARM"]}})
    other = bus.rule("ok", {"state": {"value": ["OK"]}})
    disabled = bus.rule("disabled", {"state": {"value": ["ALARM"]}}, state="DISABLED")
    assert len(bus.delivery.deliver(EVENT)) == 1
    assert bus.received(matching) == [EVENT]
    assert bus.received(other) == []
    assert bus.received(disabled) == []


def test_fixed_input(bus: Bus) -> None:
    """A target with an input of its own gets that instead."""
    url = bus.rule("fixed", {"alarmName": ["rate"]}, Input='{"hello": 1}')
    bus.delivery.deliver(EVENT)
    assert bus.received(url) == [{"hello": 1}]


def test_refused_events_go_to_the_dead_letter_queue(bus: Bus) -> None:
    """An event for a function that does not exist ends in the target's dead-letter queue."""
    dead_letters, arn = bus.queue("dead-letters")
    missing = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:no-such-function"
    bus.rule("missing", {"alarmName": ["rate"]}, Arn=missing, DeadLetterConfig={"Arn": arn})
    bus.delivery.deliver(EVENT)
    assert bus.received(dead_letters) == [EVENT]


def test_unknown_targets_are_an_error(bus: Bus) -> None:
    """A target that cannot be served here is not passed over in silence."""
    bus.rule("topic", {"alarmName": ["rate"]}, Arn=f"arn:aws:sns:{REGION}:{ACCOUNT}:topic")
    with pytest.raises(UndeliverableTargetError, match=r":topic: only Lambda functions and SQS queues"):
        bus.delivery.deliver(EVENT)
