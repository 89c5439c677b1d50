"""What only our CloudWatch knows is answered through the emulator, as AWS's clients ask for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from recloser.lab.cloudwatch import CloudWatch, Event, Metric, Place
from recloser.lab.local_aws.alarm_service import AlarmService
from recloser.lab.local_aws.cloudwatch_api import CloudWatchApi
from recloser.lab.local_aws.emulator import ACCOUNT, REGION, Emulator

QUERY = 'SELECT AVG(Failure) FROM SCHEMA("Recloser", Circuit) GROUP BY Circuit ORDER BY MAX() DESC'
MINUTE_MS = 60_000


class Region:
    """An emulator that asks a twin, in a time of its own."""

    def __init__(self, folder: Any) -> None:
        self.twin = CloudWatch(Place(ACCOUNT, REGION), retention_seconds=3600)
        self.api = CloudWatchApi(self.twin)
        self.emulator = Emulator(folder / "ministack.log", cloudwatch_url=self.api.url)
        self.told: list[Event] = []
        self.now_ms = time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS

    def start(self) -> None:
        self.emulator.start()
        session: Any = boto3.Session(
            aws_access_key_id=ACCOUNT, aws_secret_access_key="local", region_name=REGION
        )
        self.cloudwatch = session.client("cloudwatch", endpoint_url=self.emulator.endpoint_url)
        self.service = AlarmService(self.twin, self.cloudwatch, self.told.append)

    def step(self, seconds: float = 0) -> None:
        self.now_ms += int(seconds * 1000)
        with self.api.lock:
            self.service.step(self.now_ms)
            self.api.stepped(self.now_ms)

    def call(self, circuit: str, failures: int, calls: int) -> None:
        metric = Metric.of("Recloser", "Failure", {"Circuit": circuit})
        for number in range(calls):
            self.twin.metrics.add(
                metric, self.now_ms, 1.0 if number < failures else 0.0, storage_resolution_seconds=1
            )

    def data(self, *queries: dict[str, Any]) -> list[tuple[str, str, list[float]]]:
        now = datetime.fromtimestamp(self.now_ms / 1000, UTC)
        answer = self.cloudwatch.get_metric_data(
            MetricDataQueries=list(queries),
            StartTime=datetime.fromtimestamp(now.timestamp() - 600, UTC),
            EndTime=now,
            ScanBy="TimestampAscending",
        )
        return [(found["Id"], found["Label"], found["Values"]) for found in answer["MetricDataResults"]]


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    region = Region(tmp_path_factory.mktemp("region"))
    with region.api:
        region.start()
        yield region
        region.emulator.stop()


def put(region: Region, **changes: Any) -> None:
    region.cloudwatch.put_metric_alarm(
        **{
            "AlarmName": "any",
            "Metrics": [{"Id": "q", "Expression": QUERY, "Period": 60, "ReturnData": True}],
            "EvaluationPeriods": 1,
            "DatapointsToAlarm": 1,
            "Threshold": 0.5,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            **changes,
        }
    )


def test_a_circuit_that_no_alarm_names_is_raised(region: Region) -> None:
    """One alarm watches every circuit: the failing one has an event, and is described, and its past told."""
    put(region)
    region.step()
    region.call("new", 4, 4)
    region.call("well", 0, 4)
    for _ in range(18):
        region.step(10)
    (event,) = [
        one for one in region.told if one["detail-type"] == "CloudWatch Alarm Contributor State Change"
    ]
    assert event["detail"]["alarmContributor"]["attributes"] == {"Circuit": "new"}
    (found,) = region.cloudwatch.describe_alarm_contributors(AlarmName="any")["AlarmContributors"]
    assert found["ContributorAttributes"] == {"Circuit": "new"}
    assert found["ContributorId"] == event["detail"]["alarmContributor"]["id"]
    assert found["StateTransitionedTimestamp"].tzinfo is not None
    (parent,) = region.cloudwatch.describe_alarms(AlarmNames=["any"])["MetricAlarms"]
    assert (parent["StateValue"], parent["StateReason"]) == (
        "ALARM",
        "1 out of 2 time series evaluated to ALARM",
    )
    (item,) = region.cloudwatch.describe_alarm_history(
        AlarmName="any", HistoryItemType="AlarmContributorStateUpdate"
    )["AlarmHistoryItems"]
    assert item["AlarmContributorAttributes"] == {"Circuit": "new"}


def test_get_metric_data(region: Region) -> None:
    """Plain metrics, math and queries are answered from the metrics of the twin."""
    region.call("asked", 1, 4)
    region.step(70)
    stat = {
        "Metric": {
            "Namespace": "Recloser",
            "MetricName": "Failure",
            "Dimensions": [{"Name": "Circuit", "Value": "asked"}],
        },
        "Period": 60,
    }
    failures = {"Id": "f", "MetricStat": stat | {"Stat": "Sum"}}
    calls = {"Id": "c", "MetricStat": stat | {"Stat": "SampleCount"}}
    rate = {"Id": "r", "Expression": "100 * f / c", "Label": "rate"}
    query = {"Id": "q", "Expression": QUERY.replace(" GROUP", " WHERE Circuit = 'asked' GROUP"), "Period": 60}
    assert region.data(failures, calls, rate, query) == [
        ("f", "Failure", [1.0]),
        ("c", "Failure", [4.0]),
        ("r", "rate", [25.0]),
        ("q", "asked", [0.25]),
    ]


def test_list_metrics(region: Region) -> None:
    """The twin's metrics are listed, by namespace, name and dimension; the others are the emulator's."""
    region.call("listed", 0, 1)
    region.step(1)
    circuit = {"Name": "Circuit", "Value": "listed"}
    metric = {"Namespace": "Recloser", "MetricName": "Failure", "Dimensions": [circuit]}

    def listed(**request: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = region.cloudwatch.list_metrics(**request)["Metrics"]
        return found

    assert metric in listed(Namespace="Recloser", MetricName="Failure")
    assert listed(Namespace="Recloser", Dimensions=[circuit]) == [metric]
    assert listed(Namespace="Recloser", MetricName="Duration") == []
    assert listed(Namespace="Nobodys") == []


def test_the_loop_may_list_the_emulators_metrics(region: Region) -> None:
    """While the region's loop holds the twin, it can list the emulator's own metrics."""
    with region.api.lock:
        assert isinstance(region.cloudwatch.list_metrics()["Metrics"], list)


def test_what_the_twin_has_no_metric_of_is_the_emulators(region: Region) -> None:
    """Metrics that were put to the emulator, in a namespace that the twin does not know, are still there."""
    region.cloudwatch.put_metric_data(
        Namespace="Other",
        MetricData=[
            {
                "MetricName": "m",
                "Value": 3,
                "Timestamp": datetime.fromtimestamp(region.now_ms / 1000 - 60, UTC),
            }
        ],
    )
    stat = {"Metric": {"Namespace": "Other", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    assert region.data({"Id": "m", "MetricStat": stat}) == [("m", "m", [3.0])]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"Metrics": [{"Id": "q", "Expression": QUERY, "Period": 10}]},
            "MetricsInsights monitors do not support less than 60 seconds period",
        ),
        (
            {"Metrics": [{"Id": "q", "Expression": QUERY.partition(" ORDER")[0], "Period": 60}]},
            (
                "Metrics expression that return multi time series are only allowed for MetricsInsights "
                "expression with an ORDER BY clause"
            ),
        ),
    ],
)
def test_what_put_metric_alarm_refuses(region: Region, changes: dict[str, Any], words: str) -> None:
    """The words of the refusal are AWS's."""
    with pytest.raises(ClientError) as refusal:
        put(region, AlarmName="refused", **changes)
    assert refusal.value.response["Error"]["Message"] == words
    assert refusal.value.response["Error"]["Code"] == "ValidationError"


def test_an_alarm_without_contributors_is_told_apart(region: Region) -> None:
    """Such an alarm, and none, are refused as AWS refuses them."""
    single = [{"Id": "q", "Expression": "SELECT SUM(Failure) FROM Recloser", "Period": 60}]
    put(region, AlarmName="single", Metrics=single)
    region.step(1)
    for name, words in [
        ("single", "Alarm single is not a multi time series alarm"),
        ("none", "No alarm for name"),
    ]:
        with pytest.raises(ClientError, match=words):
            region.cloudwatch.describe_alarm_contributors(AlarmName=name)
