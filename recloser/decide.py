"""The idea: what a signal does to a circuit.

`decide` is a pure function over frozen data. It reads no clock, calls nothing, logs nothing; the
whole behavior of the product can be read here. Everything else carries signals to it and writes
what it says. Times are epoch milliseconds.

| signal | CLOSED | OPEN | HALF_OPEN |
|---|---|---|---|
| AlarmRaised, data newer than the last close | trip | nothing | nothing |
| ... with evidence: too few calls, or not above the threshold | nothing | nothing | nothing |
| ... no data newer than the last close | re-arm the alarm | nothing | nothing |
| ... set manually (SetAlarmState) | trip | nothing | trip |
| FailuresReported: more fail than the threshold allows, and not by chance | trip | nothing | nothing |
| ProbesReported: a probe failed | nothing | trip | trip |
| ... enough succeeded | nothing | close, re-arm | close, re-arm |
| ... the canary succeeded | nothing | half-open, the other permits | the other permits |
| ... one was claimed, none reported | nothing | half-open | start the probe deadline |
| ... of another generation | nothing | nothing | nothing |
| TimerDue | nothing | from `retry_at` on: half-open | at the deadline: trip, or replace lost permits |
| ... permits missing or unusable | nothing | new generation | new generation |
| OverrideSet OPEN | new generation, held open | new generation, held open | new generation, held open |
| OverrideSet CLOSED | forced closed | forced closed | forced closed |
| OverrideReleased | no override; if it was OPEN: new generation | the same | the same |
| Reset | close, re-arm | close, re-arm | close, re-arm |
| PolicySet | new settings | new settings | new settings |

A trip and a close begin a new generation: what belongs to an older one changes nothing. While an operator
holds a circuit open, only operators and the end of the override move it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

from recloser.circuit import (
    GIVE_BACKS_PER_GENERATION,
    HISTORY_LENGTH,
    OPERATIONS_LENGTH,
    Cause,
    Circuit,
    Override,
    Probes,
    State,
    Transition,
    Trip,
)
from recloser.policy import RecoveryPolicy
from recloser.signals import (
    AlarmRaised,
    Evidence,
    FailuresReported,
    Limits,
    OverrideReleased,
    OverrideSet,
    PolicySet,
    ProbesReported,
    ReportWindow,
    Reset,
    Signal,
    TimerDue,
)

CANARY = 1  # the permits of a new generation: one probe, alone

# How far the clocks of two writers may be apart. A stored time that lies further in the future than the
# policy and this allow comes from a manual edit or a wrong clock; nothing waits for it.
CLOCKS_APART_MS = 60_000


# --- Decision ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mint:
    """Permits to make. With `opens_at_ms` they begin a generation; without, they add to it."""

    generation: int
    permits: int
    opens_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What to write, or, with `circuit` None, nothing.

    `cause` and, for people, `reason` say why either way.
    """

    cause: Cause
    reason: str
    circuit: Circuit | None = None
    mint: Mint | None = None
    rearm: str | None = None


def nothing(cause: Cause, reason: str) -> Decision:
    return Decision(cause, reason)


# --- The table -----------------------------------------------------------------------------------


def decide(circuit: Circuit, signal: Signal, now_ms: int, policy: RecoveryPolicy) -> Decision:
    """Say what `signal` does to `circuit`.

    Args:
        circuit: as it was read; the write must be conditional on its revision.
        signal: what happened.
        now_ms: the writer's clock.
        policy: the defaults with the circuit's own settings applied.

    """
    match signal:
        case OverrideSet(override):
            return _set_override(circuit, override, now_ms, policy)
        case OverrideReleased(by):
            return _release_override(circuit, by, now_ms)
        case Reset(by, why):
            return _reset(circuit, by, why, now_ms)
        case PolicySet(settings, by):
            return _set_policy(circuit, settings, by, now_ms)

    held = circuit.active_override(now_ms)
    if held is not None and held.state is State.OPEN:
        return nothing(Cause.HELD_OPEN, "an operator holds the circuit open")

    match signal:
        case AlarmRaised():
            return _alarm_raised(circuit, signal, now_ms, policy)
        case FailuresReported():
            return _failures_reported(circuit, signal, now_ms, policy)
        case ProbesReported(probes):
            return _probes_reported(circuit, probes, now_ms, policy)
        case TimerDue(probes):
            return _timer_due(circuit, probes, now_ms, policy)
        case _:
            assert_never(signal)


