"""Warnings about data that show less than a backtest's result seems to say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from recloser.lab.backtest.alarm_files import AlarmSet
from recloser.lab.backtest.backtest import Published, Settings, span
from recloser.lab.backtest.query_results import recorded
from recloser.lab.cloudwatch import Metric, MetricAlarm
from recloser.lab.cloudwatch.alarms import SECONDS_PER_MINUTE, MetricStat
from recloser.lab.cloudwatch.evaluate import evaluation_window
from recloser.lab.cloudwatch.times import iso_utc

# Data by the hour, by the quarter of it, by five minutes and by the minute, in seconds.
COARSE = (3600, 900, 300, SECONDS_PER_MINUTE)
# Fewer samples than this do not show at which distance they come.
FEW = 2


def data_warnings(alarms: AlarmSet, published: Sequence[Published], settings: Settings) -> list[str]:
    """Return why alarms have no data, or hardly any: one sentence for each reason."""
    by_metric: dict[Metric, list[Published]] = {}
    for sample in published:
        by_metric.setdefault(sample.metric, []).append(sample)
    span_ms = span(alarms, published, settings)
    found = [warning for alarm in alarms.metric_alarms for warning in _about(alarm, by_metric, span_ms)]
    return list(dict.fromkeys(found))


def _about(
    alarm: MetricAlarm, by_metric: Mapping[Metric, Sequence[Published]], span_ms: tuple[int, int]
) -> Iterator[str]:
    for query in alarm.queries:
        if query.stat is not None:
            samples = by_metric.get(query.stat.metric, [])
            if samples:
                yield from _unit(alarm, query.stat, samples)
                yield from _resolution(alarm, query.stat.metric, samples)
    samples = [sample for metric in _read(alarm, by_metric) for sample in by_metric[metric]]
    if samples:
        yield from _span(alarm, samples, span_ms)


def _read(alarm: MetricAlarm, known: Mapping[Metric, object]) -> list[Metric]:
    selects = [query.select for query in alarm.queries if query.select is not None]
    return [
        metric
        for metric in known
        if metric in alarm.metrics or any(select.selects(metric) for select in selects)
    ]


def _unit(alarm: MetricAlarm, stat: MetricStat, samples: Sequence[Published]) -> Iterator[str]:
    units = sorted({sample.unit for sample in samples})
    if stat.unit is not None and stat.unit not in units:
        yield (
            f"alarm {alarm.name!r} reads {recorded(stat.metric)} in the unit {stat.unit}, and the data have "
            f"it in {', '.join(units)} only: the alarm sees nothing"
        )


def _resolution(alarm: MetricAlarm, metric: Metric, samples: Sequence[Published]) -> Iterator[str]:
    stamps = {sample.timestamp_ms for sample in samples}
    by_the_minute = all(sample.storage_resolution_seconds == SECONDS_PER_MINUTE for sample in samples)
    lie_on = [each for each in COARSE if all(stamp % (1000 * each) == 0 for stamp in stamps)]
    coarse = lie_on[:1] if len(stamps) >= FEW else []
    every = max([*coarse, SECONDS_PER_MINUTE if by_the_minute else 0])
    if alarm.period_seconds < every:
        yield (
            f"alarm {alarm.name!r} has periods of {alarm.period_seconds} s, and the data of "
            f"{recorded(metric)} are of {every} s: one period in {every // alarm.period_seconds} has data"
        )


def _span(alarm: MetricAlarm, samples: Sequence[Published], span_ms: tuple[int, int]) -> Iterator[str]:
    begin_ms = evaluation_window(alarm, span_ms[0]).start_ms
    stamps = [sample.timestamp_ms for sample in samples]
    if not any(begin_ms <= stamp < span_ms[1] for stamp in stamps):
        yield (
            f"alarm {alarm.name!r} has no data between {iso_utc(span_ms[0])} and {iso_utc(span_ms[1])}: "
            f"they are from {iso_utc(min(stamps))} to {iso_utc(max(stamps))}"
        )
