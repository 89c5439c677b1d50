"""announce: what changed is told once, as an event, as metrics, and in the log."""

from __future__ import annotations

import functools
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from deployed_functions import NAME, Region, golden, image
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from stored_tables import ROOT
from stream_changes import change, row

from recloser.circuit import Circuit, Override, Probes, State
from recloser.decide import decide
from recloser.policy import RecoveryPolicy
from recloser.signals import (
    AlarmRaised,
    OverrideReleased,
    OverrideSet,
    PolicySet,
    ProbesReported,
    Reset,
    Signal,
)

NOW_MS = 1_789_364_590_000


@functools.cache
def validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((ROOT / f"events/schemas/{schema}.schema.json").read_text()))


def assert_fits(document: Any, schema: str) -> None:
    error = best_match(validator(schema).iter_errors(document))
    assert error is None, f"{error.json_path}: {error.message}"


@pytest.fixture
def sent(region: Region) -> Iterator[list[dict[str, Any]]]:
    """The events that EventBridge was given."""
    entries: list[dict[str, Any]] = []
    hooks = region.functions.announce.events.meta.events

    def note(params: dict[str, Any], **_: object) -> None:
        entries.extend(params["Entries"])

    hooks.register("provide-client-params.events.PutEvents", note)
    yield entries
    hooks.unregister("provide-client-params.events.PutEvents", note)


def metrics(printed: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in printed.splitlines() if '"_aws"' in line]
    for line in lines:
        assert_fits(line, "emf")
    return lines


