"""Which events reach flip_state: the deployed patterns over the golden events, matched by an EventBridge."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from transformed_template import ROOT, Document

from recloser.lab.local_aws.emulator import Emulator, client_environment
from recloser.metrics.emf import TRIP_METRICS
from recloser.store.rows import encode
from recloser.store.turns import TURNS_KEY

EVENTS = ROOT / "events"
Matches = Callable[[Document, Document], bool]


@pytest.fixture(scope="module")
def matches(emulator: Emulator) -> Matches:
    """Does this pattern match this event? TestEventPattern says."""
    environment = client_environment(emulator.endpoint_url)
    client = boto3.client(
        "events",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )

    def matches(pattern: Document, event: Document) -> bool:
        answer = client.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))
        return bool(answer["Result"])

    return matches


@pytest.fixture
def alarm_pattern(resources: Document) -> Document:
    pattern: Document = resources["FlipStateAlarmRaised"]["Properties"]["EventPattern"]
    return pattern


@pytest.fixture
def probe_pattern(resources: Document) -> Document:
    (only,) = resources["FlipStateProbesReported"]["Properties"]["FilterCriteria"]["Filters"]
    pattern: Document = json.loads(only["Pattern"])
    return pattern


def golden(name: str) -> Document:
    event: Document = json.loads((EVENTS / f"{name}.json").read_text())
    return event


RAISED = ["alarm-metric", "alarm-metric-math", "alarm-composite", "alarm-by-hand", "alarm-by-hand-with-data"]


@pytest.mark.parametrize("name", RAISED)
def test_raised_alarm(matches: Matches, alarm_pattern: Document, name: str) -> None:
    """An alarm of any kind that goes to ALARM is heard."""
    assert matches(alarm_pattern, golden(name))


def test_every_other_golden_event(matches: Matches, alarm_pattern: Document) -> None:
    """No other event that the system knows trips anything."""
    heard = set()
    for path in EVENTS.glob("*.json"):
        event = json.loads(path.read_text())
        if isinstance(event, dict) and "detail-type" in event and matches(alarm_pattern, event):
            heard.add(path.stem)
    assert heard == set(RAISED)


def test_only_a_circuit_that_rises_is_heard_of_contributors(matches: Matches, resources: Document) -> None:
    """The rule for alarms over all circuits hears a circuit that goes to ALARM, and no other golden event."""
    pattern = resources["FlipStateContributorRaised"]["Properties"]["EventPattern"]
    heard = set()
    for path in EVENTS.glob("*.json"):
        event = json.loads(path.read_text())
        if isinstance(event, dict) and "detail-type" in event and matches(pattern, event):
            heard.add(path.stem)
    assert heard == {"alarm-contributor"}


@pytest.mark.parametrize(("field", "other"), [("account", "999999999999"), ("region", "us-east-1")])
def test_other_accounts_and_regions_are_not_heard(
    matches: Matches, resources: Document, field: str, other: str
) -> None:
    """An event that came from another account or Region over a shared bus calls nobody."""
    for rule, name in (
        ("FlipStateAlarmRaised", "alarm-metric"),
        ("FlipStateContributorRaised", "alarm-contributor"),
    ):
        event = golden(name) | {field: other}
        assert not matches(resources[rule]["Properties"]["EventPattern"], event)


def metrics_of(event: Document) -> list[Document]:
    return [
        entry["metricStat"]["metric"]
        for entry in event["detail"]["configuration"]["metrics"]
        if "metricStat" in entry
    ]


def another_namespace(event: Document) -> None:
    for metric in metrics_of(event):
        metric["namespace"] = "AWS/Lambda"


def another_metric(event: Document) -> None:
    for metric in metrics_of(event):
        metric["name"] = "State"


def named_like_a_composite(event: Document) -> None:
    another_metric(event)
    event["detail"]["alarmName"] = "recloser:payments-api:state"


def back_to_ok(event: Document) -> None:
    event["detail"]["state"]["value"] = "OK"


def still_in_alarm(event: Document) -> None:
    event["detail"]["previousState"]["value"] = "ALARM"


def from_somebody_else(event: Document) -> None:
    event["source"] = "example.monitoring"


def renamed(event: Document) -> None:
    event["detail"]["alarmName"] = "checkout:payments-api:everything"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("alarm-metric", another_namespace),
        ("alarm-metric-math", another_namespace),
        ("alarm-metric", another_metric),
        ("alarm-metric-math", another_metric),
        ("alarm-metric", named_like_a_composite),
        ("alarm-metric", back_to_ok),
        ("alarm-composite", back_to_ok),
        ("alarm-metric", still_in_alarm),
        ("alarm-composite", still_in_alarm),
        ("alarm-metric", from_somebody_else),
        ("alarm-composite", renamed),
    ],
)
def test_not_a_raised_alarm(
    matches: Matches, alarm_pattern: Document, name: str, change: Callable[[Document], None]
) -> None:
    """An alarm on something else, of another name, or with nothing new to say, is not heard."""
    event = copy.deepcopy(golden(name))
    change(event)
    assert not matches(alarm_pattern, event)


def test_the_deployed_alarms_are_heard(
    matches: Matches, alarm_pattern: Document, resources: Document
) -> None:
    """Every trip alarm of the template says, when it is raised, what the rule listens for."""
    event = golden("alarm-metric-math")
    for alarm in trip_alarms(resources):
        event["detail"]["alarmName"] = alarm["AlarmName"]
        event["detail"]["configuration"] = {"metrics": [as_in_an_event(entry) for entry in alarm["Metrics"]]}
        assert matches(alarm_pattern, event), alarm["AlarmName"]


@pytest.mark.parametrize("name", sorted(TRIP_METRICS))
def test_an_alarm_made_manually_is_matched(matches: Matches, alarm_pattern: Document, name: str) -> None:
    """An alarm on a metric that trips is heard by the rule, whatever the alarm's name."""
    event = golden("alarm-metric")
    event["detail"]["alarmName"] = "slow payments"
    for metric in metrics_of(event):
        metric["name"] = name
    assert matches(alarm_pattern, event)


