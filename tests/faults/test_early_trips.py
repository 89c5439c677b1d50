"""Trips by reports rest on the alarm as it stands and on usual calls that are known, or do not happen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recloser.circuit import Cause, Circuit
from recloser.control.cloudwatch_usual import CloudWatchUsual
from recloser.control.early_trip import FailureRateAlarm
from recloser.lab.simulation.chaos.invariants import Invariants, Violation
from recloser.lab.simulation.scenario import Calls, Environments, Faults, Health, Scenario
from recloser.signals import Limits

FLEET = Scenario(environments=Environments(15), calls=Calls(30))
HARD_OUTAGE = replace(
    FLEET, duration_seconds=130, dependency=(Health(0), Health(60, failure_rate=1.0), Health(100))
)
OUTAGES_SECONDS = (50, 120, 190, 260)
MOSTLY_FAILING = tuple(Health(at, failure_rate=0.75) for at in OUTAGES_SECONDS)
WELL_AGAIN = tuple(Health(at + 15) for at in (-15, *OUTAGES_SECONDS))
EDITED = replace(
    FLEET,
    duration_seconds=300,
    dependency=tuple(sorted((*MOSTLY_FAILING, *WELL_AGAIN), key=lambda phase: phase.from_seconds)),
    faults=Faults(edited_alarms=0.05),
)


class Trips(Invariants):
    """Notes what tripped, beside checking all that must hold."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self.causes: list[Cause | None] = []

    def _check_trip(self, before: Circuit, after: Circuit) -> None:
        super()._check_trip(before, after)
        self.causes.append(after.cause)


def causes(scenario: Scenario) -> list[Cause | None]:
    played = Trips(scenario)
    played.run()
    return played.causes


def test_without_usual_calls_the_alarm_trips() -> None:
    """Where GetMetricData is throttled nothing trips early, and the alarm trips as ever."""
    assert causes(HARD_OUTAGE) == [Cause.FAILURES_REPORTED]
    throttled = Faults(unanswered_metric_queries=1.0)
    assert causes(replace(HARD_OUTAGE, faults=throttled)) == [Cause.ALARM]


def test_an_alarm_that_is_edited_meanwhile() -> None:
    """Under one threshold after the other, under none and under another rule, reports trip by what stands."""
    found = [cause for seed in range(3) for cause in causes(replace(EDITED, seed=seed))]
    assert Cause.FAILURES_REPORTED in found


def test_a_trip_by_another_threshold_than_the_alarms_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were reports judged by the threshold that was deployed, whatever stands now, that would be noticed."""
    deployed = FailureRateAlarm("recloser:payments-api:failure-rate-steady", Limits(50.0, 3))
    monkeypatch.setattr(CloudWatchUsual, "alarm", lambda *_: deployed)
    with pytest.raises(Violation, match="tripped by reports"):
        play_some(EDITED)


def play_some(scenario: Scenario) -> None:
    for seed in range(3):
        Invariants(replace(scenario, seed=seed)).run()