# --- Alarms --------------------------------------------------------------------------------------


def _alarm_raised(circuit: Circuit, signal: AlarmRaised, now_ms: int, policy: RecoveryPolicy) -> Decision:
    by_hand = signal.newest_data_ends_ms is None and signal.evidence is None
    if circuit.state is State.OPEN:
        return nothing(Cause.ALREADY_OPEN, "already open")  # and opened_at stays: an outage starts once
    if circuit.state is State.HALF_OPEN and not by_hand:
        return nothing(Cause.PROBES_DECIDE, "half-open: the probes decide")
    if _is_stale(circuit, signal, now_ms):
        # Data from before the close says nothing about the dependency now. The alarm must go back to
        # OK, or it could not raise again: CloudWatch speaks only when an alarm changes.
        reason = "stale: no datapoint is newer than the last close"
        return Decision(Cause.STALE_DATA, reason, rearm=signal.alarm)
    cause, reason = Cause.ALARM, f"alarm raised: {signal.reason}"
    threshold, calls, failures = signal.threshold, None, None
    if by_hand:
        cause, reason = Cause.ALARM_BY_HAND, f"alarm set manually: {signal.reason}"
    elif signal.evidence is not None:
        shortfall = _shortfall(signal.evidence, policy)
        if shortfall is not None:
            return shortfall
        reason = f"alarm raised: {_figures(signal.evidence)}: {signal.reason}"
        threshold = _limits(signal.evidence, policy).threshold_percent
        calls, failures = signal.evidence.calls, signal.evidence.failures
    generation = circuit.generation + 1
    trip = Trip(now_ms, generation, cause, reason, threshold, signal.datapoints, calls, failures)
    return _trip(_began(circuit, signal.alarm, trip), cause, reason, now_ms, policy)


def _is_stale(circuit: Circuit, signal: AlarmRaised, now_ms: int) -> bool:
    """A datapoint is fresh if it ends after the close, and began after the trip before that.

    While a circuit is open only probes are made, and they are counted apart, so a bucket that spans the close
    can only hold calls made since; unless it is so long that it holds the failures that led to the trip, too.
    """
    begins_ms, ends_ms = signal.newest_data_begins_ms, signal.newest_data_ends_ms
    if signal.evidence is not None:
        begins_ms, ends_ms = signal.evidence.begins_ms, signal.evidence.ends_ms
    closed_at_ms = _closed_at_ms(circuit, now_ms)
    if ends_ms is None or closed_at_ms is None:
        return False
    if ends_ms <= closed_at_ms or begins_ms is None or circuit.opened_at_ms is None:
        return ends_ms <= closed_at_ms
    return begins_ms < circuit.opened_at_ms <= closed_at_ms


def _closed_at_ms(circuit: Circuit, now_ms: int) -> int | None:
    """When the circuit was last closed; None: never, or at a time that no clock can have shown yet."""
    closed_at_ms = circuit.closed_at_ms
    return None if closed_at_ms is None or closed_at_ms > now_ms + CLOCKS_APART_MS else closed_at_ms


def _shortfall(evidence: Evidence, policy: RecoveryPolicy) -> Decision | None:
    """Say why the evidence is not enough for a trip; None: it is enough."""
    limits = _limits(evidence, policy)
    if evidence.calls < limits.minimum_calls:
        reason = f"too few calls: {_figures(evidence)}, at least {limits.minimum_calls} are needed"
        return nothing(Cause.TOO_FEW_CALLS, reason)
    if 100 * evidence.failures <= limits.threshold_percent * evidence.calls:
        reason = f"too few failures: {_figures(evidence)}, the threshold is {limits.threshold_percent:g} %"
        return nothing(Cause.BELOW_THRESHOLD, reason)
    return None


