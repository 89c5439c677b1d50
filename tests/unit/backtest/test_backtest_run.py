"""What a backtest does with alarms and samples, before anything is printed."""

from __future__ import annotations

import pytest
from alarm_twin import SIGNAL, at, scalar_alarm
from hypothesis import given
from hypothesis import strategies as st

from recloser.lab.backtest.alarm_files import alarm_of, alarm_set
from recloser.lab.backtest.backtest import AlarmRun, Settings, backtest, document
from recloser.lab.cloudwatch import CloudWatch, InvalidAlarmError, Sample, State, StatisticSet
from recloser.lab.cloudwatch.events import STATE_CHANGE

START = at("10:00:00")


def samples(*values: float, every_seconds: int = 10) -> list[Sample]:
    return [
        Sample(SIGNAL, START + number * every_seconds * 1000, value, storage_resolution_seconds=1)
        for number, value in enumerate(values)
    ]


def run(data: list[Sample | StatisticSet], settings: Settings | None = None, **changes: object) -> AlarmRun:
    alarms = alarm_set([alarm_of(scalar_alarm(DatapointsToAlarm=2, **changes))])
    (found,) = backtest(alarms, data, settings or Settings())
    return found


def test_it_ends_when_the_last_sample_has_been_evaluated() -> None:
    """Without --to a run goes on until the period of the last sample is over, read and evaluated."""
    found = run([*samples(0, 0, 100, 100)])
    assert (found.started_ms, found.ended_ms) == (START, START + 30_000 + 30_000)
    assert [transition.after for transition in found.transitions] == [State.OK, State.ALARM]


def test_the_end_waits_for_late_samples() -> None:
    """A sample that arrives late moves the end."""
    late = Sample(SIGNAL, START, 1.0, available_at_ms=START + 300_000)
    assert run([late]).ended_ms == START + 330_000


def test_trips_and_time_in_alarm() -> None:
    """A run counts how often the alarm was raised and how long it stood."""
    found = run([*samples(100, 100, 0, 0, 100, 100, 0, 0, 0)], Settings(phase_seconds=0))
    assert found.trips == 2
    assert found.alarm_seconds == 40
    assert found.final is State.OK
    assert sum(end - start for start, end, _ in found.stretches()) == found.ended_ms - found.started_ms


def test_data_before_the_start_is_seen() -> None:
    """An alarm that is created at --from looks back at what was published before."""
    found = run([*samples(*[100.0] * 12)], Settings(from_ms=START + 60_000, phase_seconds=5))
    first = found.transitions[0]
    assert (first.at_ms, first.after) == (START + 65_000, State.ALARM)


def test_data_after_the_end_is_not() -> None:
    """What happened after --to changes nothing."""
    data = samples(*[0.0] * 6, *[100.0] * 6)
    settings = Settings(to_ms=START + 60_000)
    assert run([*data], settings).transitions == run([*data[:6]], settings).transitions


@pytest.mark.parametrize("state", list(State))
def test_the_initial_state(state: State) -> None:
    """The state at the start is the one given, and is no transition."""
    settings = Settings(from_ms=START + 40_000, initial=state, phase_seconds=0)
    found = run([*samples(0, 0, 0, 0, 0, 0)], settings)
    assert found.initial is state
    assert [transition.before for transition in found.transitions] == ([] if state is State.OK else [state])


def test_statistic_sets_can_be_run() -> None:
    """Sums of samples, as an account gives them, feed the basic statistics."""
    sets = [StatisticSet(SIGNAL, START + second * 1000, 10, 600, 20, 100) for second in (0, 60)]
    found = run([*sets], Statistic="Average", Period=60, EvaluationPeriods=2)
    assert [transition.after for transition in found.transitions] == [State.ALARM]


def test_without_data_the_span_must_be_given() -> None:
    """An alarm over nothing needs --from and --to."""
    with pytest.raises(ValueError, match="--from and --to must be given"):
        run([])
    found = run([], Settings(from_ms=START, to_ms=START + 60_000), TreatMissingData="breaching")
    assert [transition.after for transition in found.transitions] == [State.ALARM]


def test_composites_run_after_what_they_refer_to() -> None:
    """Composite alarms may be given in any order, and are made children first."""
    alarms = alarm_set(
        [
            alarm_of({"AlarmName": "outer", "AlarmRule": "NOT ALARM(inner)"}),
            alarm_of({"AlarmName": "inner", "AlarmRule": "ALARM(signal)"}),
            alarm_of(scalar_alarm(DatapointsToAlarm=2)),
        ]
    )
    assert [alarm.name for alarm in alarms.alarms] == ["signal", "inner", "outer"]
    signal, inner, outer = backtest(alarms, samples(0, 0, 0, 100, 100, 100), Settings())
    assert (signal.trips, inner.trips, outer.final) == (1, 1, State.OK)
    shown = document([outer])["alarms"][0]["transitions"]
    assert [change["to"] for change in shown] == ["ALARM", "OK"]


def test_composites_in_a_circle() -> None:
    """A circle of composite alarms is refused: none of them can be made first."""
    circle = [
        alarm_of({"AlarmName": "a", "AlarmRule": "ALARM(b)"}),
        alarm_of({"AlarmName": "b", "AlarmRule": "ALARM(a)"}),
    ]
    with pytest.raises(InvalidAlarmError, match="goes in a circle over 'a'"):
        alarm_set(circle)


@given(st.lists(st.sampled_from([0.0, 100.0]), min_size=1, max_size=60), st.integers(0, 9))
def test_a_backtest_is_what_the_region_did(values: list[float], phase: int) -> None:
    """Samples handed in one by one as time goes by give the same transitions as all of them at once."""
    data = samples(*values, every_seconds=7)
    found = run([*data], Settings(phase_seconds=phase))
    region = CloudWatch(phases_ms={"signal": phase * 1000})
    events = region.put_metric_alarm(scalar_alarm(DatapointsToAlarm=2), START)
    for sample in data:
        region.put_samples([sample])
        events += region.advance(sample.timestamp_ms)
    events += region.advance(found.ended_ms)
    assert [transition.reason for transition in found.transitions] == [
        event["detail"]["state"]["reason"] for event in events if event["detail-type"] == STATE_CHANGE
    ]


DAY_MS = 24 * 3600 * 1000


@pytest.mark.parametrize("stray_ms", [0, START - 455 * DAY_MS, START + 455 * DAY_MS])
def test_years_between_two_samples_are_a_mistake(stray_ms: int) -> None:
    """Data that span more than CloudWatch keeps are refused at once, however little they are."""
    stray = Sample(SIGNAL, stray_ms, 1.0, storage_resolution_seconds=1)
    with pytest.raises(ValueError, match="is longer than 455 days, for which CloudWatch keeps metrics"):
        run([*samples(0), stray])
    asked = Settings(from_ms=START, to_ms=START + 60_000)
    assert run([*samples(0), stray], asked).started_ms == START


def test_a_span_that_is_asked_for_has_the_same_limit() -> None:
    """--from and --to may be as far apart as CloudWatch keeps metrics."""
    with pytest.raises(ValueError, match="455 days"):
        run([*samples(0)], Settings(from_ms=0, to_ms=START))
