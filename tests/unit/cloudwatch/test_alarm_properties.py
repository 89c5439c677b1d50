"""Properties that hold for every alarm and every history."""

from __future__ import annotations

import json

from alarm_twin import SIGNAL, at, rate_alarm, scalar_alarm
from hypothesis import given
from hypothesis import strategies as st

from recloser.lab.cloudwatch import CloudWatch, Metric, State, decide, explain, metric_alarm
from recloser.lab.cloudwatch.evaluate import Datapoints, Window

MODES = ("missing", "ignore", "breaching", "notBreaching")
START = at("10:00:00")
values = st.sampled_from([None, 0.0, 50.0, 50.5, 100.0])
windows = st.lists(values, min_size=4, max_size=9)
shapes = st.integers(1, 4).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))
# (seconds after the start, value, seconds until it can be seen)
samples = st.tuples(st.integers(0, 300), st.sampled_from([0.0, 1.0]), st.integers(0, 60))


def datapoints(window: list[float | None]) -> Datapoints:
    return Datapoints(
        Window(START, START + len(window) * 10_000, 10_000, len(window)),
        window,
        [None if value is None else 1.0 for value in window],
    )


def decisions(shape: tuple[int, int], window: list[float | None]) -> dict[str, State | None]:
    periods, needed = shape
    return {
        mode: decide(
            metric_alarm(
                scalar_alarm(EvaluationPeriods=periods, DatapointsToAlarm=needed, TreatMissingData=mode)
            ),
            datapoints(window),
        ).state
        for mode in MODES
    }


@given(shapes, windows)
def test_with_enough_real_points_the_mode_never_matters(
    shape: tuple[int, int], window: list[float | None]
) -> None:
    """With N real datapoints in the window TreatMissingData is never asked."""
    if sum(value is not None for value in window) >= shape[0]:
        assert len(set(decisions(shape, window).values())) == 1


@given(shapes, windows)
def test_enough_breaches_are_an_alarm_in_every_mode(
    shape: tuple[int, int], window: list[float | None]
) -> None:
    """M breaches among the newest N real datapoints are ALARM, whatever is missing."""
    periods, needed = shape
    newest = [value for value in window if value is not None][-periods:]
    breaches = sum(value > 50 for value in newest)
    for state in decisions(shape, window).values():
        assert (breaches >= needed) <= (state is State.ALARM)


@given(shapes, windows)
def test_modes_are_ordered(shape: tuple[int, int], window: list[float | None]) -> None:
    """notBreaching alarms only where breaching does; only `ignore` keeps, only `missing` knows nothing."""
    found = decisions(shape, window)
    assert (found["notBreaching"] is State.ALARM) <= (found["breaching"] is State.ALARM)
    assert all(state is not None for mode, state in found.items() if mode != "ignore")
    assert all(state is not State.INSUFFICIENT_DATA for mode, state in found.items() if mode != "missing")


@given(shapes, windows)
def test_only_the_window_matters(shape: tuple[int, int], window: list[float | None]) -> None:
    """Datapoints before the newest N real ones change nothing."""
    periods, _ = shape
    if sum(value is not None for value in window) >= periods:
        assert decisions(shape, [100.0, 0.0, *window]) == decisions(shape, window)


@given(shapes, windows, st.sampled_from(MODES))
def test_the_reason_data_tells_the_datapoints(
    shape: tuple[int, int], window: list[float | None], mode: str
) -> None:
    """The real datapoints are told, the evaluated ones newest first, and as many as the side needs."""
    periods, needed = shape
    alarm = metric_alarm(
        scalar_alarm(EvaluationPeriods=periods, DatapointsToAlarm=needed, TreatMissingData=mode)
    )
    seen = datapoints(window)
    decision = decide(alarm, seen)
    if decision.state is None:
        return
    data = json.loads(explain(alarm, seen, decision, decision.state, START).data)
    real = [value for value in window if value is not None][-periods:]
    assert [value for value in data["recentDatapoints"] if value is not None] == real
    evaluated = data["evaluatedDatapoints"]
    stamps = [point["timestamp"] for point in evaluated]
    assert stamps == sorted(stamps, reverse=True)
    assert len(set(stamps)) == len(stamps)
    wanted = periods - needed + 1 if decision.state is State.OK else needed
    empty = sum(value is None for value in window)
    speaking = {State.ALARM: len(decision.bad), State.OK: len(decision.good)}.get(decision.state, 0)
    assert len(evaluated) == min(wanted, speaking + empty)


def run(history: list[tuple[int, float, int]], order: list[int]) -> list[str]:
    """Every event of the rate alarm, with the samples handed in at the start, in the given order."""
    region = CloudWatch()
    failure = Metric.of("Recloser", "Failure", {"Circuit": "payments-api"})
    for index in order:
        second, value, lag = history[index]
        taken_ms = START + second * 1000
        region.metrics.add(
            failure, taken_ms, value, available_at_ms=taken_ms + lag * 1000, storage_resolution_seconds=1
        )
    events = region.put_metric_alarm(rate_alarm(minimum=2), START)
    events += region.advance(START + 600_000)
    return [json.dumps(event) for event in events]


@given(st.lists(samples, max_size=60), st.randoms(use_true_random=False))
def test_evaluation_repeats_and_the_order_of_samples_never_matters(
    history: list[tuple[int, float, int]], random: object
) -> None:
    """The same samples give the same events to the byte, in whatever order they are handed in."""
    order = list(range(len(history)))
    shuffled = list(order)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert run(history, order) == run(history, order) == run(history, shuffled)


@given(st.lists(samples, max_size=60), st.lists(st.integers(1, 120), max_size=12))
def test_the_steps_of_time_never_matter(history: list[tuple[int, float, int]], steps: list[int]) -> None:
    """Advancing in one step or in many gives the same events."""
    region = CloudWatch()
    failure = Metric.of("Recloser", "Failure", {"Circuit": "payments-api"})
    for second, value, lag in history:
        taken_ms = START + second * 1000
        region.metrics.add(
            failure, taken_ms, value, available_at_ms=taken_ms + lag * 1000, storage_resolution_seconds=1
        )
    events = region.put_metric_alarm(rate_alarm(minimum=2), START)
    now = START
    for step in steps:
        now = min(now + step * 1000, START + 600_000)
        events += region.advance(now)
    events += region.advance(START + 600_000)
    assert [json.dumps(event) for event in events] == run(history, list(range(len(history))))


@given(st.lists(samples, min_size=1, max_size=40))
def test_a_state_change_always_changes_the_state(history: list[tuple[int, float, int]]) -> None:
    """An evaluation sends an event only when the state changes, each from the last one's state."""
    region = CloudWatch()
    for second, value, lag in history:
        taken_ms = START + second * 1000
        region.metrics.add(SIGNAL, taken_ms, value * 100, available_at_ms=taken_ms + lag * 1000)
    region.put_metric_alarm(scalar_alarm(Period=60, DatapointsToAlarm=2), START)
    before = "INSUFFICIENT_DATA"
    for event in region.advance(START + 1_200_000):
        detail = event["detail"]
        assert detail["previousState"]["value"] == before != detail["state"]["value"]
        before = detail["state"]["value"]
