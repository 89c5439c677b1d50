"""`recloser doctor` and `recloser alarms`: what is wrong is found, and what is right is not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from typer.testing import Result

from recloser.cli import views
from recloser.cli.account import Account, TripAlarm
from recloser.cli.doctor import trip_alarms
from recloser.control.control import Control
from recloser.signals import AlarmRaised
from recloser.store.dynamodb import DynamoDBTables

RATE = "IF(FILL(calls, 0) >= 3, 100 * failures / calls, 0)"


def failure_alarm(**changes: Any) -> dict[str, Any]:
    """An alarm with which nothing is wrong."""
    return {
        "AlarmName": "by-hand",
        "Namespace": "Recloser",
        "MetricName": "Failure",
        "Dimensions": [{"Name": "Circuit", "Value": "payments-api"}],
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    } | changes


def rate_alarm() -> dict[str, Any]:
    """A failure-rate alarm in the form of the template's."""

    def stat(name: str, statistic: str) -> dict[str, Any]:
        metric = {key: failure_alarm()[key] for key in ("Namespace", "MetricName", "Dimensions")}
        return {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {"Metric": metric, "Period": 60, "Stat": statistic},
        }

    return {
        "AlarmName": "recloser:payments-api:failure-rate-steady",
        "Metrics": [
            {
                "Id": "rate",
                "Expression": "IF(FILL(calls, 0) >= 3, 100 * failures / calls, 0)",
                "ReturnData": True,
            },
            stat("failures", "Sum"),
            stat("calls", "SampleCount"),
        ],
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "Threshold": 50,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }


def found(recloser: Callable[..., Result]) -> list[tuple[str, str, str]]:
    answer = recloser("doctor", "--json")
    document = json.loads(answer.stdout)
    assert document["not_checked"] == {}
    assert answer.exit_code == (1 if any(each["is_problem"] for each in document["findings"]) else 0)
    assert all(each["why"] and each["fix"] for each in document["findings"])
    return [(each["check"], each["subject"], each["what"]) for each in document["findings"]]


def test_nothing_is_wrong(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """Where all is well the doctor says so, and exits with 0."""
    boto3.client("cloudwatch").put_metric_alarm(**failure_alarm())
    boto3.client("cloudwatch").put_metric_alarm(**rate_alarm())
    assert found(recloser) == []
    assert recloser("doctor").stdout.strip() == "nothing found"


def test_stored_circuits(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """Overrides without an end, shadow mode, broken items and wrong clocks are found."""
    recloser("open", "payments-api", "--reason", "migration", "--by", "ann")
    recloser("open", "search", "--reason", "migration", "--for", "1h")
    recloser("policy", "search", "enforce=false")
    boto3.client("dynamodb").put_item(
        TableName=tables._circuit_table,
        Item={
            "circuit": {"S": "odd"},
            "revision": {"N": "1"},
            "changed_at": {"N": "4102444800000"},
            "policy": {"M": {"permits": {"S": "many"}}},
        },
    )
    findings = found(recloser)

    assert ("shadow mode", "search", "its policy has enforce=false") in findings
    [told] = [what for check, subject, what in findings if (check, subject) == ("overrides", "payments-api")]
    assert told.startswith("forced OPEN by ann since ")
    assert ("overrides", "search") not in {(check, subject) for check, subject, _ in findings}
    assert {check for check, subject, _ in findings if subject == "odd"} == {"stored items", "clocks"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"Threshold": 50}, "its threshold is 50, its metric at most 1"),
        ({"Threshold": 1}, "its threshold is 1, its metric at most 1"),
        ({"Unit": "Count"}, "it asks for the unit Count"),
        ({"TreatMissingData": "ignore"}, "missing data leaves it as it is"),
        ({"TreatMissingData": "breaching"}, "missing data is breaching"),
        ({"ActionsEnabled": False}, "its actions are disabled"),
        (
            {"ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 0},
            "its threshold is 0, and reached is enough",
        ),
        ({"Threshold": -1}, "its threshold is -1"),
        ({"ComparisonOperator": "LessThanThreshold"}, "it compares with LessThanThreshold"),
        ({"Dimensions": []}, "its metrics name 0 circuits in dimension Circuit"),
    ],
)
def test_alarms(
    changes: dict[str, Any], told: str, recloser: Callable[..., Result], tables: DynamoDBTables
) -> None:
    """An alarm that cannot trip, cannot clear or cannot be understood is found."""
    boto3.client("cloudwatch").put_metric_alarm(**failure_alarm(**changes))
    [(check, subject, what)] = found(recloser)
    assert (check, subject) == ("alarms", "by-hand")
    assert told in what


