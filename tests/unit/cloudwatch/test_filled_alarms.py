"""What `FILL` does to the failure-rate alarms: the table in docs/cloudwatch.md."""

from __future__ import annotations

from typing import Any

import pytest
from alarm_twin import at

from recloser.lab.cloudwatch import CloudWatch, Event, Metric

FAILURE = Metric.of("Recloser", "Failure", {"Circuit": "payments-api"})
START = at("10:00:00")
OUTAGE = at("10:05:07")
OPEN_MS = 12_000


def rate(period: int, minimum: int, calls: str) -> dict[str, Any]:
    queries = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {
                    "Namespace": FAILURE.namespace,
                    "MetricName": FAILURE.name,
                    "Dimensions": [{"Name": "Circuit", "Value": "payments-api"}],
                },
                "Period": period,
                "Stat": statistic,
            },
            "ReturnData": False,
        }
        for name, statistic in (("failures", "Sum"), ("calls", "SampleCount"))
    ]
    expression = f"IF({calls} >= {minimum}, 100 * failures / calls, 0)"
    return {
        "AlarmName": "rate",
        "Metrics": [*queries, {"Id": "rate", "Expression": expression}],
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "Threshold": 50,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }


def fast(calls: str) -> dict[str, Any]:
    return rate(10, 10, calls)


def steady(calls: str) -> dict[str, Any]:
    return rate(60, 3, calls)


PLAIN, FILLED = "calls", "FILL(calls, 0)"


def call(region: CloudWatch, now_ms: int, lag_ms: int, calls: int) -> None:
    region.metrics.add(
        FAILURE,
        now_ms,
        1.0 if now_ms >= OUTAGE else 0.0,
        calls,
        available_at_ms=now_ms + lag_ms,
        storage_resolution_seconds=1,
    )


def raised(events: list[Event]) -> list[int]:
    states = [event["detail"]["state"] for event in events]
    return [at(state["timestamp"][11:23]) for state in states if state["value"] == "ALARM"]


def any_circuit() -> dict[str, Any]:
    query = 'SELECT AVG(Failure) FROM SCHEMA("Recloser", Circuit) GROUP BY Circuit ORDER BY MAX() DESC'
    return {
        "AlarmName": "rate",
        "Metrics": [{"Id": "rate", "Expression": query, "Period": 60}],
        "EvaluationPeriods": 1,
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }


def cadence_of(definition: dict[str, Any]) -> int:
    """Seconds between evaluations."""
    return 10 if definition["Metrics"][0].get("MetricStat", {}).get("Period") == 10 else 60


