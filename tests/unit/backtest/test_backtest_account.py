"""`recloser backtest --from-aws`: alarms and metrics out of an account, which nothing is written to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from alarm_twin import rate_alarm, scalar_alarm, slow_alarm
from botocore.stub import ANY, Stubber
from moto import mock_aws
from typer.testing import CliRunner, Result

from recloser.cli.main import app
from recloser.lab.backtest.account_metrics import AccountError, read_account_alarms, read_account_metrics
from recloser.lab.backtest.alarm_files import alarm_of, alarm_set
from recloser.lab.backtest.backtest import Settings, backtest

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
START = NOW - timedelta(minutes=30)


@pytest.fixture
def client(no_real_aws: Mapping[str, str]) -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("cloudwatch")


def publish(client: Any, minute: int, failures: int, calls: int = 10) -> None:
    client.put_metric_data(
        Namespace="Recloser",
        MetricData=[
            {
                "MetricName": "Failure",
                "Dimensions": [{"Name": "Circuit", "Value": "payments-api"}],
                "Timestamp": START + timedelta(minutes=minute, seconds=number * 5),
                "Value": float(number < failures),
                "StorageResolution": 1,
            }
            for number in range(calls)
        ],
    )


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["backtest", "--from-aws", *map(str, arguments)])


def clock(minute: int) -> str:
    return (START + timedelta(minutes=minute)).isoformat()


def test_an_alarm_of_the_account_over_its_metrics(client: Any) -> None:
    """An alarm is named, its metrics are read, and it trips where its data says so."""
    definition = rate_alarm(period=60, minimum=3)
    client.put_metric_alarm(**definition)
    for minute in range(20):
        publish(client, minute, 8 if 8 <= minute < 12 else 0)
    before = client.describe_alarms()["MetricAlarms"]
    result = run(
        "--alarm", definition["AlarmName"], "--from", clock(2), "--to", clock(20), "--json", "--phase", 30
    )
    assert result.exit_code == 0, result.output
    (alarm,) = json.loads(result.stdout)["alarms"]
    trips = [change["at"] for change in alarm["transitions"] if change["to"] == "ALARM"]
    assert trips == [(START + timedelta(minutes=10, seconds=30)).strftime("%Y-%m-%dT%H:%M:%S.000Z")]
    assert client.describe_alarms()["MetricAlarms"] == before


def test_a_file_over_the_metrics_of_the_account(client: Any, tmp_path: Path) -> None:
    """What is not in the account yet can be tried on its metrics, beside what is."""
    proposed = {**rate_alarm(period=60, minimum=3), "AlarmName": "proposed", "Threshold": 90}
    (tmp_path / "proposed.json").write_text(json.dumps(proposed))
    deployed = rate_alarm(period=60, minimum=3)
    client.put_metric_alarm(**deployed)
    for minute in range(20):
        publish(client, minute, 8 if 8 <= minute < 12 else 0)
    result = run(
        "--alarm",
        tmp_path / "proposed.json",
        "--alarm",
        deployed["AlarmName"],
        "--from",
        clock(2),
        "--to",
        clock(20),
    )
    assert result.exit_code == 0, result.output
    rows = [
        line.split()
        for line in result.stdout.splitlines()
        if re.match(r"\s*(proposed|recloser)\S* +\d", line)
    ]
    assert [(row[0], row[1]) for row in rows] == [("proposed", "0"), (deployed["AlarmName"], "1")]


def test_an_alarm_that_is_not_there(client: Any) -> None:
    """A name without an alarm is refused: exit code 2."""
    result = run("--alarm", "nobody")
    assert (result.exit_code, result.stderr.strip().splitlines()[-1]) == (
        2,
        "recloser: there is no alarm 'nobody' in this account and Region",
    )


def test_data_that_cloudwatch_no_longer_keeps(client: Any) -> None:
    """Ten-second data is kept for three hours: to ask for last Tuesday is refused, and says why."""
    client.put_metric_alarm(**scalar_alarm())
    result = run("--alarm", "signal", "--from", (NOW - timedelta(days=6)).isoformat())
    assert result.exit_code == 2
    assert "needs periods of 10 s, and CloudWatch keeps those below 60 s for 3 hours only" in result.stderr


def test_metrics_and_from_aws_exclude_each_other(client: Any, tmp_path: Path) -> None:
    """Data comes from files or from the account."""
    result = run("--alarm", "signal", "--metrics", tmp_path / "data.csv")
    assert result.exit_code == 2
    assert "a file only without --from-aws" in result.stderr


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, no_real_aws: Mapping[str, str]) -> None:
    """Without credentials there is one line, and no traceback."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    result = run("--alarm", "signal")
    assert result.exit_code == 1
    assert len(result.stderr.strip().splitlines()) == 1