def publish(circuit: str, minutes: int, step_seconds: int) -> None:
    """Calls of the last minutes, one at each step."""
    end = datetime.now(UTC).replace(second=0, microsecond=0)
    data = [
        {
            "MetricName": "Failure",
            "Dimensions": [{"Name": "Circuit", "Value": circuit}],
            "Timestamp": end - timedelta(seconds=seconds),
            "Value": 0.0,
        }
        for seconds in range(step_seconds, minutes * 60, step_seconds)
    ]
    boto3.client("cloudwatch").put_metric_data(Namespace="Recloser", MetricData=data)


def test_a_metric_by_the_minute(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """An alarm of 10 s on a metric that comes by the minute is found; on a finer one it is right."""
    boto3.client("cloudwatch").put_metric_alarm(**failure_alarm(Period=10))
    publish("payments-api", minutes=10, step_seconds=60)
    [(check, subject, what)] = found(recloser)
    assert (check, subject, what) == (
        "alarms",
        "by-hand",
        "its periods are 10 s, and Failure comes by the minute",
    )
    publish("payments-api", minutes=10, step_seconds=20)
    assert found(recloser) == []


def test_drift_is_a_note(
    recloser: Callable[..., Result], tables: DynamoDBTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was tuned since the deployment is told, and is no problem: exit code 0."""
    parameters = {"FailureThresholdPercent": "50", "MinimumCallsSteady": "3"}
    monkeypatch.setattr(Account, "parameters", parameters)
    boto3.client("cloudwatch").put_metric_alarm(**rate_alarm())
    assert found(recloser) == []
    boto3.client("cloudwatch").put_metric_alarm(**rate_alarm() | {"Threshold": 80})
    [(check, subject, what)] = found(recloser)
    assert (check, subject) == ("drift", "recloser:payments-api:failure-rate-steady")
    assert what == "it was tuned since it was deployed: threshold % 80 (deployed: 50)"
    assert recloser("doctor").stdout.splitlines()[0].startswith("note: drift: ")


def test_an_alarm_on_a_circuit_that_nobody_calls(
    recloser: Callable[..., Result], tables: DynamoDBTables
) -> None:
    """A dimension that no caller writes is told: it may be a slip."""
    dimensions = [{"Name": "Circuit", "Value": "payment-api"}]
    boto3.client("cloudwatch").put_metric_alarm(**failure_alarm(Dimensions=dimensions))
    [(check, subject, what)] = found(recloser)
    assert (check, subject) == ("alarms", "by-hand")
    assert what.startswith("it watches payment-api, of which no caller has counted a call")


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("PARTIAL_DATA", "it sees only a part of the circuits"),
        ("EVALUATION_ERROR", "CloudWatch cannot evaluate it (EVALUATION_ERROR)"),
        ("EVALUATION_FAILURE", "CloudWatch cannot evaluate it (EVALUATION_FAILURE)"),
    ],
)
def test_an_alarm_that_is_not_evaluated(
    recloser: Callable[..., Result],
    tables: DynamoDBTables,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    told: str,
) -> None:
    """What CloudWatch says of an alarm's evaluation is told."""
    boto3.client("cloudwatch").put_metric_alarm(**failure_alarm())

    def change(answered: Any) -> None:  # moto evaluates nothing
        answered["MetricAlarms"][0]["EvaluationState"] = state

    describe_alarms_with(monkeypatch, change)
    assert [each[2] for each in found(recloser)] == [told]


def describe_alarms_with(monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], None]) -> None:
    call: Any = BaseClient._make_api_call  # type: ignore[attr-defined]  # private to botocore

    def answer(self: Any, operation: str, request: Any) -> Any:
        answered = call(self, operation, request)
        if operation == "DescribeAlarms":
            change(answered)
        return answered

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)


