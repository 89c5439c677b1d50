"""Events as they reach the deployed functions: set manually, twice, malformed; and the one that goes out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from scene import Scene

from recloser import State
from recloser.circuit import Cause
from recloser.lab.demo.observer import Outcome
from recloser.lab.local_aws.local_aws import LocalAws

RULE = "e2e-state-changes"


class Queue:
    """A queue of the local AWS."""

    def __init__(self, queues: Any, url: str) -> None:
        self._queues = queues
        self._url = url

    def wait_for(self, is_wanted: Callable[[Any], bool], within_seconds: float = 45) -> Any:
        """Receive messages until the wanted one comes, and return it."""
        deadline = time.monotonic() + within_seconds
        while time.monotonic() < deadline:
            answer = self._queues.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            for message in answer.get("Messages", []):
                body = json.loads(message["Body"])
                if is_wanted(body):
                    return body
        pytest.fail(f"{self._url}: no such message within {within_seconds:.0f} s")


@pytest.fixture
def state_changes(aws: LocalAws) -> Iterator[Queue]:
    """A queue that gets Recloser's own events, like any consumer's."""
    queues, events = aws.client("sqs"), aws.client("events")
    url = queues.create_queue(QueueName=RULE)["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=RULE, EventPattern=json.dumps({"source": ["recloser"]}))
    events.put_targets(Rule=RULE, Targets=[{"Id": "queue", "Arn": arn}])
    yield Queue(queues, url)
    events.remove_targets(Rule=RULE, Ids=["queue"])
    events.delete_rule(Name=RULE)


@pytest.fixture
def messages(aws: LocalAws) -> Iterator[Queue]:
    """A queue that hears the topic of outages."""
    queues, topics = aws.client("sqs"), aws.client("sns")
    url = queues.create_queue(QueueName="e2e-outages")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = topics.create_topic(Name="outages")["TopicArn"]
    allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Resource": arn}
    policy = {"Version": "2012-10-17", "Statement": [allowed | {"Action": "sqs:SendMessage"}]}
    queues.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    topics.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    yield Queue(queues, url)
    topics.delete_topic(TopicArn=topic)


def test_an_alarm_set_by_hand_trips(
    scene: Callable[[str], Scene], state_changes: Queue, messages: Queue
) -> None:
    """SetAlarmState opens the circuit in the operator's words, callers are refused, the world is told."""
    api = scene("by-hand-api")
    api.set_policy(recovery_timeout_seconds=600)
    api.set_alarm("ALARM", "the provider announced maintenance")

    opened = api.wait_for_state(State.OPEN, 30)
    assert opened.cause is Cause.ALARM_BY_HAND
    assert opened.alarm == api.alarm

    told = state_changes.wait_for(
        lambda event: (
            (event["detail"]["circuit"], event["detail-type"]) == (api.name, "Circuit State Changed")
        )
    )
    assert (told["detail"]["previous_state"], told["detail"]["state"]) == ("CLOSED", "OPEN")
    assert told["detail"]["retry_at_ms"] == opened.retry_at_ms

    message = messages.wait_for(lambda body: api.name in body["Subject"])
    assert message["Subject"] == f"{api.name} is OPEN"
    assert "the provider announced maintenance" in json.loads(message["Message"])["content"]["description"]

    with api.traffic():
        api.wait_for_outcome(Outcome.REFUSED)
    assert api.aws.dependency.counts(api.name).received == 0


def test_a_duplicate_event_changes_nothing(scene: Callable[[str], Scene]) -> None:
    """The same alarm event again, and probes of a generation that is over, leave the item as it is."""
    api = scene("duplicate-api")
    api.set_policy(recovery_timeout_seconds=600)
    api.set_alarm("ALARM", "drill")
    opened = api.wait_for_state(State.OPEN, 30)
    event = api.wait_for_alarm_event("ALARM")
    for _ in range(2):
        answer = api.invoke("FlipState", event)
        assert answer == {"circuit": api.name, "state": "OPEN", "reason": "already open"}
    assert api.circuit() == opened


def test_a_malformed_event_is_dropped(aws: LocalAws) -> None:
    """An event that is no alarm's is answered with why it is dropped: to try it again would be in vain."""
    event = {
        "source": "aws.cloudwatch",
        "detail-type": "CloudWatch Alarm State Change",
        "detail": {"no": "alarm"},
    }
    answer = aws.client("lambda").invoke(
        FunctionName=aws.stack.resources["FlipState"], Payload=json.dumps(event).encode()
    )
    told = json.load(answer["Payload"])
    assert "does not fit alarm-state-change" in told["discarded"]


def test_what_fails_ends_as_a_dead_letter(aws: LocalAws) -> None:
    """An invocation that fails is tried again, and kept whole in the dead-letter queue."""
    event = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": "nothing"}
    aws.client("lambda").invoke(
        FunctionName=aws.stack.resources["StartRecovery"],
        InvocationType="Event",
        Payload=json.dumps(event).encode(),
    )
    dead_letters = Queue(aws.client("sqs"), aws.stack.resources["StartRecoveryDeadLetters"])
    letter = dead_letters.wait_for(lambda letter: letter["requestPayload"] == event)
    assert "does not fit scheduled-event" in letter["responsePayload"]["errorMessage"]
