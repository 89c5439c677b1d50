"""Shadow mode, overrides and the ramp: computed from the flag alone."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import pytest

from recloser import CircuitBreaker, CircuitOpen, State
from recloser.circuit import Override
from recloser.signals import OverrideSet, PolicySet
from recloser.testing import World

NAME = "payments-api"


def works() -> str:
    return "paid"


def closed_with_ramp(world: World, seconds: float, **settings: Any) -> CircuitBreaker:
    """A breaker that sees its circuit close at this moment, by five good probes."""
    world.control.apply(NAME, PolicySet({"ramp_seconds": seconds}, by="ann"))
    prober = world.breaker(NAME, open_cache_seconds=0.1)
    world.trip(NAME)
    world.clock.advance(16)
    while world.tables.read(NAME).state is not State.CLOSED:
        with suppress(CircuitOpen):
            prober.call(works)
        world.clock.advance(0.12)
    world.clock.advance(world.tables.read(NAME).closed_at_ms / 1000 - world.clock() + 1)  # type: ignore[operator]
    world.metrics.clear()
    return world.breaker(NAME, **settings)


# --- Shadow mode ---------------------------------------------------------------------------------


def test_shadow_mode(world: World) -> None:
    """The flag flips; calls are made, counted as Rejected, and not in the failure rate."""
    breaker = world.breaker(NAME)
    world.configure(NAME, enforce=False)
    world.trip(NAME)
    world.clock.advance(6)
    assert [breaker.call(works) for _ in range(3)] == ["paid"] * 3
    assert world.tables.read(NAME).state is State.OPEN
    assert (world.metric("Rejected"), world.metric("Failure")) == ([1] * 3, [])


def test_shadow_mode_recovers_by_probes(world: World) -> None:
    """Probes are claimed and reported as ever, so the flag closes again."""
    breaker = world.breaker(NAME)
    world.configure(NAME, enforce=False)
    world.trip(NAME)
    for _ in range(40):
        world.clock.advance(1.2)
        assert breaker.call(works) == "paid"
    assert world.tables.read(NAME).state is State.CLOSED


def test_shadow_mode_calls_no_hook(world: World) -> None:
    """Nothing was refused, so on_refused is not called."""
    refused: list[CircuitOpen] = []
    breaker = world.breaker(NAME, on_refused=refused.append)
    world.configure(NAME, enforce=False)
    world.force_open(NAME)
    breaker.call(works)
    assert refused == []


# --- Overrides -----------------------------------------------------------------------------------


@pytest.mark.parametrize("enforce", [True, False])
def test_held_open(world: World, *, enforce: bool) -> None:
    """OPEN refuses everyone for as long as it lasts, and no probe goes out; shadow mode only counts."""
    breaker = world.breaker(NAME)
    world.configure(NAME, enforce=enforce)
    world.force_open(NAME)
    for _ in range(20):
        if enforce:
            with pytest.raises(CircuitOpen) as refusal:
                breaker.call(works)
            assert refusal.value.retry_after is None
        else:
            breaker.call(works)
        world.clock.advance(60)
    assert world.metric("ProbeFailure") == []
    assert world.refused(NAME) == 20


def test_an_override_that_expires(world: World) -> None:
    """The refusal says when; from then on the state underneath counts, without waiting for a flag."""
    breaker = world.breaker(NAME, open_cache_seconds=600)
    now = world.clock.now_ms()
    world.control.apply(NAME, OverrideSet(Override(State.OPEN, "ann", "test", now, now + 60_000)))
    world.clock.advance(6)
    for _ in range(3):
        with pytest.raises(CircuitOpen) as refusal:
            breaker.call(works)
    assert refusal.value.retry_after == pytest.approx(600)  # nothing is read before
    world.clock.advance(54)
    with suppress(CircuitOpen):
        breaker.call(works)
    assert world.refused(NAME) <= 4


def test_held_closed(world: World) -> None:
    """CLOSED lets everyone through though the circuit is open, and the calls count."""
    breaker = world.breaker(NAME)
    world.trip(NAME)
    world.force_closed(NAME)
    assert [breaker.call(works) for _ in range(3)] == ["paid"] * 3
    assert world.metric("Failure") == [0, 0, 0]


# --- Ramp ----------------------------------------------------------------------------------------


def share(world: World, breaker: CircuitBreaker, calls: int = 2000) -> float:
    admitted = 0
    for _ in range(calls):
        with suppress(CircuitOpen):
            breaker.call(works)
            admitted += 1
    return admitted / calls


def test_the_share_grows(world: World) -> None:
    """After a close the share of calls let through grows evenly from nothing to all."""
    breaker = closed_with_ramp(world, 100, uniform=random.Random(7).uniform)
    closed_at = (world.tables.read(NAME).closed_at_ms or 0) / 1000
    for seconds in (10, 30, 50, 80):
        world.clock.advance(closed_at + seconds - world.clock())
        assert share(world, breaker) == pytest.approx(seconds / 100, abs=0.05)
    world.clock.advance(closed_at + 100 - world.clock())
    assert share(world, breaker) == 1


@pytest.mark.parametrize(("drawn", "admitted"), [(0.24, True), (0.25, False), (0.99, False)])
def test_it_depends_on_the_random_number_alone(world: World, drawn: float, *, admitted: bool) -> None:
    """A quarter into the ramp a random number below a quarter gets through, and no other."""
    breaker = closed_with_ramp(world, 100, uniform=lambda low, high: low + drawn * (high - low))
    closed_at = (world.tables.read(NAME).closed_at_ms or 0) / 1000
    world.clock.advance(closed_at + 25 - world.clock())
    assert share(world, breaker, calls=10) == (1 if admitted else 0)


def test_refused_on_the_ramp(world: World) -> None:
    """Such a call is a Rejected and no Failure, says why, and comes again after the flag's next reading."""
    breaker = closed_with_ramp(world, 100, uniform=lambda low, high: high)
    with pytest.raises(CircuitOpen, match="ramping up after the close") as refusal:
        breaker.call(works)
    assert refusal.value.retry_after == pytest.approx(1)
    assert (world.metric("Rejected"), world.metric("Failure")) == ([1], [])


def test_no_ramp_in_shadow_mode_or_under_an_override(world: World) -> None:
    """Whoever is let through by an operator's word is not held back by a ramp."""
    breaker = closed_with_ramp(world, 100, uniform=lambda low, high: high)
    world.force_closed(NAME)
    assert breaker.call(works) == "paid"
    world.control.apply(NAME, PolicySet({"ramp_seconds": 100, "enforce": False}, by="ann"))
    assert world.breaker(NAME).call(works) == "paid"
