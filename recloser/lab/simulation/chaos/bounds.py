"""The time within which a circuit trips or closes: the sum of all delays, from the settings alone.

Nothing here is measured. Each bound is the longest way that the design leaves open; `docs/correctness.md`
derives them term by term.
"""

from __future__ import annotations

from recloser.caller.flag_cache import JITTER
from recloser.caller.probing import LONGEST_PAUSE_READS
from recloser.control.minute import DEAF_AFTER_MS, SWEEP_EVERY_MINUTES
from recloser.lab.simulation.alarm_definitions import FAST_SECONDS, STEADY_SECONDS
from recloser.lab.simulation.control_plane import ALARM_RETRIES_SECONDS, SCHEDULE_SECONDS
from recloser.lab.simulation.dependency import latencies_ms
from recloser.lab.simulation.scenario import Health, Scenario

PERIODS = 3  # the alarms look at three periods, and two must breach
ENOUGH = 5  # so many times the minimum of calls: then no period has fewer than the minimum by chance
SECOND = 1.0  # metrics become readable by the second


def longest_call_seconds(health: Health, scenario: Scenario) -> float:
    """How long after its beginning a call has been counted."""
    caller = scenario.caller
    ends = [caller.invocation_timeout_seconds]
    ends += [each for each in (caller.timeout_seconds, caller.client_timeout_seconds) if each is not None]
    longest = max(latencies_ms(health.latency)) / 1000
    return min(ends) if health.hang_rate else min(longest, *ends)


def metric_seconds(scenario: Scenario) -> float:
    """From the end of a call to a metric that can be read."""
    return scenario.delays.metric_seconds[1] + SECOND


def trips_by_fast_alarm(failing: Health, scenario: Scenario) -> bool:
    """Tell whether every 10-second period is sure to hold enough calls."""
    seconds = longest_call_seconds(failing, scenario)
    most = scenario.environments.count / max(seconds, 0.001)
    per_period = FAST_SECONDS * min(scenario.calls.per_second, most)
    shows_in_time = seconds + metric_seconds(scenario) <= FAST_SECONDS
    enough = per_period >= ENOUGH * scenario.alarms.minimum_calls_fast
    return scenario.alarms.fast_alarms and shows_in_time and enough


def seconds_to_trip(healthy: Health, failing: Health, scenario: Scenario) -> float:
    """The longest time from the beginning of an outage to the trip, when nothing else goes wrong."""
    period = FAST_SECONDS if trips_by_fast_alarm(failing, scenario) else STEADY_SECONDS
    cadence = period
    return (
        longest_call_seconds(healthy, scenario)  # sound calls from before the outage end
        + PERIODS * period  # the rest of a period, and two whole ones
        + longest_call_seconds(failing, scenario)
        + metric_seconds(scenario)
        + cadence
        + scenario.delays.event_seconds[1]
    )


def seconds_to_trip_after_faults(healthy: Health, failing: Health, scenario: Scenario) -> float:
    """The same for an outage that goes on when the faults end: the alarm may be deaf, its event lost."""
    faults = scenario.faults
    heard = DEAF_AFTER_MS / 1000 + SCHEDULE_SECONDS + scenario.delays.schedule_seconds[1]
    retries = sum(ALARM_RETRIES_SECONDS)
    return (
        faults.late_metrics.seconds
        + faults.late_messages.seconds
        + retries
        + heard
        + seconds_to_trip(healthy, failing, scenario)
    )


def wait_seconds(scenario: Scenario) -> float:
    """The longest wait before a circuit is probed."""
    policy = scenario.policy.with_overrides(scenario.own_policy)
    longest = policy.recovery_timeout_seconds * (1 + policy.jitter)
    return min(policy.max_recovery_timeout_seconds, longest if policy.backoff == 1 else float("inf"))


def probing_seconds(healthy: Health, scenario: Scenario) -> float:
    """From the time to retry to the close, when every probe succeeds."""
    policy = scenario.policy.with_overrides(scenario.own_policy)
    calls, caller = scenario.calls, scenario.caller
    reading = caller.open_cache_seconds * (1 + JITTER)
    # One environment may have to make all the probes, one after the other, each on a new reading of the flag.
    turn = (
        reading + ENOUGH * calls.per_invocation / calls.per_second + longest_call_seconds(healthy, scenario)
    )
    return (
        caller.open_cache_seconds  # each environment waits a random part of it
        + LONGEST_PAUSE_READS * turn  # one that was refused permits lets readings pass
        + policy.successes_to_close * turn
        + 2 * scenario.delays.stream_seconds[1]
    )


def seconds_to_close(healthy: Health, failing: Health, scenario: Scenario) -> float:
    """The longest time from the recovery to the close, when nothing else goes wrong."""
    lost = 0.0
    if failing.hang_rate:
        lost = deadline_seconds(scenario)
    last_failure = longest_call_seconds(failing, scenario)
    return lost + last_failure + wait_seconds(scenario) + probing_seconds(healthy, scenario)


def deadline_seconds(scenario: Scenario) -> float:
    """Until the scheduled rule has replaced a lost probe."""
    policy = scenario.policy.with_overrides(scenario.own_policy)
    return policy.probe_deadline_seconds + SCHEDULE_SECONDS + scenario.delays.schedule_seconds[1]


def healing_seconds(scenario: Scenario) -> float:
    """Until what only a hand, a wrong clock or a forger could have written has no effect any more."""
    faults, seconds = scenario.faults, 0.0
    if faults.rows_by_hand or faults.wrong_function_clocks.probability:
        # Such a row may not be listed as due: the scheduled rule looks at every circuit now and then.
        seconds += SWEEP_EVERY_MINUTES * SCHEDULE_SECONDS + SCHEDULE_SECONDS
        seconds += scenario.delays.schedule_seconds[1] + wait_seconds(scenario)
    if faults.forged_reports:
        # Forged failures wait for the numbers to be granted, and trip once more.
        seconds += wait_seconds(scenario) + deadline_seconds(scenario)
    return seconds


def seconds_to_close_after_faults(healthy: Health, failing: Health, scenario: Scenario) -> float:
    """The same from the end of recovery and faults: old data, late messages and lost probes come first."""
    faults = scenario.faults
    last_trip = (
        longest_call_seconds(failing, scenario)
        + metric_seconds(scenario)
        + faults.late_metrics.seconds
        + PERIODS * STEADY_SECONDS
        + STEADY_SECONDS
        + faults.late_messages.seconds
        + sum(ALARM_RETRIES_SECONDS)
        + scenario.delays.event_seconds[1]
    )
    skew = 4 * faults.clock_skew_seconds
    before = last_trip + healing_seconds(scenario) + deadline_seconds(scenario) + skew
    return before + seconds_to_close(healthy, failing, scenario)


def caches_expire_seconds(scenario: Scenario) -> float:
    """How long a caller that can read may go by a closed flag that is closed no more."""
    served = 2 * scenario.caller.closed_cache_seconds * (1 + JITTER)
    return served + scenario.faults.stale_reads.seconds + SECOND


def refusals_end_seconds(scenario: Scenario) -> float:
    """How long a caller that can read may refuse although an operator has forced the circuit closed."""
    served = scenario.caller.open_cache_seconds * (1 + JITTER)
    return served + scenario.faults.stale_reads.seconds + SECOND