def _limits(evidence: Evidence, policy: RecoveryPolicy) -> Limits:
    if evidence.own_limits is not None:
        return evidence.own_limits
    threshold, minimum = policy.failure_threshold_percent, policy.minimum_calls
    return Limits(
        evidence.limits.threshold_percent if threshold is None else threshold,
        evidence.limits.minimum_calls if minimum is None else minimum,
    )


def _figures(counted: Evidence | ReportWindow) -> str:
    return f"{counted.failures} of {counted.calls} calls failed"


# --- Failures that environments report -----------------------------------------------------------


def _failures_reported(
    circuit: Circuit, signal: FailuresReported, now_ms: int, policy: RecoveryPolicy
) -> Decision:
    if circuit.state is State.OPEN:
        return nothing(Cause.ALREADY_OPEN, "already open")
    if circuit.state is State.HALF_OPEN:
        return nothing(Cause.PROBES_DECIDE, "half-open: the probes decide")
    if signal.generation != circuit.generation:
        return _of_another_generation(circuit, signal.generation)
    bounded = [
        (bound, window) for window in signal.windows if (bound := window.lower_bound_percent) is not None
    ]
    if not bounded:
        return nothing(Cause.NO_BASELINE, "no window of reports has calls and a baseline")
    large = [each for each in bounded if each[1].calls >= signal.limits.minimum_calls]
    if not large:
        most = max(window.calls for _, window in bounded)
        reason = f"too few calls: {most} reported, at least {signal.limits.minimum_calls} are needed"
        return nothing(Cause.TOO_FEW_CALLS, reason)
    # A window that is not chance goes before others, whose bound may be higher.
    bound, window = max(
        large, key=lambda each: (each[1].fails_more_than(signal.limits.threshold_percent), each[0])
    )
    figures = f"{_figures(window)} in {window.seconds:g} s, at least {bound:.0f} % of all"
    threshold = f"the threshold is {signal.limits.threshold_percent:g} %"
    if bound <= signal.limits.threshold_percent:
        return nothing(Cause.BELOW_THRESHOLD, f"too few failures: {figures}; {threshold}")
    if not window.fails_more_than(signal.limits.threshold_percent):
        later = f"{window.later_failures} of {window.later_calls} calls failed after first reports"
        return nothing(Cause.BELOW_THRESHOLD, f"it may be chance: {later}; {threshold}")
    cause, reason = Cause.FAILURES_REPORTED, f"failures reported: {figures}; {threshold}"
    trip = Trip(
        now_ms,
        circuit.generation + 1,
        cause,
        reason,
        threshold=signal.limits.threshold_percent,
        calls=window.calls,
        failures=window.failures,
    )
    return _trip(_began(circuit, signal.alarm, trip), cause, reason, now_ms, policy)


# --- Probes and time -----------------------------------------------------------------------------


