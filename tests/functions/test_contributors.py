"""Alarms that watch every circuit: calls are counted before one trips; each minute finds what was missed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from decisions import POLICY
from deployed_functions import Region, golden

from recloser.circuit import Circuit, State
from recloser.decide import decide
from recloser.signals import PolicySet

ALARM = "recloser:any-circuit"
NAME = "search-api"
RATE = 'SELECT AVG(Failure) FROM SCHEMA("Recloser", Circuit) GROUP BY Circuit ORDER BY MAX() DESC'
MINUTE_MS = 60_000
# moto keeps metrics for as long as AWS does: a while ago, at the beginning of a minute.
BEGIN_MS = (round(time.time()) // 60 - 30) * MINUTE_MS


def put_group_alarm(region: Region, name: str = ALARM, query: str = RATE, **settings: Any) -> None:
    """Make an alarm that watches every circuit, and let it stand in ALARM."""
    request: dict[str, Any] = {
        "AlarmName": name,
        "Metrics": [{"Id": "q", "Expression": query, "Period": 60, "ReturnData": True}],
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    region.cloudwatch.put_metric_alarm(**request | settings)
    region.set_alarm(name, "ALARM")


def calls(
    region: Region,
    at_ms: int,
    *,
    failed: int,
    succeeded: int = 0,
    circuit: str = NAME,
    metric: str = "Failure",
) -> None:
    """Publish calls of one second."""
    region.cloudwatch.put_metric_data(
        Namespace="Recloser",
        MetricData=[
            {
                "MetricName": metric,
                "Dimensions": [{"Name": "Circuit", "Value": circuit}],
                "Timestamp": datetime.fromtimestamp(at_ms / 1000, UTC),
                "Value": value,
                "StorageResolution": 1,
            }
            for value, count in ((1, failed), (0, succeeded))
            for _ in range(count)
        ],
    )


def raised(bad_minute_ms: int = BEGIN_MS, circuit: str = NAME, query: str = RATE) -> dict[str, Any]:
    """The contributor's event for this bad minute."""
    event: dict[str, Any] = golden("alarm-contributor")
    minute = datetime.fromtimestamp(bad_minute_ms / 1000, UTC).strftime("%d/%m/%y %H:%M:%S")
    detail = event["detail"]
    detail["alarmContributor"]["attributes"]["Circuit"] = circuit
    detail["state"]["reason"] = detail["state"]["reason"].replace("14/09/26 05:42:00", minute)
    detail["configuration"]["metrics"][0]["expression"] = query
    return event


def circuit(region: Region, name: str = NAME) -> Circuit:
    return region.stored.tables().read(name, consistent=True)


def close(region: Region, opened_at_ms: int, closed_at_ms: int, name: str = NAME) -> None:
    """Write a circuit that was open once, and is closed."""
    item = golden("circuit-item") | {"circuit": {"S": name}, "state": {"S": "CLOSED"}}
    item |= {"opened_at": {"N": str(opened_at_ms)}, "closed_at": {"N": str(closed_at_ms)}}
    region.stored.put_circuit({key: value for key, value in item.items() if key not in ("due", "due_at")})


@pytest.fixture
def watched(region: Region) -> Region:
    """A Region with an alarm over all circuits, 90 s after a minute began."""
    put_group_alarm(region)
    region.clock.now_ms = BEGIN_MS + 90_000
    return region


@pytest.fixture
def stand_in_alarm(monkeypatch: pytest.MonkeyPatch, watched: Region) -> Callable[..., None]:
    """Let circuits stand in ALARM: moto knows no contributors."""

    def stand(*names: str) -> None:
        found = [
            {
                "ContributorId": f"{number:016x}",
                "ContributorAttributes": {"Circuit": name},
                "StateReason": "Threshold Crossed: long ago",
                "StateTransitionedTimestamp": datetime.fromtimestamp(BEGIN_MS / 1000, UTC),
            }
            for number, name in enumerate(names)
        ]

        def describe(AlarmName: str, NextToken: str = "0") -> Mapping[str, Any]:  # noqa: N803  (AWS's names)
            assert AlarmName == ALARM
            page, rest = found[int(NextToken) : int(NextToken) + 3], int(NextToken) + 3
            return {"AlarmContributors": page} | ({"NextToken": str(rest)} if rest < len(found) else {})

        client = watched.functions.start_recovery.CONTROL.alarms._client
        monkeypatch.setattr(client, "describe_alarm_contributors", describe, raising=False)

    return stand


# --- An event ------------------------------------------------------------------------------------


