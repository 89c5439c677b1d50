"""The demo's figures are computed from what was seen, and from nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from rich.console import Console

from recloser import State
from recloser.circuit import Transition
from recloser.lab.demo import report, timeline
from recloser.lab.demo.__main__ import conclude
from recloser.lab.demo.observer import AlarmChange, Call, Observer, Outcome, Phase, Probe, Record

START_MS = 1_800_000_000_000


def at(seconds: float) -> int:
    return START_MS + round(seconds * 1000)


def transition(seconds: float, before: State, after: State, generation: int) -> Transition:
    return Transition(at(seconds), before, after, generation, "because")


def calls() -> list[Call]:
    """One call a second: good, failing from 10 s, held back at 33 s, then refused, good again from 66 s."""
    outcomes = [Outcome.SUCCEEDED] * 10 + [Outcome.FAILED] * 23 + [Outcome.HELD] * 2
    outcomes += [Outcome.REFUSED] * 31 + [Outcome.SUCCEEDED] * 10
    return [Call(at(second), outcome, f"environment-{second % 3}") for second, outcome in enumerate(outcomes)]


@pytest.fixture
def record() -> Record:
    return Record(
        calls=calls(),
        transitions=[
            transition(31.5, State.CLOSED, State.OPEN, 1),
            transition(42.1, State.OPEN, State.HALF_OPEN, 1),
            transition(42.2, State.HALF_OPEN, State.OPEN, 2),
            transition(62.5, State.OPEN, State.HALF_OPEN, 2),
            transition(65.0, State.HALF_OPEN, State.CLOSED, 3),
        ],
        alarms=[AlarmChange(at(31), "recloser:a:failure-rate-fast", "ALARM", "Threshold Crossed")],
        probes=[Probe(at(42.0), failed=True), Probe(at(62.4), failed=False), Probe(at(64.0), failed=False)],
        phases=[
            Phase(at(0), "healthy", is_outage=False),
            Phase(at(10), "failing", is_outage=True),
            Phase(at(55), "healthy again", is_outage=False),
        ],
        retries_at_ms={1: at(41.5), 2: at(62.2)},
    )


def test_figures(record: Record) -> None:
    """Every figure of a whole run."""
    assert report.figures(record) == report.Figures(
        environments=3,
        calls=76,
        outage_seconds=45,
        seconds_to_trip=21.5,
        failed_calls_before_trip=22,
        failed_calls_after_trip=1,
        calls_spared=22,
        calls_held_back=2,
        good_calls_refused=11,
        probes=3,
        failed_probes=1,
        seconds_from_retry_to_probe=(0.5, 0.2),
        seconds_from_recovery_to_closed=10,
    )


def test_not_tripped(record: Record) -> None:
    """A run without a trip says so and has no time to trip."""
    result = report.figures(replace(record, transitions=[], retries_at_ms={}, probes=[]))
    assert result.seconds_to_trip is None
    assert result.failed_calls_before_trip is None
    assert result.seconds_from_retry_to_probe == ()
    assert report.problems(result) == ["the circuit did not trip in an outage of 45 s"]


def test_not_closed(record: Record) -> None:
    """A run that ends with an open circuit says so."""
    result = report.figures(replace(record, transitions=record.transitions[:4]))
    assert report.problems(result) == ["the circuit did not close after the dependency had recovered"]


def test_a_close_during_the_outage_is_no_recovery(record: Record) -> None:
    """Only a close after the dependency recovered counts as one."""
    early = [*record.transitions[:2], transition(43, State.HALF_OPEN, State.CLOSED, 2)]
    assert report.figures(replace(record, transitions=early)).seconds_from_recovery_to_closed is None


def test_an_unfinished_outage_has_no_figures(record: Record) -> None:
    """A run that was broken off before the recovery cannot be judged."""
    with pytest.raises(ValueError, match="no outage that began and ended"):
        report.figures(replace(record, phases=record.phases[:2]))


def test_the_picture_shows_every_outcome(record: Record, tmp_path: Path) -> None:
    """The timeline is a picture of README width in which each outcome and state has its color."""
    timeline.draw(tmp_path / "timeline.png", record)
    picture = matplotlib.image.imread(tmp_path / "timeline.png")
    height, width, _ = picture.shape
    assert (width, height) == (1600, 768)
    pixels = np.round(picture[:, :, :3] * 255).astype(int)
    for color in [*timeline.OUTCOME_COLORS.values(), *timeline.STATE_COLORS.values(), timeline.ALARM_COLOR]:
        rgb = [int(color[place : place + 2], 16) for place in (1, 3, 5)]
        assert (np.abs(pixels - rgb).max(axis=2) <= 2).any(), color


def observer_of(record: Record) -> Observer:
    observer = Observer("a")
    observer._record = record
    return observer


def test_exit_code_and_reason(record: Record, tmp_path: Path) -> None:
    """A run that did not show what it should ends with exit code 1 and the reason; a good one with 0."""
    console = Console(record=True, width=100)
    assert conclude(observer_of(record), console, tmp_path / "good") == 0
    assert "failed" not in console.export_text().splitlines()[-1]
    assert conclude(observer_of(replace(record, transitions=[])), console, tmp_path / "bad") == 1
    assert "failed: the circuit did not trip in an outage of 45 s" in console.export_text()
    written = json.loads((tmp_path / "good" / "report.json").read_text())
    assert written["figures"]["seconds_to_trip"] == 21.5
    assert len(written["calls"]) == 76
    assert (tmp_path / "good" / "timeline.png").exists()
