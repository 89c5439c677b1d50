"""The picture of a run: the outcomes of calls, the state as a band, the alarms as marks."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from recloser.circuit import State
from recloser.lab.simulation.dependency import outages
from recloser.lab.simulation.event_queue import MS_PER_SECOND
from recloser.lab.simulation.recording import FAILED, HELD, REFUSED, SUCCEEDED, Recording
from recloser.lab.simulation.simulation import Run

BARS = 240
OUTCOMES = {
    SUCCEEDED: ("succeeded", "#3d9a63"),
    FAILED: ("failed", "#cf4a3c"),
    HELD: ("refused by the local trip", "#d9b48a"),
    REFUSED: ("refused", "#aab4bf"),
}
STATES = {State.CLOSED: "#3d9a63", State.HALF_OPEN: "#e3a62f", State.OPEN: "#cf4a3c"}
ALARM, INK, FAINT = "#7a3fb0", "#2b3138", "#6b7580"


def draw(path: Path, run: Run) -> None:
    """Draw a run.

    Args:
        path: the PNG file to write.
        run: what to draw.

    """
    with mpl.rc_context({"font.size": 11, "text.color": INK, "axes.labelcolor": INK}):
        figure = Figure(figsize=(10, 4.8), dpi=160, layout="constrained")
        calls, band = figure.subplots(2, 1, sharex=True, height_ratios=[5, 1])
        _draw_calls(calls, run.recording)
        _draw_outages(calls, run)
        _draw_alarms(calls, run.recording)
        _draw_states(band, run.recording)
        calls.set_xlim(0, run.scenario.duration_seconds)
        figure.suptitle(f"{run.scenario.name} (seed {run.scenario.seed})", fontsize=12)
        figure.legend(handles=_legend(), loc="outside lower center", ncols=7, frameon=False, fontsize=9)
        # Without a date or a version in it, the same seed draws the same bytes.
        figure.savefig(path, metadata={"Software": None})


def _draw_calls(axes: Any, recording: Recording) -> None:
    width = max(1, math.ceil(recording.seconds / BARS))
    begins = range(0, recording.seconds, width)
    bottom = [0.0] * len(begins)
    for column, (_, color) in OUTCOMES.items():
        heights = [recording.total(column, begin, begin + width) / width for begin in begins]
        axes.bar(begins, heights, width, bottom, align="edge", color=color, linewidth=0)
        bottom = [below + height for below, height in zip(bottom, heights, strict=True)]
    axes.set_ylim(0, max(*bottom, 0.1) * 1.2)
    axes.set_ylabel("calls per second")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=FAINT)


def _draw_outages(axes: Any, run: Run) -> None:
    for span in outages(run.scenario):
        axes.axvspan(
            span.from_seconds, span.until_seconds, color="#cf4a3c", alpha=0.10, zorder=0, linewidth=0
        )


def _draw_alarms(axes: Any, recording: Recording) -> None:
    height = axes.get_ylim()[1]
    for change in recording.alarms:
        if change.value == "ALARM":
            at_seconds = _seconds(recording, change.at_ms)
            axes.axvline(at_seconds, 0, 0.92, color=ALARM, linewidth=1)
            axes.plot(at_seconds, height * 0.93, marker="v", color=ALARM, markersize=7)


def _draw_states(axes: Any, recording: Recording) -> None:
    began, state = 0.0, State.CLOSED
    for change in recording.states:
        at_seconds = _seconds(recording, change.at_ms)
        axes.barh(0, at_seconds - began, 1.0, began, color=STATES[state], linewidth=0)
        began, state = at_seconds, change.after
    axes.barh(0, recording.seconds - began, 1.0, began, color=STATES[state], linewidth=0)
    for probe in recording.probes:
        marker = {True: "o", False: "x", None: "1"}[probe.succeeded]
        axes.plot(
            _seconds(recording, probe.at_ms),
            0.78,
            marker=marker,
            color=INK,
            markersize=4,
            markeredgewidth=0.8,
        )
    axes.set_ylim(-0.5, 1.05)
    axes.set_yticks([0], ["state"])
    axes.set_xlabel("seconds")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", colors=FAINT)


def _legend() -> list[Patch | Line2D]:
    patches = [Patch(color=color, label=label) for label, color in OUTCOMES.values()]
    marks = [
        Line2D([], [], color=ALARM, marker="v", linewidth=1, label="alarm raised"),
        Line2D([], [], color=INK, marker="o", linewidth=0, markersize=4, label="probe succeeded"),
        Line2D([], [], color=INK, marker="x", linewidth=0, markersize=4, label="failed"),
    ]
    return [*patches, *marks]


def _seconds(recording: Recording, at_ms: int) -> float:
    return (at_ms - recording.start_ms) / MS_PER_SECOND
