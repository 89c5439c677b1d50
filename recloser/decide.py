"""The idea: what a signal does to a circuit.

`decide` is a pure function over frozen data. It reads no clock, calls nothing, logs nothing; the
whole behavior of the product can be read here. Everything else carries signals to it and writes
what it says. Times are epoch milliseconds.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

from recloser.circuit import HISTORY_LENGTH, Circuit, Override, Probes, State, Transition
from recloser.policy import Policy

CANARY = 1  # the permits of a new generation: one probe, alone


# --- Signals -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AlarmRaised:
    """CloudWatch moved an alarm to ALARM.

    `newest_data_ends_ms` is when the newest breaching datapoint ended; None: set by hand
    (SetAlarmState), so there is no data to judge. `newest_data_begins_ms` is when it began; None: that is
    not known, as for a composite alarm.
    """

    alarm: str
    reason: str
    newest_data_ends_ms: int | None
    newest_data_begins_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ProbesReported:
    """The permits of one generation changed: one was claimed, reported, or given back."""

    probes: Probes


@dataclass(frozen=True, slots=True)
class TimerDue:
    """The scheduled rule looks at a circuit.

    `probes` are those of its generation; None: there is no such item.
    """

    probes: Probes | None


@dataclass(frozen=True, slots=True)
class OverrideSet:
    """An operator forces a state."""

    override: Override


@dataclass(frozen=True, slots=True)
class OverrideReleased:
    """An operator takes the override back."""

    by: str


@dataclass(frozen=True, slots=True)
class Reset:
    """An operator starts the circuit afresh: closed, no override, no memory of earlier trips."""

    by: str
    why: str


@dataclass(frozen=True, slots=True)
class PolicySet:
    """An operator replaces the circuit's own settings, already validated."""

    policy: Mapping[str, Any]
    by: str


Signal = AlarmRaised | ProbesReported | TimerDue | OverrideSet | OverrideReleased | Reset | PolicySet


