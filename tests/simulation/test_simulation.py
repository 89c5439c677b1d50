"""A run in virtual time: what happens in it, and that it repeats."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recloser.circuit import State
from recloser.lab.simulation.recording import FAILED, HELD, PROBES, REFUSED, SUCCEEDED, THROTTLED
from recloser.lab.simulation.scenario import (
    AlarmSettings,
    Caller,
    Calls,
    Environments,
    Faults,
    Health,
    Operation,
    Scenario,
    Span,
    TrafficChange,
)
from recloser.lab.simulation.simulation import Run, simulate
from recloser.lab.simulation.summary import summary


def states(run: Run) -> list[State]:
    return [change.after for change in run.recording.states]


def test_an_outage_trips_and_its_end_closes(outage: Scenario) -> None:
    """The circuit opens within seconds, probes while open, and closes after the recovery."""
    run = simulate(outage)
    found = summary(run)
    assert 0 < found["seconds_to_trip"] < 8
    assert 0 < found["seconds_from_recovery_to_closed"] < 15
    assert run.circuit.state is State.CLOSED
    assert run.recording.total(FAILED, 95, 120) == run.recording.total(PROBES, 95, 120), (
        "only probes are made"
    )


def test_a_healthy_dependency_is_left_alone(outage: Scenario) -> None:
    """Nothing trips, nothing is refused and nothing is written while all is well."""
    run = simulate(replace(outage, dependency=(Health(failure_rate=0.02),)))
    assert states(run) == []
    assert run.usage.writes == 0
    assert run.recording.total(REFUSED) == 0


def test_the_same_seed_plays_the_same_run(outage: Scenario) -> None:
    """Two runs of one seed agree in everything; another seed's differs."""
    assert summary(simulate(outage)) == summary(simulate(outage))
    assert simulate(outage).recording == simulate(outage).recording
    assert simulate(outage, seed=2).recording != simulate(outage).recording


def test_a_setting_does_not_change_the_calls(outage: Scenario) -> None:
    """Runs that differ in one setting meet the same calls: as many of them, at the same times."""
    with_trip = simulate(outage)
    without = simulate(replace(outage, caller=Caller(local_trip=None)))
    columns = (SUCCEEDED, FAILED, REFUSED, HELD)
    for row, other in zip(with_trip.recording.calls, without.recording.calls, strict=True):
        assert sum(row[column] for column in columns) == sum(other[column] for column in columns)


def test_a_dead_scheduler_strands_nobody(outage: Scenario) -> None:
    """Without the scheduled rule the circuit trips and closes all the same."""
    dead = Faults(dead_scheduler=(Span(0, outage.duration_seconds),))
    found = summary(simulate(replace(outage, faults=dead)))
    assert found["seconds_to_trip"] is not None
    assert found["final_state"] == "CLOSED"


def test_an_operator_holds_the_circuit_open(outage: Scenario) -> None:
    """An override opens a healthy circuit, and its expiry lets probes close it."""
    held = (Operation(60, "open", until_seconds=90),)
    run = simulate(replace(outage, dependency=(Health(),), operators=held))
    assert run.recording.total(SUCCEEDED, 75, 89) == 0
    assert run.circuit.state is State.CLOSED
    assert run.recording.total(SUCCEEDED, 120, 190) > 1000


def test_shadow_mode_refuses_nothing(outage: Scenario) -> None:
    """With `enforce` off the flag trips, and every call is made."""
    run = simulate(replace(outage, own_policy={"enforce": False}))
    assert State.OPEN in states(run)
    assert run.recording.total(REFUSED) == 0


def test_a_hang_occupies_its_environment() -> None:
    """An environment whose call hangs takes no other; when all hang, calls find no environment."""
    hanging = Scenario(
        duration_seconds=60,
        environments=Environments(3),
        calls=Calls(2, arrivals="even"),
        dependency=(Health(hang_rate=1.0),),
        caller=Caller(client_timeout_seconds=None, local_trip=None, invocation_timeout_seconds=30),
    )
    run = simulate(hanging)
    assert run.recording.total(THROTTLED, 2, 30) == 56
    assert run.recording.deaths == 3, "Lambda ends them after thirty seconds"
    assert run.recording.cold_starts == 6