def _probes_reported(circuit: Circuit, probes: Probes, now_ms: int, policy: RecoveryPolicy) -> Decision:
    if circuit.state is State.CLOSED:
        return nothing(Cause.CLOSED_ALREADY, "closed: probes change nothing")
    if probes.generation != circuit.generation:
        return _of_another_generation(circuit, probes.generation)
    flaw = _flaw(circuit, probes)
    if flaw is not None:
        return _renew_permits(circuit, flaw, now_ms)
    probes = _credible(circuit, probes)
    if probes.failed:
        reason = f"probe {min(probes.failed)} failed"
        return _trip(circuit, Cause.PROBE_FAILED, reason, now_ms, policy)
    if len(probes.succeeded) >= policy.successes_to_close:
        reason = f"{len(probes.succeeded)} probes succeeded"
        return _close(circuit, Cause.PROBES_SUCCEEDED, reason, now_ms)
    if probes.succeeded and circuit.permits < policy.permits:
        return _admit_others(circuit, now_ms, policy)
    if circuit.state is State.OPEN and probes.granted:
        return _half_open(circuit, Cause.PROBE_CLAIMED, "a probe runs", now_ms, _deadline_ms(now_ms, policy))
    if probes.out and circuit.deadline_at_ms is None:
        # A deadline counts from the first claim that it waits for, not from the minute the flag moved.
        changed = _rewritten(replace(circuit, deadline_at_ms=_deadline_ms(now_ms, policy)))
        return Decision(Cause.PROBE_CLAIMED, "a probe runs: its deadline starts", changed)
    if not probes.out and circuit.deadline_at_ms is not None and circuit.permits == CANARY:
        # With more permits the record may be older than they are: the timer looks.
        return _stop_clock(circuit)
    return nothing(Cause.TOO_FEW_SUCCESSES, "not enough probes have succeeded yet")


def _flaw(circuit: Circuit, probes: Probes) -> str | None:
    """Say why a generation's permits are not valid; None: they are."""
    if len(probes.returned) >= GIVE_BACKS_PER_GENERATION:
        return f"{len(probes.returned)} permits were given back: new permits"
    if probes.allowed > circuit.permits + len(probes.returned):
        return f"{probes.allowed} permits, though {circuit.permits} were made: new permits"
    return None


def _credible(circuit: Circuit, probes: Probes) -> Probes:
    """Return the part of the reports that can be true.

    Whoever may claim and report may write any number. More permits than were made cannot have been granted,
    and a number that was not granted cannot be reported.
    """
    granted = min(probes.granted, circuit.permits + len(probes.returned))
    numbers = frozenset(range(1, granted + 1))
    return replace(
        probes,
        granted=granted,
        succeeded=probes.succeeded & numbers,
        failed=probes.failed & numbers,
        returned=probes.returned & numbers,
    )


def _of_another_generation(circuit: Circuit, generation: int) -> Decision:
    return nothing(Cause.OLD_GENERATION, f"generation {generation} is over: now {circuit.generation}")


def _stop_clock(circuit: Circuit) -> Decision:
    changed = _rewritten(replace(circuit, deadline_at_ms=None))
    return Decision(Cause.NO_PROBE_OUT, "no probe runs: no deadline", changed)


def _timer_due(circuit: Circuit, probes: Probes | None, now_ms: int, policy: RecoveryPolicy) -> Decision:
    if circuit.override is not None and circuit.active_override(now_ms) is None:
        return _expire_override(circuit, probes, now_ms, policy)
    if circuit.state is State.CLOSED:
        return nothing(Cause.CLOSED_ALREADY, "closed: nothing is due")
    if circuit.retry_at_ms is None or circuit.retry_at_ms > _latest_retry_ms(circuit, now_ms, policy):
        # No operator holds it open, and its time will not come: somebody edited the row, a clock was wrong,
        # or the override cannot be read any more.
        reason = "open, with no time to retry that a trip can have set: retry now"
        return _begin_generation(circuit, Cause.NO_RETRY_TIME, reason, now_ms, retry_at_ms=now_ms)
    if circuit.state is State.OPEN and now_ms < circuit.retry_at_ms:
        return nothing(Cause.NOT_DUE, "open: retry_at has not come")
    if probes is None or probes.generation != circuit.generation:
        # Without its item nobody could claim a permit, and the circuit would stay open for ever.
        return _renew_permits(circuit, "the permits were missing: new permits", now_ms)
    if probes.opens_at_ms > max(now_ms, circuit.retry_at_ms):
        return _renew_permits(circuit, "the permits would open later than the circuit: new permits", now_ms)
    reported = _probes_reported(circuit, probes, now_ms, policy)
    if reported.circuit is not None:
        return reported  # a report whose stream record was lost or is late
    probes = _credible(circuit, probes)
    if not probes.out and probes.available <= 0:
        return _renew_permits(circuit, "no permit is left, and no probe runs: new permits", now_ms)
    if circuit.state is State.OPEN:
        return _half_open(circuit, Cause.RETRY_DUE, "retry_at has come", now_ms, None)
    return _deadline(circuit, probes, now_ms, policy)


