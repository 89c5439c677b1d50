"""The minute's look at alarms over every circuit, by requests and answers of AWS's own service model."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from recloser.circuit import Circuit, Override, State
from recloser.control.alarms import CloudWatchAlarms
from recloser.control.control import Control
from recloser.control.evidence import CloudWatchCallCounts
from recloser.control.minute import Minute, Report
from recloser.control.stack import Stack
from recloser.signals import OverrideSet, Reset
from recloser.store.memory import MemoryTables

NOW_MS = 1_789_364_630_000  # 05:43:50
MINUTE_MS = NOW_MS // 60_000 * 60_000
RATE = 'SELECT AVG(Failure) FROM SCHEMA("Recloser", Circuit) GROUP BY Circuit ORDER BY MAX() DESC'
LISTED = {"StateValue": "ALARM", "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100}
OWN = {"AlarmNamePrefix": "recloser:", "AlarmTypes": ["MetricAlarm"], "MaxRecords": 100}


def moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


@pytest.fixture
def cloudwatch() -> Any:
    return boto3.client(
        "cloudwatch", region_name="eu-west-1", aws_access_key_id="123456789012", aws_secret_access_key="none"
    )


@pytest.fixture
def stub(cloudwatch: Any) -> Iterator[Stubber]:
    with Stubber(cloudwatch) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def control(cloudwatch: Any) -> Control:
    alarms = CloudWatchAlarms(cloudwatch, now_ms=lambda: NOW_MS)
    counts = CloudWatchCallCounts(cloudwatch, Stack())
    return Control(MemoryTables(), alarms, now_ms=lambda: NOW_MS, alarm_data=alarms, counts=counts)


def group(query: str = RATE, **other: Any) -> dict[str, Any]:
    """An alarm over every circuit, as DescribeAlarms has it."""
    return {
        "AlarmName": "recloser:any-circuit",
        "StateValue": "ALARM",
        "StateReason": "2 out of 9 time series evaluated to ALARM",
        "StateUpdatedTimestamp": moment(NOW_MS - 600_000),
        "EvaluationPeriods": 1,
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Metrics": [{"Id": "q", "Expression": query, "Period": 60, "ReturnData": True, "Label": "rate"}],
    } | other


def contributors(*names: str) -> dict[str, Any]:
    return {
        "AlarmContributors": [
            {
                "ContributorId": "a29eb44b20c4362e",
                "ContributorAttributes": {"Circuit": name},
                "StateReason": "Threshold Crossed: long ago",
                "StateTransitionedTimestamp": moment(NOW_MS - 600_000),
            }
            for name in names
        ]
    }


def counted(number: int, calls: int, failed: int) -> list[dict[str, Any]]:
    """An answer of GetMetricData about one circuit, with data of 10 s."""
    at = [moment(MINUTE_MS + 20_000)]
    stats = {"sum": failed, "samplecount": calls}
    return [
        {"Id": f"{stat}_{period}_{number}", "Timestamps": at, "Values": [value], "StatusCode": "Complete"}
        for stat, value in stats.items()
        for period in (10_000, 60_000)
    ]


def look(control: Control) -> Report:
    report = Report()
    Minute(control).look_at_alarms(report)
    return report


def test_every_page_of_contributors_is_read(stub: Stubber, control: Control) -> None:
    """Contributors come in pages; all closed circuits among them are counted by one request."""
    stub.add_response("describe_alarms", {"MetricAlarms": [group()]}, LISTED)
    asked = {"AlarmName": "recloser:any-circuit"}
    stub.add_response("describe_alarm_contributors", contributors("a-api") | {"NextToken": "more"}, asked)
    stub.add_response("describe_alarm_contributors", contributors("b-api"), asked | {"NextToken": "more"})
    stub.add_response("describe_alarms", {"MetricAlarms": [group()]}, OWN)
    stub.add_response(
        "get_metric_data",
        {"MetricDataResults": [*counted(0, calls=4, failed=2), *counted(1, calls=4, failed=1)]},
        {
            "MetricDataQueries": ANY,
            "StartTime": ANY,
            "EndTime": moment(NOW_MS),
            "ScanBy": "TimestampAscending",
        },
    )
    report = look(control)
    report.raise_problems()
    # Half of the calls: enough for an alarm with >=. The parent itself is no circuit's own alarm.
    assert [applied.circuit.name for applied in report.tripped] == ["a-api"]


def test_what_is_not_closed_is_not_counted(stub: Stubber, control: Control) -> None:
    """Open circuits, which most contributors are, cost no question."""
    held = Override(State.OPEN, by="maria", why="INC-4711", at_ms=NOW_MS)
    control.apply("a-api", OverrideSet(held))
    stub.add_response("describe_alarms", {"MetricAlarms": [group()]}, LISTED)
    stub.add_response(
        "describe_alarm_contributors", contributors("a-api"), {"AlarmName": "recloser:any-circuit"}
    )
    assert look(control) == Report()


def test_another_statistic_is_judged_by_the_alarms_own_data(stub: Stubber, control: Control) -> None:
    """Over MAX(Duration) nothing is counted: each circuit's own datapoints since its close are evaluated."""
    control.apply("closed-api", Reset("maria", "repaired"))
    query = RATE.replace("AVG(Failure)", "MAX(Duration)")
    stub.add_response("describe_alarms", {"MetricAlarms": [group(query, Threshold=5000)]}, LISTED)
    stub.add_response("describe_alarm_contributors", contributors("a-api", "closed-api"), ANY_ALARM)
    series = [
        {"Id": "q", "Label": name, "Timestamps": [moment(at_ms)], "Values": [9000], "StatusCode": "Complete"}
        for name, at_ms in (("a-api", MINUTE_MS - 60_000), ("closed-api", MINUTE_MS - 60_000))
    ]
    unlabelled = {"Id": "q", "Expression": query, "Period": 60, "ReturnData": True}
    stub.add_response(
        "get_metric_data",
        {"MetricDataResults": series},
        {
            "MetricDataQueries": [unlabelled],
            "StartTime": moment(MINUTE_MS - 360_000),
            "EndTime": moment(NOW_MS),
            "ScanBy": "TimestampAscending",
        },
    )
    report = look(control)
    report.raise_problems()
    assert [applied.circuit.name for applied in report.tripped] == ["a-api"]


