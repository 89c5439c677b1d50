"""`recloser cost`: a month in dollars, from what is given or from what the account's metrics say."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from transformed_template import deployed, of_type
from typer.testing import Result

from recloser.caller.options import CLOSED_CACHE_SECONDS
from recloser.cli.cost import usage
from recloser.cli.cost.estimate import others
from recloser.cli.cost.usage import Fleet, alarm_metrics, bytes_per_call, modelled
from recloser.store.dynamodb import DynamoDBTables

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"
FLEET = ("--circuits", "20", "--calls-per-second", "1000", "--environments", "200")


def cost(recloser: Callable[..., Result], *arguments: str) -> dict[str, Any]:
    answer = recloser("cost", *arguments, "--json")
    assert answer.exit_code == 0, answer.stderr
    document: dict[str, Any] = json.loads(answer.stdout)
    return document


def amounts(document: dict[str, Any]) -> dict[str, float]:
    return {line["what"]: line["amount"] for line in document["lines"]}


def test_a_fleet_that_is_described(recloser: Callable[..., Result]) -> None:
    """With three figures no account is asked, and each line is an amount times a price that has a source."""
    found = cost(recloser, *FLEET)
    for line in found["lines"]:
        price = line["price"]
        assert price["source"].startswith("https://")
        assert line["dollars"] <= line["amount"] * price["dollars"] / price["per"] + 0.001
    assert found["total_dollars"] == pytest.approx(sum(line["dollars"] for line in found["lines"]), abs=0.01)
    assert found["prices_as_of"]
    assert amounts(found)["metrics of alarms below 60 s"] == 0


def test_alarms_of_their_own_cost_more(recloser: Callable[..., Result]) -> None:
    """Each circuit with the template's three alarms adds two standard metrics and four of 10 s: $1.40."""
    without, with_alarms = cost(recloser, *FLEET), cost(recloser, *FLEET, "--circuits-with-alarms", "10")
    assert with_alarms["total_dollars"] - without["total_dollars"] == pytest.approx(14, abs=0.02)


def test_other_breakers() -> None:
    """One that uses its table on every call pays per call; Powertools pays per environment."""
    per_call, powertools = others(Fleet(1, 1000, 200))
    assert per_call.dollars == pytest.approx(1000 * 30 * 86400 / 1e6 * 0.75)
    assert powertools.dollars == pytest.approx(200 * 30 * 86400 / 5 / 2 / 1e6 * 0.125)
    assert CLOSED_CACHE_SECONDS == usage.FLAG_CACHE_SECONDS


def test_few_calls_are_few_reads() -> None:
    """A flag is not read oftener than there are calls."""
    assert Fleet(1, 1, 1000).flag_reads == Fleet(1, 1, 1000).calls


def test_busy_environments_write_less() -> None:
    """An environment that makes five calls a second gathers them: a call is a fraction of a line."""
    assert bytes_per_call(0.1) == bytes_per_call(1)
    assert bytes_per_call(5) < bytes_per_call(1) / 5


def test_the_account_says_it(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """Without figures, calls, metrics, alarms and what the tables served are taken from the account."""
    cloudwatch = boto3.client("cloudwatch")
    now = datetime.now(UTC)

    def put(namespace: str, name: str, place: tuple[str, str], value: float, hour: int) -> None:
        datum = {
            "MetricName": name,
            "Dimensions": [{"Name": place[0], "Value": place[1]}],
            "Value": value,
            "Timestamp": now - timedelta(hours=hour, minutes=-1),
        }
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])

    for hour in (1, 2, 3, 4):
        for _ in range(5):
            put("Recloser", "Failure", ("Circuit", "payments-api"), 0, hour)
    put("Recloser", "ProbeFailure", ("Circuit", "payments-api"), 0, 2)
    table = ("TableName", tables._circuit_table)
    put("AWS/DynamoDB", "ConsumedReadCapacityUnits", table, 9000, 2)
    cloudwatch.put_metric_alarm(
        AlarmName="by-hand",
        Namespace="Recloser",
        MetricName="Failure",
        Dimensions=[{"Name": "Circuit", "Value": "payments-api"}],
        Statistic="Average",
        Period=10,
        EvaluationPeriods=3,
        Threshold=0.5,
        ComparisonOperator="GreaterThanThreshold",
    )

    found = cost(recloser)

    assert found["fleet"]["circuits"] == 1
    assert found["measured_hours"] == pytest.approx(4, abs=0.1)
    assert found["fleet"]["calls_per_second"] == pytest.approx(20 / (4 * 3600), rel=0.02)
    assert amounts(found)["metrics of alarms below 60 s"] == 1
    assert amounts(found)["custom metrics"] == pytest.approx(1.25, rel=0.02)
    assert amounts(found)["DynamoDB read request units"] == pytest.approx(9000 * 720 / 4, rel=0.02)
    origins = {line["what"]: line["origin"] for line in found["lines"]}
    assert origins["custom metrics"] == "measured"
    assert origins["GB of logs from Lambda"] == "estimated"
    assert "1 circuit, " in recloser("cost").stdout