def _deadline(circuit: Circuit, probes: Probes, now_ms: int, policy: RecoveryPolicy) -> Decision:
    if circuit.deadline_at_ms is None:
        return nothing(Cause.NO_TRAFFIC, "half-open: no probe runs, waiting for traffic")
    if now_ms < circuit.deadline_at_ms <= _deadline_ms(now_ms, policy) + CLOCKS_APART_MS:
        return nothing(Cause.NOT_DUE, "half-open: the probe deadline has not come")
    if not probes.out:
        return _stop_clock(circuit)
    if not probes.succeeded:
        reason = "the probe was lost: it hangs or its environment died"
        return _trip(circuit, Cause.PROBE_LOST, reason, now_ms, policy)
    missing = policy.permits + probes.out - circuit.permits
    if missing <= 0 and probes.available <= 0:
        return _renew_permits(
            circuit, "no permit is left, and the claimed ones are lost: new permits", now_ms
        )
    if missing <= 0:
        changed = _rewritten(replace(circuit, deadline_at_ms=None))
        return Decision(Cause.PERMITS_REPLACED, "the lost permits were replaced already", changed)
    changed = _rewritten(
        replace(circuit, permits=circuit.permits + missing, deadline_at_ms=_deadline_ms(now_ms, policy))
    )
    mint = Mint(circuit.generation, missing)
    return Decision(Cause.PERMITS_REPLACED, f"{missing} lost permits replaced", changed, mint)


def _renew_permits(circuit: Circuit, reason: str, now_ms: int) -> Decision:
    return _begin_generation(circuit, Cause.PERMITS_UNUSABLE, reason, now_ms, retry_at_ms=now_ms)


def _deadline_ms(now_ms: int, policy: RecoveryPolicy) -> int:
    return now_ms + _milliseconds(policy.probe_deadline_seconds)


# --- Transitions ---------------------------------------------------------------------------------


def _began(circuit: Circuit, alarm: str, trip: Trip) -> Circuit:
    """Keep what began an outage; probes that fail later leave it as it is."""
    return replace(circuit, alarm=alarm, trip=trip)


def _trip(circuit: Circuit, cause: Cause, reason: str, now_ms: int, policy: RecoveryPolicy) -> Decision:
    trips = 1 if _is_new_outage(circuit, now_ms, policy) else circuit.trips + 1
    tripped = replace(circuit, opened_at_ms=now_ms, trips=trips)
    retry_at_ms = now_ms + _recovery_wait_ms(circuit, trips, now_ms, policy)
    return _begin_generation(tripped, cause, reason, now_ms, retry_at_ms=retry_at_ms)


def _begin_generation(
    circuit: Circuit,
    cause: Cause,
    reason: str,
    now_ms: int,
    *,
    retry_at_ms: int | None,
    by: str | None = None,
) -> Decision:
    """Open, in a new generation with its canary permit, so that nothing older can move it.

    Without `retry_at_ms` there is no permit either: an operator holds the circuit open.
    """
    generation = circuit.generation + 1
    permits = 0 if retry_at_ms is None else CANARY
    opened = replace(
        circuit,
        state=State.OPEN,
        generation=generation,
        retry_at_ms=retry_at_ms,
        deadline_at_ms=None,
        permits=permits,
    )
    mint = Mint(generation, permits, retry_at_ms) if permits else None
    return Decision(cause, reason, _moved(circuit, opened, cause, reason, now_ms, by=by), mint)


def _half_open(
    circuit: Circuit, cause: Cause, reason: str, now_ms: int, deadline_at_ms: int | None
) -> Decision:
    after = replace(circuit, state=State.HALF_OPEN, deadline_at_ms=deadline_at_ms)
    return Decision(cause, reason, _moved(circuit, after, cause, reason, now_ms))


