"""`recloser alarms tune`, `recloser backtest CIRCUIT`: what other limits would have done; setting them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from alarm_twin import rate_alarm
from typer.testing import Result

from recloser.cli.alarm_tuning import effective
from recloser.store.dynamodb import DynamoDBTables

QUERY = 'SELECT AVG(Failure) FROM SCHEMA("Recloser", Circuit) GROUP BY Circuit ORDER BY MAX() DESC'
STEADY = "recloser:payments-api:failure-rate-steady"
# Twenty minutes ago, six of ten calls of each of four minutes failed.
BEGINS = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=20)
Run = Callable[..., Result]


def call(circuit: str = "payments-api", failures: int = 6) -> None:
    data = [
        {
            "MetricName": "Failure",
            "Dimensions": [{"Name": "Circuit", "Value": circuit}],
            "Timestamp": BEGINS + timedelta(minutes=minute, seconds=5 * number),
            "Value": float(minute < 4 and number < failures),
            "StorageResolution": 1,
        }
        for minute in range(10)
        for number in range(10)
    ]
    boto3.client("cloudwatch").put_metric_data(Namespace="Recloser", MetricData=data)


def put_steady(**changes: Any) -> None:
    boto3.client("cloudwatch").put_metric_alarm(**rate_alarm(period=60, minimum=3) | changes)


def put_any() -> None:
    alarm = rate_alarm() | {
        "AlarmName": "recloser:any-circuit",
        "Threshold": 0.5,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "Metrics": [{"Id": "q", "Expression": QUERY, "Period": 60, "ReturnData": True}],
    }
    boto3.client("cloudwatch").put_metric_alarm(**alarm)


def tuned(recloser: Run, *arguments: str) -> dict[str, Any]:
    answer = recloser("alarms", "tune", "payments-api", *arguments, "--json")
    assert answer.exit_code == 0, answer.stderr
    document: dict[str, Any] = json.loads(answer.stdout)
    return document


def test_told_before_it_is_edited(recloser: Run, tables: DynamoDBTables) -> None:
    """Tuning tells how often the alarm tripped lately, and how often it would have; then it edits."""
    put_steady()
    call()
    answer = recloser("alarms", "tune", "payments-api", "--threshold", "80")
    assert answer.exit_code == 0, answer.stderr
    assert answer.stdout.splitlines() == [
        f"{STEADY}: in the last 2 hours it tripped once, so tuned never",
        f"{STEADY}: 50 % of at least 3 calls -> 80 % of at least 3 calls",
    ]
    [alarm] = boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert alarm["Threshold"] == 80


def test_tune_as_json(recloser: Run, tables: DynamoDBTables) -> None:
    """`--json` has the same: each alarm's limits before and after, and its trips."""
    put_steady()
    call()
    found = tuned(recloser, "--threshold", "80", "--dry-run")
    assert found == {
        "circuit": "payments-api",
        "changed": False,
        "alarms": [
            {
                "alarm": STEADY,
                "by_policy": False,
                "before": {"threshold_percent": 50, "minimum_calls": 3},
                "after": {"threshold_percent": 80, "minimum_calls": 3},
                "replayed_hours": 2,
                "trips": {"before": 1, "after": 0},
                "not_replayed_because": None,
            }
        ],
    }
    [alarm] = boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert alarm["Threshold"] == 50


def test_nothing_was_measured(recloser: Run, tables: DynamoDBTables) -> None:
    """Without data the alarm is tuned all the same, and that nothing is known is said."""
    put_steady()
    answer = recloser("alarms", "tune", "payments-api", "--threshold", "80")
    assert answer.exit_code == 0
    told = f"recloser: note: {STEADY}: what it would have done is not known: no data: CloudWatch has no calls"
    assert answer.stderr.startswith(told)


def test_by_policy(recloser: Run, tables: DynamoDBTables) -> None:
    """Where only the alarm over every circuit watches, the policy is tuned, and its effect is replayed."""
    put_any()
    call()
    [found] = tuned(recloser, "--threshold", "80")["alarms"]
    assert (found["alarm"], found["by_policy"], found["trips"]) == (
        "recloser:any-circuit",
        True,
        {"before": 1, "after": 0},
    )
    assert tables.read("payments-api", consistent=True).policy == {"failure_threshold_percent": 80.0}
    [found] = tuned(recloser, "--minimum-calls", "20", "--dry-run")["alarms"]
    assert found["before"] == {"threshold_percent": 80, "minimum_calls": 3}


def test_a_namespace_with_any_words(recloser: Run, tables: DynamoDBTables) -> None:
    """An alarm over every circuit has a fraction as threshold, also in a namespace "slow"."""
    query = QUERY.replace("Recloser", "slow/100*")
    entry = {"Id": "q", "Expression": query, "Period": 60, "ReturnData": True}
    assert effective({"Threshold": 0.5, "Metrics": [entry]}).threshold_percent == 50


