"""GetMetricData: metrics, metric math and Metrics Insights queries, answered from the store."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recloser.lab.cloudwatch.alarms import InvalidAlarmError, MetricQuery
from recloser.lab.cloudwatch.definitions import metric_queries
from recloser.lab.cloudwatch.expressions import compile_formula
from recloser.lab.cloudwatch.insights import answer, describe
from recloser.lab.cloudwatch.metrics import MetricStore
from recloser.lab.cloudwatch.series import Span

MS_PER_SECOND = 1000
# A query with a period below a minute is answered by the minute (stackd's documentation of its captures).
SHORTEST_QUERY_PERIOD_SECONDS = 60

Values = list[float | None]


class InvalidQueryError(ValueError):
    """What GetMetricData would refuse, or what cannot be answered here."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """The series of one query, by label; `is_array` where there may be several."""

    series: list[tuple[str, Values]]
    span: Span
    is_array: bool = False


def metric_data(
    store: MetricStore, queries: Sequence[Mapping[str, Any]], span_ms: tuple[int, int], now_ms: int
) -> list[dict[str, Any]]:
    """The MetricDataResults of `queries` from and to `span_ms`, as seen at `now_ms`.

    `Timestamps` are epoch milliseconds, oldest first. Periods begin on multiples of themselves. Raises
    InvalidQueryError.
    """
    try:
        read = metric_queries(queries)
    except InvalidAlarmError as error:
        raise InvalidQueryError(error.problem) from error
    if sum(query.select is not None for query, _ in read) > 1:
        raise InvalidQueryError("at most one Metrics Insights query may stand in a request")
    answers: dict[str, _Answer] = {}
    for query, period in read:
        if query.stat is not None or query.select is not None:
            shortest = 0 if query.select is None else SHORTEST_QUERY_PERIOD_SECONDS
            answers[query.id] = _read(store, query, _span(max(period, shortest), span_ms), now_ms)
    for query, period in read:
        if query.id not in answers:
            answers[query.id] = _computed(query, period, read, answers)
    return [
        result for query, _ in read if query.returns_data for result in _results(query, answers[query.id])
    ]


def _span(period_seconds: int, span_ms: tuple[int, int]) -> Span:
    period_ms = period_seconds * MS_PER_SECOND
    start_ms = span_ms[0] // period_ms * period_ms
    return Span(start_ms, period_seconds, max(0, -(-(span_ms[1] - start_ms) // period_ms)))


def _read(store: MetricStore, query: MetricQuery, span: Span, now_ms: int) -> _Answer:
    if query.select is not None:
        rows = answer(query.select, store, span, now_ms)
        return _Answer(
            [(label or query.id, row.values) for label, row in describe(rows)],
            span,
            is_array=bool(query.select.group_by),
        )
    stat = query.stat
    assert stat is not None  # noqa: S101 - the caller has seen one of the two
    found = store.aggregates(stat.metric, stat.unit, span, now_ms, with_values=stat.statistic.needs_values)
    values: Values = [None if one is None else stat.statistic.compute(one) for one in found]
    return _Answer([(stat.metric.name, values)], span)


def _computed(
    query: MetricQuery,
    period: int,
    read: Sequence[tuple[MetricQuery, int]],
    answers: Mapping[str, _Answer],
) -> _Answer:
    expressions = {
        one.id: one.expression for one, _ in read if one.expression is not None and one.select is None
    }
    sources = {one.id: answers[one.id] for one, _ in read if one.id not in expressions}
    try:
        formula = compile_formula(
            expressions, list(sources), query.id, [name for name, one in sources.items() if one.is_array]
        )
    except ValueError as error:
        raise InvalidQueryError(str(error)) from error
    spans = {sources[name].span for name in formula.metrics_used}
    if len(spans) > 1:
        raise InvalidQueryError(f"expression {query.id!r} joins metrics of several periods")
    span = next(iter(spans), None)
    if span is None:
        raise InvalidQueryError(f"expression {query.id!r} reads no metric")
    values = {name: _input(sources[name], span) for name in formula.metrics_used}
    return _Answer([(query.id, formula.evaluate(values, span.buckets, period))], span)


def _input(source: _Answer, span: Span) -> Any:
    if source.is_array:
        return [values for _, values in source.series]
    return source.series[0][1] if source.series else [None] * span.buckets


def _results(query: MetricQuery, found: _Answer) -> Iterator[dict[str, Any]]:
    period_ms = found.span.period_seconds * MS_PER_SECOND
    for label, values in found.series or [(query.id, [])]:
        points = [
            (found.span.start_ms + index * period_ms, value)
            for index, value in enumerate(values)
            if value is not None
        ]
        yield {
            "Id": query.id,
            "Label": query.label or label,
            "Timestamps": [at_ms for at_ms, _ in points],
            "Values": [value for _, value in points],
            "StatusCode": "Complete",
        }