def _admit_others(circuit: Circuit, now_ms: int, policy: RecoveryPolicy) -> Decision:
    others = policy.permits - circuit.permits
    reason = f"the canary succeeded: {others} more permits"
    after = replace(circuit, state=State.HALF_OPEN, permits=policy.permits, deadline_at_ms=None)
    moved = _moved(circuit, after, Cause.CANARY_SUCCEEDED, reason, now_ms)
    return Decision(Cause.CANARY_SUCCEEDED, reason, moved, Mint(circuit.generation, others))


def _close(circuit: Circuit, cause: Cause, reason: str, now_ms: int, by: str | None = None) -> Decision:
    after = replace(
        circuit,
        state=State.CLOSED,
        generation=circuit.generation + 1,
        closed_at_ms=now_ms,
        retry_at_ms=None,
        deadline_at_ms=None,
        permits=0,
    )
    return Decision(cause, reason, _moved(circuit, after, cause, reason, now_ms, by=by), rearm=circuit.alarm)


def _is_new_outage(circuit: Circuit, now_ms: int, policy: RecoveryPolicy) -> bool:
    if circuit.state is not State.CLOSED:
        return False
    closed_at_ms = _closed_at_ms(circuit, now_ms)
    return closed_at_ms is None or now_ms - closed_at_ms > _milliseconds(policy.stable_after_seconds)


def _recovery_wait_ms(circuit: Circuit, trips: int, now_ms: int, policy: RecoveryPolicy) -> int:
    # A checksum of what is unique to this trip, not a random number: the decision stays a pure function.
    share = zlib.crc32(f"{circuit.name}#{circuit.generation}@{now_ms}".encode()) / 0xFFFFFFFF
    return _wait_ms(trips, policy, jitter=policy.jitter * (2 * share - 1))


def _latest_retry_ms(circuit: Circuit, now_ms: int, policy: RecoveryPolicy) -> int:
    return now_ms + _wait_ms(max(1, circuit.trips), policy, jitter=policy.jitter) + CLOCKS_APART_MS


def _wait_ms(trips: int, policy: RecoveryPolicy, jitter: float) -> int:
    longest = policy.max_recovery_timeout_seconds
    try:
        seconds = min(longest, policy.recovery_timeout_seconds * float(policy.backoff) ** (trips - 1))
    except OverflowError:  # 10.0 ** 400: an outage that has outlived floating point
        seconds = longest
    return _milliseconds(min(longest, seconds * (1 + jitter)))


# --- Operators -----------------------------------------------------------------------------------


def _set_override(circuit: Circuit, override: Override, now_ms: int, policy: RecoveryPolicy) -> Decision:
    reason = f"forced {override.state} by {override.by}: {override.why}"
    if override.state is State.CLOSED:
        return _lift(circuit, override, Cause.OPERATOR, reason, now_ms, by=override.by)
    # Opening is a generation of its own: whatever probes are still out belong to an older one, and
    # the permits open when the override ends, so that its expiry needs nobody to act.
    held = replace(
        circuit,
        opened_at_ms=now_ms if circuit.state is State.CLOSED else circuit.opened_at_ms,
        trips=1 if _is_new_outage(circuit, now_ms, policy) else max(1, circuit.trips),
        override=override,
    )
    until_ms, by = override.until_ms, override.by
    return _begin_generation(held, Cause.OPERATOR, reason, now_ms, retry_at_ms=until_ms, by=by)


def _lift(
    circuit: Circuit, override: Override | None, cause: Cause, reason: str, now_ms: int, *, by: str
) -> Decision:
    """Put `override` in the place of the one there is.

    A circuit that was held open must prove itself by probes, beginning now, before traffic returns.
    """
    lifted = replace(circuit, override=override)
    held = circuit.active_override(now_ms)
    if held is not None and held.state is State.OPEN:
        return _begin_generation(lifted, cause, reason, now_ms, retry_at_ms=now_ms, by=by)
    return Decision(cause, reason, _moved(circuit, lifted, cause, reason, now_ms, by=by))


