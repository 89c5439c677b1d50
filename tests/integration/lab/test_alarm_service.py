"""The emulator's alarms and the twin's are the same, and every change is told once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from recloser.lab.cloudwatch import CloudWatch, Event, Metric, Place
from recloser.lab.local_aws.alarm_service import AlarmService
from recloser.lab.local_aws.emulator import ACCOUNT, REGION

FAILURE = Metric.of("Recloser", "Failure", {"Circuit": "payments-api"})
# "rate" is evaluated every 10 s at a moment of its own, which its name decides: this lies 1.8 s before one.
BEGIN_MS = 1_800_000_000_000


class Region:
    """An alarm service over the emulator, in a time of its own."""

    def __init__(self, emulated: Any) -> None:
        self.emulated = emulated
        self.twin = CloudWatch(Place(ACCOUNT, REGION))
        self.told: list[Event] = []
        self.service = AlarmService(self.twin, emulated, self.told.append)
        self.now_ms = BEGIN_MS

    def step(self, seconds: float = 0) -> None:
        self.now_ms += int(seconds * 1000)
        self.service.step(self.now_ms)

    def transitions(self) -> list[tuple[str, str, str]]:
        """Return what was told of states since the last call: alarm, from, to."""
        details = [event["detail"] for event in self.told if "State Change" in event["detail-type"]]
        self.told.clear()
        return [(d["alarmName"], d["previousState"]["value"], d["state"]["value"]) for d in details]

    def shown(self, name: str) -> tuple[str, str]:
        found = self.emulated.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        alarm = (found["MetricAlarms"] + found["CompositeAlarms"])[0]
        return alarm["StateValue"], alarm["StateReason"]

    def fail(self, times: int) -> None:
        self.twin.metrics.add(FAILURE, self.now_ms, 1.0, times, storage_resolution_seconds=1)

    def put(self, name: str = "rate", **settings: Any) -> None:
        self.emulated.put_metric_alarm(
            **{
                "AlarmName": name,
                "EvaluationPeriods": 1,
                "Threshold": 50,
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                "TreatMissingData": "notBreaching",
                "Metrics": [
                    {"Id": "rate", "Expression": "100 * failures / calls"},
                    query("failures", "Sum"),
                    query("calls", "SampleCount"),
                ],
            }
            | settings
        )


def query(name: str, statistic: str) -> dict[str, Any]:
    dimensions = [{"Name": "Circuit", "Value": "payments-api"}]
    metric = {"Namespace": "Recloser", "MetricName": "Failure", "Dimensions": dimensions}
    return {
        "Id": name,
        "MetricStat": {"Metric": metric, "Period": 10, "Stat": statistic},
        "ReturnData": False,
    }


@pytest.fixture
def region(client: Callable[[str], Any]) -> Iterator[Region]:
    emulated = client("cloudwatch")
    yield Region(emulated)
    found = emulated.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    for kind in ("CompositeAlarms", "MetricAlarms"):
        emulated.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in found[kind]])


def test_a_math_alarm_is_evaluated(region: Region) -> None:
    """An alarm on metric math, as an operator puts it, rises with its data, and DescribeAlarms says so."""
    region.put()
    region.step()
    region.step(11)
    assert region.transitions() == [("rate", "INSUFFICIENT_DATA", "OK")]
    region.fail(20)
    region.step(20)
    assert region.transitions() == [("rate", "OK", "ALARM")]
    value, reason = region.shown("rate")
    assert value == "ALARM"
    assert reason.startswith("Threshold Crossed: 1 datapoint [100.0")
    region.step(0.25)
    assert region.transitions() == []


def test_an_alarm_that_is_deleted_while_it_rises(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    """An alarm that goes while it is evaluated, as when its stack is deleted, is forgotten; others go on."""
    region.put()
    region.step()
    described = region.service._describe()
    region.emulated.delete_alarms(AlarmNames=["rate"])
    with monkeypatch.context() as patched:
        patched.setattr(region.service, "_describe", lambda: described)
        region.step(11)
    assert region.transitions() == [("rate", "INSUFFICIENT_DATA", "OK")]
    region.put("other")
    region.step()
    region.step(11)
    assert region.transitions() == [("other", "INSUFFICIENT_DATA", "OK")]


def test_an_alarm_from_cloudformation_is_evaluated(region: Region, client: Callable[[str], Any]) -> None:
    """A template's alarm on metric math is taken over whole; numbers may be texts there."""
    properties = {
        "AlarmName": "from-template",
        "EvaluationPeriods": "1",
        "Threshold": "1",
        "ComparisonOperator": "GreaterThanThreshold",
        "Metrics": [{"Id": "zero", "Expression": "TIME_SERIES(0)", "Period": "10", "ReturnData": "true"}],
    }
    template = {"Resources": {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}}}
    client("cloudformation").create_stack(StackName="alarm", TemplateBody=json.dumps(template))
    client("cloudformation").get_waiter("stack_create_complete").wait(
        StackName="alarm", WaiterConfig={"Delay": 1}
    )
    region.step()
    region.step(11)
    assert region.service.refused == {}
    assert region.transitions() == [("from-template", "INSUFFICIENT_DATA", "OK")]


