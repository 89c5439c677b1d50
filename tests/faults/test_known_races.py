"""The races that other circuit breakers are known for. Each is told in `docs/correctness.md`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from recloser.circuit import Circuit, Override, State
from recloser.control.minute import Minute
from recloser.errors import CircuitOpen
from recloser.lab.simulation.chaos import bounds
from recloser.lab.simulation.chaos.invariants import Invariants
from recloser.lab.simulation.event_queue import MS_PER_SECOND
from recloser.lab.simulation.scenario import Caller, Calls, Environments, Faults, Health, Scenario, Span
from recloser.lab.simulation.scenario_file import load_scenario
from recloser.lab.simulation.simulation import START_MS, Run, simulate
from recloser.lab.simulation.summary import summary
from recloser.signals import AlarmRaised, OverrideSet, ProbesReported
from recloser.testing import World

NAME = "payments-api"
SCENARIOS = Path(__file__).parents[2] / "examples" / "scenarios"


class Failed(Exception):  # noqa: N818
    """What the dependency raises."""


@pytest.fixture
def world() -> World:
    return World()


def circuit(world: World) -> Circuit:
    return world.tables.read(NAME)


def pass_time_until_retry(world: World) -> None:
    world.clock.advance(10.001)


def claim(world: World) -> tuple[int, int]:
    """Let a prober begin; nothing is known of it until it reports."""
    generation = circuit(world).generation
    number = world.tables.claim(NAME, generation, world.clock.now_ms())
    assert number is not None
    return generation, number


def lose(world: World) -> tuple[int, int]:
    """Let a prober begin and miss its deadline, so that the circuit trips anew; return its permit."""
    pass_time_until_retry(world)
    permit = claim(world)
    world.clock.advance(31)
    world.control.tick(NAME)
    assert circuit(world).generation == permit[0] + 1
    return permit


def close_by_probes(world: World) -> None:
    pass_time_until_retry(world)
    while circuit(world).state is not State.CLOSED:
        world.tables.report(NAME, *claim(world), succeeded=True)


def within_a_call(world: World, meanwhile: Callable[[], object]) -> None:
    """Make a call that succeeds, and lasts while something else happens."""
    world.breaker(NAME).call(meanwhile)


def test_a_late_success_from_before_the_trip(world: World) -> None:
    """A call that began before the trip and succeeds after it neither closes the circuit nor helps to."""

    def trip_meanwhile() -> None:
        world.trip(NAME)
        pass_time_until_retry(world)

    within_a_call(world, trip_meanwhile)
    after = circuit(world)
    assert (after.state, after.generation) == (State.OPEN, 1)
    probes = world.tables.read_probes(NAME, 1)
    assert probes is not None
    assert not probes.succeeded


def test_an_expired_probers_late_success_over_a_newer_probe(world: World) -> None:
    """A probe that was given up and succeeds after all says nothing for the generation that is probed now."""
    world.trip(NAME)
    late = lose(world)
    pass_time_until_retry(world)
    claim(world)
    before = circuit(world)
    world.tables.report(NAME, *late, succeeded=True)
    assert circuit(world) == before


def test_an_expired_probers_late_failure_over_a_closed_circuit(world: World) -> None:
    """A probe that was given up and fails after the close does not open the circuit again."""
    world.trip(NAME)
    late = lose(world)
    close_by_probes(world)
    before = circuit(world)
    world.tables.report(NAME, *late, succeeded=False)
    assert circuit(world) == before


def test_a_stale_environments_trip_over_a_live_probe(world: World) -> None:
    """Environments that have not heard of the trip fail on and raise an alarm; the probe decides."""
    world.trip(NAME)
    pass_time_until_retry(world)
    permit = claim(world)
    before = circuit(world)
    assert before.state is State.HALF_OPEN
    fresh = AlarmRaised("steady", "too many failures", world.clock.now_ms())
    assert world.control.apply(NAME, fresh).decision.circuit is None
    world.tables.report(NAME, *permit, succeeded=True)
    assert circuit(world).generation == before.generation


def test_a_manual_open_undone_by_the_timer(world: World) -> None:
    """What an operator holds open stays open: no tick, alarm or probe of before moves it."""
    world.trip(NAME)
    pass_time_until_retry(world)
    permit = claim(world)
    world.force_open(NAME)
    before = circuit(world)
    for _ in range(10):
        world.clock.advance(60)
        Minute(world.control).run()
    world.tables.report(NAME, *permit, succeeded=True)
    with pytest.raises(CircuitOpen):
        world.breaker(NAME).call(lambda: None)
    assert circuit(world) == before


def test_a_manual_open_over_a_decision_under_way(world: World) -> None:
    """A close that was decided before an operator's word, and is written after it, is decided anew."""
    world.trip(NAME)
    pass_time_until_retry(world)
    while len(succeeded := world.tables.read_probes(NAME, 1).succeeded) < 5:  # type: ignore[union-attr]
        world.tables.on_probes = None if len(succeeded) == 4 else world.tables.on_probes
        world.tables.report(NAME, *claim(world), succeeded=True)
    probes = world.tables.read_probes(NAME, 1)
    assert probes is not None
    override = Override(State.OPEN, "ann", "drill", world.clock.now_ms())
    world.control.apply(NAME, OverrideSet(override))
    world.control.apply(NAME, ProbesReported(probes))
    assert circuit(world).state is State.OPEN