def test_no_calls_were_counted(recloser: Callable[..., Result], tables: DynamoDBTables) -> None:
    """Where the account has no metrics that is said, with what to give instead."""
    answer = recloser("cost")
    assert answer.exit_code == 1
    assert answer.stderr.startswith(
        "recloser: no data: no call was counted in namespace Recloser for 7 days; "
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--circuits", "3"), "without --calls-per-second, --environments"),
        ((*FLEET, "--circuits-with-alarms", "21"), "at most --circuits, 20"),
    ],
)
def test_half_a_fleet(recloser: Callable[..., Result], arguments: tuple[str, ...], told: str) -> None:
    """Figures that do not make a fleet are bad input."""
    answer = recloser("cost", *arguments)
    assert answer.exit_code == 2
    assert told in answer.stderr


@pytest.mark.parametrize("option", ["--circuits", "--calls-per-second", "--environments"])
@pytest.mark.parametrize("value", ["inf", "nan", "1e400", "9" * 400])
def test_a_fleet_that_cannot_be(recloser: Callable[..., Result], option: str, value: str) -> None:
    """What is no number of calls or environments is bad input."""
    answer = recloser("cost", *FLEET, option, value)
    assert answer.exit_code == 2
    assert option in answer.stderr


def test_the_template_has_these_alarms() -> None:
    """What is estimated for alarms is what the template deploys, within some metrics of the breaker's own."""
    alarms = of_type(deployed(Circuits="a")["Resources"], "AWS::CloudWatch::Alarm")
    found = [alarm_metrics(each, {"Failure": 1}) for each in alarms.values()]
    standard, fast, queried = (sum(column) for column in zip(*found, strict=True))
    used = modelled(Fleet(1, 1, 1, circuits_with_alarms=1))
    assert fast == used.fast_alarm_metrics
    assert abs(standard - used.alarm_metrics) <= 4
    assert queried == used.queried_metrics


TRAFFIC = [(1, 10), (50, 1000), (200, 200), (1000, 200), (5000, 1000)]  # calls a second, environments


@pytest.mark.parametrize(("calls_per_second", "environments"), TRAFFIC)
def test_the_page_says_what_traffic_costs(
    recloser: Callable[..., Result], calls_per_second: int, environments: int
) -> None:
    """The handbook's table is what the command says for one circuit with alarms of its own."""
    found = cost(
        recloser,
        *("--circuits", "1", "--circuits-with-alarms", "1"),
        *("--calls-per-second", str(calls_per_second), "--environments", str(environments)),
    )
    dollars = {line["what"]: line["dollars"] for line in found["lines"]}
    logs, total = dollars["GB of logs from Lambda"], found["total_dollars"]
    tables = sum(amount for what, amount in dollars.items() if what.startswith("DynamoDB"))
    figures = [logs, tables, total - logs - tables, total, *(each["dollars"] for each in found["others"])]
    row = f"| {calls_per_second:,} | {environments:,} | " + " | ".join(f"${each:,.2f}" for each in figures)
    assert f"{row} |" in OPERATIONS.read_text(encoding="utf-8").splitlines()