def test_a_circuit_that_no_template_names_trips(watched: Region) -> None:
    """A circuit nobody listed trips by the alarm over all, and the reason tells calls and failures."""
    calls(watched, BEGIN_MS + 20_000, failed=15, succeeded=1)
    answer = watched.flip_state(raised())
    assert answer["state"] == "OPEN"
    assert "15 of 16 calls failed" in answer["reason"]
    assert circuit(watched).alarm == ALARM


def test_too_few_calls_trip_nothing(watched: Region) -> None:
    """The alarm cannot ask for a minimum of calls: two failed calls of two are a rumour."""
    calls(watched, BEGIN_MS + 20_000, failed=2)
    answer = watched.flip_state(raised())
    assert answer["state"] == "CLOSED"
    assert "too few calls: 2 of 2" in answer["reason"]


def test_a_repeated_event_changes_nothing(watched: Region) -> None:
    """The same event twice trips once."""
    calls(watched, BEGIN_MS + 20_000, failed=15)
    watched.flip_state(raised())
    before = watched.stored.everything()
    assert watched.flip_state(raised())["state"] == "OPEN"
    assert watched.stored.everything() == before


def test_calls_that_succeed_since_are_counted_too(watched: Region) -> None:
    """What happened after the bad minute counts: a dependency that has recovered trips nothing."""
    calls(watched, BEGIN_MS + 50_000, failed=10)
    calls(watched, BEGIN_MS + 70_000, failed=0, succeeded=20)
    assert "too few failures: 10 of 30" in watched.flip_state(raised())["reason"]


def test_what_was_before_the_close_is_not_counted(watched: Region) -> None:
    """A minute that spans an outage holds the failures that led to it: only calls since the close count."""
    calls(watched, BEGIN_MS + 5_000, failed=30)
    close(watched, BEGIN_MS + 10_000, BEGIN_MS + 25_000)
    calls(watched, BEGIN_MS + 32_000, failed=1, succeeded=20)
    assert "too few failures: 1 of 21" in watched.flip_state(raised())["reason"]


def test_what_fails_again_after_the_close_trips(watched: Region) -> None:
    """The same minute, but the dependency fails again after the close: it trips."""
    calls(watched, BEGIN_MS + 5_000, succeeded=90, failed=0)
    close(watched, BEGIN_MS + 10_000, BEGIN_MS + 25_000)
    calls(watched, BEGIN_MS + 32_000, failed=12)
    assert "12 of 12 calls failed" in watched.flip_state(raised())["reason"]
    assert circuit(watched).state is State.OPEN


def test_minutes_are_counted_where_there_is_nothing_finer(watched: Region) -> None:
    """A metric published by the minute is counted by the minute."""
    watched.cloudwatch.put_metric_data(
        Namespace="Recloser",
        MetricData=[
            {
                "MetricName": "Failure",
                "Dimensions": [{"Name": "Circuit", "Value": NAME}],
                "Timestamp": datetime.fromtimestamp(BEGIN_MS / 1000, UTC),
                "StatisticValues": {"SampleCount": 40, "Sum": 30, "Minimum": 0, "Maximum": 1},
            }
        ],
    )
    assert "30 of 40 calls failed" in watched.flip_state(raised())["reason"]


def own_slow_alarm(region: Region, threshold: float) -> None:
    """Give the circuit the template's alarm on slow calls."""
    metric = {
        "Namespace": "Recloser",
        "MetricName": "Duration",
        "Dimensions": [{"Name": "Circuit", "Value": NAME}],
    }
    queries: list[dict[str, Any]] = [
        {"Id": each, "MetricStat": {"Metric": metric, "Period": 10, "Stat": stat}, "ReturnData": False}
        for each, stat in (("slow", "PR(2000:)"), ("calls", "SampleCount"))
    ]
    region.cloudwatch.put_metric_alarm(
        AlarmName=f"recloser:{NAME}:slow-calls",
        Metrics=[{"Id": "s", "Expression": "IF(calls >= 10, slow, 0)", "ReturnData": True}, *queries],
        EvaluationPeriods=3,
        Threshold=threshold,
        ComparisonOperator="GreaterThanThreshold",
    )