def trip_alarms(resources: Document) -> list[Document]:
    alarms = [
        entry["Properties"] for entry in resources.values() if entry["Type"] == "AWS::CloudWatch::Alarm"
    ]
    found = [alarm for alarm in alarms if alarm.get("AlarmName", "").count(":") == 2]
    assert len(found) == 6
    return found


def as_in_an_event(entry: Document) -> Document:
    """An entry of PutMetricAlarm's Metrics in the form that events have."""
    if "Expression" in entry:
        return {"id": entry["Id"], "expression": entry["Expression"], "returnData": True}
    metric = entry["MetricStat"]["Metric"]
    return {
        "id": entry["Id"],
        "metricStat": {
            "metric": {
                "namespace": metric["Namespace"],
                "name": metric["MetricName"],
                "dimensions": {dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]},
            },
            "period": entry["MetricStat"]["Period"],
            "stat": entry["MetricStat"]["Stat"],
        },
        "returnData": False,
    }


@pytest.mark.parametrize(
    ("name", "heard"),
    [
        ("probe-stream", True),
        ("probe-stream-canary", True),
        ("probe-stream-minted", False),
        ("probe-stream-expired", False),
    ],
)
def test_probe_record(matches: Matches, probe_pattern: Document, name: str, heard: bool) -> None:  # noqa: FBT001
    """A claim or a report is heard; a minted permit, which is our own writing, and an expired one are not."""
    for record in golden(name)["Records"]:
        assert matches({"detail": probe_pattern}, enveloped(record)) is heard


REPORT_IMAGE = {
    "permit": {"S": "payments-api#17#failures-2-89468229"},
    "calls_07": {"N": "5"},
    "failures_07": {"N": "5"},
    "expires": {"N": "1789368200"},
}


def test_report_record(matches: Matches, resources: Document, probe_pattern: Document) -> None:
    """What environments count is heard by the mapping of reports alone, and probes by the other alone."""
    (only,) = resources["FlipStateFailuresReported"]["Properties"]["FilterCriteria"]["Filters"]
    pattern = json.loads(only["Pattern"])
    for name in ("INSERT", "MODIFY"):
        record = {"eventName": name, "dynamodb": {"NewImage": REPORT_IMAGE}}
        assert matches({"detail": pattern}, enveloped(record))
        assert not matches({"detail": probe_pattern}, enveloped(record))
    for record in golden("probe-stream")["Records"]:
        assert not matches({"detail": pattern}, enveloped(record))
    assert not matches({"detail": pattern}, enveloped({"eventName": "REMOVE", "dynamodb": {}}))


@pytest.mark.parametrize("mapping", ["FlipStateProbesReported", "FlipStateFailuresReported"])
def test_turns_are_not_heard(matches: Matches, resources: Document, mapping: str) -> None:
    """The item by which the functions take turns to set alarms is no permit and no report."""
    (only,) = resources[mapping]["Properties"]["FilterCriteria"]["Filters"]
    image = {"permit": encode(TURNS_KEY), "next_at": {"N": "1789364587912"}, "expires": {"N": "1789368200"}}
    record = {"eventName": "MODIFY", "dynamodb": {"NewImage": image}}
    assert not matches({"detail": json.loads(only["Pattern"])}, enveloped(record))


def enveloped(record: Document) -> Document:
    """A stream record as an event: event source mappings filter in the language of EventBridge's patterns."""
    envelope: dict[str, Any] = golden("scheduled-event")
    return envelope | {"detail": record}
