"""How a fleet does with Recloser, over several seeds: the tables in `docs/simulation.md`.

Run it with `python -m benchmarks.fleet [--powertools] [--seeds N] [ROW ...]`; without rows, all of them.
It prints a table in Markdown: medians, and where it matters the range. `steady` rows have a dependency
of which a share of the calls fails all the time, below the threshold of 50 %: every trip there is a
false one. `recovery` rows are hard outages of 60 to 80 seconds, of which the good calls count that are
refused afterwards. By the seed, an outage begins at another moment within a second.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from benchmarks.powertools_fleet import simulate_powertools
from recloser.caller.local_trip import LocalTrip
from recloser.lab.simulation.dependency import outages
from recloser.lab.simulation.recording import FAILED, HELD, HELD_GOOD, REFUSED, REFUSED_GOOD, SUCCEEDED
from recloser.lab.simulation.scenario import (
    AlarmSettings,
    Caller,
    Calls,
    Environments,
    Faults,
    Health,
    Scenario,
)
from recloser.lab.simulation.simulation import Run, simulate
from recloser.lab.simulation.summary import summary

SEEDS = 20
HEALTHY_SECONDS = 130.0
BEGINS, ENDS, STOPS = HEALTHY_SECONDS, HEALTHY_SECONDS + 100, HEALTHY_SECONDS + 170
PARTIAL_ENDS, PARTIAL_STOPS = HEALTHY_SECONDS + 240, HEALTHY_SECONDS + 300
FLEETS = {"200x1": (200, 200.0), "200x5": (200, 1000.0), "1000x0.05": (1000, 50.0)}
BEFORE = "-before"
STEADY = (0.1, 0.2, 0.3, 0.4)
# Probes come every ten seconds from the trip on: what a recovery costs depends on when among them it begins.
SHORTEST_OUTAGE_SECONDS, LONGEST_OUTAGE_SECONDS = 60.0, 80.0
# Multiples of these are spread evenly over a span, however many are taken.
GOLDEN_RATIO, SQUARE_ROOT_OF_2 = 0.618034, 1.414214


def _fleet(name: str) -> Scenario:
    count, per_second = FLEETS[name]
    return Scenario(environments=Environments(count), calls=Calls(per_second))


def _outage(fleet: str, failure_rate: float, ends: float, stops: float) -> Scenario:
    phases = (Health(0), Health(BEGINS, failure_rate=failure_rate), Health(ends))
    return replace(
        _fleet(fleet), name=f"{failure_rate:.0%} {fleet}", duration_seconds=stops, dependency=phases
    )


def _steady(fleet: str, failure_rate: float) -> Scenario:
    health = (Health(failure_rate=failure_rate),)
    return replace(_fleet(fleet), name=f"steady {failure_rate:.0%} {fleet}", dependency=health)


def rows() -> dict[str, Scenario]:
    """Every row, by its name."""
    hard = {f"hard-{fleet}": _outage(fleet, 1.0, ENDS, STOPS) for fleet in FLEETS}
    partial = {
        f"60-{fleet}": _outage(fleet, 0.6, PARTIAL_ENDS, PARTIAL_STOPS) for fleet in ("200x1", "200x5")
    }
    steady = {f"steady-{rate:.0%}-{fleet}": _steady(fleet, rate) for fleet in FLEETS for rate in STEADY}
    healthy = {f"healthy-{fleet}": _steady(fleet, 0.001) for fleet in FLEETS}
    any_circuit = replace(hard["hard-200x1"], alarms=AlarmSettings(watched_by="any-circuit"))
    hard["hard-200x1-any-circuit"] = any_circuit
    silent = Faults(lost_reports=1.0)
    hard["hard-200x1-without-reports"] = replace(hard["hard-200x1"], faults=silent)
    hard["hard-200x1-any-circuit-without-reports"] = replace(any_circuit, faults=silent)
    outages = {**hard, **partial}
    before = {
        f"{name}{BEFORE}": _before(outages[name])
        for name in ("hard-200x1", "hard-200x5", "60-200x1", "60-200x5")
    }
    return hard | partial | steady | healthy | before


def _before(planned: Scenario) -> Scenario:
    """What there was before environments reported: the alarms, and a local trip of ten seconds."""
    caller = Caller(local_trip=LocalTrip(hold_seconds=10))
    return replace(planned, faults=Faults(lost_reports=1.0), caller=caller)


def scenario(row: str, seed: int) -> Scenario:
    """A row's scenario; by the seed its outage begins later, and in `recovery` rows has another length."""
    later_seconds = SQUARE_ROOT_OF_2 * seed % 1
    if row not in RECOVERIES:
        return _later(rows()[row], later_seconds)
    spread = LONGEST_OUTAGE_SECONDS - SHORTEST_OUTAGE_SECONDS
    ends = BEGINS + SHORTEST_OUTAGE_SECONDS + spread * (GOLDEN_RATIO * seed % 1)
    planned = _later(_outage(RECOVERIES[row], 1.0, ends, ends + RECOVERY_SECONDS), later_seconds)
    return _before(planned) if row.endswith(BEFORE) else planned


