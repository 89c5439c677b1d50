"""The scenarios in `examples/scenarios` do what their descriptions say, under every invariant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recloser.lab.simulation.chaos import bounds
from recloser.lab.simulation.chaos.invariants import Invariants
from recloser.lab.simulation.dependency import outages
from recloser.lab.simulation.scenario import Health
from recloser.lab.simulation.scenario_file import load_scenario
from recloser.lab.simulation.summary import summary

NAMES = ["big-fleet", "flapping", "half-failing", "hard-outage", "low-traffic", "slow-then-hanging"]


@pytest.fixture(scope="module")
def played() -> dict[str, Any]:
    """Play each scenario once, under the invariants."""
    folder = Path(__file__).parents[2] / "examples" / "scenarios"
    return {name: summary(Invariants(load_scenario(folder / f"{name}.yaml")).run()) for name in NAMES}


def test_these_are_all(scenarios: Path) -> None:
    """Six scenarios are shipped."""
    assert sorted(path.stem for path in scenarios.glob("*.yaml")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_outage_trips_and_every_run_ends_closed(played: dict[str, Any], name: str) -> None:
    """No outage goes unnoticed, and nothing is stuck."""
    assert played[name]["outages"]
    assert all(each["seconds_to_trip"] is not None for each in played[name]["outages"])
    assert played[name]["final_state"] == "CLOSED"


@pytest.mark.parametrize("name", ["hard-outage", "big-fleet", "flapping", "low-traffic"])
def test_hard_outages_trip_in_time(played: dict[str, Any], scenarios: Path, name: str) -> None:
    """Where every call fails, the trip comes within the bound that follows from the settings."""
    scenario = load_scenario(scenarios / f"{name}.yaml")
    limit = bounds.seconds_to_trip(Health(), Health(failure_rate=1.0), scenario)
    assert all(each["seconds_to_trip"] <= limit for each in played[name]["outages"])


def test_reports_trip_a_hard_outage_within_seconds(played: dict[str, Any]) -> None:
    """Reports trip before any alarm can: the fast one needs two periods of ten seconds."""
    assert played["hard-outage"]["seconds_to_trip"] < 10


def test_a_thousand_environments_do_not_storm_the_permit(played: dict[str, Any], scenarios: Path) -> None:
    """An open circuit costs a big fleet a few writes per environment, not one per call."""
    big = played["big-fleet"]
    outage = outages(load_scenario(scenarios / "big-fleet.yaml"))[0]
    assert outage.until_seconds - outage.from_seconds == 120
    assert big["dynamodb"]["writes"] < 3000
    assert big["calls"]["refused"] > 50_000


def test_low_traffic_trips_by_the_steady_alarm(played: dict[str, Any]) -> None:
    """A call every ten seconds is enough to trip, in the time of the 60-second alarm."""
    assert 60 < played["low-traffic"]["seconds_to_trip"] < 240


def test_slow_calls_trip_though_none_fails(played: dict[str, Any]) -> None:
    """The slow phase trips by the share of slow calls."""
    slow = played["slow-then-hanging"]
    assert slow["outages"][0]["failed_calls_before_trip"] < 50
    assert slow["seconds_to_trip"] < 60