# --- With CloudWatch ------------------------------------------------------------------------------

TWO_OUTAGES = Scenario(
    duration_seconds=330,
    environments=Environments(10),
    calls=Calls(20),
    caller=Caller(local_trip=None),  # the alarm's races: it sees every call
    dependency=(
        Health(0),
        Health(60, failure_rate=1.0),
        Health(90),
        Health(102, failure_rate=1.0),  # the alarm has seen too few sound calls to go back to OK by itself
        Health(240),
    ),
)


def trips(run: Run, since_seconds: float, until_seconds: float) -> list[float]:
    """When the circuit went from closed to open."""
    times = [
        (change.at_ms - START_MS) / MS_PER_SECOND
        for change in run.recording.states
        if (change.before, change.after) == (State.CLOSED, State.OPEN)
    ]
    return [seconds for seconds in times if since_seconds <= seconds < until_seconds]


def test_an_alarm_that_stays_in_alarm_across_a_close() -> None:
    """Whoever closes the circuit re-arms the alarm, which would otherwise be deaf to the next outage."""
    silent = Faults(lost_reports=1.0)  # else the callers' reports trip, whatever the alarm hears
    everlasting = replace(silent, failing_rearms=1.0, dead_scheduler=(Span(0, 330),))
    noticed = []
    for seed in range(5):
        assert trips(simulate(replace(TWO_OUTAGES, faults=silent), seed), 102, 160)
        deaf = simulate(replace(TWO_OUTAGES, faults=everlasting), seed)
        assert trips(deaf, 60, 102)
        noticed.append(bool(trips(deaf, 102, 160)))
    assert not all(noticed), "without the re-arming the same outage may not be noticed"


def test_a_deaf_alarm_is_found_by_the_next_minutes() -> None:
    """Where the re-arming itself fails, the scheduled rule finds the alarm."""
    faults = Faults(lost_reports=1.0, failing_rearms=1.0, until_seconds=102)
    late = simulate(replace(TWO_OUTAGES, faults=faults))
    assert trips(late, 102, 240)
    assert late.recording.rearmed


def test_a_deaf_alarm_does_not_hold_up_reported_failures() -> None:
    """Where the alarm stays deaf the callers' own reports trip the fleet all the same."""
    everlasting = Faults(failing_rearms=1.0, dead_scheduler=(Span(0, 330),))
    assert trips(simulate(replace(TWO_OUTAGES, faults=everlasting)), 102, 120)


def test_old_failures_in_the_window_after_a_close() -> None:
    """Periods that hold the failures of before the trip raise alarms after the close, and trip nothing."""
    # Without the callers' reports: those trip before an alarm raises.
    flapping = replace(load_scenario(SCENARIOS / "flapping.yaml"), faults=Faults(lost_reports=1.0))
    for seed in range(3):
        run = Invariants(replace(flapping, seed=seed)).run()
        raised = sum(change.value == "ALARM" for change in run.recording.alarms)
        tripped = trips(run, 0, flapping.duration_seconds)
        assert raised > len(tripped), "the race is there"
        assert [seconds // 120 for seconds in tripped] == [1, 2, 3, 4], "one trip for each outage"


def test_every_probes_environment_dies() -> None:
    """Probes that are never heard of again strand nothing: it is probed again, and closes in time."""
    healthy, failing = Health(), Health(60, failure_rate=1.0)
    scenario = Scenario(
        environments=Environments(10),
        calls=Calls(20),
        dependency=(healthy, failing, Health(120)),
        faults=Faults(until_seconds=400, deaths_in_probe=1.0),
    )
    limit = bounds.seconds_to_close_after_faults(healthy, failing, scenario)
    scenario = replace(scenario, duration_seconds=400 + limit)
    run = Invariants(scenario).run()
    lost = summary(run)["probes"]["lost"]
    assert lost >= 3, "the race is there"
    assert run.circuit.state is State.CLOSED
