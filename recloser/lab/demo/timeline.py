"""The picture of a run: outcome rates over time, the state as a band, the alarm's marks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from recloser import State
from recloser.lab.demo.observer import AlarmChange, Outcome, Record
from recloser.lab.demo.report import outage

OUTCOME_COLORS = {
    Outcome.SUCCEEDED: "#3d9a63",
    Outcome.FAILED: "#cf4a3c",
    Outcome.HELD: "#d5dbe1",
    Outcome.REFUSED: "#97a3af",
}
STATE_COLORS = {State.CLOSED: "#3d9a63", State.HALF_OPEN: "#e3a62f", State.OPEN: "#cf4a3c"}
STATE_LABELS = {State.CLOSED: "CLOSED", State.HALF_OPEN: "HALF-OPEN", State.OPEN: "OPEN"}
INK = "#2b3138"
FAINT = "#6b7580"
ALARM_COLOR = "#7a3fb0"
CROWD_MS = 15_000


def draw(path: Path, record: Record) -> None:
    """Draw a run.

    Args:
        path: the PNG file to write.
        record: what was seen; it must hold an outage and calls.

    """
    start_ms = record.phases[0].at_ms
    end_s = (max(call.at_ms for call in record.calls) - start_ms) / 1000
    with mpl.rc_context({"font.size": 11, "text.color": INK, "axes.labelcolor": INK}):
        figure = Figure(figsize=(10, 4.8), dpi=160, layout="constrained")
        calls, band = figure.subplots(2, 1, sharex=True, height_ratios=[5, 1])
        _draw_calls(calls, record, start_ms)
        _draw_outage(calls, record, start_ms)
        _draw_alarms(calls, record, start_ms)
        _draw_band(band, record, start_ms, end_s)
        calls.set_xlim(0, end_s)
        figure.legend(
            handles=_legend(),
            loc="outside upper center",
            ncols=5,
            frameon=False,
            columnspacing=1.2,
            handlelength=1.5,
            handletextpad=0.5,
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)


def _draw_calls(axes: Any, record: Record, start_ms: int) -> None:
    """Calls per second, outcome upon outcome."""
    counts = Counter(((call.at_ms - start_ms) // 1000, call.outcome) for call in record.calls)
    seconds = range(max(second for second, _ in counts) + 1)
    bottom = [0] * len(seconds)
    for outcome, color in OUTCOME_COLORS.items():
        heights = [counts[second, outcome] for second in seconds]
        axes.bar(seconds, heights, 1.0, bottom, align="edge", color=color, linewidth=0)
        bottom = [below + height for below, height in zip(bottom, heights, strict=True)]
    axes.set_ylabel("calls per second")
    axes.set_ylim(0, max(bottom) * 1.28)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=FAINT)


def _draw_outage(axes: Any, record: Record, start_ms: int) -> None:
    began_s, ended_s = ((at_ms - start_ms) / 1000 for at_ms in outage(record))
    axes.axvspan(began_s, ended_s, color="#cf4a3c", alpha=0.08, zorder=0, linewidth=0)
    axes.text(
        (began_s + ended_s) / 2,
        axes.get_ylim()[1] * 0.985,
        "the dependency fails",
        ha="center",
        va="top",
        color=FAINT,
    )


def _draw_alarms(axes: Any, record: Record, start_ms: int) -> None:
    """A mark where an alarm rises: with its name where it may trip, hollow where its data were old."""
    height = axes.get_ylim()[1]
    rises = [change for change in record.alarms if change.value == "ALARM"]
    for change in rises:
        at_s = (change.at_ms - start_ms) / 1000
        axes.axvline(at_s, 0, 0.86, color=ALARM_COLOR, linewidth=1.4)
        if _was_stale(change, record):
            axes.plot(
                at_s, height * 0.86, marker="v", color=ALARM_COLOR, markerfacecolor="white", markersize=8
            )
            continue
        axes.plot(at_s, height * 0.86, marker="v", color=ALARM_COLOR, markersize=8)
        # The names of alarms that rise soon after one another stand one below the other.
        crowd = sum(0 < change.at_ms - other.at_ms < CROWD_MS for other in rises)
        axes.annotate(
            change.alarm.rpartition(":")[2],
            (at_s, height * (0.87 - 0.08 * crowd)),
            xytext=(-8, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            color=ALARM_COLOR,
        )


def _was_stale(rise: AlarmChange, record: Record) -> bool:
    """Whether the circuit stayed closed under this alarm, and the alarm was set back by hand."""
    later = [change for change in record.alarms if change.alarm == rise.alarm and change.at_ms > rise.at_ms]
    if not later or not later[0].reason.startswith("Recloser:"):
        return False
    return not any(rise.at_ms <= line.at_ms <= later[0].at_ms for line in record.transitions)


def _draw_band(axes: Any, record: Record, start_ms: int, end_s: float) -> None:
    """The state over time, and the probes upon it."""
    for began_s, ended_s, state in _states(record, start_ms, end_s):
        axes.barh(0, ended_s - began_s, 1.0, began_s, color=STATE_COLORS[state], linewidth=0)
        if ended_s - began_s > 0.1 * end_s:
            middle_s = (began_s + ended_s) / 2
            axes.text(
                middle_s, 0, STATE_LABELS[state], ha="center", va="center", color="white", weight="bold"
            )
    for probe in record.probes:
        at_s = (probe.at_ms - start_ms) / 1000
        axes.plot(at_s, 0.72, marker="x" if probe.failed else "o", color=INK, markersize=5, clip_on=False)
    axes.set_ylim(-0.5, 0.95)
    axes.set_yticks([0], ["state"])
    axes.set_xlabel("seconds")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", colors=FAINT)


def _states(record: Record, start_ms: int, end_s: float) -> Iterator[tuple[float, float, State]]:
    began_s, state = 0.0, State.CLOSED
    for line in sorted(record.transitions, key=lambda line: line.at_ms):
        at_s = (line.at_ms - start_ms) / 1000
        yield began_s, at_s, state
        began_s, state = at_s, line.to_state
    yield began_s, end_s, state


def _legend() -> list[Any]:
    """What the colors and marks mean; matplotlib fills the columns one after the other."""
    rise = {"color": ALARM_COLOR, "marker": "v", "linestyle": ""}
    probe = {"color": INK, "linestyle": ""}
    bars = {outcome: Patch(color=color, label=f"{outcome}") for outcome, color in OUTCOME_COLORS.items()}
    return [
        bars[Outcome.SUCCEEDED],
        _mark("alarm rises", **rise),
        bars[Outcome.FAILED],
        _mark("alarm rises on old data: re-armed", markerfacecolor="white", **rise),
        bars[Outcome.HELD],
        _mark("probe", marker="o", **probe),
        bars[Outcome.REFUSED],
        _mark("failed probe", marker="x", **probe),
        Patch(color=STATE_COLORS[State.HALF_OPEN], label="half-open"),
    ]


def _mark(label: str, **style: Any) -> Line2D:
    return Line2D([], [], label=label, **style)
