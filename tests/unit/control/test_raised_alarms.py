"""The alarms in ALARM, as DescribeAlarms has them: which are read, and which are nobody's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from recloser.control.alarms import CloudWatchAlarms
from recloser.control.stack import Stack

METRIC = {
    "Namespace": "Recloser",
    "MetricName": "Failure",
    "Dimensions": [{"Name": "Circuit", "Value": "payments-api"}],
}
STAT = {"Metric": METRIC, "Period": 60, "Stat": "Average"}


def alarm(name: str, **settings: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "AlarmName": name,
        "StateUpdatedTimestamp": datetime.fromtimestamp(1_700_000_000, UTC),
        "EvaluationPeriods": 1,
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    return told | settings


def of_account(account: str | None) -> dict[str, Any]:
    query = {"Id": "m", "MetricStat": STAT}
    return alarm("linked", Metrics=[query if account is None else query | {"AccountId": account}])


def raised(*alarms: dict[str, Any]) -> list[str]:
    class CloudWatch:
        def describe_alarms(self, **_: Any) -> Any:
            return {"MetricAlarms": list(alarms)}

    return [each.name for each in CloudWatchAlarms(CloudWatch(), Stack(account="123456789012")).raised()]


@pytest.mark.parametrize("missing", ["Statistic", "Period", "StateUpdatedTimestamp"])
def test_an_alarm_of_another_kind_hides_no_other(missing: str, caplog: pytest.LogCaptureFixture) -> None:
    """One alarm that cannot be read is told once; the others are looked after."""
    strange = alarm("strange", Statistic="Average", Period=60, **METRIC)
    del strange[missing]
    assert raised(strange, alarm("plain", Statistic="Average", Period=60, **METRIC)) == ["plain"]
    [line] = caplog.messages
    assert line.startswith("alarm strange: its description is not understood")


@pytest.mark.parametrize(
    ("account", "found"), [(None, ["linked"]), ("123456789012", ["linked"]), ("999999999999", [])]
)
def test_metrics_of_a_linked_account_are_not_ours(account: str | None, found: list[str]) -> None:
    """An alarm of this account may watch another account's metrics: their circuits are not this stack's."""
    assert raised(of_account(account)) == found
