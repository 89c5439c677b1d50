"""Alarms and their metrics out of an AWS account, read-only: DescribeAlarms and GetMetricData."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from recloser.lab.backtest.alarm_files import Alarm, alarm_of
from recloser.lab.backtest.query_results import replayed, samples_for
from recloser.lab.cloudwatch import CompositeAlarm, Metric, MetricAlarm, Sample, StatisticSet
from recloser.lab.cloudwatch.alarms import MetricStat
from recloser.lab.cloudwatch.evaluate import evaluation_window

MS_PER_SECOND = 1000
MS_PER_MINUTE = 60 * MS_PER_SECOND
QUERIES_PER_CALL = 500
NAMES_PER_CALL = 100
# How long CloudWatch keeps datapoints of a period, in seconds (user guide, "Metrics retention").
RETENTION_SECONDS = {60: 3 * 3600, 300: 15 * 86_400, 3600: 63 * 86_400}

Progress = Callable[[int, int], object]
"""Is told how many of how many queries have been answered."""


@dataclass(frozen=True, slots=True)
class AccountData:
    """Alarms as they can be run, and what they read."""

    alarms: list[Alarm]
    samples: list[Sample | StatisticSet]


class AccountError(ValueError):
    """The account lacks what was asked for."""


def read_account_alarms(client: Any, names: Sequence[str]) -> list[Alarm]:
    """The alarms with these names, and those that composite alarms among them refer to.

    Raises AccountError for a name that is not there, InvalidAlarmError for an alarm that cannot be evaluated.
    """
    found: dict[str, Alarm] = {}
    wanted = list(dict.fromkeys(names))
    while wanted:
        for definition in _describe(client, wanted):
            found[definition["AlarmName"]] = alarm_of(definition)
        missing = [name for name in wanted if name not in found]
        if missing:
            raise AccountError(
                f"there is no alarm {', '.join(map(repr, missing))} in this account and Region"
            )
        children = [
            name for alarm in found.values() if isinstance(alarm, CompositeAlarm) for name in alarm.depends_on
        ]
        wanted = [name for name in dict.fromkeys(children) if name not in found]
    return list(found.values())


def _describe(client: Any, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    pages = client.get_paginator("describe_alarms")
    for start in range(0, len(names), NAMES_PER_CALL):
        batch = list(names[start : start + NAMES_PER_CALL])
        for page in pages.paginate(AlarmNames=batch, AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
            yield from page.get("MetricAlarms", [])
            yield from page.get("CompositeAlarms", [])


def read_account_metrics(
    client: Any, alarms: Sequence[Alarm], span_ms: tuple[int, int], now_ms: int, progress: Progress
) -> AccountData:
    """All that the alarms read within `span_ms` (from, to), and in the window before.

    Basic statistics come as counts, sums and extremes of the finest period, so that sliding windows are
    exact. Percentiles and their kin cannot be put together again: they come with the alarm's own period.

    Raises AccountError if CloudWatch no longer keeps data as fine as the alarm needs.
    """
    from_ms, to_ms = span_ms
    plan = _Plan()
    for alarm in alarms:
        if isinstance(alarm, MetricAlarm):
            start_ms = evaluation_window(alarm, from_ms).start_ms
            _check_retention(alarm, start_ms, now_ms)
            plan.add(alarm, start_ms)
    answers = _get(client, plan.queries(), plan.start_ms, to_ms, progress)
    samples = [sample for read in plan.reads for sample in read.samples(answers)]
    copies = {alarm.name: alarm for alarm in plan.alarms}
    return AccountData([copies.get(alarm.name, alarm) for alarm in alarms], samples)


def check_retention(alarm: Alarm, from_ms: int, now_ms: int) -> None:
    """See whether CloudWatch still keeps data as fine as an alarm needs from `from_ms` on.

    Raises AccountError where it does not.
    """
    if isinstance(alarm, MetricAlarm):
        _check_retention(alarm, evaluation_window(alarm, from_ms).start_ms, now_ms)


def _check_retention(alarm: MetricAlarm, start_ms: int, now_ms: int) -> None:
    for period, kept in RETENTION_SECONDS.items():
        if alarm.period_seconds < period and now_ms - start_ms > kept * MS_PER_SECOND:
            raise AccountError(
                f"alarm {alarm.name!r} needs periods of {alarm.period_seconds} s, and CloudWatch keeps those "
                f"below {period} s for {kept / 3600:g} hours only: begin later, or give data with --metrics"
            )
        if alarm.period_seconds < period:
            return


@dataclass(frozen=True, slots=True)
class _BasicRead:
    """Counts, sums and extremes of one metric, as statistic sets."""

    name: str
    metric: Metric
    unit: str | None
    grain_seconds: int

    def queries(self) -> Iterator[dict[str, Any]]:
        for statistic in ("SampleCount", "Sum", "Minimum", "Maximum"):
            yield _query(
                f"{self.name}_{statistic.lower()}", self.metric, self.grain_seconds, statistic, self.unit
            )

    def samples(self, answers: Mapping[str, Mapping[int, float]]) -> Iterator[StatisticSet]:
        counts, totals, minima, maxima = (
            answers.get(f"{self.name}_{statistic}", {})
            for statistic in ("samplecount", "sum", "minimum", "maximum")
        )
        # A datapoint that came in between two pages may be in one answer only; it is left out.
        for at_ms in sorted(set(counts) & set(totals) & set(minima) & set(maxima)):
            yield StatisticSet(
                self.metric,
                at_ms,
                counts[at_ms],
                totals[at_ms],
                minima[at_ms],
                maxima[at_ms],
                unit=self.unit or "None",
                storage_resolution_seconds=1,
            )


@dataclass(frozen=True, slots=True)
class _FinishedRead:
    """Datapoints of a percentile or the like, with their numbers of samples."""

    name: str
    stat: MetricStat
    copy: MetricStat
    period_seconds: int

    def queries(self) -> Iterator[dict[str, Any]]:
        metric, unit, period = self.stat.metric, self.stat.unit, self.period_seconds
        yield _query(f"{self.name}_value", metric, period, self.stat.statistic.name, unit)
        yield _query(f"{self.name}_samplecount", metric, period, "SampleCount", unit)

    def samples(self, answers: Mapping[str, Mapping[int, float]]) -> Iterator[Sample]:
        points = sorted(answers.get(f"{self.name}_value", {}).items())
        yield from samples_for(self.copy, points, answers.get(f"{self.name}_samplecount", {}))


class _Plan:
    """What to ask for, and copies of the alarms that read the answers."""

    def __init__(self) -> None:
        self.reads: list[_BasicRead | _FinishedRead] = []
        self.alarms: list[MetricAlarm] = []
        self.start_ms = 2**62
        self._basic: set[tuple[Metric, str | None, int]] = set()

    def add(self, alarm: MetricAlarm, start_ms: int) -> None:
        # On a whole minute, so that the periods of every query begin where the alarms' do.
        self.start_ms = min(self.start_ms, start_ms // MS_PER_MINUTE * MS_PER_MINUTE)
        queries = []
        for query in alarm.queries:
            if query.select is not None:
                raise AccountError(
                    f"alarm {alarm.name!r} watches a Metrics Insights query, which is not read from an "
                    "account: give the metrics' samples with --metrics"
                )
            if query.stat is None:
                queries.append(query)
            elif query.stat.statistic.needs_values:
                copy = replayed(query.stat, f"{alarm.name}/{query.id}")
                self.reads.append(_FinishedRead(self._name(), query.stat, copy, alarm.period_seconds))
                queries.append(replace(query, stat=copy))
            else:
                self._add_basic(query.stat, min(alarm.period_seconds, 60))
                queries.append(query)
        self.alarms.append(replace(alarm, queries=tuple(queries)))

    def _add_basic(self, stat: MetricStat, grain_seconds: int) -> None:
        key = (stat.metric, stat.unit)
        finer = [
            read for read in self.reads if isinstance(read, _BasicRead) and (read.metric, read.unit) == key
        ]
        if not finer:
            self.reads.append(_BasicRead(self._name(), stat.metric, stat.unit, grain_seconds))
        elif finer[0].grain_seconds > grain_seconds:
            # One reading serves every alarm on the metric, so it has the finest period that one of them
            # needs.
            self.reads[self.reads.index(finer[0])] = replace(finer[0], grain_seconds=grain_seconds)

    def _name(self) -> str:
        return f"read{len(self.reads)}"

    def queries(self) -> list[dict[str, Any]]:
        return [query for read in self.reads for query in read.queries()]


def _query(name: str, metric: Metric, period: int, statistic: str, unit: str | None) -> dict[str, Any]:
    stat: dict[str, Any] = {
        "Metric": {
            "Namespace": metric.namespace,
            "MetricName": metric.name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in metric.dimensions],
        },
        "Period": period,
        "Stat": statistic,
    }
    if unit is not None:
        stat["Unit"] = unit
    return {"Id": name, "MetricStat": stat, "ReturnData": True}


def _get(
    client: Any, queries: Sequence[dict[str, Any]], from_ms: int, to_ms: int, progress: Progress
) -> dict[str, dict[int, float]]:
    """All datapoints by query and time; every page of the answers."""
    answers: dict[str, dict[int, float]] = {}
    progress(0, len(queries))
    for start in range(0, len(queries), QUERIES_PER_CALL):
        batch = list(queries[start : start + QUERIES_PER_CALL])
        pages = client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=batch,
            StartTime=datetime.fromtimestamp(from_ms / MS_PER_SECOND, UTC),
            EndTime=datetime.fromtimestamp(to_ms / MS_PER_SECOND, UTC),
            ScanBy="TimestampAscending",
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                points = answers.setdefault(result["Id"], {})
                for stamp, value in zip(result["Timestamps"], result["Values"], strict=True):
                    points[round(stamp.timestamp() * MS_PER_SECOND)] = value
        progress(start + len(batch), len(queries))
    return answers
