"""How many failed calls the local trip saves before the fleet trips: the table in `docs/callers.md`.

python -m recloser.lab.simulation.local_trip_saving examples/scenarios/hard-outage.yaml 1 2 3
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from recloser.caller.local_trip import LocalTrip
from recloser.lab.simulation.scenario import Scenario
from recloser.lab.simulation.scenario_file import load_scenario
from recloser.lab.simulation.simulation import simulate
from recloser.lab.simulation.summary import summary


@dataclass(frozen=True, slots=True)
class Saving:
    """One seed, with the default local trip and without any."""

    seed: int
    failed_without: int
    failed_with: int
    seconds_to_trip_without: float
    seconds_to_trip_with: float

    @property
    def saved_percent(self) -> float:
        return 100 * (1 - self.failed_with / self.failed_without)


def saving(scenario: Scenario, seed: int) -> Saving:
    """Play a scenario twice, with the same calls.

    Raises:
        ValueError: the scenario's first outage does not trip.

    """
    without, with_default = (_played(scenario, seed, local_trip) for local_trip in (None, LocalTrip()))
    return Saving(seed, without[0], with_default[0], without[1], with_default[1])


def _played(scenario: Scenario, seed: int, local_trip: LocalTrip | None) -> tuple[int, float]:
    caller = replace(scenario.caller, local_trip=local_trip)
    found = summary(simulate(replace(scenario, caller=caller), seed))
    if found["seconds_to_trip"] is None:
        raise ValueError(f"scenario {scenario.name!r} does not trip with seed {seed}")
    return found["failed_calls_before_trip"], found["seconds_to_trip"]


def table(savings: Sequence[Saving]) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    yield "| seed | failed calls without | failed calls with | saved | tripped after, without | with |"
    yield "|---|---|---|---|---|---|"
    for each in savings:
        yield (
            f"| {each.seed} | {each.failed_without:,} | {each.failed_with:,} | {each.saved_percent:.0f} % "
            f"| {each.seconds_to_trip_without:.1f} s | {each.seconds_to_trip_with:.1f} s |"
        )


def main(arguments: Sequence[str]) -> None:
    """Print the table for a scenario and some seeds."""
    scenario = load_scenario(Path(arguments[0]))
    for line in table([saving(scenario, int(seed)) for seed in arguments[1:]]):
        print(line)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