def trips(
    definition: dict[str, Any], lag: float, every: float = 0.5, calls: int = 10, within: int = 300
) -> list[int | None]:
    """Seconds from an outage to the trip, for phases a fifth of the cadence apart; None: never."""
    cadence, ends = cadence_of(definition), OUTAGE + 1000 * within
    found: list[int | None] = []
    for fifth in range(5):
        region = CloudWatch(phases_ms={"rate": cadence * fifth * 200 + 300})
        region.put_metric_alarm(definition, START)
        for now_ms in range(START, ends, round(every * 1000)):
            call(region, now_ms, round(lag * 1000), calls)
        first = raised(region.advance(ends))[:1]
        found.append((first[0] - OUTAGE) // 1000 if first else None)
    return found


def events_after_the_close(definition: dict[str, Any]) -> list[int]:
    """How often a re-armed alarm rises over a circuit that closed after 12 s and is not called since."""
    cadence = cadence_of(definition)
    found = []
    for fifth in range(5):
        region = CloudWatch(phases_ms={"rate": cadence * fifth * 200 + 300})
        region.put_metric_alarm(definition, START)
        opened = closed = events = 0
        for now_ms in range(START, OUTAGE + 1_200_000, 500):
            if raised(region.advance(now_ms)):
                opened, events = opened or now_ms, events + bool(closed)
                if closed:
                    region.set_alarm_state("rate", "OK", "re-armed", None, now_ms)
            if opened and not closed and now_ms >= opened + OPEN_MS:
                closed = now_ms
                region.set_alarm_state("rate", "OK", "re-armed", None, now_ms)
            if not opened:
                call(region, now_ms, 2_000, 5)
        found.append(events)
    return found


@pytest.mark.parametrize(("lag", "slowest"), [(2, 31), (12, 33)])
def test_with_metrics_in_time_the_trip_is_the_same(lag: int, slowest: int) -> None:
    """Up to 12 s late, metrics trip the filled fast alarm when they trip today's."""
    assert trips(fast(PLAIN), lag) == trips(fast(FILLED), lag)
    assert max(one or 999 for one in trips(fast(FILLED), lag)) == slowest


def test_metrics_that_are_late_blind_the_filled_fast_alarm() -> None:
    """25 s late, it never trips at most phases: the newest periods are zeros that were made up."""
    assert None not in trips(fast(PLAIN), 25)
    assert trips(fast(FILLED), 25).count(None) == 3


def test_sparse_bursts_trip_the_filled_fast_alarm_later() -> None:
    """A burst every 25 s trips it 20 s later: the gaps count as good."""
    now, filled = (trips(fast(calls), 2, 25, 12) for calls in (PLAIN, FILLED))
    assert [after - before for before, after in zip(now, filled, strict=True) if before and after] == [20] * 5


@pytest.mark.parametrize("lag", [2, 70, 110])
def test_the_steady_alarm_trips_the_same(lag: int) -> None:
    """At 60 s the filled alarm is not later, even with metrics that are 110 s late."""
    assert trips(steady(PLAIN), lag) == trips(steady(FILLED), lag)
    assert None not in trips(steady(FILLED), lag)


def test_metrics_that_are_minutes_late_blind_the_filled_steady_alarm() -> None:
    """130 s late it trips at four phases of five, 180 s late at none."""
    assert trips(steady(FILLED), 130, within=600).count(None) == 1
    assert trips(steady(FILLED), 180, within=600) == [None] * 5


@pytest.mark.parametrize("every", [60, 120])
def test_a_job_every_other_minute_trips_the_steady_alarm_the_same(every: int) -> None:
    """With a minute without calls between two bad ones, two of three are bad."""
    plain, filled = (trips(steady(calls), 2, every, 12, within=600) for calls in (PLAIN, FILLED))
    assert plain == filled
    assert None not in filled


def test_a_job_every_five_minutes_is_the_any_circuit_alarms() -> None:
    """Such a job never trips the filled steady alarm, and the one for any circuit after its first bad run."""
    assert None not in trips(steady(PLAIN), 2, 300, 12, within=900)
    assert trips(steady(FILLED), 2, 300, 12, within=900) == [None] * 5
    job = [each or 999 for each in trips(any_circuit(), 2, 300, 12, within=900)]
    assert max(job) - min(job) < 60
    assert max(job) < 300 + 150, "its first bad run is up to five minutes after the beginning"


def test_events_after_the_close() -> None:
    """Over a circuit that nobody calls a filled alarm rises again once or twice, today's seven times."""
    assert events_after_the_close(fast(PLAIN)) == [6, 7, 7, 7, 7]
    assert events_after_the_close(fast(FILLED)) == [0, 1, 1, 1, 1]
    assert events_after_the_close(steady(PLAIN)) == [7, 7, 7, 7, 7]
    assert events_after_the_close(steady(FILLED)) == [2, 2, 2, 2, 2]


def seconds_to_trip(begins_seconds: int, phase_seconds: int) -> float:
    """How long the steady alarm needs in an outage that begins so far into a minute, metrics 2 s late."""
    phase_ms = at("10:00:00") + phase_seconds * 1000
    region = CloudWatch(phases_ms={"rate": phase_ms})
    region.put_metric_alarm(steady(FILLED), at("09:55:00"))
    outage_ms = at("10:05:00") + begins_seconds * 1000
    for now_ms in range(at("10:00:00"), outage_ms + 240_000, 1000):
        region.metrics.add(
            FAILURE,
            now_ms,
            float(now_ms >= outage_ms),
            available_at_ms=now_ms + 2000,
            storage_resolution_seconds=1,
        )
        for event in region.advance(now_ms):
            if event["detail"].get("state", {}).get("value") == "ALARM":
                return (now_ms - outage_ms) / 1000
    raise AssertionError("it never tripped")


def test_the_steady_alarm_trips_after_its_second_bad_minute() -> None:
    """120 to 180 s after an outage that begins with a minute; wherever it begins, 90 to 210 s."""
    aligned = [seconds_to_trip(0, phase) for phase in (3, 30, 59)]
    assert all(120 <= seconds <= 180 for seconds in aligned)
    elsewhere = [seconds_to_trip(begins, phase) for begins in (29, 31) for phase in (3, 30, 59)]
    assert 90 <= min(elsewhere) < 120
    assert 180 < max(elsewhere) <= 210