ANY_ALARM = {"AlarmName": "recloser:any-circuit"}


SINGLE = "SELECT AVG(Failure) FROM SCHEMA(\"Recloser\", Circuit) WHERE Circuit = 'a-api'"


@pytest.mark.parametrize(("rate", "tripped"), [(0.6, ["a-api"]), (0.4, [])])
def test_a_query_of_one_circuit_is_judged_by_its_own_data(
    stub: Stubber, control: Control, rate: float, tripped: list[str]
) -> None:
    """A manual alarm on a query of one circuit is not set: its datapoints since the close are evaluated."""
    alarm = group(SINGLE, AlarmName="by-hand")
    stub.add_response("describe_alarms", {"MetricAlarms": [alarm]}, LISTED)
    asked = {"AlarmNames": ["by-hand"], "AlarmTypes": LISTED["AlarmTypes"], "MaxRecords": 100}
    stub.add_response("describe_alarms", {"MetricAlarms": [alarm]}, asked)
    point = {"Id": "q", "Label": "rate", "Timestamps": [moment(MINUTE_MS - 60_000)], "Values": [rate]}
    stub.add_response("get_metric_data", {"MetricDataResults": [point]})
    report = look(control)
    report.raise_problems()
    assert [applied.circuit.name for applied in report.tripped] == tripped
    assert report.left == 0


def test_without_the_alarms_own_answer_the_listed_ones_are_counted(stub: Stubber, control: Control) -> None:
    """Where the query for circuits beyond the hundredth fails, those that are listed trip all the same."""
    names = [f"api-{number:03}" for number in range(100)]
    stub.add_response("describe_alarms", {"MetricAlarms": [group()]}, LISTED)
    stub.add_response("describe_alarm_contributors", contributors(*names), ANY_ALARM)
    stub.add_client_error("get_metric_data", "Throttling")
    stub.add_response("describe_alarms", {"MetricAlarms": []}, OWN)
    answer = [result for number in range(100) for result in counted(number, calls=10, failed=10)]
    stub.add_response("get_metric_data", {"MetricDataResults": answer})
    report = look(control)
    assert [applied.circuit.name for applied in report.tripped] == names
    assert [error.__notes__ for error in report.problems] == [["the circuits beyond the hundredth"]]


def test_a_partial_view_is_told(stub: Stubber, control: Control, caplog: pytest.LogCaptureFixture) -> None:
    """An alarm whose query matches too many circuits sees only some: the log says so, once."""
    for _ in range(2):
        stub.add_response(
            "describe_alarms", {"MetricAlarms": [group(EvaluationState="PARTIAL_DATA")]}, LISTED
        )
        stub.add_response("describe_alarm_contributors", contributors(), ANY_ALARM)
        look(control).raise_problems()
    assert len([line for line in caplog.messages if "PARTIAL_DATA" in line]) == 1


def test_an_answer_in_part_is_no_count(stub: Stubber, control: Control) -> None:
    """A series that CloudWatch could not read is no count of zero: nothing trips, and the report says why."""
    stub.add_response("describe_alarms", {"MetricAlarms": [group()]}, LISTED)
    stub.add_response("describe_alarm_contributors", contributors("a-api"), ANY_ALARM)
    stub.add_response("describe_alarms", {"MetricAlarms": []}, OWN)
    failed = [entry | {"StatusCode": "InternalError"} for entry in counted(0, calls=9, failed=9)]
    stub.add_response("get_metric_data", {"MetricDataResults": failed})
    [problem] = look(control).problems
    assert "InternalError" in str(problem)
    assert control.tables.read("a-api") == Circuit("a-api")


def test_more_than_a_request_holds_are_asked_in_several(stub: Stubber, control: Control) -> None:
    """A request holds 500 queries, which is 125 circuits: 126 need two."""
    names = [f"api-{number}" for number in range(126)]
    stub.add_response("describe_alarms", {"MetricAlarms": [group()]}, LISTED)
    stub.add_response("describe_alarm_contributors", contributors(*names), ANY_ALARM)
    stub.add_response("get_metric_data", {"MetricDataResults": []})  # the alarm's own query: over 100
    stub.add_response("describe_alarms", {"MetricAlarms": []}, OWN)
    stub.add_response("get_metric_data", {"MetricDataResults": counted(7, calls=9, failed=9)})
    stub.add_response("get_metric_data", {"MetricDataResults": counted(125, calls=9, failed=9)})
    report = look(control)
    report.raise_problems()
    assert {applied.circuit.name for applied in report.tripped} == {"api-7", "api-125"}