def stubbed() -> tuple[Any, Stubber]:
    client = boto3.client(
        "cloudwatch", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    return client, Stubber(client)


def page(values: Mapping[str, list[tuple[int, float]]], token: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "MetricDataResults": [
            {
                "Id": name,
                "Label": name,
                "Timestamps": [datetime.fromtimestamp(second, UTC) for second, _ in points],
                "Values": [value for _, value in points],
            }
            for name, points in values.items()
        ]
    }
    return found if token is None else {**found, "NextToken": token}


def test_every_page_is_read() -> None:
    """Answers come in pages; a rank is read as it is, with its number of samples, and progress is told."""
    client, stub = stubbed()
    second = 1_789_380_000
    asked = {
        "MetricDataQueries": ANY, "StartTime": ANY, "EndTime": ANY, "ScanBy": "TimestampAscending",
    }  # fmt: skip
    first = {"read0_value": [(second, 80.0)], "read0_samplecount": [(second, 25.0)]}
    rest = {"read0_value": [(second + 10, 90.0)], "read0_samplecount": [(second + 10, 30.0)]}
    stub.add_response("get_metric_data", page(first, "more"), asked)
    stub.add_response("get_metric_data", page(rest), {**asked, "NextToken": "more"})
    told = []
    span_ms = (second * 1000, (second + 60) * 1000)
    with stub:
        data = read_account_metrics(
            client,
            [alarm_of(slow_alarm())],
            span_ms,
            span_ms[1],
            lambda done, total: told.append((done, total)),
        )
    stub.assert_no_pending_responses()
    assert told == [(0, 2), (2, 2)]
    (found,) = backtest(alarm_set(data.alarms), data.samples, Settings(*span_ms))
    assert found.trips == 1
    evaluated = (found.transitions[-1].reason_data or {})["evaluatedDatapoints"]
    assert [(point["value"], point["sampleCount"]) for point in evaluated] == [(90.0, 30.0), (80.0, 25.0)]


def test_composite_alarms_bring_their_children() -> None:
    """A composite alarm is run together with the alarms that it refers to, asked for in a second call."""
    client, stub = stubbed()
    types = ["MetricAlarm", "CompositeAlarm"]
    for asked, answer in (
        (["all"], {"CompositeAlarms": [{"AlarmName": "all", "AlarmRule": "ALARM(signal) OR ALARM(signal)"}]}),
        (["signal"], {"MetricAlarms": [scalar_alarm()]}),
    ):
        stub.add_response("describe_alarms", answer, {"AlarmNames": asked, "AlarmTypes": types})
    with stub:
        found = read_account_alarms(client, ["all"])
    stub.assert_no_pending_responses()
    assert [alarm.name for alarm in alarm_set(found).alarms] == ["signal", "all"]


def test_what_is_asked_for() -> None:
    """Basic statistics are asked for once a metric, in the finest period that an alarm needs."""
    client, stub = stubbed()
    stub.add_response("get_metric_data", page({}), None)
    asked: list[dict[str, Any]] = []
    client.meta.events.register(
        "provide-client-params.cloudwatch.GetMetricData", lambda params, **_: asked.append(params)
    )
    alarms = [alarm_of(rate_alarm(period=60)), alarm_of(rate_alarm()), alarm_of(slow_alarm())]
    with stub:
        read_account_metrics(
            client, alarms, (1_789_380_015_000, 1_789_380_075_000), 1_789_380_075_000, lambda *_: None
        )
    stats = [query["MetricStat"] for query in asked[0]["MetricDataQueries"]]
    assert [(stat["Metric"]["MetricName"], stat["Period"], stat["Stat"]) for stat in stats] == [
        ("Failure", 10, "SampleCount"),
        ("Failure", 10, "Sum"),
        ("Failure", 10, "Minimum"),
        ("Failure", 10, "Maximum"),
        ("Duration", 10, "PR(2000:)"),
        ("Duration", 10, "SampleCount"),
    ]
    # The steady alarm looks back eight minutes from the last whole one.
    assert asked[0]["StartTime"] == datetime.fromtimestamp(1_789_380_000 - 480, UTC)


def test_many_alarms_are_described_in_batches(client: Any) -> None:
    """DescribeAlarms takes a hundred names at a time."""
    for number in range(120):
        client.put_metric_alarm(**scalar_alarm(AlarmName=f"signal-{number}"))
    names = [f"signal-{number}" for number in range(120)]
    assert len(read_account_alarms(client, names)) == 120
    with pytest.raises(AccountError, match="there is no alarm 'nobody'"):
        read_account_alarms(client, [*names, "nobody"])
