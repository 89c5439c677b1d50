"""The alarms of the template and of alarms.yaml, evaluated by the twin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformed_template import deployed, of_type

from recloser.lab.cloudwatch import MetricAlarm, metric_alarm

EXAMPLES = Path(__file__).parents[3] / "examples" / "backtest"
PROPERTIES = ("Metrics", "EvaluationPeriods", "DatapointsToAlarm", "ComparisonOperator", "TreatMissingData")


@pytest.fixture(scope="module")
def alarms() -> dict[str, MetricAlarm]:
    """Every alarm that the template deploys, by the end of its name."""
    found = {}
    resources = deployed(Circuits="payments-api")["Resources"]
    for name, properties in of_type(resources, "AWS::CloudWatch::Alarm").items():
        # CloudFormation makes numbers of the texts that parameters are, and gives names.
        definition = {"AlarmName": name, **properties, "Threshold": float(properties["Threshold"])}
        found[definition["AlarmName"].rsplit(":", 1)[-1]] = metric_alarm(definition)
    return found


def test_every_alarm_of_the_template_can_be_evaluated(alarms: dict[str, MetricAlarm]) -> None:
    """The local AWS leaves no deployed alarm out."""
    assert {"failure-rate-fast", "failure-rate-steady", "slow-calls", "StartRecoveryRunsAlarm"} <= set(alarms)


def shape(alarm: MetricAlarm) -> dict[str, Any]:
    metrics = {query["Id"]: query for query in alarm.definition["Metrics"]}
    return {
        **{key: alarm.definition[key] for key in PROPERTIES},
        "Metrics": metrics,
        "Threshold": alarm.threshold,
    }


@pytest.mark.parametrize("name", ["failure-rate-fast", "failure-rate-steady", "slow-calls"])
def test_the_example_alarms_are_those_of_the_template(name: str, alarms: dict[str, MetricAlarm]) -> None:
    """What `recloser backtest` is shown with decides like what is deployed."""
    shipped = json.loads((EXAMPLES / "alarms.json").read_text())
    (example,) = [one for one in shipped if one["AlarmName"].endswith(f":{name}")]
    assert shape(metric_alarm(example)) == shape(alarms[name])
