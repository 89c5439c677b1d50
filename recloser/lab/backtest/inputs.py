"""Alarms and metrics out of files, put together: what the alarms need is there, or a file is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recloser.lab.backtest.alarm_files import Alarm, AlarmSet, FoundAlarm, alarm_set, read_alarms
from recloser.lab.backtest.backtest import Published
from recloser.lab.backtest.input_files import InputFileError
from recloser.lab.backtest.metric_files import MetricData, read_metrics
from recloser.lab.backtest.query_results import with_results
from recloser.lab.cloudwatch import InvalidAlarmError, MetricAlarm


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a backtest runs on; `dropped` is what CloudWatch would not have extracted from log lines."""

    alarms: AlarmSet
    samples: list[Published]
    dropped: list[str]


def read_inputs(alarm_files: Sequence[Path], metric_files: Sequence[Path]) -> Inputs:
    """Reads both. Raises InputFileError, also where an alarm needs a metric that no file has."""
    found = [alarm for path in alarm_files for alarm in read_alarms(path)]
    data = [read_metrics(path) for path in metric_files]
    samples: list[Published] = [sample for one in data for sample in one.samples]
    ready: list[Alarm] = []
    for one in found:
        alarm = one.alarm
        if isinstance(alarm, MetricAlarm):
            alarm, replayed = _fed(alarm, data)
            samples += replayed
        ready.append(alarm)
    return Inputs(together(found, ready), samples, [line for one in data for line in one.dropped])


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
    missing = [metric for metric in dict.fromkeys(alarm.metrics) if metric not in known]
    if not missing:
        return alarm, []
    results = [one for one in data if one.results is not None]
    if results:
        return with_results(alarm, results[0].results or [], results[0].path)
    has = ", ".join(map(str, sorted(known))) or "no metric"
    raise InputFileError(
        data[-1].path, None, f"alarm {alarm.name!r} needs {', '.join(map(str, missing))}; the data has {has}"
    )
