"""The figures of a run, computed from what was seen, as a table and as `report.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from recloser import State
from recloser.lab.demo.observer import Outcome, Record


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run came to. Times in seconds; None: it did not happen.

    Attributes:
        environments: execution environments that the calls came from.
        calls: calls in all.
        outage_seconds: how long the dependency failed.
        seconds_to_trip: from the beginning of the outage to the first open circuit.
        failed_calls_before_trip: what the outage cost until then.
        failed_calls_after_trip: calls let through by flags that were not read again yet, and failed probes.
        calls_spared: calls refused or held back while the dependency failed.
        calls_held_back: those of them that a caller's own process held back, before its circuit was open.
        good_calls_refused: calls refused or held back after it had recovered: the price.
        probes: probes that were made.
        failed_probes: how many of them failed.
        seconds_from_retry_to_probe: for each wait, from `retry_at` to the end of the first probe.
        seconds_from_recovery_to_closed: from the end of the outage to the closed circuit.

    """

    environments: int
    calls: int
    outage_seconds: float
    seconds_to_trip: float | None
    failed_calls_before_trip: int | None
    failed_calls_after_trip: int
    calls_spared: int
    calls_held_back: int
    good_calls_refused: int
    probes: int
    failed_probes: int
    seconds_from_retry_to_probe: tuple[float, ...]
    seconds_from_recovery_to_closed: float | None


def figures(record: Record) -> Figures:
    """Compute the figures of a run.

    Raises:
        ValueError: the record holds no outage that began and ended.

    """
    began_ms, ended_ms = outage(record)
    tripped_ms = _first(line.at_ms for line in record.transitions if line.to_state is State.OPEN)
    closed_ms = _first(
        line.at_ms for line in record.transitions if line.to_state is State.CLOSED and line.at_ms >= ended_ms
    )
    failed_ms = [
        call.at_ms for call in record.calls if call.outcome is Outcome.FAILED and call.at_ms >= began_ms
    ]
    refused = [call for call in record.calls if call.outcome in {Outcome.REFUSED, Outcome.HELD}]
    spared = [call for call in refused if call.at_ms < ended_ms]
    before = len(failed_ms) if tripped_ms is None else sum(at_ms <= tripped_ms for at_ms in failed_ms)
    return Figures(
        environments=len({call.environment for call in record.calls}),
        calls=len(record.calls),
        outage_seconds=_seconds(began_ms, ended_ms),
        seconds_to_trip=None if tripped_ms is None else _seconds(began_ms, tripped_ms),
        failed_calls_before_trip=None if tripped_ms is None else before,
        failed_calls_after_trip=len(failed_ms) - before,
        calls_spared=len(spared),
        calls_held_back=sum(call.outcome is Outcome.HELD for call in spared),
        good_calls_refused=len(refused) - len(spared),
        probes=len(record.probes),
        failed_probes=sum(probe.failed for probe in record.probes),
        seconds_from_retry_to_probe=_retries(record),
        seconds_from_recovery_to_closed=None if closed_ms is None else _seconds(ended_ms, closed_ms),
    )


def outage(record: Record) -> tuple[int, int]:
    """When the outage began and when it ended, epoch milliseconds.

    Raises:
        ValueError: there was none, or it did not end.

    """
    for phase, following in zip(record.phases, record.phases[1:], strict=False):
        if phase.is_outage:
            return phase.at_ms, following.at_ms
    raise ValueError("the record holds no outage that began and ended")


def problems(result: Figures) -> list[str]:
    """Why a run did not show what it should: the circuit did not trip, or did not close."""
    found = []
    if result.seconds_to_trip is None:
        found.append(f"the circuit did not trip in an outage of {result.outage_seconds:.0f} s")
    elif result.seconds_from_recovery_to_closed is None:
        found.append("the circuit did not close after the dependency had recovered")
    return found


def table(result: Figures) -> Table:
    """The figures for people."""
    made = Table(title="What the outage came to", title_justify="left", show_header=False)
    made.add_column(justify="left")
    made.add_column(justify="right", style="bold")
    made.add_row("time to trip", _shown(result.seconds_to_trip))
    made.add_row("failed calls before it", str(result.failed_calls_before_trip))
    made.add_row("failed calls after it (old flags, probes)", str(result.failed_calls_after_trip))
    made.add_row("calls spared", str(result.calls_spared))
    made.add_row("of them held back by the callers themselves", str(result.calls_held_back))
    made.add_row("probes", f"{result.probes}, {result.failed_probes} failed")
    made.add_row(
        "from retry_at to the first probe",
        ", ".join(_shown(seconds) for seconds in result.seconds_from_retry_to_probe) or "none was made",
    )
    made.add_row("from the dependency's recovery to closed", _shown(result.seconds_from_recovery_to_closed))
    made.add_row("good calls refused until then", str(result.good_calls_refused))
    made.add_row("calls in all", f"{result.calls} from {result.environments} environments")
    return made


def write_json(path: Path, result: Figures, record: Record) -> None:
    """Write the figures and everything they were computed from.

    Args:
        path: the file.
        result: the figures.
        record: what was seen.

    """
    document: dict[str, Any] = {
        "schema": 1,
        "figures": asdict(result),
        "problems": problems(result),
        "phases": [asdict(phase) for phase in record.phases],
        "transitions": [asdict(line) for line in record.transitions],
        "alarms": [asdict(change) for change in record.alarms],
        "probes": [asdict(probe) for probe in record.probes],
        "retries_at_ms": record.retries_at_ms,
        "calls": [[call.at_ms, call.outcome, call.environment] for call in record.calls],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _retries(record: Record) -> tuple[float, ...]:
    """For each generation that was open: how long after its retry_at the first probe was made."""
    found = []
    for generation, retry_at_ms in sorted(record.retries_at_ms.items()):
        ends_ms = _first(line.at_ms for line in record.transitions if line.generation > generation)
        probe_ms = _first(
            probe.at_ms
            for probe in record.probes
            if retry_at_ms <= probe.at_ms and (ends_ms is None or probe.at_ms <= ends_ms)
        )
        if probe_ms is not None:
            found.append(_seconds(retry_at_ms, probe_ms))
    return tuple(found)


def _first(times_ms: Iterable[int]) -> int | None:
    return min(times_ms, default=None)


def _seconds(from_ms: int, to_ms: int) -> float:
    return round((to_ms - from_ms) / 1000, 3)


def _shown(seconds: float | None) -> str:
    return "did not happen" if seconds is None else f"{seconds:.1f} s"
