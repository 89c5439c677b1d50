"""Several runs of one scenario, each from another seed, and their figures as ranges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from recloser.lab.simulation.scenario import Scenario
from recloser.lab.simulation.simulation import simulate
from recloser.lab.simulation.summary import summary

# What is shown of each run: its name, where it stands in a run's summary, and its unit.
FIGURES: dict[str, tuple[tuple[str, ...], str]] = {
    "tripped after": (("seconds_to_trip",), "s"),
    "failed calls before the trip": (("failed_calls_before_trip",), ""),
    "closed after the recovery": (("seconds_from_recovery_to_closed",), "s"),
    "calls that failed": (("calls", "failed"), ""),
    "good calls refused": (("calls", "good_refused"), ""),
    "trips": (("trips",), ""),
    "alarms raised": (("alarms_raised",), ""),
    "DynamoDB writes": (("dynamodb", "writes"), ""),
    "bytes of metrics": (("emf", "bytes"), ""),
    "dollars a month": (("monthly_cost_usd", "total"), ""),
}


def spread(scenario: Scenario, runs: int) -> dict[str, Any]:
    """Play a scenario from its seed and those that follow, and sum all up as plain data.

    A figure that a run does not have (its outage did not trip) is left out; `runs` says how many had it.
    """
    seeds = range(scenario.seed, scenario.seed + runs)
    found = [summary(simulate(replace(scenario, seed=seed))) for seed in seeds]
    figures = {name: _range([_at(each, place) for each in found]) for name, (place, _) in FIGURES.items()}
    return {"scenario": scenario.name, "first_seed": scenario.seed, "runs": runs, "figures": figures}


def _at(found: dict[str, Any], place: Sequence[str]) -> float | None:
    value: Any = found
    for name in place:
        value = value[name]
    return None if value is None else float(value)


def _range(values: Sequence[float | None]) -> dict[str, float | int | None]:
    known = [value for value in values if value is not None]
    if not known:
        return {"runs": 0, "minimum": None, "median": None, "maximum": None}
    return {"runs": len(known), "minimum": min(known), "median": median(known), "maximum": max(known)}


def spread_lines(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what to show: a label and its value."""
    yield "seeds", f"{found['first_seed']} to {found['first_seed'] + found['runs'] - 1}"
    for name, figure in found["figures"].items():
        unit = FIGURES[name][1]
        if not figure["runs"]:
            yield name, "in no run"
            continue
        bounds = " to ".join(f"{figure[bound]:,.10g}" for bound in ("minimum", "maximum"))
        few = "" if figure["runs"] == found["runs"] else f", in {figure['runs']} of {found['runs']} runs"
        yield name, f"{figure['median']:,.10g} {unit}".strip() + f" ({bounds}{few})"