def _later(planned: Scenario, seconds: float) -> Scenario:
    """Change the dependency's health later by so many seconds, but for what it is from the beginning on."""
    first, *others = planned.dependency
    later = [replace(each, from_seconds=each.from_seconds + seconds) for each in others]
    duration_seconds = planned.duration_seconds + (seconds if later else 0)
    return replace(planned, dependency=(first, *later), duration_seconds=duration_seconds)


RECOVERIES = {f"recovery-{fleet}{before}": fleet for fleet in ("200x1", "200x5") for before in ("", BEFORE)}
RECOVERY_SECONDS = 40.0


@dataclass(frozen=True, slots=True)
class Figures:
    """One run's."""

    seconds_to_trip: float | None
    failed_in_outage: int
    trips: int
    good_refused_percent: float
    good_refused_in_recovery: int
    bytes_per_call: float
    raised_after_close: int
    writes: int
    log_dollars: float


def figures(run: Run) -> Figures:
    recording, spans = run.recording, outages(run.scenario)
    found = summary(run)
    begins = spans[0].from_seconds if spans else 0.0
    ends = spans[0].until_seconds if spans else run.scenario.duration_seconds
    good_refused = recording.total(REFUSED_GOOD) + recording.total(HELD_GOOD)
    made = recording.total(SUCCEEDED) + recording.total(FAILED)
    asked = made + recording.total(REFUSED) + recording.total(HELD)
    good = recording.total(SUCCEEDED) + good_refused
    closes = [change.at_ms for change in recording.states if change.after == "CLOSED"]
    raised = [change.at_ms for change in recording.alarms if change.value == "ALARM"]
    return Figures(
        found["seconds_to_trip"],
        recording.total(FAILED, begins, ends),
        sum((each.before, each.after) == ("CLOSED", "OPEN") for each in recording.states),
        100 * good_refused / good,
        recording.total(REFUSED_GOOD, ends) + recording.total(HELD_GOOD, ends) if spans else 0,
        run.written.billed_bytes / asked,
        sum(at_ms > closes[0] for at_ms in raised) if closes else 0,
        run.usage.writes,
        found["monthly_cost_usd"]["logs"],
    )


COLUMNS: dict[str, Callable[[Sequence[Figures]], str]] = {
    "tripped after": lambda runs: _range([each.seconds_to_trip for each in runs], ".1f", " s"),
    "failed calls": lambda runs: _range([each.failed_in_outage for each in runs], ",.0f"),
    "trips": lambda runs: f"{sum(each.trips for each in runs)} in {len(runs)} runs",
    "good calls refused": lambda runs: _range([each.good_refused_percent for each in runs], ".2f", " %"),
    "good refused after the outage": lambda runs: _range(
        [each.good_refused_in_recovery for each in runs], ",.0f"
    ),
    "log bytes a call": lambda runs: f"{median(each.bytes_per_call for each in runs):.0f}",
    "alarms after the close": lambda runs: _range([each.raised_after_close for each in runs], ".0f"),
    "writes": lambda runs: f"{median(each.writes for each in runs):,.0f}",
    "logs a month": lambda runs: f"${median(each.log_dollars for each in runs):,.0f}",
}


def _range(values: Sequence[float | None], form: str, unit: str = "") -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    few = "" if len(known) == len(values) else f", {len(known)} of {len(values)}"
    return f"{median(known):{form}}{unit} ({min(known):{form}} to {max(known):{form}}{few})"


def table(names: Sequence[str], seeds: int, play: Callable[[Scenario, int], Run]) -> Iterator[str]:
    """Yield the lines of the table, each when it is known."""
    yield "| row | " + " | ".join(COLUMNS) + " |"
    yield "|---" * (1 + len(COLUMNS)) + "|"
    for name in names:
        runs = [figures(play(scenario(name, seed), seed)) for seed in range(1, seeds + 1)]
        yield f"| {name} | " + " | ".join(show(runs) for show in COLUMNS.values()) + " |"


def main() -> None:
    known = [*rows(), *RECOVERIES]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--powertools", action="store_true", help="the callers use Powertools' breaker")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(known))
    given = parser.parse_args()
    unknown = [name for name in given.rows if name not in known]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    logging.getLogger("recloser").setLevel(logging.CRITICAL)
    play = simulate_powertools if given.powertools else simulate
    for line in table(given.rows or known, given.seeds, play):
        print(line, flush=True)


if __name__ == "__main__":
    main()
