"""The bounds are what `docs/correctness.md` says, and hold where nothing goes wrong, too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recloser.lab.simulation.chaos import bounds
from recloser.lab.simulation.chaos.invariants import Invariants
from recloser.lab.simulation.chaos.random_scenarios import trial
from recloser.lab.simulation.scenario import AlarmSettings, Calls, Environments, Health, Scenario
from recloser.lab.simulation.summary import summary

PAGE = Path(__file__).parents[2] / "docs" / "correctness.md"
HEALTHY, FAILING, HANGING = Health(), Health(60, failure_rate=1.0), Health(60, hang_rate=1.0)
DEFAULTS = Scenario(environments=Environments(50), calls=Calls(100))
STEADY = replace(DEFAULTS, alarms=AlarmSettings(fast_alarms=False))


@pytest.mark.parametrize(
    ("row", "seconds"),
    [
        ("| **Trip**, fast alarm |", bounds.seconds_to_trip(HEALTHY, FAILING, DEFAULTS)),
        ("| **Trip**, steady alarm only |", bounds.seconds_to_trip(HEALTHY, FAILING, STEADY)),
        ("| **Close** |", bounds.seconds_to_close(HEALTHY, FAILING, DEFAULTS)),
        ("| **Close** after a hang |", bounds.seconds_to_close(HEALTHY, HANGING, DEFAULTS)),
    ],
)
def test_the_page_states_them(row: str, seconds: float) -> None:
    """The page's numbers for the defaults are those that the settings give."""
    line = next(line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(row))
    assert line.endswith(f"| {seconds:.0f} s |")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("scenario", [DEFAULTS, STEADY], ids=["fast", "steady"])
def test_without_faults(scenario: Scenario, seed: int) -> None:
    """A hard outage trips and its end closes within the bounds."""
    trip, close = (
        bound(HEALTHY, FAILING, scenario) for bound in (bounds.seconds_to_trip, bounds.seconds_to_close)
    )
    recovery = 60 + trip + 20
    played = replace(
        scenario,
        seed=seed,
        calls=Calls(20),
        dependency=(HEALTHY, FAILING, Health(recovery)),
        duration_seconds=recovery + close,
    )
    found = summary(Invariants(played).run())
    assert 0 < found["seconds_to_trip"] <= trip
    assert 0 < found["seconds_from_recovery_to_closed"] <= close


LONGEST_MINUTES = 24


def test_whatever_happened_before_a_healthy_dependency_is_closed_within_minutes() -> None:
    """The time that a random scenario allows from the recovery to the close is below what the page says."""
    trials = [trial(seed) for seed in range(100)]
    longest = max(each.closed_by_seconds - each.recovered_at_seconds for each in trials)
    assert longest <= LONGEST_MINUTES * 60
    assert f"is {LONGEST_MINUTES} minutes" in " ".join(PAGE.read_text(encoding="utf-8").split())
