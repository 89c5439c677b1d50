"""What a simulation plays: a fleet, its dependency's health over time, and the faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from recloser.admit import OnStoreError
from recloser.caller.local_trip import LocalTrip
from recloser.policy import RecoveryPolicy

Range = tuple[float, float]
"""The smallest and the largest value of a uniform random number."""


@dataclass(frozen=True, slots=True)
class Environments:
    """Lambda's execution environments: each runs one invocation at a time.

    `count` may run at once; they come up evenly over `arrive_over_seconds`. Each lives for
    a random time around `lifetime_seconds`; then a cold one replaces it.
    """

    count: int = 10
    arrive_over_seconds: float = 0.0
    lifetime_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class TrafficChange:
    """From a time on the whole fleet makes so many calls per second."""

    from_seconds: float
    per_second: float


@dataclass(frozen=True, slots=True)
class Calls:
    """The load: calls per second of the whole fleet, made in invocations of several one after the other."""

    per_second: float = 10.0
    per_invocation: int = 1
    arrivals: Literal["random", "even"] = "random"
    changes: tuple[TrafficChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Latency:
    """A log-normal distribution of latencies, by two of its percentiles."""

    median_ms: float = 80.0
    p99_ms: float = 400.0


@dataclass(frozen=True, slots=True)
class Health:
    """The dependency's health from a time on: shares of calls that fail, and that never answer."""

    from_seconds: float = 0.0
    failure_rate: float = 0.0
    hang_rate: float = 0.0
    latency: Latency = field(default_factory=Latency)


@dataclass(frozen=True, slots=True)
class Caller:
    """How callers are set up; the names are those of `CircuitBreaker`.

    `handler`: the function is wrapped by `recloser.handler`, so metrics are gathered per invocation.
    `client_timeout_seconds`: when the client gives a call up; None: never.
    `invocation_timeout_seconds`: when Lambda ends the environment.
    """

    local_trip: LocalTrip | None = field(default_factory=LocalTrip)
    closed_cache_seconds: float = 5.0
    open_cache_seconds: float = 1.0
    timeout_seconds: float | None = None
    on_store_error: OnStoreError = "last-known"
    handler: bool = True
    client_timeout_seconds: float | None = 10.0
    invocation_timeout_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """The deployed alarms, by the parameters of the template.

    `watched_by`: the circuit's own alarms, or the one that watches any circuit and no other.
    """

    watched_by: Literal["circuit", "any-circuit"] = "circuit"

    failure_threshold_percent: float = 50.0
    minimum_calls_fast: int = 10
    minimum_calls_steady: int = 3
    slow_share_percent: float = 50.0
    slow_call_milliseconds: float = 2000.0
    fast_alarms: bool = True


@dataclass(frozen=True, slots=True)
class Delays:
    """How long messages take without faults; uniformly random in each range."""

    metric_seconds: Range = (1.0, 3.0)
    event_seconds: Range = (0.1, 1.0)
    stream_seconds: Range = (0.1, 0.8)
    schedule_seconds: Range = (0.0, 10.0)
    table_milliseconds: Range = (2.0, 10.0)


@dataclass(frozen=True, slots=True)
class Lateness:
    """With a probability, something takes up to so many seconds longer."""

    probability: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Span:
    """Some seconds of the run."""

    from_seconds: float
    until_seconds: float


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong; numbers are probabilities. From `until_seconds` on nothing of it happens any more.

    Messages are alarm events and stream records. Late ones arrive out of order. A write that is
    `unacknowledged` was made, but its writer is told that it failed. `interleaved_writes`: another writer
    comes between a writer's reading and its writing. `deaths_in_probe`: environments that hold a permit.
    A cancelled call says nothing of the dependency; a nested one is made by a call of the same circuit.
    `gathered_calls`: calls that begin together with others; where one fails or is refused, the rest is
    cancelled. `forking_calls`: the process forks within a call, and the child goes on.
    `wrong_clocks`: environments whose clock is so much fast or slow, in addition to the skew of all;
    `wrong_function_clocks`: invocations of functions. When the faults end all clocks are set right.
    `rows_by_hand`, `forged_reports`: in each second, that somebody writes a value into a row that nothing
    else could have written, and that a caller reports probes that nobody was granted.
    `edited_alarms`: in each second, that somebody gives the circuit's failure-rate alarms another threshold
    or another rule, or deletes them; when the faults end they are as deployed. `unanswered_metric_queries`:
    that GetMetricData is throttled, so that nobody knows what is usual.
    Reports are those of failures, from environments; a lost one was throttled, or its table did not answer.
    """

    until_seconds: float | None = None
    lost_messages: float = 0.0
    duplicated_messages: float = 0.0
    late_messages: Lateness = field(default_factory=Lateness)
    late_metrics: Lateness = field(default_factory=Lateness)
    duplicated_metrics: float = 0.0
    lost_reports: float = 0.0
    duplicated_reports: float = 0.0
    late_reports: Lateness = field(default_factory=Lateness)
    stale_reads: Lateness = field(default_factory=Lateness)
    failing_reads: float = 0.0
    failing_writes: float = 0.0
    unacknowledged_writes: float = 0.0
    throttled_claims: float = 0.0
    interleaved_writes: float = 0.0
    failing_rearms: float = 0.0
    dead_scheduler: tuple[Span, ...] = ()
    unreachable_tables: tuple[Span, ...] = ()
    deaths_in_call: float = 0.0
    deaths_in_probe: float = 0.0
    freezes_in_call: Lateness = field(default_factory=Lateness)
    cancelled_calls: float = 0.0
    nested_calls: float = 0.0
    gathered_calls: float = 0.0
    forking_calls: float = 0.0
    clock_skew_seconds: float = 0.0
    wrong_clocks: Lateness = field(default_factory=Lateness)
    wrong_function_clocks: Lateness = field(default_factory=Lateness)
    rows_by_hand: float = 0.0
    forged_reports: float = 0.0
    edited_alarms: float = 0.0
    unanswered_metric_queries: float = 0.0


@dataclass(frozen=True, slots=True)
class Operation:
    """What an operator does at a time. `until_seconds` is when an override expires."""

    at_seconds: float
    action: Literal["open", "close", "release", "reset"]
    until_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything a simulation needs. Times are seconds from its beginning.

    `policy` is the stack's default; `own_policy` the settings in the circuit's item.
    """

    name: str = "scenario"
    description: str = ""
    circuit: str = "payments-api"
    seed: int = 1
    duration_seconds: float = 600.0
    environments: Environments = field(default_factory=Environments)
    calls: Calls = field(default_factory=Calls)
    dependency: tuple[Health, ...] = (Health(),)
    policy: RecoveryPolicy = field(default_factory=RecoveryPolicy)
    own_policy: dict[str, Any] = field(default_factory=dict)
    caller: Caller = field(default_factory=Caller)
    alarms: AlarmSettings = field(default_factory=AlarmSettings)
    delays: Delays = field(default_factory=Delays)
    faults: Faults = field(default_factory=Faults)
    operators: tuple[Operation, ...] = ()
