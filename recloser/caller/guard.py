"""What happens before and after a guarded call: let through, probe or refuse; then tell how it ended."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from recloser.caller import tracing
from recloser.caller.flag_cache import Draw, Flag, WatchedFlag
from recloser.caller.forks import begin_anew_after_fork
from recloser.caller.lanes import Call, FastLane, StandingRefusal
from recloser.caller.local_trip import LocalHold
from recloser.caller.outcome import Outcome
from recloser.caller.probing import PermitSeeker
from recloser.caller.registry import Registry
from recloser.caller.watchdog import Watchdog
from recloser.circuit import Cause, Circuit, Override, State
from recloser.errors import CircuitOpen, StoreError
from recloser.metrics.recorder import LONGEST_BATCH_SECONDS, Recorder, batching

if TYPE_CHECKING:
    from recloser.store.tables import Tables

# Within a second a circuit cannot open and close again: no need to look.
SHORT_CALL_SECONDS = 1.0

logger = logging.getLogger(__name__)

OnStoreError = Literal["last-known", "allow", "refuse"]

_guards: Registry[Guard] = Registry()


class Hooks(NamedTuple):
    """Functions of the user; what they raise is logged and goes no further."""

    on_refused: Callable[[CircuitOpen], None] | None = None
    on_state_seen: Callable[[State | None, Circuit], None] | None = None


class Guard:
    """Guards the calls of one breaker.

    No lock is held between `enter` and `leave`: threads and tasks share a guard freely.
    """

    def __init__(
        self,
        *,
        flag: WatchedFlag,
        lane: FastLane,
        tables: Tables,
        clock: Callable[[], float],
        draw: Draw,
        hold: LocalHold,
        recorder: Recorder,
        watchdog: Watchdog,
        hooks: Hooks,
        on_store_error: OnStoreError,
        timeout_seconds: float | None,
        slow_after_seconds: float | None,
    ) -> None:
        self.name = flag.name
        self.flag = flag
        self.lane = lane
        self.running = lane.running
        self.recorder = recorder
        self.hold = hold
        self._tables = tables
        self._clock = clock
        self._draw = draw
        self._seeker = PermitSeeker(draw, flag.not_closed_seconds)
        self._watchdog = watchdog
        self._hooks = hooks
        self._on_store_error = on_store_error
        self._timeout_seconds = timeout_seconds
        self._slow_after_seconds = slow_after_seconds
        self._state_seen: State | None = None
        _guards.add(self)
        begin_anew_after_fork(self)

    def after_fork(self) -> None:
        """Begin with no call under way: whatever runs is the parent's to count."""
        self.running.clear()
        self.lane.close()
        self._seeker.after_fork()
        self.hold.after_fork()

    # --- Before ----------------------------------------------------------------------------------

    def enter(self) -> Call:
        """Let a call through.

        Raises:
            CircuitOpen: it is refused.

        """
        now = self._clock()
        standing = self.lane.refusal
        if standing is not None and standing.stands(now):
            raise standing.refuse(now)
        flag = self.flag.flag(now)
        circuit = flag.circuit
        self._see(circuit, now)
        if flag.is_stale and (circuit is None or self._on_store_error != "last-known"):
            return self._without_flag(circuit)
        if circuit is None or flag.is_closed(now):
            return self._closed(flag, circuit or Circuit(self.name), now)
        return self._not_closed(flag, circuit, now)

    def may_block(self) -> bool:
        """Tell whether the next `enter` may wait for a table."""
        now = self._clock()
        known = self.flag.known
        if self.lane.refusal is not None and self.lane.refusal.stands(now):
            return False
        return known is None or not (known.is_fresh(now) and known.is_closed(now))

    def _without_flag(self, circuit: Circuit | None) -> Call:
        if self._on_store_error == "refuse":
            raise self._refusal(
                circuit or Circuit(self.name, reason="the flag cannot be read", cause=Cause.UNREADABLE_FLAG),
                self._pause,
            )
        self.recorder.unprotected()
        return self._admit(counts=True)

    def _closed(self, flag: Flag, circuit: Circuit, now: float) -> Call:
        if flag.is_stale:
            self.recorder.unprotected()
        is_trial = False
        if circuit.active_override(int(now * 1000)) is None and circuit.policy.get("enforce", True):
            self._hold_back(flag, circuit, now)
            self._ramp_up(circuit, now)
            is_trial = self.hold.begin_trial(now)
            if not is_trial:
                self._hold_back(flag, circuit, now)  # another thread was first to begin the trial
        self._open_lane(flag, circuit, now)
        call = self._admit(counts=True)
        call.is_trial = is_trial
        return call

    def _hold_back(self, flag: Flag, circuit: Circuit, now: float) -> None:
        self.hold.see(circuit.generation)
        if self.hold.is_held(now):
            until = self.hold.until
            reason = f"local trip: {self.hold.failures_in_a_row} failures in a row in this process"
            held = replace(
                circuit,
                state=State.OPEN,
                reason=reason,
                cause=Cause.LOCAL_TRIP,
                retry_at_ms=int(until * 1000),
            )
            count = self.recorder.held_counter()
            refusal = self._stand(flag, held, now, until=until, retry_at=until, pause=0.0, count=count)
            if not self.hold.is_held(now):
                self.lane.refusal = None  # a trial has succeeded just now
            raise refusal

    def _ramp_up(self, circuit: Circuit, now: float) -> None:
        """After a close, admit a share of the calls that grows from nothing to all."""
        ramp_seconds = circuit.policy.get("ramp_seconds", 0)
        if ramp_seconds and circuit.closed_at_ms is not None:
            since_close = now - circuit.closed_at_ms / 1000
            if since_close < ramp_seconds and self._draw(0, 1) >= since_close / ramp_seconds:
                raise self._refusal(
                    replace(circuit, reason="ramping up after the close", cause=Cause.RAMP), self._pause
                )

    def _not_closed(self, flag: Flag, circuit: Circuit, now: float) -> Call:
        self.lane.until = 0.0
        permit = self._claim(flag, circuit, now)
        if permit is not None:
            return self._admit(counts=False, permit=permit)
        if circuit.policy.get("enforce", True):
            retry_at, until = self._times_of_refusal(flag, circuit, now)
            count, pause = self.recorder.rejection_counter(), self._pause
            raise self._stand(flag, circuit, now, until=until, retry_at=retry_at, pause=pause, count=count)
        # Shadow mode: refused in the books only. It would not have been made, so it does not count.
        self.recorder.rejected()
        return self._admit(counts=False)

    def _claim(self, flag: Flag, circuit: Circuit, now: float) -> tuple[int, int] | None:
        now_ms = int(now * 1000)
        if circuit.active_override(now_ms) is not None or not self._seeker.may_ask(flag, circuit, now):
            return None
        try:
            number = self._tables.claim(self.name, circuit.generation, now_ms)
        except Exception as error:
            is_expected = isinstance(error, StoreError)
            logger.warning(
                "circuit %s: no permit can be claimed: %s", self.name, error, exc_info=not is_expected
            )
            number = None
        if number is None:
            self._seeker.refused()
            return None
        return circuit.generation, number

    def _admit(self, *, counts: bool, permit: tuple[int, int] | None = None) -> Call:
        # The clock is read again: the time that a table took is not the dependency's.
        call = Call(next(self.lane.numbers), self._clock(), counts=counts, permit=permit)
        self.running[call.number] = call
        if self._timeout_seconds is not None:
            at = call.started + self._timeout_seconds
            call.deadline = self._watchdog.watch(at, lambda: self.expire(call.number))
        return call

    def _open_lane(self, flag: Flag, circuit: Circuit, now: float) -> None:
        """Let the calls of the next seconds pass with no questions asked, where there are none to ask."""
        lane, recorder = self.lane, self.recorder
        lane.until = 0.0
        is_plain = (
            not flag.is_stale
            and circuit.override is None
            and not self._is_ramping(circuit, now)
            and self.hold.failures_in_a_row == 0
            and self._timeout_seconds is None
            and self._slow_after_seconds is None
            and not tracing.is_active()
        )
        if not is_plain:
            return
        if batching.is_on:
            lane.note = lane.durations.append
            until = recorder.batch_until(now)
        else:
            lane.note = recorder.succeeded
            until = now + LONGEST_BATCH_SECONDS
        lane.since, lane.until = now, min(flag.fresh_until, until)

    def _is_ramping(self, circuit: Circuit, now: float) -> bool:
        ramp_seconds = circuit.policy.get("ramp_seconds", 0)
        return bool(ramp_seconds) and now - (circuit.closed_at_ms or 0) / 1000 < ramp_seconds

    @property
    def _pause(self) -> float:
        """When to ask again if it is a matter of the flag's next reading."""
        return self.flag.not_closed_seconds

    def _times_of_refusal(self, flag: Flag, circuit: Circuit, now: float) -> tuple[float | None, float]:
        """When to ask again, if not only an operator can tell; and how long the refusal stands at most."""
        override: Override | None = circuit.active_override(int(now * 1000))
        if override is None:
            return (circuit.retry_at_ms or 0) / 1000, self._seeker.next_ask_at(flag)
        if override.until_ms is None:
            return None, math.inf
        return override.until_ms / 1000, override.until_ms / 1000

    def _stand(
        self,
        flag: Flag,
        circuit: Circuit,
        now: float,
        *,
        until: float,
        retry_at: float | None,
        pause: float,
        count: Callable[[int], None],
    ) -> CircuitOpen:
        """Refuse this call, and those after it with no questions asked while nothing can have changed."""
        until = min(until, self.recorder.batch_ends_at)
        refusal = StandingRefusal(
            self.flag, flag, circuit, until=until, retry_at=retry_at, pause=pause, count=count
        )
        has_more_to_do = flag.is_stale or self._hooks.on_refused is not None or tracing.is_active()
        self.lane.refusal = None if has_more_to_do else refusal
        return self._refused(refusal.refuse(now))

    def _refusal(self, circuit: Circuit, retry_after: float | None) -> CircuitOpen:
        self.recorder.rejected()
        return self._refused(CircuitOpen(circuit, retry_after))

    def _refused(self, refusal: CircuitOpen) -> CircuitOpen:
        if self._hooks.on_refused is not None:
            self._run_hook(self._hooks.on_refused, refusal)
        return refusal

    def _see(self, circuit: Circuit | None, now: float) -> None:
        if circuit is None:
            return
        state = circuit.state_for_callers(int(now * 1000))
        if tracing.is_active():
            tracing.annotate(self.name, state)
        if state is not self._state_seen:
            before, self._state_seen = self._state_seen, state
            if self._hooks.on_state_seen is not None:
                self._run_hook(self._hooks.on_state_seen, before, circuit)

    def _run_hook(self, hook: Callable[..., None], *facts: Any) -> None:
        try:
            hook(*facts)
        except Exception:
            logger.exception("circuit %s: hook %r failed", self.name, hook)

    # --- After -----------------------------------------------------------------------------------

    def leave(self, call: Call, outcome: Outcome, retry_after: float | None = None) -> None:
        """Tell how a call ended.

        Args:
            call: what `enter` returned.
            outcome: how it ended.
            retry_after: how long the dependency asks to be left alone, in seconds.

        """
        if self.running.pop(call.number, None) is None:
            return  # the watchdog has counted it
        if call.deadline is not None:
            call.deadline.call_off()
        self._settle(call, outcome, retry_after)

    def expire(self, number: int) -> None:
        """Count a call that hangs as failed, unless it has ended meanwhile. The watchdog's work."""
        call = self.running.pop(number, None)
        if call is None:
            return
        if isinstance(call, float):
            call = Call(number, call, counts=True)
        logger.warning("circuit %s: a call hangs; it counts as failed", self.name)
        # There may be no time left: the metrics first, by the flag that is known; the report beside.
        self._count(call, Outcome.FAILURE, may_read=False)
        self.recorder.flush()
        permit = call.permit
        if permit is not None:
            self.flag.beside(lambda: self._report(permit, Outcome.FAILURE))

    def failed_in_lane(self, number: int, outcome: Outcome, retry_after: float | None) -> None:
        """Tell that a call of the fast lane raised."""
        started = self.running.pop(number, None)
        if isinstance(started, float):
            self._settle(Call(number, started, counts=True), outcome, retry_after)

    def outlasted_lane(self, number: int, started: float) -> None:
        """Tell that a call of the fast lane succeeded, but after the lane had ended."""
        self._settle(Call(number, started, counts=True), Outcome.SUCCESS)

    def _settle(self, call: Call, outcome: Outcome, retry_after: float | None = None) -> None:
        self._count(call, outcome, retry_after)
        if call.permit is not None:
            self._report(call.permit, outcome)

    def _count(
        self, call: Call, outcome: Outcome, retry_after: float | None = None, *, may_read: bool = True
    ) -> None:
        now = self._clock()
        self.lane.refusal = None
        is_past = (
            call.counts and outcome is not Outcome.IGNORED and self._is_past(call, now, may_read=may_read)
        )
        if outcome is Outcome.FAILURE:
            self.lane.close()
            self.flag.expect_news(self._draw)
        if outcome is Outcome.IGNORED:
            if call.is_trial:
                self.hold.end_trial()
            return
        if call.permit is not None:
            self.recorder.probed(failed=outcome is Outcome.FAILURE)
        if not call.counts or is_past:
            return
        seconds = now - call.started
        if outcome is Outcome.FAILURE:
            self.hold.failure(now, retry_after, is_trial=call.is_trial)
            self.recorder.failed(seconds)
        else:
            if self.hold.failures_in_a_row:
                self.hold.success()
            self.recorder.succeeded(seconds)
        if self._slow_after_seconds is not None:
            self.recorder.slow(is_slow=seconds > self._slow_after_seconds)

    def _is_past(self, call: Call, now: float, *, may_read: bool) -> bool:
        """Tell whether a call was let through before the circuit last opened.

        What belongs to an older generation changes nothing. Counted now, the end of a call that hung through
        an outage would look like news from after the close, and trip again.
        """
        if now - call.started < SHORT_CALL_SECONDS:
            return False
        flag = self.flag.flag(now) if may_read else self.flag.known
        circuit = None if flag is None else flag.circuit
        if flag is None or circuit is None:
            return False
        return not flag.is_closed(now) or call.started * 1000 < (circuit.closed_at_ms or 0)

    def _report(self, permit: tuple[int, int], outcome: Outcome) -> None:
        generation, number = permit
        try:
            if outcome is Outcome.IGNORED:
                self._tables.give_back(self.name, generation, number)
            else:
                self._tables.report(self.name, generation, number, succeeded=outcome is Outcome.SUCCESS)
        except Exception as error:
            # The permit counts as lost at the probe deadline; the caller's answer is not ours to spoil.
            logger.warning(
                "circuit %s: probe %d cannot be reported: %s",
                self.name,
                number,
                error,
                exc_info=not isinstance(error, StoreError),
            )


def expire_everything() -> None:
    """Count every call that is still running, in this whole process, as failed: Lambda is about to end it."""
    for guard in _guards.alive():
        for number in list(guard.running):
            guard.expire(number)


def close_lanes() -> None:
    """Make the next call of every breaker ask its questions."""
    for guard in _guards.alive():
        guard.lane.close()
