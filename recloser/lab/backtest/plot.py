"""A picture of a backtest: what each alarm read, its threshold, and its states over time."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from recloser.lab.backtest.backtest import AlarmRun, Published
from recloser.lab.cloudwatch import CompositeAlarm, MetricAlarm, MetricStore, State
from recloser.lab.cloudwatch.evaluate import Window, datapoints_in

MS_PER_SECOND = 1000
LABEL_LENGTH = 28
RULE_LENGTH = 80
# Untyped, as few of matplotlib's modules are.
_dates: Any = importlib.import_module("matplotlib.dates")

COLORS = {State.OK: "#2e7d32", State.ALARM: "#c62828", State.INSUFFICIENT_DATA: "#9e9e9e"}
INK = "#1f2933"
LINE = "#1565c0"
_SIGNS = {
    "GreaterThanOrEqualToThreshold": "≥",
    "GreaterThanThreshold": ">",
    "LessThanThreshold": "<",
    "LessThanOrEqualToThreshold": "≤",
}


def plot(
    runs: Sequence[AlarmRun], samples: Iterable[Published], path: Path, title: str | None = None
) -> None:
    """Draws one row for each alarm into a picture, whose format its ending names (.png, .svg)."""
    store = MetricStore()
    store.add_all(samples)
    heights = [1.0 if isinstance(run.alarm, CompositeAlarm) else 3.0 for run in runs]
    figure = Figure(figsize=(11, 1.2 + 0.75 * sum(heights)), layout="constrained")
    rows = figure.subplots(len(runs), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for row, run in zip(rows, runs, strict=True):
        _draw(row, run, store)
    if title:
        figure.suptitle(title, color=INK, fontsize=12)
    _time_axis(rows[-1], runs)
    _legend(figure, has_metric=any(isinstance(run.alarm, MetricAlarm) for run in runs))
    # No date of making in the file: the same run gives the same picture.
    metadata = {"Software": None} if path.suffix == ".png" else {"Date": None}
    with mpl.rc_context({"svg.hashsalt": "recloser"}):
        figure.savefig(path, dpi=120, metadata=metadata)


def _draw(row: Any, run: AlarmRun, store: MetricStore) -> None:
    _draw_states(row, run)
    if isinstance(run.alarm, MetricAlarm):
        _draw_metric(row, run, run.alarm, store)
    else:
        row.set_yticks([])
    row.set_title(_summary(run), loc="left", fontsize=9, color=INK)
    for side in ("top", "right"):
        row.spines[side].set_visible(False)
    row.tick_params(colors=INK, labelsize=8)
    row.margins(x=0)


def _summary(run: AlarmRun) -> str:
    alarm = run.alarm
    trips = f"{run.trips} trip{'' if run.trips == 1 else 's'}, {run.alarm_seconds:.0f} s in ALARM"
    if isinstance(alarm, CompositeAlarm):
        return f"{alarm.name}: {_short(alarm.rule_text, RULE_LENGTH)}; {trips}"
    shape = f"{alarm.datapoints_to_alarm} of {alarm.evaluation_periods} x {alarm.period_seconds} s"
    return f"{alarm.name}: {shape}, {alarm.treat_missing_data}; {trips}"


def _draw_states(row: Any, run: AlarmRun) -> None:
    """The states: a composite alarm is nothing else; under a metric they are a band and a breath of color."""
    height = 1.0 if isinstance(run.alarm, CompositeAlarm) else 0.06
    for start_ms, end_ms, state in run.stretches():
        begin, end = _date(start_ms), _date(end_ms)
        row.axvspan(begin, end, color=COLORS[state], alpha=0.08, linewidth=0)
        row.axvspan(begin, end, ymin=0, ymax=height, color=COLORS[state], linewidth=0)
    for transition in run.transitions:
        row.axvline(_date(transition.at_ms), color=COLORS[transition.after], linewidth=1)


def _draw_metric(row: Any, run: AlarmRun, alarm: MetricAlarm, store: MetricStore) -> None:
    window = _whole(run, alarm)
    values = datapoints_in(alarm, store, window, 2**62).values
    times = [_date(window.bucket_start_ms(index)) for index in range(window.buckets)]
    drawn = [float("nan") if value is None else value for value in values]
    # Each datapoint stands for its whole period; where there is none the line is broken.
    row.step(times, drawn, where="post", color=LINE, linewidth=1.4)
    row.plot(times, drawn, ".", color=LINE, markersize=3)
    row.axhline(alarm.threshold, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    known = [value for value in values if value is not None] + [alarm.threshold]
    low, high = min(0.0, *known), max(known)
    room = (high - low or 1.0) * 0.12
    row.set_ylim(low - room, high + room)
    row.annotate(
        f"{_SIGNS[alarm.comparison]} {alarm.threshold:g}",
        (1.0, alarm.threshold),
        xycoords=("axes fraction", "data"),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        color=INK,
    )
    row.set_ylabel(_label(alarm), fontsize=8, color=INK)


def _label(alarm: MetricAlarm) -> str:
    returned = next(query for query in alarm.queries if query.returns_data)
    if returned.stat is not None:
        return f"{returned.stat.metric.name}\n{returned.stat.statistic.name}"
    return _short(returned.label or returned.expression or returned.id, LABEL_LENGTH)


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _whole(run: AlarmRun, alarm: MetricAlarm) -> Window:
    """Every period of the run; from a minute on their boundaries are those of the clock."""
    period_ms = alarm.period_seconds * MS_PER_SECOND
    start_ms = run.started_ms // period_ms * period_ms
    buckets = max(1, -(-(run.ended_ms - start_ms) // period_ms))
    return Window(start_ms, start_ms + buckets * period_ms, period_ms, buckets)


def _date(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / MS_PER_SECOND, UTC)


def _time_axis(row: Any, runs: Sequence[AlarmRun]) -> None:
    row.set_xlim(_date(min(run.started_ms for run in runs)), _date(max(run.ended_ms for run in runs)))
    locator = _dates.AutoDateLocator(tz=UTC)
    row.xaxis.set_major_locator(locator)
    row.xaxis.set_major_formatter(_dates.ConciseDateFormatter(locator, tz=UTC))
    row.set_xlabel("UTC", fontsize=8, color=INK)


def _legend(figure: Figure, *, has_metric: bool) -> None:
    handles: list[Any] = [Patch(color=color, label=state.value) for state, color in COLORS.items()]
    if has_metric:
        handles += [
            Line2D([], [], color=LINE, label="datapoints"),
            Line2D([], [], color=INK, linestyle=(0, (4, 3)), label="threshold"),
        ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8, frameon=False)
