"""Results of GetMetricData as the datapoints of an alarm's queries.

CloudWatch's answer holds finished datapoints, no samples: the Average of a minute cannot be taken apart
again. So an alarm is given a copy of each statistic that reads these datapoints as they are. Sums, counts and
extremes can still be joined to longer periods; an Average or a percentile cannot, and is refused with another
period.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from recloser.lab.backtest.input_files import InputFileError, time_ms
from recloser.lab.cloudwatch import Metric, MetricAlarm, Sample
from recloser.lab.cloudwatch.aggregate import Aggregate
from recloser.lab.cloudwatch.alarms import MetricStat
from recloser.lab.cloudwatch.metrics import NO_UNIT
from recloser.lab.cloudwatch.statistics import Statistic

Points = list[tuple[int, float]]
"""(epoch milliseconds, value), oldest first."""

# Fewer gaps between datapoints than this tell nothing about their period.
FEW = 3
_MARK = "recloser:datapoints-of"
_JOINED: dict[str, Callable[[Aggregate], float | None]] = {
    "SampleCount": lambda aggregate: aggregate.total,
    "Sum": lambda aggregate: aggregate.total,
    "Minimum": lambda aggregate: aggregate.minimum,
    "Maximum": lambda aggregate: aggregate.maximum,
}


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The datapoints of one query: its Id, its Label, and the line of the file where it begins.

    `statistic` and `unit` are those of the datapoints, if the file tells.
    """

    id: str
    label: str
    points: Points
    line: int
    statistic: str = ""
    unit: str = ""


QueryResults = list[QueryResult]


def read_results(path: Path, text: str) -> QueryResults:
    """The results in what `aws cloudwatch get-metric-data` prints. Raises InputFileError."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputFileError(path, error.lineno, f"is not JSON: {error.msg}") from error
    entries = document.get("MetricDataResults")
    if not isinstance(entries, list):
        raise InputFileError(path, 1, "MetricDataResults must be a list")
    joined: dict[str, QueryResult] = {}
    for entry in entries:
        result = _result(path, text, entry)
        if result.id in joined:
            points = sorted(joined[result.id].points + result.points)
            result = replace(joined[result.id], points=points)
        joined[result.id] = result
    return list(joined.values())


def _result(path: Path, text: str, entry: Any) -> QueryResult:
    name = entry.get("Id") if isinstance(entry, Mapping) else None
    line = text.count("\n", 0, max(0, text.find(f'"{name}"'))) + 1
    if not isinstance(name, str):
        raise InputFileError(path, line, "an entry of MetricDataResults has no Id")
    stamps, values = entry.get("Timestamps"), entry.get("Values")
    if not isinstance(stamps, list) or not isinstance(values, list) or len(stamps) != len(values):
        raise InputFileError(path, line, f"{name!r} must have as many Timestamps as Values")
    try:
        points = sorted(
            (time_ms(stamp), datapoint_value("Values", value))
            for stamp, value in zip(stamps, values, strict=True)
        )
    except ValueError as error:
        raise InputFileError(path, line, f"{name!r}: {error}") from error
    return QueryResult(name, str(entry.get("Label", "")), points, line)


def datapoint_value(name: str, value: Any) -> float:
    """A finished datapoint. Raises ValueError, naming what holds it."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} must hold finite numbers, not {value!r}")
    return float(value)


def with_results(
    alarm: MetricAlarm, results: Sequence[QueryResult], source: Path
) -> tuple[MetricAlarm, list[Sample]]:
    """A copy of the alarm that reads the results of its queries, and the samples for it.

    A result belongs to the query with its Id; to an alarm on one metric also the only one there is, or the
    one that is labeled with the metric's name. Raises InputFileError.
    """
    samples: list[Sample] = []
    queries = []
    for query in alarm.queries:
        if query.stat is None:
            queries.append(query)
            continue
        result = _result_for(alarm, query.id, query.stat, results, source)
        # Where the file tells no unit, it is that of the alarm: GetMetricData was asked for it.
        unit = query.stat.unit if result.unit else None
        stat = replayed(query.stat, f"{source}#{result.id}", unit)
        _check_period(alarm, query.stat, result, source)
        samples += samples_for(stat, result.points, unit=result.unit or NO_UNIT)
        queries.append(replace(query, stat=stat))
    return replace(alarm, queries=tuple(queries)), samples