def test_a_hang_is_counted_before_lambda_ends_the_environment() -> None:
    """The failures of calls that never return reach the alarm, so that hanging trips too."""
    hanging = Scenario(
        duration_seconds=240,
        environments=Environments(100),
        calls=Calls(5),
        dependency=(Health(hang_rate=1.0),),
        caller=Caller(client_timeout_seconds=None, local_trip=None, invocation_timeout_seconds=10),
    )
    assert State.OPEN in states(simulate(hanging))
    unwrapped = replace(hanging.caller, handler=False)
    assert State.OPEN not in states(simulate(replace(hanging, caller=unwrapped))), (
        "nobody else would have counted"
    )


def test_the_watchdog_counts_a_hang(outage: Scenario) -> None:
    """With a timeout of the breaker's own a hanging call counts without the handler."""
    caller = Caller(client_timeout_seconds=None, local_trip=None, handler=False, timeout_seconds=2)
    hanging = replace(
        outage,
        environments=Environments(300),
        dependency=(Health(0), Health(60, hang_rate=1.0)),
        caller=caller,
    )
    assert summary(simulate(hanging))["seconds_to_trip"] is not None


def test_a_dead_environments_probe_is_lost(outage: Scenario) -> None:
    """An environment that ends in its probe reports nothing and gives nothing back."""
    run = simulate(replace(outage, faults=Faults(deaths_in_probe=1.0)))
    lost = [probe for probe in run.recording.probes if probe.succeeded is None]
    assert lost
    assert len(lost) == len(run.recording.probes)
    assert run.circuit.state is not State.CLOSED


def test_several_calls_an_invocation_are_the_same_calls(outage: Scenario) -> None:
    """Invocations of many calls gather them in fewer documents, and trip just so."""
    many = simulate(replace(outage, calls=Calls(20, per_invocation=10)))
    single = simulate(outage)
    assert many.written.documents < single.written.documents / 5
    assert summary(many)["seconds_to_trip"] < 40


def test_each_seed_draws_the_alarms_phases(outage: Scenario) -> None:
    """The seed chooses when an alarm is evaluated: trip times spread over its period."""
    silent = replace(outage, faults=Faults(lost_reports=1.0))
    times = [summary(simulate(silent, seed=seed))["seconds_to_trip"] for seed in range(8)]
    assert max(times) - min(times) > 5


def test_the_alarm_trips_when_reports_fail(outage: Scenario) -> None:
    """Reports that never arrive cost seconds, not the trip."""
    found = summary(simulate(replace(outage, faults=Faults(lost_reports=1.0))))
    assert 10 < found["seconds_to_trip"] < 40


def test_a_fleet_with_the_any_circuit_alarm_alone(outage: Scenario) -> None:
    """Reports trip it in seconds, by that alarm's threshold; without them its contributor does."""
    scenario = replace(
        outage,
        duration_seconds=600,
        dependency=(Health(0), Health(130, failure_rate=1.0), Health(400)),
        alarms=AlarmSettings(watched_by="any-circuit"),
    )
    assert summary(simulate(scenario))["seconds_to_trip"] < 8
    found = summary(simulate(replace(scenario, faults=Faults(lost_reports=1.0))))
    assert 30 < found["seconds_to_trip"] < 150
    assert found["final_state"] == "CLOSED"


@pytest.mark.parametrize(("factor", "rate"), [(2, 0.4), (4, 0.3), (10, 0.3)])
def test_traffic_that_jumps_trips_nothing_below_the_threshold(factor: int, rate: float) -> None:
    """Failures that were below the threshold stay so, though many more calls fail than are usual."""
    calls = Calls(50, changes=(TrafficChange(130, 50 * factor),))
    health = (Health(failure_rate=rate),)
    fleet = Scenario(duration_seconds=145, environments=Environments(200), calls=calls, dependency=health)
    assert states(simulate(fleet)) == []


def test_an_outage_in_grown_traffic_trips_in_seconds() -> None:
    """The jump itself hides no outage."""
    calls = Calls(50, changes=(TrafficChange(130, 200),))
    health = (Health(), Health(131, failure_rate=1.0))
    fleet = Scenario(duration_seconds=145, environments=Environments(200), calls=calls, dependency=health)
    assert 0 < summary(simulate(fleet))["seconds_to_trip"] < 8


def test_a_lost_contributor_event_is_healed_by_the_minutes_look(outage: Scenario) -> None:
    """Every event is lost; the scheduled rule finds the contributor in ALARM over a closed circuit."""
    scenario = replace(
        outage,
        duration_seconds=500,
        dependency=(Health(0), Health(130, failure_rate=1.0)),
        alarms=AlarmSettings(watched_by="any-circuit"),
        faults=Faults(lost_messages=1.0),
    )
    assert 60 < summary(simulate(scenario))["seconds_to_trip"] < 250
