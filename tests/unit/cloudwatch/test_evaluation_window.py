"""Which periods an evaluation reads, and when it happens."""

from __future__ import annotations

from itertools import pairwise

import pytest
from alarm_twin import SIGNAL, at, math_alarm, scalar_alarm, states_of

from recloser.lab.cloudwatch import (
    CloudWatch,
    MetricStore,
    WindowRules,
    evaluation_window,
    metric_alarm,
    phase_ms,
    read_datapoints,
)


@pytest.mark.parametrize(
    ("period", "queried", "start", "end", "buckets"),
    [
        (10, "05:43:07.551", "05:41:20", "05:42:50", 9),
        (10, "05:43:09.999", "05:41:20", "05:42:50", 9),
        (10, "05:43:10.000", "05:41:30", "05:43:00", 9),
        (20, "05:43:07.551", "05:40:40", "05:42:40", 6),
        (30, "05:43:07.551", "05:40:00", "05:42:30", 5),
    ],
)
def test_a_metric_is_read_up_to_ten_seconds_ago(
    period: int, queried: str, start: str, end: str, buckets: int
) -> None:
    """A high-resolution alarm on one metric ends its window at the last boundary before ten seconds ago."""
    window = evaluation_window(metric_alarm(scalar_alarm(Period=period)), at(queried))
    assert (window.start_ms, window.end_ms, window.buckets) == (at(start), at(end), buckets)


@pytest.mark.parametrize(
    ("period", "queried", "newest"),
    [(10, "07:58:33.125", "07:58:20"), (10, "07:59:20.482", "07:59:10"), (60, "11:26:05.400", "11:25:00")],
)
def test_metric_math_is_read_up_to_now(period: int, queried: str, newest: str) -> None:
    """An alarm defined with Metrics sees the period that has just ended: it reacts a tick earlier."""
    alarm = metric_alarm(math_alarm("m1", "m1", Period=period))
    assert evaluation_window(alarm, at(queried)).end_ms - period * 1000 == at(newest)


@pytest.mark.parametrize(
    ("period", "queried", "start", "end", "buckets"),
    [
        (60, "11:53:02.200", "11:45:00", "11:53:00", 8),
        (120, "11:53:05.500", "11:43:00", "11:53:00", 5),
        (300, "17:04:40.985", "16:39:00", "17:04:00", 5),
        (900, "17:04:40.985", "15:49:00", "17:04:00", 5),
    ],
)
def test_from_a_minute_on_the_last_whole_minute_is_read(
    period: int, queried: str, start: str, end: str, buckets: int
) -> None:
    """From a minute on there is no wait, and five minutes or at least two periods more than N are read."""
    window = evaluation_window(metric_alarm(scalar_alarm(Period=period)), at(queried))
    assert (window.start_ms, window.end_ms, window.buckets) == (at(start), at(end), buckets)


@pytest.mark.parametrize(
    ("minutes", "newest"),
    [
        (("10:04", "10:05", "10:06", "10:07"), "10:03:00"),
        (("10:04", "10:05", "10:06"), "10:02:00"),
        (("10:04", "10:05"), "10:03:00"),
        (("10:06",), "10:03:00"),
    ],
)
def test_a_window_of_minutes_slides_back_to_data_that_are_a_minute_late(
    minutes: tuple[str, ...], newest: str
) -> None:
    """A metric with a sample a minute, one minute late, moves a 300 s window back; nothing else does."""
    store = MetricStore()
    for minute in minutes:
        store.add(SIGNAL, at(f"{minute}:00"), 1.0)
    alarm = metric_alarm(scalar_alarm(Period=300, EvaluationPeriods=1, DatapointsToAlarm=1))
    window = read_datapoints(alarm, store, at("10:08:30")).window
    assert window.bucket_start_ms(window.buckets - 1) == at(newest)


def test_what_aws_does_not_publish_can_be_set() -> None:
    """Lag and extra periods are settings, since AWS publishes no formula."""
    rules = WindowRules(scalar_lag_seconds=0, extra_seconds=90)
    window = evaluation_window(metric_alarm(scalar_alarm()), at("05:43:07.551"), rules)
    assert (window.end_ms, window.buckets) == (at("05:43:00"), 12)


def test_the_phase_is_constant() -> None:
    """An alarm is evaluated every ten seconds at the same instant of each ten, which its name gives."""
    region = CloudWatch()
    region.put_metric_alarm(scalar_alarm(), at("10:00:00"))
    instants = []
    for _ in range(5):
        now = region.next_evaluation_at_ms()
        assert now is not None
        instants.append(now)
        region.advance(now)
    assert {after - before for before, after in pairwise(instants)} == {10_000}
    assert {instant % 10_000 for instant in instants} == {phase_ms("signal", 10)}


def test_every_alarm_has_a_phase_of_its_own() -> None:
    """Alarms with other names are evaluated at other instants."""
    assert len({phase_ms(f"alarm-{number}", 60) for number in range(50)}) > 45


@pytest.mark.parametrize(
    ("period", "periods", "cadence"),
    [(10, 3, 10), (30, 1, 10), (60, 3, 60), (3600, 24, 60), (3600, 25, 3600), (86_400, 7, 3600)],
)
def test_cadence(period: int, periods: int, cadence: int) -> None:
    """High-resolution alarms are evaluated every 10 s, others every minute, long ones every hour."""
    alarm = metric_alarm(scalar_alarm(Period=period, EvaluationPeriods=periods, DatapointsToAlarm=1))
    assert alarm.cadence_seconds == cadence


def test_samples_that_are_not_available_yet_are_invisible() -> None:
    """A breach raises the alarm at the first evaluation after it has arrived."""
    for lag_seconds, expected in ((0, "10:00:30.000"), (30, "10:00:50.000")):
        region = CloudWatch(phases_ms={"signal": 0})
        region.put_metric_alarm(scalar_alarm(EvaluationPeriods=1, DatapointsToAlarm=1), at("10:00:00"))
        region.metrics.add(
            SIGNAL,
            at("10:00:12"),
            100.0,
            available_at_ms=at("10:00:12") + lag_seconds * 1000,
            storage_resolution_seconds=1,
        )
        assert states_of(region.advance(at("10:01:30")))[0] == (expected, "ALARM")


def test_standard_resolution_under_a_ten_second_alarm() -> None:
    """Data of standard resolution fills one period of six: the alarm lapses into INSUFFICIENT_DATA again and
    again.

    AWS: a high-resolution alarm on such a metric "might often lapse into INSUFFICIENT_DATA".
    """
    region = CloudWatch(phases_ms={"signal": 0}, window=WindowRules(extra_seconds=0))
    region.put_metric_alarm(scalar_alarm(), at("10:00:00"))
    changes = []
    for second in range(600):
        now = at("10:00:00") + second * 1000
        region.metrics.add(SIGNAL, now, 1.0)
        changes += states_of(region.advance(now))
    assert [state for _, state in changes].count("INSUFFICIENT_DATA") >= 8
