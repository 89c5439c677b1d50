"""Names that look like a tenant's or a user's are warned about, in the process that makes them."""

from __future__ import annotations

import logging

import pytest

from recloser.caller.circuit_names import MANY_CIRCUITS
from recloser.testing import World

PER_TENANT = "a circuit is a dependency, not a tenant or a user"


def call(world: World, names: list[str]) -> None:
    for name in names:
        world.breaker(name).call(lambda: None)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if PER_TENANT in record.getMessage()]


def test_a_circuit_for_each_tenant_is_warned_about(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A process that names fifty circuits is told once what they cost and that an alarm sees 500."""
    with caplog.at_level(logging.WARNING):
        call(world, [f"tenant-{number}" for number in range(3 * MANY_CIRCUITS)])
    [warning] = told(caplog)
    assert f"this process names {MANY_CIRCUITS} circuits, the newest tenant-{MANY_CIRCUITS - 1}" in warning
    assert "an alarm over every circuit sees 500" in warning


def test_breakers_of_one_name_are_one_circuit(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A breaker made anew in each call is no new circuit, however often; nor are a few dozen dependencies."""
    with caplog.at_level(logging.WARNING):
        call(world, ["payments-api"] * 3 * MANY_CIRCUITS)
        call(world, [f"api-{number}" for number in range(MANY_CIRCUITS - 2)])
    assert told(caplog) == []
