"""Every statistic of CloudWatch, over values with counts."""

from __future__ import annotations

import pytest
from alarm_twin import SIGNAL, at
from hypothesis import given
from hypothesis import strategies as st

from recloser.lab.cloudwatch import MetricStore, StatisticSet
from recloser.lab.cloudwatch.aggregate import Aggregate
from recloser.lab.cloudwatch.series import Span
from recloser.lab.cloudwatch.statistics import UnknownStatisticError, parse_statistic


def over(*values: float, counts: tuple[float, ...] | None = None) -> Aggregate:
    aggregate = Aggregate()
    for value, count in zip(values, counts or (1.0,) * len(values), strict=True):
        aggregate.add_with_value(value, count)
    return aggregate


TEN = over(*map(float, range(1, 11)))
HUNDRED = over(*map(float, range(1, 101)))
WEIGHTED = over(2.0, 10.0, counts=(2.0, 3.0))


@pytest.mark.parametrize(
    ("statistic", "aggregate", "expected"),
    [
        ("SampleCount", WEIGHTED, 5.0),
        ("Sum", WEIGHTED, 34.0),
        ("Average", WEIGHTED, 6.8),
        ("Minimum", WEIGHTED, 2.0),
        ("Maximum", WEIGHTED, 10.0),
        ("p0", HUNDRED, 1.0),
        ("p100", HUNDRED, 100.0),
        ("p40", WEIGHTED, 2.1436),
        ("p50", WEIGHTED, 9.8746),
        ("p90", WEIGHTED, 9.9748),
        ("p50", over(0.0, 0.0, 4.0), 0.0),
        ("p100", over(0.0, 0.0, 4.0), 4.0),
        ("p10", over(0.02), 0.02),
        ("tm90", TEN, 4.9932),
        ("TM(10%:90%)", TEN, 5.4864),
        ("TM(:90%)", TEN, 4.9932),
        ("TM(20%:)", TEN, 6.4703),
        ("TM(2:5)", TEN, 3.5184),
        ("IQM", HUNDRED, 50.4009),
        ("tc90", TEN, 9.0),
        ("TC(2:5)", TEN, 3.6183),
        ("TC(:5)", TEN, 4.8815),
        ("TC(5:)", TEN, 5.1185),
        ("ts90", TEN, 44.9389),
        ("TS(80%:)", TEN, 19.3269),
        ("TS(2:5)", TEN, 12.7306),
        ("wm90", TEN, 5.4789),
        ("WM(10%:90%)", TEN, 5.4841),
        ("WM(2:5)", TEN, 4.085),
        ("PR(:3)", TEN, 25.1482),
        ("PR(3:)", TEN, 74.8518),
        ("PR(2:5)", TEN, 36.1829),
        ("PR(2000:)", over(100.0, 2000.0, 2000.1, 5000.0), 37.9956),
        ("PR(0.005:0.030)", over(0.005, 0.01, 0.03, 0.04), 55.0296),
    ],
)
def test_values(statistic: str, aggregate: Aggregate, expected: float) -> None:
    """Trimming is by share of samples or by value, over bins of 10 %; the vectors hold AWS's answers."""
    assert parse_statistic(statistic).compute(aggregate) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("statistic", ["p50", "tm90", "TM(1:2)", "tc90", "ts90", "wm90", "PR(1:)", "IQM"])
def test_negative_values_have_no_distribution(statistic: str) -> None:
    """AWS: these statistics are not available when any of the values is negative."""
    assert parse_statistic(statistic).compute(over(-1.0, 2.0)) is None


def test_a_rank_counts_a_part_of_the_bin_that_it_cuts() -> None:
    """A call of 1.9 s is above 2 s by a quarter, for its bin ends at 2.05 s; one of 1.8 s is not."""
    slow = parse_statistic("PR(2000:)").compute
    assert slow(over(1800.0, 100.0, 3000.0)) == pytest.approx(100 / 3)
    assert slow(over(1900.0, 100.0, 3000.0)) == pytest.approx(42.0, abs=0.01)
    assert slow(over(2100.0, 100.0, 3000.0)) == pytest.approx(200 / 3)


def test_an_empty_range_has_a_count_but_no_mean() -> None:
    """Where no sample lies in the range its count and sum are 0, and its mean is no datapoint."""
    assert [parse_statistic(f"{name}(50:60)").compute(TEN) for name in ("TM", "TC", "TS")] == [None, 0, 0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Median", "unknown statistic 'Median'"),
        ("p101", "above 100"),
        ("p99.12345678901", "unknown statistic"),
        ("P99", "unknown statistic"),
        ("PR(10%:90%)", "PR takes values"),
        ("PR(:)", "no boundary"),
        ("TM(10%:200)", "one boundary is a percentage"),
        ("TM(%:5)", "% without a number"),
        ("TM(500:80)", "the lower boundary is above"),
        ("TM(50%:120%)", "above 100"),
        ("", "unknown statistic ''"),
    ],
)
def test_unknown(text: str, why: str) -> None:
    """What CloudWatch does not know is refused with the text and what is allowed."""
    with pytest.raises(UnknownStatisticError, match=r"allowed are SampleCount") as refusal:
        parse_statistic(text)
    assert why in str(refusal.value)


