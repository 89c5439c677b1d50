"""The alarms that watch the breaker itself."""

from __future__ import annotations

import pytest
from transformed_template import Document, deployed, of_type

from recloser.control.alarm_circuit import circuit_of_alarm
from recloser.control.ignored import Ignored
from recloser.control.stack import Stack
from recloser.metrics.emf import DIMENSION, NAMESPACE, UNPROTECTED

TOPIC = "arn:aws:sns:eu-west-1:123456789012:on-call"
FUNCTIONS = ["FlipState", "StartRecovery", "Announce"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_dead_letters(resources: Document, function: str) -> None:
    """One dead letter is one too many."""
    alarm = dict(resources[f"{function}DeadLettersAlarm"]["Properties"])
    assert alarm.pop("AlarmDescription")
    assert alarm == {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [
            {"Name": "QueueName", "Value": {"Fn::GetAtt": [f"{function}DeadLetters", "QueueName"]}}
        ],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 0,
        "TreatMissingData": "notBreaching",
    }


def test_every_queue_is_watched(resources: Document) -> None:
    """No queue is filled unseen."""
    assert of_type(resources, "AWS::SQS::Queue").keys() == {
        f"{function}DeadLetters" for function in FUNCTIONS
    }


def test_recovery_runs(resources: Document) -> None:
    """Five minutes of failed runs are an alarm; runs that stop are missing data, where an alarm begins."""
    alarm = dict(resources["StartRecoveryRunsAlarm"]["Properties"])
    assert alarm.pop("AlarmDescription")
    successes, *measured = alarm.pop("Metrics")
    assert (successes["Expression"], successes["ReturnData"]) == ("invocations - errors", True)
    for entry, metric in zip(measured, ("Invocations", "Errors"), strict=True):
        assert entry["Id"] == metric.lower()
        assert entry["ReturnData"] is False
        assert entry["MetricStat"] == {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": metric,
                "Dimensions": [{"Name": "FunctionName", "Value": {"Ref": "StartRecovery"}}],
            },
            "Period": 60,
            "Stat": "Sum",
        }
    assert alarm == {
        "EvaluationPeriods": 5,
        "ComparisonOperator": "LessThanThreshold",
        "Threshold": 1,
        "TreatMissingData": "missing",
    }


def test_notifications() -> None:
    """Given a topic, the alarms that need a person tell it, and the alarms that trip circuits do not."""
    notified = deployed(NotificationTopicArn=TOPIC)["Resources"]
    told = {
        name
        for name, alarm in of_type(notified, "AWS::CloudWatch::Alarm").items()
        if alarm.get("AlarmActions") == [TOPIC] and alarm.get("OKActions") == [TOPIC]
    }
    assert told == {
        "StartRecoveryRunsAlarm",
        "DiscardedAlarm",
        "FlipStateEventAgeAlarm",
        "IteratorAgeAlarm",
        "ThrottledAlarm",
        "UnprotectedAlarm",
        *(f"{function}DeadLettersAlarm" for function in FUNCTIONS),
    }


def test_nobody_is_called_out_by_a_new_stack() -> None:
    """Before the first run there is no data: the only alarm that tells of that begins without data."""
    alarms = of_type(deployed(NotificationTopicArn=TOPIC)["Resources"], "AWS::CloudWatch::Alarm")
    for name, alarm in alarms.items():
        if name == "StartRecoveryRunsAlarm":
            assert (alarm["TreatMissingData"], alarm["InsufficientDataActions"]) == ("missing", [TOPIC])
        else:
            assert alarm["TreatMissingData"] == "notBreaching"
            assert "InsufficientDataActions" not in alarm


@pytest.mark.parametrize(
    ("alarm", "metric", "statistic", "functions"),
    [
        ("IteratorAgeAlarm", "IteratorAge", "Maximum", {"FlipState", "Announce"}),
        ("ThrottledAlarm", "Throttles", "Sum", {"FlipState", "StartRecovery", "Announce"}),
    ],
)
def test_functions_that_do_not_keep_up(
    resources: Document, alarm: str, metric: str, statistic: str, functions: set[str]
) -> None:
    """Functions that are throttled, or far behind a stream, are an alarm."""
    _, *measured = resources[alarm]["Properties"]["Metrics"]
    stats = [entry["MetricStat"] for entry in measured]
    assert {(stat["Metric"]["MetricName"], stat["Stat"], stat["Period"]) for stat in stats} == {
        (metric, statistic, 60)
    }
    assert {stat["Metric"]["Dimensions"][0]["Value"]["Ref"] for stat in stats} == functions


def test_callers_without_the_flag(resources: Document) -> None:
    """Calls that go past their breakers in three of five minutes are an alarm, which trips no circuit."""
    alarm = dict(resources["UnprotectedAlarm"]["Properties"])
    [query] = alarm.pop("Metrics")
    assert query["Expression"] == f'SELECT SUM({UNPROTECTED}) FROM SCHEMA("{NAMESPACE}", {DIMENSION})'
    assert (query["Period"], alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (60, 5, 3)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)
    guarded = circuit_of_alarm("UnprotectedAlarm", [], [query["Expression"]], Stack())
    assert isinstance(guarded, Ignored)


def test_no_notifications(resources: Document) -> None:
    """Without a topic nobody is told."""
    for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values():
        assert not alarm.keys() & {"AlarmActions", "OKActions", "InsufficientDataActions"}
