"""How an alarm decides: the window it reads, and the state it takes.

The rules are those of AWS's "Configuring how CloudWatch alarms treat missing data", made precise by
transitions that were captured on AWS; `docs/cloudwatch.md` tells which parts are not verified.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from recloser.lab.cloudwatch.aggregate import Aggregate
from recloser.lab.cloudwatch.alarms import Comparison, MetricAlarm, MetricStat, Missing, State
from recloser.lab.cloudwatch.insights import Select, answer
from recloser.lab.cloudwatch.metrics import Metric, MetricStore
from recloser.lab.cloudwatch.series import Span

MS_PER_SECOND = 1000
SECONDS_PER_MINUTE = 60
MS_PER_MINUTE = SECONDS_PER_MINUTE * MS_PER_SECOND

_COMPARE: dict[Comparison, Callable[[float, float], bool]] = {
    Comparison.AT_LEAST: operator.ge,
    Comparison.ABOVE: operator.gt,
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
}
_MEDIAN = 0.5
_SAMPLES_THAT_COUNT = 10.0


@dataclass(frozen=True, slots=True)
class WindowRules:
    """What AWS does not publish about the window, as captured.

    `scalar_lag_seconds`: an alarm below a minute that is defined with MetricName reads up to 10 s ago
    (captures at 10 s allow 8.8 to 10.8 s). From a minute on there is no such wait: the last whole minute was
    seen 2.2 s after its end.
    `expression_lag_seconds`: one defined with Metrics reads up to now (captures allow at most 0.48 s).
    `extra_seconds`: how far before its N periods an alarm below 60 s looks. Captured only for period 10 and N
    = 3 (9 periods in all); for 20 and 30 s and other N this is an extrapolation.
    `extra_minutes`, `least_extra_periods`: the same from a minute on: as many periods as fit into five
    minutes, and two at least. Captured at 60, 300 and 900 s.
    `late_minutes`: how late the last minute of a longer period may be for the window to slide back to it
    (captured at 300 s, twice, on a metric with a sample a minute).
    """

    scalar_lag_seconds: float = 10.0
    expression_lag_seconds: float = 0.0
    extra_seconds: int = 60
    extra_minutes: int = 5
    least_extra_periods: int = 2
    late_minutes: int = 1

    def extra_periods(self, period_seconds: int) -> int:
        """How many periods before its N an alarm looks at."""
        if period_seconds < SECONDS_PER_MINUTE:
            return self.extra_seconds // period_seconds
        return max(self.least_extra_periods, self.extra_minutes * SECONDS_PER_MINUTE // period_seconds)

    def lag_ms(self, alarm: MetricAlarm) -> int:
        """How old the newest datapoint must be that an alarm reads."""
        if alarm.is_scalar and alarm.period_seconds >= SECONDS_PER_MINUTE:
            return 0
        lag = self.scalar_lag_seconds if alarm.is_scalar else self.expression_lag_seconds
        return int(lag * MS_PER_SECOND)


AWS_WINDOW = WindowRules()


class Window(NamedTuple):
    """`buckets` periods from `start_ms` up to, but not including, `end_ms`."""

    start_ms: int
    end_ms: int
    period_ms: int
    buckets: int

    def bucket_start_ms(self, index: int) -> int:
        return self.start_ms + index * self.period_ms


def evaluation_window(alarm: MetricAlarm, query_ms: int, rules: WindowRules = AWS_WINDOW) -> Window:
    """The periods that an evaluation at `query_ms` reads: N and a few older ones.

    The end is on a boundary of the period (of the minute from 60 s on); periods of several minutes are thus
    not aligned with the clock but slide.
    """
    period_ms = alarm.period_seconds * MS_PER_SECOND
    grain_ms = min(period_ms, MS_PER_MINUTE)
    end_ms = (query_ms - rules.lag_ms(alarm)) // grain_ms * grain_ms
    buckets = alarm.evaluation_periods + rules.extra_periods(alarm.period_seconds)
    return Window(end_ms - buckets * period_ms, end_ms, period_ms, buckets)


@dataclass(frozen=True, slots=True)
class Datapoints:
    """What an alarm saw: one value per period of the window, None where there is none.

    `sample_counts` is there for alarms defined with MetricName only.
    """

    window: Window
    values: list[float | None]
    sample_counts: list[float | None] | None = None


def read_datapoints(
    alarm: MetricAlarm, store: MetricStore, query_ms: int, rules: WindowRules = AWS_WINDOW
) -> Datapoints:
    """The datapoints that `alarm` sees at `query_ms`."""
    window = evaluation_window(alarm, query_ms, rules)
    if alarm.is_scalar and window.period_ms > MS_PER_MINUTE:
        window = _slid_back(alarm, store, window, query_ms, rules)
    return datapoints_in(alarm, store, window, query_ms)


def _slid_back(
    alarm: MetricAlarm, store: MetricStore, window: Window, query_ms: int, rules: WindowRules
) -> Window:
    """The window, ending where the data do: a metric with a sample a minute may be a minute late.

    Two minutes with data before the gap tell such a metric from one with a sample now and then, which does
    not move the window.
    """
    minutes = rules.late_minutes + 2
    stat = alarm.returned_stat
    span = Span(window.end_ms - minutes * MS_PER_MINUTE, SECONDS_PER_MINUTE, minutes)
    seen = [found is not None for found in store.aggregates(stat.metric, stat.unit, span, query_ms)]
    late = next((late for late in range(minutes - 1) if all(seen[minutes - late - 2 : minutes - late])), 0)
    return window._replace(
        start_ms=window.start_ms - late * MS_PER_MINUTE, end_ms=window.end_ms - late * MS_PER_MINUTE
    )


def datapoints_in(alarm: MetricAlarm, store: MetricStore, window: Window, query_ms: int) -> Datapoints:
    """The datapoints of an alarm in any window, as a query at `query_ms` sees them."""
    query = _Query(store, Span(window.start_ms, alarm.period_seconds, window.buckets), query_ms)
    returned = next(entry for entry in alarm.queries if entry.returns_data)
    if returned.select is not None:
        return Datapoints(window, query.only_row(returned.select))
    if alarm.formula is None:
        stat = alarm.returned_stat
        aggregates = query.aggregates(stat)
        counts = [None if found is None else found.count for found in aggregates] if alarm.is_scalar else None
        return Datapoints(window, query.values(stat), counts)
    wanted = alarm.formula.metrics_used
    series = {
        entry.id: query.values(entry.stat)
        for entry in alarm.queries
        if entry.stat is not None and entry.id in wanted
    }
    selects = {
        entry.id: query.rows(entry.select) if entry.select.group_by else query.only_row(entry.select)
        for entry in alarm.queries
        if entry.select is not None
    }
    return Datapoints(window, alarm.formula.evaluate(series | selects, window.buckets, alarm.period_seconds))


class _Query:
    """One look at the metrics; Sum and SampleCount of the same metric read it once."""

    def __init__(self, store: MetricStore, span: Span, query_ms: int) -> None:
        self._store = store
        self._span = span
        self._query_ms = query_ms
        self._seen: dict[tuple[Metric, str | None, bool], list[Aggregate | None]] = {}

    def aggregates(self, stat: MetricStat) -> list[Aggregate | None]:
        needs_values = stat.statistic.needs_values
        key = (stat.metric, stat.unit, needs_values)
        found = self._seen.get(key)
        if found is None:
            found = self._store.aggregates(
                stat.metric, stat.unit, self._span, self._query_ms, with_values=needs_values
            )
            self._seen[key] = found
        return found

    def rows(self, select: Select) -> list[list[float | None]]:
        return [row.values for row in answer(select, self._store, self._span, self._query_ms)]

    def only_row(self, select: Select) -> list[float | None]:
        """The series of a query without GROUP BY; without a metric it has no datapoint."""
        rows = self.rows(select)
        return rows[0] if rows else [None] * self._span.buckets

    def values(self, stat: MetricStat) -> list[float | None]:
        compute = stat.statistic.compute
        return [None if found is None else compute(found) for found in self.aggregates(stat)]


@dataclass(frozen=True, slots=True)
class Decision:
    """The state an evaluation gives (None: keep the one there is), and the datapoints that made it.

    `bad` and `good` are indices into the window, newest first, of the newest at most N real datapoints.
    """

    state: State | None
    bad: list[int]
    good: list[int]

    @property
    def real(self) -> int:
        return len(self.bad) + len(self.good)


def decide(alarm: MetricAlarm, datapoints: Datapoints) -> Decision:
    """The state of the alarm, from the newest at most N real datapoints of its window.

    With N of them TreatMissingData is never asked.
    """
    bad, good = _newest(alarm, datapoints.values)
    if alarm.ignores_low_samples and _has_too_few_samples(alarm, datapoints, bad + good):
        return Decision(None, bad, good)
    if len(bad) >= alarm.datapoints_to_alarm:
        return Decision(State.ALARM, bad, good)
    return Decision(_with_missing(alarm, datapoints.window, bad, good), bad, good)


def _newest(alarm: MetricAlarm, values: list[float | None]) -> tuple[list[int], list[int]]:
    breaches, threshold, left = _COMPARE[alarm.comparison], alarm.threshold, alarm.evaluation_periods
    bad: list[int] = []
    good: list[int] = []
    for index in range(len(values) - 1, -1, -1):
        value = values[index]
        if value is None:
            continue
        (bad if breaches(value, threshold) else good).append(index)
        left -= 1
        if left == 0:
            break
    return bad, good


def _with_missing(alarm: MetricAlarm, window: Window, bad: list[int], good: list[int]) -> State | None:
    """What TreatMissingData says when the real datapoints alone do not decide."""
    mode, needed = alarm.treat_missing_data, alarm.datapoints_to_alarm
    missing = alarm.evaluation_periods - len(bad) - len(good)
    if mode is Missing.BREACHING:
        return State.ALARM if len(bad) + missing >= needed else State.OK
    if mode is Missing.NOT_BREACHING:
        # This column rests on AWS's tables alone: no such transition was captured.
        return State.OK
    if good:
        return State.OK
    if mode is Missing.IGNORE:
        return None
    # AWS's "premature" rule: a breach old enough to have been followed by M - 1 periods, and nothing but
    # breaches in the window, raises the alarm though fewer than M datapoints breach.
    if bad and window.end_ms - window.bucket_start_ms(bad[-1]) >= needed * window.period_ms:
        return State.ALARM
    # With a breach that is too new this was captured for the prior state INSUFFICIENT_DATA only; with OK
    # before, AWS might keep the state.
    return State.INSUFFICIENT_DATA


def _has_too_few_samples(alarm: MetricAlarm, datapoints: Datapoints, used: list[int]) -> bool:
    """EvaluateLowSampleCountPercentile "ignore": a percentile of too few samples keeps the state.

    AWS ("Percentile-based CloudWatch alarms and low data samples"): fewer than 10 / (1 - p) samples for p
    of 0.5 and above, fewer than 10 / p below. Captured for one period; that with several periods each of them
    needs that many is our reading.
    """
    counts = datapoints.sample_counts
    if counts is None:
        return False
    share = alarm.returned_stat.statistic.percentile
    if share is None:
        return False
    rest = 1.0 - share if share >= _MEDIAN else share
    # 10 / (1 - 0.99) is 999.9999999999991 in floating point, and 1,000 samples are meant.
    needed = round(_SAMPLES_THAT_COUNT / rest, 6) if rest > 0 else 0.0
    return any((counts[index] or 0.0) < needed for index in used)
