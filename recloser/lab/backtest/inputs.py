"""Alarms and metrics out of files, put together: what the alarms need is there, or a file is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from recloser.lab.backtest.alarm_files import (
    Alarm,
    AlarmFile,
    AlarmSet,
    FoundAlarm,
    LeftOut,
    alarm_set,
    read_alarms,
)
from recloser.lab.backtest.backtest import Published
from recloser.lab.backtest.input_files import InputFileError
from recloser.lab.backtest.metric_files import MetricData, read_metrics
from recloser.lab.backtest.query_results import with_results
from recloser.lab.cloudwatch import CompositeAlarm, InvalidAlarmError, MetricAlarm


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a backtest runs on; `dropped` is what CloudWatch would not have extracted from log lines.

    `left_out` are alarms that cannot be evaluated, where others can.
    """

    alarms: AlarmSet
    samples: list[Published]
    dropped: list[str]
    left_out: list[LeftOut] = field(default_factory=list)


def read_inputs(alarm_files: Sequence[Path], metric_files: Sequence[Path]) -> Inputs:
    """Reads both. Raises InputFileError, also where an alarm needs a metric that no file has."""
    files = [read_alarms(path) for path in alarm_files]
    every = [one for file in files for one in file.found]
    childless = {one.alarm_name: one for file in files for one in _childless(file, every)}
    left_out = [*(one for file in files for one in file.left_out), *childless.values()]
    found, orphans = without_orphans([one for one in every if one.alarm.name not in childless], left_out)
    if not found:
        raise InputFileError(alarm_files[0], None, f"alarm {left_out[0].alarm_name!r}: {left_out[0].problem}")
    data = [read_metrics(path) for path in metric_files]
    samples: list[Published] = [sample for one in data for sample in one.samples]
    ready: list[Alarm] = []
    for one in found:
        alarm = one.alarm
        if isinstance(alarm, MetricAlarm):
            alarm, replayed = _fed(alarm, data)
            samples += replayed
        ready.append(alarm)
    dropped = [line for one in data for line in one.dropped]
    return Inputs(together(found, ready), samples, dropped, left_out + orphans)


def _childless(file: AlarmFile, every: Sequence[FoundAlarm]) -> Iterator[LeftOut]:
    """The composite alarms of an account of which not every child was printed, too."""
    known = {one.alarm.name for one in every} | {one.alarm_name for one in file.left_out}
    for one in file.found if file.is_described else ():
        if isinstance(one.alarm, CompositeAlarm):
            unknown = [name for name in one.alarm.depends_on if name not in known]
            if unknown:
                problem = f"AlarmRule refers to {unknown[0]!r}, which is not among the alarms"
                yield LeftOut(one.alarm.name, problem)


def without_orphans(
    found: Sequence[FoundAlarm], left_out: Sequence[LeftOut]
) -> tuple[list[FoundAlarm], list[LeftOut]]:
    """The alarms without the composite ones that refer to an alarm that was left out, and these."""
    gone = {one.alarm_name for one in left_out}
    kept, orphans = list(found), list[LeftOut]()
    while True:
        orphan = next((one for one in kept if _refers_to(one.alarm, gone)), None)
        if orphan is None:
            return kept, orphans
        kept.remove(orphan)
        gone.add(orphan.alarm.name)
        orphans.append(LeftOut(orphan.alarm.name, "AlarmRule refers to an alarm that was left out"))


def _refers_to(alarm: Alarm, names: set[str]) -> bool:
    return isinstance(alarm, CompositeAlarm) and bool(names & set(alarm.depends_on))


def together(found: Sequence[FoundAlarm], ready: Sequence[Alarm]) -> AlarmSet:
    """The alarms in their order; `ready` are those of `found`, possibly as copies that read other data."""
    try:
        return alarm_set(ready)
    except InvalidAlarmError as error:
        place = [one for one in found if one.alarm.name == error.alarm_name][-1]
        raise InputFileError(place.path, place.line, str(error)) from error


def _fed(alarm: MetricAlarm, data: Sequence[MetricData]) -> tuple[MetricAlarm, Sequence[Published]]:
    """The alarm, or a copy of it that reads finished datapoints, with those."""
    known = {metric for one in data for metric in one.metrics}
    missing: list[object] = [metric for metric in dict.fromkeys(alarm.metrics) if metric not in known]
    missing += [
        query.expression
        for query in alarm.queries
        if query.select is not None and not any(query.select.selects(metric) for metric in known)
    ]
    if not missing:
        return alarm, []
    results = [one for one in data if one.results is not None]
    if results and all(query.select is None for query in alarm.queries):
        return with_results(alarm, results[0].results or [], results[0].path)
    has = ", ".join(map(str, sorted(known))) or "no metric"
    raise InputFileError(
        data[-1].path, None, f"alarm {alarm.name!r} needs {', '.join(map(str, missing))}; the data has {has}"
    )
