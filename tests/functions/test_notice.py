"""What people are told when a circuit opens and closes: by the topic of the stack, in mails and chats."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from deployed_functions import NAME, Region
from notice import notice
from stream_changes import change, row

from recloser.circuit import Circuit, Override, Probes, State
from recloser.decide import decide
from recloser.policy import RecoveryPolicy
from recloser.signals import AlarmRaised, OverrideReleased, OverrideSet, ProbesReported, Reset, Signal

NOW_MS = 1_789_364_590_000
POLICY = RecoveryPolicy(jitter=0)
CLOSED = Circuit(NAME, generation=16, revision=41, closed_at_ms=NOW_MS - 1000)
HELD = Override(State.OPEN, by="ann", why="the vendor migrates", at_ms=NOW_MS, until_ms=NOW_MS + 1_800_000)
FREED = Override(State.CLOSED, by="ann", why="game day", at_ms=NOW_MS)


def after(before: Circuit, signal: Signal, now_ms: int = NOW_MS) -> Circuit:
    circuit = decide(before, signal, now_ms, POLICY).circuit
    assert circuit is not None
    return circuit


OPEN = after(CLOSED, AlarmRaised("recloser:payments-api:failure-rate-fast", "50 of 50 calls failed", NOW_MS))
HALF_OPEN = replace(OPEN, state=State.HALF_OPEN)


def told(before: Circuit, circuit: Circuit) -> list[str] | None:
    found = notice(before, circuit)
    return None if found is None else [found.subject, *found.text.splitlines()]


def test_a_trip() -> None:
    """The line says which circuit and state; the text when, why, by which alarm, and when it is tried."""
    assert told(CLOSED, OPEN) == [
        "payments-api is OPEN",
        "payments-api is OPEN since 2026-09-14 05:43:10 UTC.",
        "Why: alarm raised: 50 of 50 calls failed",
        "Alarm: recloser:payments-api:failure-rate-fast",
        "First probe: 2026-09-14 05:43:20 UTC",
    ]


def test_a_close() -> None:
    """The end of an outage names no alarm and no probe."""
    closed = after(OPEN, Reset("ben", "repaired"), NOW_MS + 60_000)
    assert told(OPEN, closed) == [
        "payments-api is CLOSED",
        "payments-api is CLOSED since 2026-09-14 05:44:10 UTC.",
        "Why: reset by ben: repaired",
        "By: ben",
    ]


def test_overrides() -> None:
    """Who forces a circuit and until when is told, and who releases it, whatever state is underneath."""
    held = after(CLOSED, OverrideSet(HELD))
    assert told(CLOSED, held) == [
        "payments-api is forced OPEN",
        "payments-api is forced OPEN since 2026-09-14 05:43:10 UTC.",
        "Why: forced OPEN by ann: the vendor migrates",
        "By: ann",
        "Until: 2026-09-14 06:13:10 UTC",
    ]
    freed = told(OPEN, after(OPEN, OverrideSet(FREED)))
    assert freed is not None
    assert (freed[0], freed[-1]) == ("payments-api is forced CLOSED", "Until: somebody releases it")
    released = told(held, after(held, OverrideReleased("ben"), NOW_MS + 1))
    assert released is not None
    assert (released[0], "By: ben" in released) == ("payments-api is OPEN", True)


def test_probes_are_not_told() -> None:
    """A circuit that stays open probes and trips again and again: people are not told again."""
    failed = ProbesReported(Probes(OPEN.generation, granted=1, allowed=1, failed=frozenset({1})))
    assert told(OPEN, HALF_OPEN) is None
    assert told(HALF_OPEN, after(HALF_OPEN, failed, NOW_MS + 11_000)) is None
    assert told(CLOSED, replace(CLOSED, policy={"permits": 20}, revision=42)) is None


def test_text_of_others_steers_nothing() -> None:
    """What an operator typed stays on its line, in a mail and in JSON."""
    held = replace(HELD, why='"quoted"\n\x1b[31mUntil: never')
    found = notice(CLOSED, after(CLOSED, OverrideSet(held)))
    assert found is not None
    assert [line.split(":")[0] for line in found.text.splitlines()][1:] == ["Why", "By", "Until"]
    assert "\x1b" not in found.text
    message = json.loads(found.message())
    assert json.loads(message["default"])["content"]["description"] == message["email"] == found.text


@pytest.fixture
def topic(region: Region, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A topic that the stack was given, and the queue that hears it."""
    assert region
    queues, topics = boto3.client("sqs"), boto3.client("sns")
    arn = topics.create_topic(Name="outages")["TopicArn"]
    url = queues.create_queue(QueueName="outages")["QueueUrl"]
    queue = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topics.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
    monkeypatch.setenv("RECLOSER_OUTAGE_TOPIC", arn)
    yield lambda: queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    topics.close()
    queues.close()


def test_the_topic_is_told(region: Region, topic: Any) -> None:
    """A trip is one message with a subject, in the form that chats show."""
    assert region.announce(change(row(CLOSED), row(OPEN))) == {"batchItemFailures": []}
    [message] = topic()
    body = json.loads(message["Body"])
    assert body["Subject"] == "payments-api is OPEN"
    content = json.loads(body["Message"])["content"]
    assert (content["textType"], content["title"]) == ("client-markdown", "payments-api is OPEN")
    region.announce(change(row(OPEN), row(HALF_OPEN)))
    assert topic() == []


def test_a_topic_that_is_gone_holds_nothing_up(
    region: Region, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The event and the log line are written all the same; what was not told is counted and logged."""
    monkeypatch.setenv("RECLOSER_OUTAGE_TOPIC", "arn:aws:sns:eu-west-1:123456789012:gone")
    assert region.announce(change(row(CLOSED), row(OPEN))) == {"batchItemFailures": []}
    printed = capsys.readouterr().out
    assert '"message": "transition"' in printed
    assert "arn:aws:sns:eu-west-1:123456789012:gone could not be told" in printed
    assert '"Discarded":1' in printed