def own_alarm(region: Region, threshold: float, minimum: int = 3, name: str = "failure-rate-steady") -> None:
    """Give the circuit an alarm of its own, as the template makes it and an operator tunes it."""
    metric = {
        "Namespace": "Recloser",
        "MetricName": "Failure",
        "Dimensions": [{"Name": "Circuit", "Value": NAME}],
    }
    queries: list[dict[str, Any]] = [
        {"Id": each, "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}, "ReturnData": False}
        for each, stat in (("failures", "Sum"), ("calls", "SampleCount"))
    ]
    expression = f"IF(FILL(calls, 0) >= {minimum}, 100 * failures / calls, 0)"
    region.cloudwatch.put_metric_alarm(
        AlarmName=f"recloser:{NAME}:{name}",
        Metrics=[{"Id": "rate", "Expression": expression, "ReturnData": True}, *queries],
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
        Threshold=threshold,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )


def test_the_circuits_own_alarm_says_what_is_too_much(watched: Region) -> None:
    """An operator who raised the circuit's own alarm to 80 % is not tripped at 60 by the alarm over all."""
    own_alarm(watched, threshold=80)
    calls(watched, BEGIN_MS + 20_000, failed=12, succeeded=8)
    assert "the threshold is 80 %" in watched.flip_state(raised())["reason"]
    calls(watched, BEGIN_MS + 30_000, failed=20)
    assert watched.flip_state(raised())["state"] == "OPEN"


def test_the_circuits_own_alarm_says_how_many_calls(watched: Region) -> None:
    """Its minimum of calls holds, too; of several alarms that of the one that asks for the fewest."""
    own_alarm(watched, threshold=50, minimum=30)
    own_alarm(watched, threshold=50, minimum=100, name="failure-rate-fast")
    calls(watched, BEGIN_MS + 20_000, failed=20)
    assert "at least 30 are needed" in watched.flip_state(raised())["reason"]


def test_the_circuits_policy_says_what_is_too_much(watched: Region) -> None:
    """Without an alarm of its own the circuit's policy goes before the alarm over all."""
    settings = PolicySet({"failure_threshold_percent": 80, "minimum_calls": 10}, by="maria")
    watched.stored.tables().commit(Circuit(NAME), decide(Circuit(NAME), settings, BEGIN_MS, POLICY))
    calls(watched, BEGIN_MS + 20_000, failed=6, succeeded=3)
    assert "at least 10 are needed" in watched.flip_state(raised())["reason"]
    calls(watched, BEGIN_MS + 30_000, failed=6, succeeded=3)
    assert "the threshold is 80 %" in watched.flip_state(raised())["reason"]


def test_the_alarms_own_threshold_is_read(watched: Region) -> None:
    """An operator who raised the alarm over all to 80 % is obeyed, though its event does not say so."""
    put_group_alarm(watched, Threshold=0.8)
    calls(watched, BEGIN_MS + 20_000, failed=12, succeeded=8)
    assert "the threshold is 80 %" in watched.flip_state(raised())["reason"]


def test_slow_calls_are_judged_by_slow_calls(watched: Region) -> None:
    """An alarm over AVG(Slow) counts slow calls; a policy's threshold of failures is not for them."""
    slow = RATE.replace("Failure", "Slow")
    put_group_alarm(watched, query=slow)
    settings = PolicySet({"failure_threshold_percent": 100}, by="maria")
    watched.stored.tables().commit(Circuit(NAME), decide(Circuit(NAME), settings, BEGIN_MS, POLICY))
    calls(watched, BEGIN_MS + 20_000, failed=9, succeeded=1, metric="Slow")
    own_slow_alarm(watched, threshold=95)
    assert "the threshold is 95 %" in watched.flip_state(raised(query=slow))["reason"]
    own_slow_alarm(watched, threshold=60)
    assert watched.flip_state(raised(query=slow))["state"] == "OPEN"


def test_an_open_circuit_is_not_counted(watched: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event for a circuit that is open changes nothing, and costs no question."""
    calls(watched, BEGIN_MS + 20_000, failed=15)
    watched.flip_state(raised())
    client = watched.functions.flip_state.CONTROL.counts._client
    monkeypatch.setattr(client, "get_metric_data", lambda **_: pytest.fail("nothing is to be asked"))
    assert watched.flip_state(raised())["reason"] == "already open"


def throttled(**_: Any) -> Any:
    raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slower"}}, "GetMetricData")


@pytest.mark.parametrize("operation", ["get_metric_data", "describe_alarms"])
def test_an_outage_trips_when_nobody_can_count(
    watched: Region, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """Where CloudWatch does not say how many calls there were, the alarm's word holds."""
    for client in (
        watched.functions.flip_state.CONTROL.counts._client,
        watched.functions.flip_state.CONTROL.alarms._client,
    ):
        monkeypatch.setattr(client, operation, throttled)
    assert watched.flip_state(raised())["state"] == "OPEN"


def test_a_rumour_does_not_trip_when_nobody_can_count(
    watched: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also then a minute from before the close trips nothing."""
    monkeypatch.setattr(watched.functions.flip_state.CONTROL.counts._client, "get_metric_data", throttled)
    close(watched, BEGIN_MS - 30_000, BEGIN_MS + 61_000)
    assert watched.flip_state(raised())["state"] == "CLOSED"


def test_the_alarm_over_all_is_never_set(watched: Region) -> None:
    """A contributor has no state that could be set: stale data leave the alarm as it is."""
    calls(watched, BEGIN_MS + 5_000, failed=30)
    close(watched, BEGIN_MS + 40_000, BEGIN_MS + 65_000)
    assert watched.flip_state(raised())["state"] == "CLOSED"
    assert watched.alarm(ALARM)["StateValue"] == "ALARM"


def test_other_functions_go_by_the_alarm_itself(watched: Region) -> None:
    """A made-by-hand alarm on the longest duration by circuit trips by its own minute: there is no share."""
    longest = RATE.replace("AVG(Failure)", "MAX(Duration)")
    put_group_alarm(watched, "longest", longest, Threshold=5000)
    assert watched.flip_state(raised(query=longest))["state"] == "OPEN"


# --- The minute's look ---------------------------------------------------------------------------


def test_a_lost_event_is_healed(watched: Region, stand_in_alarm: Callable[..., None]) -> None:
    """A circuit that stands in ALARM, whose event never came, trips by the next minute's look."""
    calls(watched, BEGIN_MS + 70_000, failed=15)
    stand_in_alarm("Other", "no name", NAME)
    assert watched.start_recovery(golden("scheduled-event"))["tripped"] == [NAME]
    assert circuit(watched).reason.startswith("alarm raised: 15 of 15 calls failed")


def test_a_deaf_contributor_is_heard(watched: Region, stand_in_alarm: Callable[..., None]) -> None:
    """After a close a contributor stays in ALARM for minutes: what fails meanwhile is found by its calls."""
    calls(watched, BEGIN_MS + 5_000, failed=50)
    close(watched, BEGIN_MS + 10_000, BEGIN_MS + 40_000)
    stand_in_alarm(NAME)
    assert watched.start_recovery(golden("scheduled-event"))["tripped"] == []
    calls(watched, BEGIN_MS + 72_000, failed=8)
    assert watched.start_recovery(golden("scheduled-event"))["tripped"] == [NAME]


def test_what_recovered_is_left_alone(watched: Region, stand_in_alarm: Callable[..., None]) -> None:
    """A circuit that stands in ALARM over calls that succeed is not tripped, nor is one without calls."""
    calls(watched, BEGIN_MS + 72_000, failed=0, succeeded=30)
    stand_in_alarm(NAME, "silent-api")
    assert watched.start_recovery(golden("scheduled-event")) == {
        "moved": [],
        "tripped": [],
        "rearmed": [],
        "left": 0,
    }


def test_all_are_counted_by_one_question(
    watched: Region, stand_in_alarm: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty circuits in ALARM are counted by one request, and those with too little are left alone."""
    names = [f"api-{number}" for number in range(20)]
    for number, name in enumerate(names):
        calls(watched, BEGIN_MS + 72_000, failed=number, circuit=name)
    stand_in_alarm(*names)
    client = watched.functions.start_recovery.CONTROL.counts._client
    asked: list[int] = []
    get_metric_data = client.get_metric_data

    def counting(**request: Any) -> Any:
        asked.append(len(request["MetricDataQueries"]))
        return get_metric_data(**request)

    monkeypatch.setattr(client, "get_metric_data", counting)
    assert watched.start_recovery(golden("scheduled-event"))["tripped"] == names[3:]
    assert asked == [80]


def test_without_a_count_the_minute_trips_nothing(
    watched: Region, stand_in_alarm: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in ALARM may rest on old data: without a count it waits for a minute, and says so."""
    stand_in_alarm(NAME)
    monkeypatch.setattr(watched.functions.start_recovery.CONTROL.counts._client, "get_metric_data", throttled)
    with pytest.raises(ExceptionGroup) as failed:
        watched.start_recovery(golden("scheduled-event"))
    [error] = failed.value.exceptions
    assert "GetMetricData" in str(error)
    assert error.__notes__ == [f"alarm {ALARM}"]
    assert circuit(watched).state is State.CLOSED


def test_the_hundred_and_first_circuit_is_found(
    watched: Region, stand_in_alarm: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudWatch lists a hundred contributors: where there are so many, the alarm's query finds the rest."""
    stand_in_alarm(*(f"api-{number}" for number in range(100)))
    client = watched.functions.start_recovery.CONTROL.counts._client
    minute = datetime.fromtimestamp(BEGIN_MS / 1000, UTC)
    get_metric_data = client.get_metric_data

    def answering(**request: Any) -> Any:
        if request["MetricDataQueries"][0].get("Expression") != RATE:
            return get_metric_data(**request)
        rates = {NAME: 1.0, "healthy-api": 0.0, "Other": 1.0}
        return {
            "MetricDataResults": [
                {"Id": "q", "Label": name, "Timestamps": [minute], "Values": [rate], "StatusCode": "Complete"}
                for name, rate in rates.items()
            ]
        }

    monkeypatch.setattr(client, "get_metric_data", answering)
    calls(watched, BEGIN_MS + 72_000, failed=15)
    assert watched.start_recovery(golden("scheduled-event"))["tripped"] == [NAME]


# --- Alarms that we may not set ------------------------------------------------------------------


@pytest.fixture
def may_not_set(monkeypatch: pytest.MonkeyPatch, region: Region) -> Region:
    """A Region in which alarms made manually may not be set by the functions."""
    client = region.functions.start_recovery.CONTROL.alarms._client

    def denied(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not yours"}}, "SetAlarmState")

    monkeypatch.setattr(client, "set_alarm_state", denied)
    monkeypatch.setattr(region.functions.start_recovery.CONTROL.alarms, "_denied_at_ms", {})
    region.put_alarm("by-hand", circuit=NAME, Statistic="Average", EvaluationPeriods=1)
    region.clock.now_ms = BEGIN_MS + 90_000 + 3_600_000
    return region


def test_an_alarm_that_we_may_not_set_is_judged_by_its_data(may_not_set: Region) -> None:
    """It stays in ALARM over a closed circuit: each minute its datapoints since the close are evaluated."""
    begin_ms = may_not_set.clock.now_ms - 90_000
    close(may_not_set, begin_ms - 20_000, begin_ms - 10_000)
    calls(may_not_set, begin_ms - 15_000, failed=50)
    assert may_not_set.start_recovery(golden("scheduled-event"))["tripped"] == []
    calls(may_not_set, begin_ms + 5_000, failed=3, succeeded=1)
    assert may_not_set.start_recovery(golden("scheduled-event"))["tripped"] == [NAME]
    assert circuit(may_not_set).alarm == "by-hand"


def test_a_group_without_schema_is_turned_away(region: Region, caplog: pytest.LogCaptureFixture) -> None:
    """An alarm over all that would mix other metrics in is named in the log, once, and moves nothing."""
    put_group_alarm(region, "mixed", RATE.replace('SCHEMA("Recloser", Circuit)', '"Recloser"'))
    region.clock.now_ms = BEGIN_MS + 90_000 + 3_600_000
    region.start_recovery(golden("scheduled-event"))
    region.start_recovery(golden("scheduled-event"))
    told = [record for record in caplog.records if "alarm mixed" in record.getMessage()]
    assert len(told) == 1
    assert 'must read FROM SCHEMA("Recloser", Circuit)' in told[0].getMessage()


def test_math_over_a_group_stops_no_minute(region: Region, caplog: pytest.LogCaptureFixture) -> None:
    """An alarm by hand on MAX over all circuits trips nothing, is named once, and fails no minute."""
    joined = [
        {"Id": "q", "Expression": RATE, "Period": 60, "ReturnData": False},
        {"Id": "worst", "Expression": "MAX(q)", "ReturnData": True},
    ]
    put_group_alarm(region, "worst", Metrics=joined)
    region.clock.now_ms = BEGIN_MS + 90_000 + 3_600_000
    for _ in range(2):
        assert region.start_recovery(golden("scheduled-event"))["tripped"] == []
    told = [record for record in caplog.records if "alarm worst" in record.getMessage()]
    assert ["metric math joins the circuits" in record.getMessage() for record in told] == [True]


def test_alarms_of_a_second_stack_are_left_alone(region: Region) -> None:
    """Two stacks side by side: neither looks after the other's alarms."""
    region.put_alarm("recloser2:payments-api:any", Namespace="Recloser2")
    put_group_alarm(region, "recloser2:any-circuit", RATE.replace("Recloser", "Recloser2"))
    region.clock.now_ms = BEGIN_MS + 90_000 + 3_600_000
    before = region.stored.everything()
    assert region.start_recovery(golden("scheduled-event"))["rearmed"] == []
    assert region.stored.everything() == before
