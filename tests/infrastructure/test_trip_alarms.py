"""The alarms that trip circuits, setting by setting."""

from __future__ import annotations

from typing import Any

import pytest
from transformed_template import Document, deployed, of_type

CIRCUITS = ["payments-api", "inventory.v2"]


def alarms(resources: Document) -> Document:
    """The alarms of the circuits, by name."""
    named = {
        alarm.get("AlarmName", ""): alarm for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values()
    }
    return {name: alarm for name, alarm in named.items() if name.count(":") == 2}


def measured(identity: str, circuit: str, metric: str, period_seconds: int, statistic: str) -> dict[str, Any]:
    return {
        "Id": identity,
        "ReturnData": False,
        "MetricStat": {
            "Metric": {
                "Namespace": "Recloser",
                "MetricName": metric,
                "Dimensions": [{"Name": "Circuit", "Value": circuit}],
            },
            "Period": period_seconds,
            "Stat": statistic,
        },
    }


def two_of_three(resource: Document) -> Document:
    """The settings that all of them share, taken away; what is left tells them apart."""
    left = dict(resource)
    assert left.pop("EvaluationPeriods") == 3
    assert left.pop("DatapointsToAlarm") == 2
    assert left.pop("TreatMissingData") == "notBreaching"
    assert left.pop("AlarmDescription")
    assert "Unit" not in str(resource)
    return left


@pytest.mark.parametrize("circuit", CIRCUITS)
@pytest.mark.parametrize(
    ("speed", "period_seconds", "enough"),
    [("fast", 10, "calls >= 10"), ("steady", 60, "FILL(calls, 0) >= 3")],
)
def test_failure_rate(
    resources: Document, circuit: str, speed: str, period_seconds: int, enough: str
) -> None:
    """Half of at least so many calls fail, in two of three periods."""
    name = f"recloser:{circuit}:failure-rate-{speed}"
    assert two_of_three(alarms(resources)[name]) == {
        "AlarmName": name,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": "50",
        "Metrics": [
            {
                "Id": "rate",
                "Label": "Failure rate (%)",
                "Expression": f"IF({enough}, 100 * failures / calls, 0)",
                "ReturnData": True,
            },
            measured("failures", circuit, "Failure", period_seconds, "Sum"),
            measured("calls", circuit, "Failure", period_seconds, "SampleCount"),
        ],
    }


@pytest.mark.parametrize("circuit", CIRCUITS)
def test_slow_calls(resources: Document, circuit: str) -> None:
    """More than half of at least ten calls are slow, in two of three periods of ten seconds."""
    name = f"recloser:{circuit}:slow-calls"
    assert two_of_three(alarms(resources)[name]) == {
        "AlarmName": name,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": "50",
        "Metrics": [
            {
                "Id": "share",
                "Label": "Slow calls (%)",
                "Expression": "IF(calls >= 10, slow, 0)",
                "ReturnData": True,
            },
            measured("slow", circuit, "Duration", 10, "PR(2000:)"),
            measured("calls", circuit, "Duration", 10, "SampleCount"),
        ],
    }


def test_every_circuit_has_the_three(resources: Document) -> None:
    """Each circuit has its three alarms, whatever its name is made of, and there are no others."""
    kinds = ["failure-rate-fast", "failure-rate-steady", "slow-calls"]
    assert alarms(resources).keys() == {
        f"recloser:{circuit}:{kind}" for circuit in CIRCUITS for kind in kinds
    }


@pytest.mark.parametrize(
    ("resource", "name", "metric", "comparison"),
    [
        ("AnyCircuitFailureRate", "any-circuit", "Failure", "GreaterThanOrEqualToThreshold"),
        ("AnyCircuitSlowCalls", "any-circuit-slow", "Slow", "GreaterThanThreshold"),
    ],
)
def test_any_circuit(resource: str, name: str, metric: str, comparison: str) -> None:
    """Two alarms watch every circuit of the stack's namespace, also those that no template names."""
    alarm = deployed(Namespace="Blue", FailureThresholdPercent="80", SlowSharePercent="80")["Resources"][
        resource
    ]
    settings = dict(alarm["Properties"])
    assert settings.pop("AlarmDescription")
    [query] = settings.pop("Metrics")
    del query["Id"]
    everything = 'FROM SCHEMA("Blue", Circuit) GROUP BY Circuit ORDER BY MAX() DESC'
    assert query == {
        "Expression": f"SELECT AVG({metric}) {everything}",
        "Period": 60,
        "ReturnData": True,
    }
    assert settings == {
        "AlarmName": f"recloser:{name}",
        "EvaluationPeriods": 1,
        "ComparisonOperator": comparison,
        "Threshold": "0.80",
        "TreatMissingData": "notBreaching",
    }


def test_without_circuits() -> None:
    """The first deployment names no circuit: no alarm is made for a circuit without a name."""
    resources = deployed()["Resources"]
    assert alarms(resources) == {}
    assert {"AnyCircuitFailureRate", "AnyCircuitSlowCalls"} <= resources.keys()


@pytest.mark.parametrize("fast", ["true", "false"])
def test_more_circuits_have_the_same_alarms(fast: str) -> None:
    """alarms.yaml makes the alarms that the parameter Circuits makes, setting by setting."""
    parameters = {"Circuits": ",".join(CIRCUITS), "FastAlarms": fast, "MinimumCallsSteady": "7"}
    here = alarms(deployed(**parameters)["Resources"])
    there = of_type(deployed(name="alarms.yaml", **parameters)["Resources"], "AWS::CloudWatch::Alarm")
    assert {alarm["AlarmName"]: alarm for alarm in there.values()} == here


def test_logical_ids_are_alphanumeric(resources: Document) -> None:
    """CloudFormation takes the loop's logical ids, also for a name with a dash or a dot."""
    assert {"FailureRateFastpaymentsapi", "SlowCallsinventoryv2"} <= resources.keys()
    assert all(name.isalnum() for name in resources)


def test_without_fast_alarms() -> None:
    """Without the dear 10-second alarms every circuit keeps the steady one."""
    cheap = alarms(deployed(Circuits=",".join(CIRCUITS), FastAlarms="false")["Resources"])
    assert cheap.keys() == {f"recloser:{circuit}:failure-rate-steady" for circuit in CIRCUITS}


def test_settings_are_parameters() -> None:
    """The thresholds, the minimum calls and what is slow are an operator's to set."""
    tuned = alarms(
        deployed(
            Circuits="search",
            FailureThresholdPercent="30",
            MinimumCallsFast="50",
            MinimumCallsSteady="7",
            SlowSharePercent="20",
            SlowCallMilliseconds="750",
        )["Resources"]
    )
    expressions = {name: alarm["Metrics"][0]["Expression"] for name, alarm in tuned.items()}
    assert expressions == {
        "recloser:search:failure-rate-fast": "IF(calls >= 50, 100 * failures / calls, 0)",
        "recloser:search:failure-rate-steady": "IF(FILL(calls, 0) >= 7, 100 * failures / calls, 0)",
        "recloser:search:slow-calls": "IF(calls >= 50, slow, 0)",
    }
    assert {name: alarm["Threshold"] for name, alarm in tuned.items()} == {
        "recloser:search:failure-rate-fast": "30",
        "recloser:search:failure-rate-steady": "30",
        "recloser:search:slow-calls": "20",
    }
    assert tuned["recloser:search:slow-calls"]["Metrics"][1]["MetricStat"]["Stat"] == "PR(750:)"