def test_a_policy_cannot_look_lower(recloser: Run, tables: DynamoDBTables) -> None:
    """A policy below the threshold of the alarm over every circuit has no effect on it, and that is said."""
    put_any()
    answer = recloser("alarms", "tune", "payments-api", "--threshold", "30", "--dry-run")
    assert "recloser:any-circuit looks at circuits from 50 % on" in answer.stderr


def test_an_expression_of_somebodys_own(recloser: Run, tables: DynamoDBTables) -> None:
    """An alarm whose expression is not known is left alone: nobody guesses what it means."""
    definition = rate_alarm(period=60)
    definition["Metrics"][-1]["Expression"] = "IF(calls > 3, failures, 0)"
    boto3.client("cloudwatch").put_metric_alarm(**definition)
    answer = recloser("alarms", "tune", "payments-api", "--threshold", "80")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "no alarm on the failure rate of payments-api can be tuned" in answer.stderr


@pytest.mark.parametrize("threshold", ["0", "101", "many"])
def test_thresholds_that_are_none(recloser: Run, tables: DynamoDBTables, threshold: str) -> None:
    """A threshold is a percentage that can be reached."""
    assert recloser("alarms", "tune", "payments-api", "--threshold", threshold).exit_code == 2


def test_never_above_all(recloser: Run, tables: DynamoDBTables) -> None:
    """An alarm that trips above its threshold is not set to 100 %."""
    put_steady(ComparisonOperator="GreaterThanThreshold")
    answer = recloser("alarms", "tune", "payments-api", "--threshold", "100")
    assert answer.exit_code == 1
    assert "never above 100 %" in answer.stderr


# --- backtest ------------------------------------------------------------------------------------


def backtested(recloser: Run, *arguments: str) -> dict[str, int]:
    answer = recloser("backtest", "payments-api", *arguments, "--json")
    assert answer.exit_code == 0, answer.stderr
    return {
        alarm["alarmName"]: sum(change["to"] == "ALARM" for change in alarm["transitions"])
        for alarm in json.loads(answer.stdout)["alarms"]
    }


def test_backtest_of_a_circuit(recloser: Run, tables: DynamoDBTables) -> None:
    """A circuit's name is enough: its alarms over its last hours, and the same with other limits."""
    put_steady()
    call()
    assert backtested(recloser) == {STEADY: 1}
    assert backtested(recloser, "--threshold", "80") == {STEADY: 1, f"{STEADY} (80 % of at least 3 calls)": 0}
    assert backtested(recloser, "--minimum-calls", "11")[f"{STEADY} (50 % of at least 11 calls)"] == 0


def test_backtest_where_one_alarm_watches_all(recloser: Run, tables: DynamoDBTables) -> None:
    """What the alarm over every circuit and the policy come to is replayed as an alarm."""
    put_any()
    call()
    assert backtested(recloser, "--threshold", "55") == {
        "recloser:any-circuit": 1,
        "recloser:any-circuit (55 % of at least 3 calls)": 1,
    }


def test_backtest_without_data(recloser: Run, tables: DynamoDBTables) -> None:
    """Without calls there is no answer, and that is said: no data is not no trips."""
    put_steady()
    answer = recloser("backtest", "payments-api")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.stderr.startswith("recloser: no data: CloudWatch has no calls of payments-api between ")


def test_backtest_further_back(recloser: Run, tables: DynamoDBTables) -> None:
    """An alarm of 10 s is left out where CloudWatch keeps no data as fine, and the others are replayed."""
    put_steady()
    boto3.client("cloudwatch").put_metric_alarm(**rate_alarm())
    call()
    answer = recloser(
        "backtest", "payments-api", "--from", (BEGINS - timedelta(hours=4)).isoformat(), "--json"
    )
    document = json.loads(answer.stdout)
    assert [alarm["alarmName"] for alarm in document["alarms"]] == [STEADY]
    [left_out] = document["leftOut"]
    assert "CloudWatch keeps those below 60 s for 3 hours only" in left_out["problem"]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "told"),
    [
        (("payment-api",), 1, "circuit payment-api is not known: did you mean payments-api?"),
        (("payments api",), 2, "circuit name 'payments api' is not allowed"),
        (("payments-api", "--from-aws"), 2, "not together with --alarm, --metrics and --from-aws"),
        (("--threshold", "80"), 2, "--threshold and --minimum-calls only with one"),
        ((), 2, "a circuit, or --alarm FILE"),
    ],
)
def test_bad_backtests(
    recloser: Run, tables: DynamoDBTables, arguments: tuple[str, ...], exit_code: int, told: str
) -> None:
    """What is asked for must be one thing."""
    answer = recloser("backtest", *arguments)
    assert (answer.exit_code, told in answer.stderr) == (exit_code, True), answer.stderr