def as_event(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry as EventBridge delivers it."""
    envelope = {name: golden("circuit-state-changed")[name] for name in ("version", "id", "time", "region")}
    return envelope | {
        "source": entry["Source"],
        "detail-type": entry["DetailType"],
        "detail": json.loads(entry["Detail"]),
    }


def test_a_trip_is_announced(
    region: Region, sent: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """The story's trip: exactly one event, the golden one, and the metrics State and Trips."""
    assert region.announce(golden("circuit-stream")) == {"batchItemFailures": []}

    [entry] = sent
    assert_fits(as_event(entry), "circuit-state-changed")
    assert as_event(entry)["detail"] == golden("circuit-state-changed")["detail"]
    [line] = metrics(capsys.readouterr().out)
    assert (line["Circuit"], line["State"], line["Trips"]) == (NAME, 1, 1)
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Circuit"]]


OPEN = Circuit(
    NAME,
    State.OPEN,
    generation=17,
    revision=42,
    changed_at_ms=NOW_MS - 1000,
    retry_at_ms=NOW_MS,
    trips=1,
    permits=1,
)
CLOSED = Circuit(NAME, generation=16, revision=41, changed_at_ms=NOW_MS - 1000, closed_at_ms=NOW_MS - 1000)
HELD = Override(State.OPEN, by="maria", why="INC-4711", at_ms=NOW_MS, until_ms=NOW_MS + 60_000)
FREED = Override(State.CLOSED, by="maria", why="game day", at_ms=NOW_MS)

# before, signal, the metrics after
ANNOUNCED: list[tuple[Circuit, Signal, dict[str, float]]] = [
    (CLOSED, OverrideSet(HELD), {"State": 1, "Trips": 0}),
    (OPEN, OverrideSet(HELD), {"State": 1, "Trips": 0}),
    (OPEN, OverrideSet(FREED), {"State": 0, "Trips": 0}),
    (CLOSED, OverrideSet(FREED), {"State": 0, "Trips": 0}),
    (OPEN, Reset("maria", "repaired"), {"State": 0, "Trips": 0}),
    (Circuit(NAME), OverrideSet(HELD), {"State": 1, "Trips": 0}),
    (CLOSED, AlarmRaised("fast", "failures", NOW_MS), {"State": 1, "Trips": 1}),
    (OPEN, ProbesReported(Probes(17, granted=1, failed=frozenset({1}))), {"State": 1, "Trips": 1}),
]


@pytest.mark.parametrize("change_made", ANNOUNCED)
def test_every_change_is_one_event(
    region: Region,
    sent: list[dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
    change_made: tuple[Circuit, Signal, dict[str, float]],
) -> None:
    """Every change that others see is exactly one event that fulfills its schema, and one line of metrics."""
    before, signal, values = change_made
    after = decide(before, signal, NOW_MS, RecoveryPolicy()).circuit
    assert after is not None

    region.announce(change(row(before) if before.revision else None, row(after)))

    [entry] = sent
    event = as_event(entry)
    assert_fits(event, "circuit-state-changed")
    assert (event["detail"]["state"], event["detail"]["previous_state"]) == (after.state, before.state)
    assert event["detail"]["revision"] == after.revision
    [line] = metrics(capsys.readouterr().out)
    assert {name: line[name] for name in ("State", "Trips")} == values


def test_a_release_is_announced(region: Region, sent: list[dict[str, Any]]) -> None:
    """An override that is taken back is announced: the event has none any more."""
    held = decide(CLOSED, OverrideSet(HELD), NOW_MS, RecoveryPolicy()).circuit
    assert held is not None
    released = decide(held, OverrideReleased("maria"), NOW_MS + 1, RecoveryPolicy()).circuit
    assert released is not None
    region.announce(change(row(held), row(released)))
    [entry] = sent
    assert_fits(as_event(entry), "circuit-state-changed")
    assert as_event(entry)["detail"]["override"] is None


def test_a_policy_change_is_an_event_of_its_own(
    region: Region, sent: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """A change of settings alone is announced, with who did it and what changed; it is no metric."""
    after = decide(CLOSED, PolicySet({"permits": 20}, by="maria"), NOW_MS, RecoveryPolicy()).circuit
    assert after is not None
    assert region.announce(change(row(CLOSED), row(after))) == {"batchItemFailures": []}
    [event] = map(as_event, sent)
    assert_fits(event, "circuit-state-changed")
    assert event["detail-type"] == "Circuit Policy Changed"
    assert (event["detail"]["cause"], event["detail"]["by"]) == ("policy_set", "maria")
    assert event["detail"]["reason"] == "policy set by maria: permits=20"
    assert metrics(capsys.readouterr().out) == []


def audit_trail(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines of transitions, as the log has them."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if line.get("message") == "transition"]


# signal, cause, actor
AUDITED: list[tuple[Signal, str, str]] = [
    (AlarmRaised("fast", "failures", NOW_MS), "alarm", "recloser"),
    (OverrideSet(HELD), "operator", "maria"),
    (OverrideSet(FREED), "operator", "maria"),
    (PolicySet({"permits": 20}, by="maria"), "policy_set", "maria"),
]


@pytest.mark.parametrize("audited", AUDITED)
def test_the_audit_trail(
    region: Region,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    audited: tuple[Signal, str, str],
) -> None:
    """What moved a circuit and what operators did is a line with cause and actor, at every log level."""
    signal, cause, actor = audited
    after = decide(CLOSED, signal, NOW_MS, RecoveryPolicy()).circuit
    assert after is not None
    monkeypatch.setattr(logging.getLogger("recloser"), "level", logging.ERROR)
    region.announce(change(row(CLOSED), row(after)))
    [line] = audit_trail(capsys)
    assert (line["circuit"], line["cause"], line["actor"]) == (NAME, cause, actor)
    assert (line["previous_state"], line["state"]) == ("CLOSED", after.state)
    assert line["reason"]


def test_a_release_and_a_reset_are_audited(region: Region, capsys: pytest.CaptureFixture[str]) -> None:
    """Who takes an override back, and who resets a circuit, is a line too."""
    held = decide(CLOSED, OverrideSet(HELD), NOW_MS, RecoveryPolicy()).circuit
    assert held is not None
    signals: list[Signal] = [OverrideReleased("ann"), Reset("ben", "repaired")]
    for signal in signals:
        after = decide(held, signal, NOW_MS + 1, RecoveryPolicy()).circuit
        assert after is not None
        region.announce(change(row(held), row(after)))
    assert [(line["cause"], line["actor"]) for line in audit_trail(capsys)] == [
        ("released", "ann"),
        ("reset", "ben"),
    ]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ({"state": State.OPEN}, "the item was edited manually"),
        ({"policy": {"permits": 20}}, "the settings were edited manually"),
    ],
)
def test_what_was_written_by_hand_is_audited(
    region: Region, capsys: pytest.CaptureFixture[str], edit: dict[str, Any], reason: str
) -> None:
    """An edit in the DynamoDB console leaves a line, though no operator can be named."""
    region.announce(change(row(CLOSED), row(replace(CLOSED, **edit))))
    [line] = audit_trail(capsys)
    assert (line["reason"], line["actor"]) == (reason, "recloser")


@pytest.mark.parametrize("before", [OPEN, replace(CLOSED, policy={"permits": 20})])
def test_a_deleted_item_is_audited(
    region: Region, capsys: pytest.CaptureFixture[str], before: Circuit
) -> None:
    """To forget a circuit that was open, or had settings, leaves a line."""
    region.announce(change(row(before), None))
    [line] = audit_trail(capsys)
    assert line["circuit"] == NAME


def test_what_nobody_sees_is_not_announced(
    region: Region, sent: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """A deadline that begins is neither an event nor a metric."""
    after = replace(OPEN, deadline_at_ms=NOW_MS + 30_000, revision=OPEN.revision + 1)
    assert region.announce(change(row(OPEN), row(after))) == {"batchItemFailures": []}
    assert sent == []
    assert metrics(capsys.readouterr().out) == []


@pytest.mark.parametrize("before", [OPEN, CLOSED])
def test_a_deleted_item_is_a_closed_circuit(
    region: Region, sent: list[dict[str, Any]], before: Circuit
) -> None:
    """Deleting an open circuit's item closes it, which is announced; of a closed one it is not announced."""
    region.announce(change(row(before), None))
    assert [as_event(entry)["detail"]["state"] for entry in sent] == (["CLOSED"] if before is OPEN else [])
    for entry in sent:
        assert_fits(as_event(entry), "circuit-state-changed")


def test_an_event_that_is_refused_comes_again(
    region: Region,
    sent: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An event that EventBridge does not take fails its record, so that the stream brings it again."""
    events = region.functions.announce.events
    refusal = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
    batch = golden("circuit-stream")
    number = batch["Records"][0]["dynamodb"]["SequenceNumber"]
    with monkeypatch.context() as patch:
        patch.setattr(events, "put_events", lambda **_: refusal)
        assert region.announce(batch) == {"batchItemFailures": [{"itemIdentifier": number}]}
    assert re.search(r"EventBridge refused the event of payments-api.*Throttling", caplog.text)
    assert region.announce(batch) == {"batchItemFailures": []}
    assert len(sent) == 1


def test_a_bad_record_does_not_hold_up_the_others(region: Region, sent: list[dict[str, Any]]) -> None:
    """A record that can never be understood is dropped; the others of its batch are announced."""
    batch = [
        change(image("circuit-stream", image="OldImage"), image("circuit-stream"))["Records"][0]
        for _ in "123"
    ]
    for number, record in enumerate(batch):
        record["dynamodb"]["SequenceNumber"] = str(100 + number)
    batch[1]["dynamodb"]["NewImage"]["state"] = {"S": "AJAR"}
    assert region.announce({"Records": batch}) == {"batchItemFailures": []}
    assert len(sent) == 2


@pytest.mark.parametrize(
    "edit", [{"state": {"S": "closed"}}, {"state": {"NULL": True}}, {"generation": {"S": "16"}}, None]
)
def test_a_trip_is_told_whatever_was_there_before(
    region: Region, sent: list[dict[str, Any]], edit: dict[str, Any] | None
) -> None:
    """Where somebody wrote an item without a state, or with a broken one, its next trip is announced."""
    before = {"circuit": {"S": NAME}} if edit is None else image("circuit-stream", image="OldImage") | edit
    assert region.announce(change(before, image("circuit-stream"))) == {"batchItemFailures": []}
    [entry] = sent
    detail = as_event(entry)["detail"]
    assert (detail["previous_state"], detail["state"]) == ("CLOSED", "OPEN")