# --- Decision ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mint:
    """Permits to make. With `opens_at_ms` they begin a generation; without, they add to it."""

    generation: int
    permits: int
    opens_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What to write, or, with `circuit` None, nothing; `reason` says why either way."""

    reason: str
    circuit: Circuit | None = None
    mint: Mint | None = None
    rearm: str | None = None


def nothing(reason: str) -> Decision:
    return Decision(reason)


# --- The table -----------------------------------------------------------------------------------


def decide(circuit: Circuit, signal: Signal, now_ms: int, policy: Policy) -> Decision:
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
        return nothing("an operator holds the circuit open")

    match signal:
        case AlarmRaised():
            return _alarm_raised(circuit, signal, now_ms, policy)
        case ProbesReported(probes):
            return _probes_reported(circuit, probes, now_ms, policy)
        case TimerDue(probes):
            return _timer_due(circuit, probes, now_ms, policy)
        case _:
            assert_never(signal)


def _alarm_raised(circuit: Circuit, signal: AlarmRaised, now_ms: int, policy: Policy) -> Decision:
    by_hand = signal.newest_data_ends_ms is None
    if circuit.state is State.OPEN:
        return nothing("already open")  # and opened_at stays: an outage starts once
    if circuit.state is State.HALF_OPEN and not by_hand:
        return nothing("half-open: the probes decide")
    if _is_stale(circuit, signal):
        # Data from before the close says nothing about the dependency now. The alarm must go back to
        # OK, or it could not raise again: CloudWatch speaks only when an alarm changes.
        return Decision("stale: no datapoint is newer than the last close", rearm=signal.alarm)
    cause = "alarm set by hand" if by_hand else "alarm raised"
    return _trip(circuit, f"{cause}: {signal.reason}", now_ms, policy, alarm=signal.alarm)


def _is_stale(circuit: Circuit, signal: AlarmRaised) -> bool:
    """A datapoint is fresh if it ends after the close, and began after the trip before that.

    While a circuit is open only probes are made, and they are counted apart, so a bucket that spans the close
    can only hold calls made since; unless it is so long that it holds the failures that led to the trip, too.
    """
    ends_ms, closed_at_ms = signal.newest_data_ends_ms, circuit.closed_at_ms
    if ends_ms is None or closed_at_ms is None:
        return False
    return ends_ms <= closed_at_ms or _spans_outage(circuit, signal, closed_at_ms)


def _spans_outage(circuit: Circuit, signal: AlarmRaised, closed_at_ms: int) -> bool:
    begins_ms, opened_at_ms = signal.newest_data_begins_ms, circuit.opened_at_ms
    return begins_ms is not None and opened_at_ms is not None and begins_ms < opened_at_ms <= closed_at_ms


def _probes_reported(circuit: Circuit, probes: Probes, now_ms: int, policy: Policy) -> Decision:
    if circuit.state is State.CLOSED:
        return nothing("closed: nothing to prove")
    if probes.generation != circuit.generation:
        return nothing(f"generation {probes.generation} is over: now {circuit.generation}")
    if probes.failed:
        return _trip(circuit, f"probe {min(probes.failed)} failed", now_ms, policy)
    if len(probes.succeeded) >= policy.successes_to_close:
        return _close(circuit, f"{len(probes.succeeded)} probes succeeded", now_ms)
    if probes.succeeded and circuit.permits < policy.permits:
        return _admit_others(circuit, now_ms, policy)
    if circuit.state is State.OPEN and probes.granted:
        return _half_open(circuit, "a probe is out", now_ms, policy, out=probes.out)
    if probes.out and circuit.deadline_at_ms is None:
        return _start_clock(circuit, now_ms, policy)
    if not probes.out and circuit.deadline_at_ms is not None and circuit.permits == CANARY:
        return _stop_clock(
            circuit
        )  # with more permits the record may be older than they are: the timer looks
    return nothing("not enough probes have succeeded yet")


def _start_clock(circuit: Circuit, now_ms: int, policy: Policy) -> Decision:
    """A deadline counts from the first claim that it waits for, not from the minute the flag moved."""
    deadline = now_ms + _milliseconds(policy.probe_deadline_seconds)
    return Decision("the probe's clock starts", _rewrite(circuit, deadline_at_ms=deadline))


def _stop_clock(circuit: Circuit, reason: str = "no probe is out: the clock stops") -> Decision:
    return Decision(reason, _rewrite(circuit, deadline_at_ms=None))


def _timer_due(circuit: Circuit, probes: Probes | None, now_ms: int, policy: Policy) -> Decision:
    if circuit.override is not None and circuit.active_override(now_ms) is None:
        return _expire_override(circuit, probes, now_ms, policy)
    if circuit.state is State.CLOSED:
        return nothing("closed: nothing is due")
    if circuit.state is State.OPEN and now_ms < (circuit.retry_at_ms or 0):
        return nothing("open: retry_at has not come")
    if circuit.retry_at_ms is None:
        # Nobody holds it and no time will come: written by hand, or what held it cannot be read any more.
        return _begin_generation(circuit, "open without a time to retry: now", now_ms, retry_at_ms=now_ms)
    if probes is None or probes.generation != circuit.generation:
        # Without its item nobody could claim a permit, and the circuit would stay open for ever.
        return _begin_generation(circuit, "the permits were gone: new ones", now_ms, retry_at_ms=now_ms)
    reported = _probes_reported(circuit, probes, now_ms, policy)
    if reported.circuit is not None:
        return reported  # news whose stream record was lost or is late
    if circuit.state is State.OPEN:
        return _half_open(circuit, "retry_at has come", now_ms, policy, out=0)
    return _deadline(circuit, probes, now_ms, policy)


def _deadline(circuit: Circuit, probes: Probes, now_ms: int, policy: Policy) -> Decision:
    if circuit.deadline_at_ms is None:
        return nothing("half-open: no probe is out, waiting for traffic")
    if now_ms < circuit.deadline_at_ms:
        return nothing("half-open: the probe deadline has not come")
    if not probes.out:
        return _stop_clock(circuit)
    if not probes.succeeded:
        return _trip(circuit, "the probe was lost: it hangs or its environment died", now_ms, policy)
    missing = policy.permits + probes.out - circuit.permits
    if missing <= 0:
        return _stop_clock(circuit, "the lost permits were replaced already")
    changed = _rewrite(
        circuit,
        permits=circuit.permits + missing,
        deadline_at_ms=now_ms + _milliseconds(policy.probe_deadline_seconds),
    )
    return Decision(f"{missing} lost permits replaced", changed, Mint(circuit.generation, missing))


# --- Transitions ---------------------------------------------------------------------------------


def _trip(circuit: Circuit, reason: str, now_ms: int, policy: Policy, alarm: str | None = None) -> Decision:
    trips = 1 if _is_new_outage(circuit, now_ms, policy) else circuit.trips + 1
    return _begin_generation(
        circuit,
        reason,
        now_ms,
        retry_at_ms=now_ms + _recovery_wait_ms(circuit, trips, now_ms, policy),
        opened_at_ms=now_ms,
        trips=trips,
        alarm=alarm or circuit.alarm,
    )


def _begin_generation(
    circuit: Circuit, reason: str, now_ms: int, *, retry_at_ms: int | None, **changes: Any
) -> Decision:
    """Open, in a new generation with its canary permit, so that nothing older can move it.

    Without `retry_at_ms` there is no permit either: an operator holds the circuit open.
    """
    generation = circuit.generation + 1
    permits = 0 if retry_at_ms is None else CANARY
    changed = _move(
        circuit,
        reason,
        now_ms,
        state=State.OPEN,
        generation=generation,
        retry_at_ms=retry_at_ms,
        deadline_at_ms=None,
        permits=permits,
        **changes,
    )
    mint = Mint(generation, permits, retry_at_ms) if permits else None
    return Decision(reason, changed, mint)


def _half_open(circuit: Circuit, reason: str, now_ms: int, policy: Policy, out: int) -> Decision:
    deadline = now_ms + _milliseconds(policy.probe_deadline_seconds) if out else None
    changed = _move(circuit, reason, now_ms, state=State.HALF_OPEN, deadline_at_ms=deadline)
    return Decision(reason, changed)


def _admit_others(circuit: Circuit, now_ms: int, policy: Policy) -> Decision:
    others = policy.permits - circuit.permits
    reason = f"the canary succeeded: {others} more permits"
    changed = _move(
        circuit,
        reason,
        now_ms,
        state=State.HALF_OPEN,
        permits=policy.permits,
        deadline_at_ms=None,
    )
    return Decision(reason, changed, Mint(circuit.generation, others))


def _close(circuit: Circuit, reason: str, now_ms: int, **changes: Any) -> Decision:
    changed = _move(
        circuit,
        reason,
        now_ms,
        state=State.CLOSED,
        generation=circuit.generation + 1,
        closed_at_ms=now_ms,
        retry_at_ms=None,
        deadline_at_ms=None,
        permits=0,
        **changes,
    )
    return Decision(reason, changed, rearm=circuit.alarm)


def _is_new_outage(circuit: Circuit, now_ms: int, policy: Policy) -> bool:
    if circuit.state is not State.CLOSED:
        return False
    closed_at_ms = circuit.closed_at_ms
    return closed_at_ms is None or now_ms - closed_at_ms > _milliseconds(policy.stable_after_seconds)


def _recovery_wait_ms(circuit: Circuit, trips: int, now_ms: int, policy: Policy) -> int:
    longest = policy.max_recovery_timeout_seconds
    try:
        seconds = min(longest, policy.recovery_timeout_seconds * policy.backoff ** (trips - 1))
    except OverflowError:  # 10 ** 400: an outage that has outlived floating point
        seconds = longest
    # Drawn from what is unique to this trip rather than from a generator: the decision stays a pure function.
    draw = zlib.crc32(f"{circuit.name}#{circuit.generation}@{now_ms}".encode()) / 0xFFFFFFFF
    return _milliseconds(min(longest, seconds * (1 + policy.jitter * (2 * draw - 1))))


# --- Operators -----------------------------------------------------------------------------------


def _set_override(circuit: Circuit, override: Override, now_ms: int, policy: Policy) -> Decision:
    reason = f"forced {override.state} by {override.by}: {override.why}"
    if override.state is State.CLOSED:
        return _lift(circuit, reason, now_ms, override)
    # Opening is a generation of its own: whatever probes are still out belong to an older one, and
    # the permits open when the override ends, so that its expiry needs nobody to act.
    fresh = _is_new_outage(circuit, now_ms, policy)
    return _begin_generation(
        circuit,
        reason,
        now_ms,
        retry_at_ms=override.until_ms,
        opened_at_ms=now_ms if circuit.state is State.CLOSED else circuit.opened_at_ms,
        trips=1 if fresh else max(1, circuit.trips),
        override=override,
    )


def _lift(circuit: Circuit, reason: str, now_ms: int, override: Override | None) -> Decision:
    """Put `override` in the place of the one there is.

    A circuit that was held open must prove itself by probes, beginning now, before traffic returns.
    """
    held = circuit.active_override(now_ms)
    if held is not None and held.state is State.OPEN:
        return _begin_generation(circuit, reason, now_ms, retry_at_ms=now_ms, override=override)
    return Decision(reason, _move(circuit, reason, now_ms, override=override))


def _release_override(circuit: Circuit, by: str, now_ms: int) -> Decision:
    if circuit.override is None:
        return nothing("no override to release")
    return _lift(circuit, f"override released by {by}", now_ms, None)


def _expire_override(circuit: Circuit, probes: Probes | None, now_ms: int, policy: Policy) -> Decision:
    """Take an expired override away; then time may move what lay underneath, in the same write."""
    reason = "override expired"
    changed = _move(circuit, reason, now_ms, override=None)
    onward = _timer_due(changed, probes, now_ms, policy)
    if onward.circuit is None:
        return Decision(reason, changed)
    return replace(onward, circuit=replace(onward.circuit, revision=circuit.revision + 1))


def _set_policy(circuit: Circuit, settings: Mapping[str, Any], by: str, now_ms: int) -> Decision:
    """A line in the history, but no transition: the state's reason and time stay what they were."""
    reason = f"policy set by {by}"
    return Decision(reason, _rewrite(_noted(circuit, reason, now_ms, circuit), policy=settings))


def _reset(circuit: Circuit, by: str, why: str, now_ms: int) -> Decision:
    return _close(circuit, f"reset by {by}: {why}", now_ms, trips=0, override=None)


# --- Writing -------------------------------------------------------------------------------------


def _move(circuit: Circuit, reason: str, now_ms: int, **changes: Any) -> Circuit:
    """Make a transition: people see it, in the reason and the history."""
    changes.setdefault("override", circuit.active_override(now_ms))
    moved = _rewrite(circuit, reason=reason, changed_at_ms=now_ms, **changes)
    return _noted(moved, reason, now_ms, circuit)


def _noted(circuit: Circuit, reason: str, now_ms: int, before: Circuit) -> Circuit:
    line = Transition(now_ms, before.state, circuit.state, circuit.generation, reason)
    return replace(circuit, history=(*circuit.history, line)[-HISTORY_LENGTH:])


def _rewrite(circuit: Circuit, **changes: Any) -> Circuit:
    return replace(circuit, revision=circuit.revision + 1, **changes)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