def _release_override(circuit: Circuit, by: str, now_ms: int) -> Decision:
    if circuit.override is None:
        return nothing(Cause.NO_OVERRIDE, "no override to release")
    return _lift(circuit, None, Cause.RELEASED, f"override released by {by}", now_ms, by=by)


def _expire_override(
    circuit: Circuit, probes: Probes | None, now_ms: int, policy: RecoveryPolicy
) -> Decision:
    """Take an expired override away; then time may move what lay underneath, in the same write."""
    cause, reason = Cause.OVERRIDE_EXPIRED, "override expired"
    changed = _moved(circuit, circuit, cause, reason, now_ms)
    onward = _timer_due(changed, probes, now_ms, policy)
    if onward.circuit is None:
        return Decision(cause, reason, changed)
    return replace(onward, circuit=replace(onward.circuit, revision=circuit.revision + 1))


def _set_policy(circuit: Circuit, settings: Mapping[str, Any], by: str, now_ms: int) -> Decision:
    """An operation, but no transition: the state's cause, reason and time stay what they were."""
    cause, reason = Cause.POLICY_SET, f"policy set by {by}: {_policy_change(circuit.policy, settings)}"
    changed = _noted(circuit, replace(circuit, policy=settings), cause, reason, now_ms, by=by)
    return Decision(cause, reason, _rewritten(changed))


def _policy_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    changes = [
        f"{name}={value}" + (f" (was {before[name]})" if name in before else "")
        for name, value in after.items()
        if name not in before or value != before[name]
    ]
    changes += [f"{name} back to the default (was {before[name]})" for name in before if name not in after]
    return ", ".join(changes) or "no change"


def _reset(circuit: Circuit, by: str, why: str, now_ms: int) -> Decision:
    afresh = replace(circuit, trips=0, override=None)
    return _close(afresh, Cause.RESET, f"reset by {by}: {why}", now_ms, by)


# --- Writing -------------------------------------------------------------------------------------


_OPERATIONS = {
    Cause.OPERATOR,
    Cause.RELEASED,
    Cause.OVERRIDE_EXPIRED,
    Cause.RESET,
    Cause.POLICY_SET,
}


def _moved(
    before: Circuit, after: Circuit, cause: Cause, reason: str, now_ms: int, *, by: str | None = None
) -> Circuit:
    """Make a transition: people see it in cause, reason and history. An expired override goes."""
    moved = replace(
        after, cause=cause, reason=reason, changed_at_ms=now_ms, override=after.active_override(now_ms)
    )
    return _rewritten(_noted(before, moved, cause, reason, now_ms, by=by))


def _noted(
    before: Circuit, after: Circuit, cause: Cause, reason: str, now_ms: int, *, by: str | None
) -> Circuit:
    line = Transition(now_ms, before.state, after.state, after.generation, reason, cause, by)
    if cause in _OPERATIONS:
        return replace(after, operations=(*after.operations, line)[-OPERATIONS_LENGTH:])
    return replace(after, history=_counted(after.history, line)[-HISTORY_LENGTH:])


def _counted(history: tuple[Transition, ...], line: Transition) -> tuple[Transition, ...]:
    """Add a line, or count it where the same step was made before in this outage.

    A long outage would otherwise push its own beginning out of the history, two lines with every probe.
    """
    for index in reversed(range(len(history))):
        earlier = history[index]
        if State.CLOSED in (earlier.from_state, earlier.to_state):
            break
        if (earlier.cause, earlier.from_state, earlier.to_state) == (
            line.cause,
            line.from_state,
            line.to_state,
        ):
            counted = replace(line, count=earlier.count + 1)
            return (*history[:index], *history[index + 1 :], counted)
    return (*history, line)


def _rewritten(circuit: Circuit) -> Circuit:
    return replace(circuit, revision=circuit.revision + 1)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