def test_set_by_hand(region: Region) -> None:
    """SetAlarmState against the emulator is told with the caller's words, and lasts until the evaluation."""
    region.put()
    region.step()
    region.step(11)
    region.transitions()
    region.emulated.set_alarm_state(AlarmName="rate", StateValue="ALARM", StateReason="fire drill")
    region.step(0.1)
    [event] = region.told
    assert event["detail"]["state"]["reason"] == "fire drill"
    assert "reasonData" not in event["detail"]["state"]
    assert region.transitions() == [("rate", "OK", "ALARM")]
    region.step(11)
    assert region.transitions() == [("rate", "ALARM", "OK")]
    assert region.shown("rate")[0] == "OK"


def test_set_by_hand_with_old_reason_data(region: Region) -> None:
    """The reason data of the last evaluation are not mistaken for those of a later SetAlarmState."""
    region.put()
    region.step()
    region.fail(20)
    region.step(20)
    region.emulated.set_alarm_state(AlarmName="rate", StateValue="OK", StateReason="re-armed")
    region.transitions()
    region.step(0.1)
    [event] = region.told
    assert "reasonData" not in event["detail"]["state"]
    assert region.transitions() == [("rate", "ALARM", "OK")]


def test_rearmed_alarm_rises_again(region: Region) -> None:
    """An alarm set to OK whose data still breach is raised, and told, again at the next evaluation."""
    region.put()
    region.step()
    region.fail(20)
    region.step(20)
    region.emulated.set_alarm_state(AlarmName="rate", StateValue="OK", StateReason="re-armed")
    region.transitions()
    region.step(0.1)
    region.step(10)
    assert region.transitions() == [("rate", "ALARM", "OK"), ("rate", "OK", "ALARM")]


def test_set_before_it_was_first_seen(region: Region) -> None:
    """A state set right after the alarm was made is not lost."""
    region.put()
    region.emulated.set_alarm_state(AlarmName="rate", StateValue="ALARM", StateReason="at once")
    region.step()
    assert region.transitions() == [("rate", "INSUFFICIENT_DATA", "ALARM")]


def test_same_state_again_is_no_news(region: Region) -> None:
    """SetAlarmState to the state that the alarm has changes nothing and is not told."""
    region.put()
    region.step()
    region.step(11)
    region.transitions()
    region.emulated.set_alarm_state(AlarmName="rate", StateValue="OK", StateReason="still")
    region.step(0.1)
    assert region.transitions() == []


def test_composite(region: Region) -> None:
    """A composite alarm follows its child; the emulator does not move it by itself."""
    region.put()
    region.emulated.put_composite_alarm(AlarmName="recloser:payments-api:any", AlarmRule='ALARM("rate")')
    region.step()
    assert region.transitions() == [("recloser:payments-api:any", "INSUFFICIENT_DATA", "OK")]
    region.emulated.set_alarm_state(AlarmName="rate", StateValue="ALARM", StateReason="fire drill")
    region.step(0.1)
    assert region.transitions() == [
        ("rate", "INSUFFICIENT_DATA", "ALARM"),
        ("recloser:payments-api:any", "OK", "ALARM"),
    ]
    assert region.shown("recloser:payments-api:any")[0] == "ALARM"


def test_percentile_alarm(region: Region) -> None:
    """An alarm on a percentile of one metric is taken over as it was put."""
    region.put(
        "slow",
        Metrics=[],
        Namespace="Recloser",
        MetricName="Duration",
        ExtendedStatistic="p90",
        Period=60,
        EvaluateLowSampleCountPercentile="ignore",
    )
    region.step()
    assert region.service.refused == {}
    [alarm] = region.twin.describe_alarms(["slow"])["MetricAlarms"]
    assert (alarm["ExtendedStatistic"], alarm["EvaluateLowSampleCountPercentile"]) == ("p90", "ignore")


def test_changed_and_deleted(region: Region) -> None:
    """A changed definition replaces the old one, and a deleted alarm is gone without a change of state."""
    region.put()
    region.step()
    region.put(Threshold=90)
    region.step(0.1)
    assert region.twin.describe_alarms(["rate"])["MetricAlarms"][0]["Threshold"] == 90
    region.emulated.delete_alarms(AlarmNames=["rate"])
    region.told.clear()
    region.step(0.1)
    assert region.twin.describe_alarms()["MetricAlarms"] == []
    assert [event["detail"]["operation"] for event in region.told] == ["delete"]


def test_not_evaluable_here(region: Region) -> None:
    """An alarm that the twin cannot evaluate is named with its problem, and harms no other."""
    region.put(
        "band", ThresholdMetricId="rate", ComparisonOperator="LessThanLowerOrGreaterThanUpperThreshold"
    )
    region.put()
    region.step()
    region.step(11)
    assert list(region.service.refused) == ["band"]
    assert "ComparisonOperator" in str(region.service.refused["band"])
    assert region.transitions() == [("rate", "INSUFFICIENT_DATA", "OK")]