def replayed(stat: MetricStat, source: str, unit: str | None = None) -> MetricStat:
    """The same statistic over finished datapoints, which are stored as a metric of their own."""
    metric = Metric(
        stat.metric.namespace,
        stat.metric.name,
        (*stat.metric.dimensions, (_MARK, f"{stat.statistic.name} in {source}")),
    )
    compute = _JOINED.get(stat.statistic.name, lambda aggregate: aggregate.maximum)
    statistic = Statistic(
        stat.statistic.name, compute, needs_values=False, percentile=stat.statistic.percentile
    )
    return MetricStat(metric, statistic, unit)


def recorded(metric: Metric) -> Metric:
    """The metric that finished datapoints are of."""
    return metric._replace(dimensions=tuple(one for one in metric.dimensions if one[0] != _MARK))


def samples_for(
    stat: MetricStat, points: Points, counts: Mapping[int, float] | None = None, unit: str = NO_UNIT
) -> list[Sample]:
    """Finished datapoints as samples of a replayed statistic; `counts` are their numbers of samples."""
    known = counts or {}
    return [
        Sample(stat.metric, at_ms, value, known.get(at_ms, 1.0), at_ms, unit, storage_resolution_seconds=1)
        for at_ms, value in points
    ]


def _result_for(
    alarm: MetricAlarm, name: str, stat: MetricStat, results: Sequence[QueryResult], source: Path
) -> QueryResult:
    fitting = _of_one_unit(
        [result for result in results if result.statistic in {"", stat.statistic.name}], stat
    )
    by_id = [result for result in fitting if result.id == name]
    by_label = [result for result in fitting if stat.metric.name in result.label.split()]
    told = [result for result in by_label if result.statistic]
    found = by_id or told or (by_label if alarm.is_scalar else [])
    if not found and alarm.is_scalar and len(fitting) == 1:
        found = list(fitting)
    if len(found) == 1:
        return found[0]
    given = ", ".join(f"{result.id} ({result.label})" for result in results) or "none"
    wanted = f"{stat.statistic.name} of {stat.metric}"
    raise InputFileError(
        source, None, f"alarm {alarm.name!r} needs {wanted}, query {name!r}; the file has the results {given}"
    )


def _of_one_unit(results: Sequence[QueryResult], stat: MetricStat) -> Sequence[QueryResult]:
    """Those in the alarm's unit; without one, or if there are none, in the first, as CloudWatch reads."""
    units = sorted({result.unit for result in results})
    unit = stat.unit if stat.unit in units else next(iter(units), "")
    return [result for result in results if result.unit == unit]


def _check_period(alarm: MetricAlarm, stat: MetricStat, result: QueryResult, source: Path) -> None:
    period_ms = alarm.period_seconds * 1000
    gaps = [after - before for (before, _), (after, _) in pairwise(result.points)]
    if len(gaps) >= FEW and _are_coarse(result.points, min(gaps)) and min(gaps) > period_ms:
        raise InputFileError(
            source,
            result.line,
            f"{result.id!r} has datapoints of {min(gaps) / 1000:g} s, and alarm {alarm.name!r} needs them of "
            f"{alarm.period_seconds} s: get the data with that period",
        )
    if stat.statistic.name not in _JOINED and any(gap < period_ms for gap in gaps):
        raise InputFileError(
            source,
            result.line,
            f"{result.id!r} has datapoints {min(gaps) / 1000:g} s apart, and {stat.statistic.name} over the "
            f"{alarm.period_seconds} s of alarm {alarm.name!r} cannot be made of these: get that period",
        )


def _are_coarse(points: Points, gap_ms: int) -> bool:
    """Whether all datapoints lie on multiples of their smallest distance: then that is their period."""
    return gap_ms > 0 and all(at_ms % gap_ms == 0 for at_ms, _ in points)