numbers = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 5)), min_size=1, max_size=30)


@given(numbers, st.integers(0, 49), st.integers(1, 50))
def test_ranks_add_up(pairs: list[tuple[int, int]], low: int, width: int) -> None:
    """PR below, between and above two values are 100 together, and TM x TC is TS."""
    aggregate = over(*(float(value) for value, _ in pairs), counts=tuple(float(count) for _, count in pairs))
    high = low + width
    parts = [
        parse_statistic(text).compute(aggregate)
        for text in (f"PR(:{low})", f"PR({low}:{high})", f"PR({high}:)")
    ]
    assert sum(part or 0.0 for part in parts) == pytest.approx(100.0)
    mean, count, total = (
        parse_statistic(f"{name}({low}:{high})").compute(aggregate) for name in ("TM", "TC", "TS")
    )
    assert (mean or 0.0) * (count or 0.0) == pytest.approx(total)


@given(numbers, st.integers(1, 99))
def test_a_percentile_lies_in_the_bin_of_its_sample(pairs: list[tuple[int, int]], percent: int) -> None:
    """It is at most a bin (10 %) away from the sample of its rank, and never beyond the extremes."""
    values = sorted(value for value, count in pairs for _ in range(count))
    found = parse_statistic(f"p{percent}").compute(over(*map(float, values)))
    exact = values[max(0, -(-len(values) * percent // 100) - 1)]
    assert found is not None
    assert values[0] <= found <= values[-1]
    assert exact / 1.1001 <= found <= exact * 1.1001


@given(numbers, st.integers(0, 99))
def test_percentiles_grow(pairs: list[tuple[int, int]], percent: int) -> None:
    """A higher percentile is never lower."""
    aggregate = over(*(float(value) for value, _ in pairs), counts=tuple(float(count) for _, count in pairs))
    lower, upper = (parse_statistic(f"p{share}").compute(aggregate) for share in (percent, percent + 1))
    assert lower is not None
    assert upper is not None
    assert lower <= upper + 1e-9


def stored(*sets: StatisticSet) -> Aggregate:
    store = MetricStore()
    store.add_all(sets)
    (found,) = store.aggregates(SIGNAL, None, Span(at("10:00:00"), 60, 1), at("10:05:00"), with_values=True)
    assert found is not None
    return found


def test_a_statistic_set_has_no_percentiles() -> None:
    """Of a general statistic set only the basic statistics are known."""
    found = stored(StatisticSet(SIGNAL, at("10:00:10"), 3, 15, 1, 9))
    basic = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
    assert [parse_statistic(name).compute(found) for name in basic] == [3, 15, 5, 1, 9]
    assert parse_statistic("p50").compute(found) is None


def test_a_flat_statistic_set_has_percentiles() -> None:
    """A set whose smallest, largest and mean value agree tells every single value."""
    found = stored(
        StatisticSet(SIGNAL, at("10:00:10"), 3, 21, 7, 7), StatisticSet(SIGNAL, at("10:00:11"), 1, 9, 9, 9)
    )
    assert parse_statistic("p1").compute(found) == pytest.approx(7, rel=0.01)
    assert parse_statistic("PR(8:)").compute(found) == 25.0


def test_an_inconsistent_set_is_not_flat() -> None:
    """A set whose sum does not fit its only value has no percentiles, as captured on AWS."""
    assert parse_statistic("p50").compute(stored(StatisticSet(SIGNAL, at("10:00:10"), 3, 22, 7, 7))) is None


@pytest.mark.parametrize("period", [10, 20])
def test_what_was_worked_out_is_worked_out_anew_after_a_late_sample(period: int) -> None:
    """A sample that arrives later changes the percentile of its period."""
    store, start = MetricStore(), at("10:00:00")
    for value, seen_ms in ((1.0, start), (3.0, start + 20)):
        store.add(SIGNAL, start, value, available_at_ms=seen_ms, storage_resolution_seconds=1)
    seen = []
    for now in (start + 10, start + 20):
        (found,) = store.aggregates(SIGNAL, None, Span(start, period, 1), now, with_values=True)
        assert found is not None
        seen.append(parse_statistic("p100").compute(found))
    assert seen == [1.0, 3.0]
