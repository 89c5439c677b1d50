"""EventBridge's part that the emulator refuses: bringing an event of CloudWatch to the targets of the rules.

AWS and the emulator both reject `aws.*` sources in PutEvents, so the rules are read, their patterns tested
with TestEventPattern, and their targets called here. Sources: "Event patterns", "Input transformation" and
"Dead-letter queues" in the EventBridge user guide.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

logger = logging.getLogger(__name__)

Event = Mapping[str, Any]


class UndeliverableTargetError(RuntimeError):
    """A rule has a target, or an input, that the local AWS does not know how to serve."""


class EventDelivery:
    """Delivers events to the Lambda and SQS targets of every enabled rule of the default bus that matches.

    Args:
        events: the boto3 client of EventBridge.
        functions: the boto3 client of Lambda.
        queues: the boto3 client of SQS.

    """

    def __init__(self, *, events: Any, functions: Any, queues: Any) -> None:
        self._events = events
        self._functions = functions
        self._queues = queues

    def deliver(self, event: Event) -> list[str]:
        """Deliver one event.

        A target that refuses the event gets it no second time: it goes to the target's dead-letter queue, or
        is lost with a warning where there is none.

        Returns:
            The ARNs of the targets that were called.

        Raises:
            UndeliverableTargetError: a matching rule has a target that cannot be served here.

        """
        text = json.dumps(event)
        called: list[str] = []
        for rule in self._matching_rules(text):
            for target in self._targets(rule):
                self._call(target, _input(target, text))
                called.append(target["Arn"])
        return called

    def _matching_rules(self, text: str) -> Iterator[str]:
        for page in self._events.get_paginator("list_rules").paginate():
            for rule in page["Rules"]:
                pattern = rule.get("EventPattern")
                if rule["State"] == "ENABLED" and pattern and self._matches(pattern, text):
                    yield rule["Name"]

    def _matches(self, pattern: str, text: str) -> bool:
        return bool(self._events.test_event_pattern(EventPattern=pattern, Event=text)["Result"])

    def _targets(self, rule: str) -> list[dict[str, Any]]:
        pages = self._events.get_paginator("list_targets_by_rule").paginate(Rule=rule)
        return [target for page in pages for target in page["Targets"]]

    def _call(self, target: Mapping[str, Any], text: str) -> None:
        arn = target["Arn"]
        try:
            if ":lambda:" in arn:
                self._functions.invoke(FunctionName=arn, InvocationType="Event", Payload=text.encode())
            elif ":sqs:" in arn:
                self._send(arn, text)
            else:
                raise UndeliverableTargetError(
                    f"target {arn}: only Lambda functions and SQS queues are served here"
                )
        except ClientError as problem:
            queue = target.get("DeadLetterConfig", {}).get("Arn")
            logger.warning("target %s refused an event (%s); dead-letter queue: %s", arn, problem, queue)
            if queue:
                self._send(queue, text)

    def _send(self, queue_arn: str, text: str) -> None:
        url = self._queues.get_queue_url(QueueName=queue_arn.rpartition(":")[2])["QueueUrl"]
        self._queues.send_message(QueueUrl=url, MessageBody=text)


def _input(target: Mapping[str, Any], text: str) -> str:
    if "InputPath" in target or "InputTransformer" in target:
        raise UndeliverableTargetError(
            f"target {target['Arn']}: InputPath and InputTransformer are not served here"
        )
    return str(target.get("Input", text))
