"""Random scenarios: a time full of faults, then calm, an outage, and calm again; each from its seed alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any

from recloser.caller.local_trip import LocalTrip
from recloser.lab.simulation.alarm_definitions import STEADY_SECONDS
from recloser.lab.simulation.chaos import bounds
from recloser.lab.simulation.scenario import (
    AlarmSettings,
    Caller,
    Calls,
    Delays,
    Environments,
    Faults,
    Health,
    Latency,
    Lateness,
    Operation,
    Scenario,
    Span,
)
from recloser.policy import RecoveryPolicy

CHAOS_SECONDS = 300.0
MARGIN_SECONDS = 60.0
HOUR_SECONDS = 3600.0
GOES_ON_SINCE_SECONDS = 200.0  # long enough for every alarm to raise, and to be heard by nobody


@dataclass(frozen=True, slots=True)
class Trial:
    """A scenario, and when which state is promised. Times are seconds from the beginning.

    `goes_on_seconds`: an outage that began among the faults ends then; the circuit must be tripped from
    `tripped_by_seconds` on. It must be closed from `closed_by_seconds` to the outage of `outage`, tripped
    from `outage_tripped_by_seconds` to its end, and closed again from `outage_closed_by_seconds` on.
    """

    scenario: Scenario
    tripped_by_seconds: float | None
    goes_on_until_seconds: float
    closed_by_seconds: float
    outage: Span
    outage_tripped_by_seconds: float
    outage_closed_by_seconds: float

    @property
    def recovered_at_seconds(self) -> float:
        """When nothing goes wrong any more, and the dependency is well."""
        return max(CHAOS_SECONDS, self.goes_on_until_seconds)


def trial(seed: int) -> Trial:
    """Make a random scenario and derive its promises."""
    numbers = Random(f"{seed}/scenario")  # noqa: S311  (it is meant to repeat)
    healthy = Health(latency=numbers.choice([Latency(20, 100), Latency(80, 400), Latency(200, 900)]))
    base = _fleet(numbers, seed)
    failing = _outage(numbers, base, healthy.latency)
    goes_on = numbers.random() < 0.5  # noqa: PLR2004
    # First without its times: the bounds depend on all the rest.
    ended = goes_on_until = CHAOS_SECONDS
    tripped_by = None
    if goes_on:
        tripped_by = CHAOS_SECONDS + bounds.seconds_to_trip_after_faults(healthy, failing, base)
        goes_on_until = ended = tripped_by + MARGIN_SECONDS
    closed_by = ended + bounds.seconds_to_close_after_faults(healthy, failing, base)
    calm = closed_by + bounds.PERIODS * STEADY_SECONDS
    tripped = calm + bounds.seconds_to_trip(healthy, failing, base)
    recovered = tripped + MARGIN_SECONDS
    closed = recovered + bounds.seconds_to_close(healthy, failing, base)
    chaotic_until = CHAOS_SECONDS - (GOES_ON_SINCE_SECONDS if goes_on else 0)
    phases = _chaotic_health(numbers, healthy, failing, chaotic_until)
    if goes_on:
        phases += [replace(failing, from_seconds=chaotic_until)]
    phases += [replace(healthy, from_seconds=goes_on_until)]
    phases += [replace(failing, from_seconds=calm), replace(healthy, from_seconds=recovered)]
    scenario = replace(
        base,
        name=f"random scenario {seed}",
        dependency=tuple(phases),
        duration_seconds=closed + MARGIN_SECONDS,
    )
    return Trial(scenario, tripped_by, goes_on_until, closed_by, Span(calm, recovered), tripped, closed)


_OWN_POLICIES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"permits": 12, "successes_to_close": 4},
    {"enforce": False},
)


def _fleet(numbers: Random, seed: int) -> Scenario:
    permits, successes_to_close = numbers.choice([(1, 1), (3, 2), (10, 1), (10, 5)])
    return Scenario(
        seed=seed,
        environments=Environments(
            count=numbers.choice([2, 5, 20, 60]),
            arrive_over_seconds=numbers.choice([0, 100]),
            lifetime_seconds=numbers.choice([None, 300]),
        ),
        calls=Calls(
            per_second=numbers.choice([5, 8, 12]),
            per_invocation=numbers.choice([1, 1, 3]),
            arrivals=numbers.choice(["random", "even"]),
        ),
        policy=RecoveryPolicy(
            recovery_timeout_seconds=numbers.choice([5.0, 10.0, 30.0]),
            backoff=numbers.choice([1.0, 1.0, 2.0]),
            max_recovery_timeout_seconds=60.0,
            jitter=numbers.choice([0.0, 0.1]),
            permits=permits,
            successes_to_close=successes_to_close,
            probe_deadline_seconds=numbers.choice([5.0, 30.0]),
            stable_after_seconds=numbers.choice([30.0, 600.0]),
        ),
        own_policy={**numbers.choice(_OWN_POLICIES), "ramp_seconds": numbers.choice([0.0, 0.0, 20.0])},
        caller=Caller(
            local_trip=numbers.choice([LocalTrip(), None]),
            timeout_seconds=numbers.choice([None, 2.0]),
            handler=numbers.choice([True, False]),
            client_timeout_seconds=numbers.choice([3.0, 6.0]),
            closed_cache_seconds=numbers.choice([2.0, 5.0]),
        ),
        alarms=AlarmSettings(fast_alarms=numbers.random() < 0.8),  # noqa: PLR2004
        delays=Delays(metric_seconds=(0.5, numbers.choice([1.0, 3.0]))),
        faults=_faults(numbers),
        operators=_operators(numbers),
    )


def _faults(numbers: Random) -> Faults:
    def maybe(*values: float) -> float:
        return numbers.choice([0.0, *values])

    def late(*seconds: float) -> Lateness:
        return numbers.choice([Lateness(), *(Lateness(numbers.choice([0.1, 0.5]), each) for each in seconds)])

    return Faults(
        until_seconds=CHAOS_SECONDS,
        lost_messages=maybe(0.1, 0.5, 1.0),
        duplicated_messages=maybe(0.2, 0.8),
        late_messages=late(5, 60),
        late_metrics=late(5, 30),
        duplicated_metrics=maybe(0.1),
        lost_reports=maybe(0.3, 1.0),
        duplicated_reports=maybe(0.2, 1.0),
        late_reports=late(2, 20),
        stale_reads=late(1, 5),
        failing_reads=maybe(0.1, 0.5),
        failing_writes=maybe(0.1, 0.5),
        unacknowledged_writes=maybe(0.1, 0.5),
        throttled_claims=maybe(0.3, 1.0),
        interleaved_writes=maybe(0.3, 0.9),
        failing_rearms=maybe(0.5, 1.0),
        dead_scheduler=numbers.choice([(), (Span(0, CHAOS_SECONDS),)]),
        unreachable_tables=numbers.choice([(), (), (Span(100, 160),)]),
        deaths_in_call=maybe(0.001, 0.02),
        deaths_in_probe=maybe(0.3, 1.0),
        freezes_in_call=late(2, 40),
        cancelled_calls=maybe(0.02, 0.2),
        nested_calls=maybe(0.05, 0.5),
        clock_skew_seconds=maybe(0.1, 1.0),
        gathered_calls=maybe(0.1, 1.0),
        forking_calls=maybe(0.01),
        wrong_clocks=numbers.choice([Lateness(), Lateness(0.2, 120.0), Lateness(0.2, HOUR_SECONDS)]),
        wrong_function_clocks=numbers.choice([Lateness(), Lateness(), Lateness(0.1, HOUR_SECONDS)]),
        rows_by_hand=maybe(0.02, 0.2),
        forged_reports=maybe(0.02, 0.2),
        edited_alarms=maybe(0.02, 0.2),
        unanswered_metric_queries=maybe(0.3, 1.0),
    )


def _operators(numbers: Random) -> tuple[Operation, ...]:
    """Now and then somebody interferes; in the end nobody does."""
    if numbers.random() < 0.7:  # noqa: PLR2004
        return ()
    at = numbers.uniform(0, CHAOS_SECONDS - 60)
    action = numbers.choice(["open", "close", "reset"])
    if action == "reset":
        return (Operation(at, "reset"),)
    until = numbers.choice([None, at + numbers.uniform(10, 50)])
    return (
        Operation(at, "open" if action == "open" else "close", until),
        Operation(CHAOS_SECONDS - 1, "release"),
    )


def _outage(numbers: Random, base: Scenario, latency: Latency) -> Health:
    """Every call fails; or, where the fleet is big enough to still make calls, hangs."""
    hanging = Health(hang_rate=1.0, latency=latency)
    if numbers.random() < 0.3 and bounds.trips_by_fast_alarm(hanging, base):  # noqa: PLR2004
        return hanging
    return Health(failure_rate=1.0, latency=latency)


def _chaotic_health(numbers: Random, healthy: Health, failing: Health, until: float) -> list[Health]:
    phases, at = [healthy], 0.0
    while (at := at + numbers.uniform(20, 120)) < until:
        some = replace(healthy, failure_rate=numbers.choice([0.02, 0.3, 0.6]))
        slow = replace(healthy, latency=Latency(2500, 5000))
        phases.append(replace(numbers.choice([healthy, failing, failing, some, slow]), from_seconds=at))
    return phases
