"""Small scenarios, and quiet about faults that are meant to happen."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from recloser.lab.simulation.scenario import Calls, Environments, Health, Scenario


@pytest.fixture
def scenarios() -> Path:
    """Return the folder of the shipped scenarios."""
    return Path(__file__).parents[2] / "examples" / "scenarios"


@pytest.fixture
def outage() -> Scenario:
    """Return a short run with one hard outage, from second 60 to second 120."""
    return Scenario(
        duration_seconds=200,
        environments=Environments(10),
        calls=Calls(20),
        dependency=(Health(0), Health(60, failure_rate=1.0), Health(120)),
    )


@pytest.fixture(autouse=True)
def quiet_library() -> Iterator[None]:
    library = logging.getLogger("recloser")
    level = library.level
    library.setLevel(logging.CRITICAL)
    yield
    library.setLevel(level)