def test_a_composite_alarm_without_a_circuit(
    recloser: Callable[..., Result], tables: DynamoDBTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A composite alarm of the stack whose name tells no circuit trips none."""

    def change(answered: Any) -> None:  # moto makes no composite alarms
        names = ("recloser:payments-api:both", "recloser:both", "somebody-elses")
        answered["CompositeAlarms"] = [{"AlarmName": name, "AlarmRule": "ALARM(a)"} for name in names]

    describe_alarms_with(monkeypatch, change)
    assert [each[:2] for each in found(recloser)] == [("alarms", "recloser:both")]


def test_a_policy_against_the_defaults(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """Settings that are allowed, and do not go with the stack's defaults, are found."""
    boto3.client("dynamodb").put_item(
        TableName=tables._circuit_table,
        Item={
            "circuit": {"S": "search"},
            "revision": {"N": "1"},
            "policy": {"M": {"successes_to_close": {"N": "9"}}},
        },
    )
    [(check, subject, what)] = found(recloser)
    assert (check, subject) == ("policies", "search")
    assert "successes_to_close = 9 is not allowed: at most permits = 8" in what


def test_a_schedule_that_does_not_run(recloser: Callable[..., Result], control: Control) -> None:
    """A circuit that is overdue by minutes is found: nothing runs each minute."""
    control.apply("search", AlarmRaised("by-hand", "it fails", None))
    client, table = boto3.client("dynamodb"), control.tables._circuit_table  # type: ignore[attr-defined]
    item = client.get_item(TableName=table, Key={"circuit": {"S": "search"}})["Item"]
    hour_ago = str(int(time.time() * 1000) - 3_600_000)
    for name in ("changed_at", "opened_at", "retry_at", "due_at"):
        item[name] = {"N": hour_ago}
    client.put_item(TableName=table, Item=item)
    assert [each[:2] for each in found(recloser)] == [("schedule", "search")]


def test_unwatched_circuit(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """A circuit that callers count calls of and no alarm watches is found."""
    dimensions = [{"Name": "Circuit", "Value": "orders"}]
    boto3.client("cloudwatch").put_metric_data(
        Namespace="Recloser", MetricData=[{"MetricName": "Failure", "Dimensions": dimensions, "Value": 0}]
    )
    assert [each[:2] for each in found(recloser)] == [("unwatched circuits", "orders")]


def over_every_circuit(clauses: str = "", where: str = "") -> dict[str, Any]:
    """The alarm for any circuit, with other clauses in its query."""
    query = (
        f'SELECT AVG(Failure) FROM SCHEMA("Recloser", Circuit) {where} GROUP BY Circuit ORDER BY MAX() DESC'
    )
    return {
        "AlarmName": "recloser:any-circuit",
        "Metrics": [{"Id": "rate", "Expression": f"{query} {clauses}", "Period": 60, "ReturnData": True}],
        "EvaluationPeriods": 1,
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }


@pytest.mark.parametrize(
    ("alarm", "told"),
    [
        (over_every_circuit(), None),
        (over_every_circuit("LIMIT 500"), None),
        (over_every_circuit("LIMIT 10"), "LIMIT 10 cuts off all but the first 10"),
        (over_every_circuit(where="WHERE Circuit != 'orders'"), "WHERE leaves circuits out"),
    ],
)
def test_an_alarm_over_every_circuit_watches_all(
    recloser: Callable[..., Result],
    tables: DynamoDBTables,
    alarm: dict[str, Any],
    told: str | None,
) -> None:
    """No circuit is unwatched while one alarm watches all of them; one that leaves some out does not."""
    cloudwatch = boto3.client("cloudwatch")
    dimensions = [{"Name": "Circuit", "Value": "orders"}]
    cloudwatch.put_metric_data(
        Namespace="Recloser", MetricData=[{"MetricName": "Failure", "Dimensions": dimensions, "Value": 0}]
    )
    cloudwatch.put_metric_alarm(**alarm)
    findings = found(recloser)
    assert (("unwatched circuits", "orders") in {each[:2] for each in findings}) is (told is not None)
    told_of = [
        what for check, subject, what in findings if (check, subject) == ("alarms", "recloser:any-circuit")
    ]
    assert told_of == ([] if told is None else [f"its query does not watch every circuit: {told}"])


def test_not_checked(
    recloser: Callable[..., Result], tables: DynamoDBTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be looked at is told, and is no clean bill of health."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:9")
    answer = recloser("doctor")
    assert answer.exit_code == 1
    assert "recloser: not checked: callers: " in answer.stderr


def test_alarms_are_shown(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """Alarms are shown with what they ask for now, in percent and calls."""
    boto3.client("cloudwatch").put_metric_alarm(**rate_alarm())
    boto3.client("cloudwatch").put_metric_alarm(**failure_alarm())
    shown = {each["alarm"]: each for each in json.loads(recloser("alarms", "--json").stdout)}

    steady = shown["recloser:payments-api:failure-rate-steady"]
    assert (steady["circuit"], steady["threshold_percent"], steady["minimum_calls"]) == (
        "payments-api",
        50,
        3,
    )
    assert (shown["by-hand"]["threshold_percent"], shown["by-hand"]["minimum_calls"]) == (50, None)
    assert "50 %" in recloser("alarms").stdout


def test_tune(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """Tuning edits the circuit's own failure-rate alarm, and nothing else of it; a dry run edits nothing."""
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(**rate_alarm())
    tune = ["alarms", "tune", "payments-api", "--threshold", "80", "--minimum-calls", "20"]

    def stored() -> dict[str, Any]:
        [alarm] = cloudwatch.describe_alarms()["MetricAlarms"]
        return {name: value for name, value in alarm.items() if "Timestamp" not in name}

    before = stored()
    dry = recloser(*tune, "--dry-run")
    assert "50 % of at least 3 calls -> 80 % of at least 20 calls" in dry.stdout
    assert stored() == before
    assert recloser(*tune).exit_code == 0
    after = stored()
    assert after["Threshold"] == 80
    assert after["Metrics"][0]["Expression"] == "IF(FILL(calls, 0) >= 20, 100 * failures / calls, 0)"
    unchanged = before.keys() - {"Threshold", "Metrics"}
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}


def test_tune_by_policy(
    recloser: Callable[..., Result], tables: DynamoDBTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where only the alarm over every circuit watches, the policy is tuned; where none does, that is told."""
    refused = recloser("alarms", "tune", "payments-api", "--threshold", "80")
    assert (refused.exit_code, "can be tuned" in refused.stderr) == (1, True)
    query = 'SELECT AVG(Failure) FROM SCHEMA("Recloser", Circuit) GROUP BY Circuit ORDER BY MAX() DESC'
    every = {name: value for name, value in rate_alarm().items() if name != "Metrics"}
    metrics = [{"Id": "q", "Expression": query, "Period": 60, "ReturnData": True}]
    boto3.client("cloudwatch").put_metric_alarm(
        **every | {"AlarmName": "recloser:any-circuit", "Metrics": metrics}
    )

    assert recloser("alarms", "tune", "payments-api", "--threshold", "80").exit_code == 0
    assert tables.read("payments-api", consistent=True).policy == {"failure_threshold_percent": 80.0}


def test_600_alarms_at_80_columns(
    recloser: Callable[..., Result], tables: DynamoDBTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each alarm of 200 circuits is a line of at most 80 columns, and its name is whole."""
    monkeypatch.setattr(views, "_WIDTH_WITHOUT_TERMINAL", 80)
    kinds = ("failure-rate-fast", "failure-rate-steady", "slow-calls")
    names = [f"recloser:team-{number}:{kind}" for number in range(200) for kind in kinds]
    alarms = [TripAlarm(name, rate_alarm() | {"StateValue": "OK"}, name.split(":")[1]) for name in names]
    monkeypatch.setattr(Account, "trip_alarms", alarms)
    lines = recloser("alarms").stdout.splitlines()
    assert len(lines) == 1 + 600
    assert max(map(len, lines)) <= 80
    assert lines[1].split() == ["OK", "team-0:failure-rate-fast", "50", "%", "of", "3", "calls", "-"]


def test_deaf_alarm(
    recloser: Callable[..., Result], control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alarm that stands in ALARM over a closed circuit is found; over an open one it is right."""
    monkeypatch.setattr(trip_alarms, "DEAF_AFTER_MS", -60_000)
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(**failure_alarm())
    cloudwatch.set_alarm_state(AlarmName="by-hand", StateValue="ALARM", StateReason="it fails")
    assert [each[:2] for each in found(recloser)] == [("deaf alarms", "by-hand")]
    control.apply("payments-api", AlarmRaised("by-hand", "it fails", None))
    assert found(recloser) == []
