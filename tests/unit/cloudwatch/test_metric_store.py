"""What the store of metrics shows to whom, and when."""

from __future__ import annotations

import pytest
from alarm_twin import SIGNAL, at
from hypothesis import given
from hypothesis import strategies as st

from recloser.lab.cloudwatch import Metric, MetricStore, Sample
from recloser.lab.cloudwatch.series import Span

START = at("10:00:00")
LATER = START + 3_600_000


def sums(store: MetricStore, span: Span, now_ms: int = LATER, unit: str | None = None) -> list[float | None]:
    found = store.aggregates(SIGNAL, unit, span, now_ms)
    return [None if one is None else one.total for one in found]


def test_dimension_order_is_no_part_of_a_metric() -> None:
    """A metric is its namespace, its name and the set of its dimensions."""
    assert Metric.of("N", "m", {"a": "1", "b": "2"}) == Metric.of("N", "m", {"b": "2", "a": "1"})
    assert str(Metric.of("N", "m", {"b": "2", "a": "1"})) == "N/m {a=1, b=2}"


def test_high_resolution_keeps_seconds_and_standard_minutes() -> None:
    """A sample of standard resolution belongs to the start of its minute."""
    store = MetricStore()
    store.add(SIGNAL, START + 35_000, 1.0, storage_resolution_seconds=1)
    store.add(SIGNAL, START + 35_000, 10.0)
    assert sums(store, Span(START, 10, 6)) == [10.0, None, None, 1.0, None, None]
    assert sums(store, Span(START, 60, 1)) == [11.0]


def test_a_query_sees_what_was_available() -> None:
    """A sample is invisible to queries before it became available."""
    store = MetricStore()
    store.add(SIGNAL, START, 1.0, available_at_ms=START + 5_000)
    span = Span(START, 60, 1)
    assert [sums(store, span, START + later) for later in (4_999, 5_000)] == [[None], [1.0]]


def test_queries_go_forward() -> None:
    """Asking about the past of an earlier query is refused: what has become visible was summed up."""
    store = MetricStore()
    store.add(SIGNAL, START, 1.0)
    sums(store, Span(START, 60, 1), LATER)
    with pytest.raises(ValueError, match="go forward in time"):
        sums(store, Span(START, 60, 1), LATER - 1)


def test_a_late_sample_counts_from_the_next_query_on() -> None:
    """A sample handed in after its period was read is seen by the next query."""
    store = MetricStore()
    store.add(SIGNAL, START, 1.0)
    span = Span(START, 60, 1)
    assert sums(store, span) == [1.0]
    store.add(SIGNAL, START, 2.0)
    assert sums(store, span) == [3.0]


def test_units_are_kept_apart() -> None:
    """A query with another Unit finds nothing; without one it never adds up different units."""
    store = MetricStore()
    store.add(SIGNAL, START, 1.0, unit="Count")
    store.add(SIGNAL, START, 5.0, unit="Seconds")
    store.add(SIGNAL, START + 60_000, 7.0, unit="Seconds")
    span = Span(START, 60, 3)
    assert sums(store, span, unit="Count") == [1.0, None, None]
    assert sums(store, span, unit="Percent") == [None, None, None]
    assert sums(store, span) == [1.0, 7.0, None]


def test_a_span_lies_on_whole_cells() -> None:
    """A query that the store cannot answer exactly is refused."""
    store = MetricStore()
    store.add(SIGNAL, START, 1.0)
    with pytest.raises(ValueError, match="multiples of 10 s"):
        sums(store, Span(START + 5_000, 10, 1))


def test_pruning_forgets_the_old_and_keeps_the_rest() -> None:
    """Old samples can be forgotten; what was not visible yet is kept."""
    store = MetricStore()
    for minute in range(5):
        store.add(SIGNAL, START + minute * 60_000, 1.0)
    store.add(SIGNAL, START, 9.0, available_at_ms=LATER + 60_000)
    span = Span(START, 60, 5)
    sums(store, span)
    store.prune(START + 120_000)
    assert sums(store, span) == [None, None, 1.0, 1.0, 1.0]
    assert sums(store, span, LATER + 60_000) == [9.0, None, 1.0, 1.0, 1.0]


samples = st.lists(
    st.tuples(st.integers(0, 599_999), st.integers(0, 3), st.sampled_from([1, 60]), st.integers(0, 700)),
    max_size=50,
)


@given(samples, st.sampled_from([10, 20, 30, 60, 120, 300]), st.integers(0, 700))
def test_sums_are_those_of_a_plain_list(
    published: list[tuple[int, int, int, int]], period: int, asked: int
) -> None:
    """Whatever the period, a query sums up exactly the samples of each period that it can see."""
    store = MetricStore()
    store.add_all(
        Sample(SIGNAL, START + offset, float(value), 1.0, START + seen * 1000, "None", resolution)
        for offset, value, resolution, seen in published
    )
    buckets = 600 // period
    expected: list[list[float]] = [[] for _ in range(buckets)]
    for offset, value, resolution, seen in published:
        stored = offset if resolution == 1 else offset // 60_000 * 60_000
        if seen <= asked:
            expected[stored // (period * 1000)].append(float(value))
    for with_values in (False, True):
        found = store.aggregates(
            SIGNAL, None, Span(START, period, buckets), START + asked * 1000, with_values=with_values
        )
        for one, values in zip(found, expected, strict=True):
            assert (one is None) == (not values)
            if one is not None:
                assert (one.count, one.total) == (len(values), sum(values))
                assert (one.minimum, one.maximum) == (min(values), max(values))
                if with_values:
                    assert one.values == {value: values.count(value) for value in values}
