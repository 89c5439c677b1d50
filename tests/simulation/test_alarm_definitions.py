"""The simulated alarms are the deployed ones."""

from __future__ import annotations

from typing import Any

import pytest
from transformed_template import deployed, of_type

from recloser.lab.simulation.alarm_definitions import deployed_alarms
from recloser.lab.simulation.scenario import AlarmSettings


def comparable(alarm: dict[str, Any]) -> dict[str, Any]:
    """CloudFormation's numbers are texts, its metrics stand in any order, and descriptions do not decide."""
    ours = {name: value for name, value in alarm.items() if name != "AlarmDescription"}
    ours["Threshold"] = float(alarm["Threshold"])
    ours["Metrics"] = {entry["Id"]: without_label(entry) for entry in alarm["Metrics"]}
    return ours


def without_label(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "Label"}


@pytest.mark.parametrize(
    ("parameters", "settings"),
    [
        ({}, AlarmSettings()),
        ({"FastAlarms": "false"}, AlarmSettings(fast_alarms=False)),
        (
            {"FailureThresholdPercent": "30", "MinimumCallsSteady": "7", "SlowCallMilliseconds": "900"},
            AlarmSettings(failure_threshold_percent=30, minimum_calls_steady=7, slow_call_milliseconds=900),
        ),
    ],
)
def test_they_are_those_of_the_template(parameters: dict[str, str], settings: AlarmSettings) -> None:
    """Setting for setting, whatever the parameters."""
    resources = deployed(Circuits="payments-api", **parameters)["Resources"]
    alarms = list(of_type(resources, "AWS::CloudWatch::Alarm").values())
    expected = {
        alarm["AlarmName"]: comparable(alarm)
        for alarm in alarms
        if alarm.get("AlarmName", "").startswith("recloser:payments-api:")
    }
    ours = {alarm["AlarmName"]: comparable(alarm) for alarm in deployed_alarms("payments-api", settings)}
    assert ours == expected


@pytest.mark.parametrize("threshold", ["50", "80"])
def test_the_one_for_any_circuit_is_that_of_the_template(threshold: str) -> None:
    """Setting for setting, whatever the threshold."""
    alarm = deployed(FailureThresholdPercent=threshold)["Resources"]["AnyCircuitFailureRate"]["Properties"]
    settings = AlarmSettings(watched_by="any-circuit", failure_threshold_percent=float(threshold))
    [ours] = deployed_alarms("payments-api", settings)
    assert comparable(ours) == comparable(alarm)
