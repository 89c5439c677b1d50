"""What happens before and after a guarded call: let through, probe or refuse; then tell how it ended."""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakSet

from recloser import tracing
from recloser.circuit import Circuit, Override, State
from recloser.errors import CircuitOpen, StoreError
from recloser.flags import Draw, Flag, WatchedFlag
from recloser.local_trip import LocalHold
from recloser.outcome import Outcome
from recloser.permits import PermitSeeker
from recloser.publishing import Recorder, batching
from recloser.watchdog import Deadline, Watchdog

if TYPE_CHECKING:
    from recloser.tables import Tables

logger = logging.getLogger(__name__)

OnStoreError = Literal["last-known", "allow", "refuse"]

_guards: WeakSet[Guard] = WeakSet()


@dataclass(slots=True)
class Call:
    """A call that was let through.

    With a `permit` (generation and number) it is a probe; `counts` says whether its outcome belongs in the
    failure rate.
    """

    number: int
    started: float
    counts: bool
    permit: tuple[int, int] | None = None
    deadline: Deadline | None = None


@dataclass(frozen=True, slots=True)
class Hooks:
    """Functions of the user; what they raise is logged and goes no further."""

    on_refused: Callable[[CircuitOpen], None] | None = None
    on_state_seen: Callable[[State | None, Circuit], None] | None = None


class FastLane:
    """The span of time in which nothing is to be asked: closed, fresh, batching, and no failure lately.

    Attributes:
        since, until: the span, epoch seconds; empty when something must be asked.
        running: the calls that have not ended, by number: whoever takes one out of here counts it.
        numbers: gives each call its number.
        durations: seconds of the calls that succeeded in the lane, not yet published.

    """

    __slots__ = ("durations", "numbers", "running", "since", "until")

    def __init__(self) -> None:
        self.since = 0.0
        self.until = 0.0
        self.running: dict[int, Call | float] = {}
        self.numbers = itertools.count()
        self.durations: deque[float] = deque()


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

    # --- Before ----------------------------------------------------------------------------------

    def enter(self) -> Call:
        """Let a call through.

        Raises:
            CircuitOpen: it is refused.

        """
        now = self._clock()
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
        return known is None or not (known.is_fresh(now) and known.is_closed(now))

    def _without_flag(self, circuit: Circuit | None) -> Call:
        if self._on_store_error == "refuse":
            raise self._refusal(circuit or Circuit(self.name, reason="the flag cannot be read"), self._pause)
        self.recorder.unprotected()
        return self._admit(counts=True)

    def _closed(self, flag: Flag, circuit: Circuit, now: float) -> Call:
        if flag.is_stale:
            self.recorder.unprotected()
        if circuit.override is None and circuit.policy.get("enforce", True):
            self._hold_back(circuit, now)
            self._ramp_up(circuit, now)
        if batching.is_on:
            self._open_lane(flag, circuit, now)
        return self._admit(counts=True)

    def _hold_back(self, circuit: Circuit, now: float) -> None:
        self.hold.see(circuit.generation)
        if self.hold.is_held(now):
            self.recorder.held()
            reason = f"local trip: {self.hold.failures_in_a_row} failures in a row in this process"
            held = replace(circuit, state=State.OPEN, reason=reason, retry_at_ms=int(self.hold.until * 1000))
            raise self._refused(CircuitOpen(held, self.hold.until - now))

    def _ramp_up(self, circuit: Circuit, now: float) -> None:
        """After a close, admit a share of the calls that grows from nothing to all."""
        ramp_seconds = circuit.policy.get("ramp_seconds", 0)
        if ramp_seconds and circuit.closed_at_ms is not None:
            since_close = now - circuit.closed_at_ms / 1000
            if since_close < ramp_seconds and self._draw(0, 1) >= since_close / ramp_seconds:
                raise self._refusal(replace(circuit, reason="ramping up after the close"), self._pause)

    def _not_closed(self, flag: Flag, circuit: Circuit, now: float) -> Call:
        self.lane.until = 0.0
        permit = self._claim(flag, circuit, now)
        if permit is not None:
            return self._admit(counts=False, permit=permit)
        if circuit.policy.get("enforce", True):
            raise self._refusal(circuit, self._retry_after(circuit, now))
        # Shadow mode: refused in the books only. It would not have been made, so it does not count.
        self.recorder.rejected()
        return self._admit(counts=False)

    def _claim(self, flag: Flag, circuit: Circuit, now: float) -> tuple[int, int] | None:
        now_ms = int(now * 1000)
        if circuit.active_override(now_ms) is not None or not self._seeker.may_ask(flag, circuit, now):
            return None
        try:
            number = self._tables.claim(self.name, circuit.generation, now_ms)
        except StoreError as error:
            logger.warning("circuit %s: no permit can be claimed: %s", self.name, error)
            number = None
        if number is None:
            self._seeker.refused()
            return None
        return circuit.generation, number

    def _admit(self, *, counts: bool, permit: tuple[int, int] | None = None) -> Call:
        # The clock is read again: the time that a table took is not the dependency's.
        call = Call(next(self.lane.numbers), self._clock(), counts, permit)
        self.running[call.number] = call
        if self._timeout_seconds is not None:
            at = call.started + self._timeout_seconds
            call.deadline = self._watchdog.watch(at, lambda: self.expire(call.number))
        return call

    def _open_lane(self, flag: Flag, circuit: Circuit, now: float) -> None:
        """Let the calls of the next seconds pass with no questions asked, where there are none to ask."""
        self.recorder.begin_batch(now)
        is_plain = (
            not flag.is_stale
            and circuit.override is None
            and not self._is_ramping(circuit, now)
            and self.hold.failures_in_a_row == 0
            and self._timeout_seconds is None
            and self._slow_after_seconds is None
            and not tracing.is_active()
        )
        self.lane.since, self.lane.until = now, flag.fresh_until if is_plain else 0.0

    def _is_ramping(self, circuit: Circuit, now: float) -> bool:
        ramp_seconds = circuit.policy.get("ramp_seconds", 0)
        return bool(ramp_seconds) and now - (circuit.closed_at_ms or 0) / 1000 < ramp_seconds

    @property
    def _pause(self) -> float:
        """When to ask again if it is a matter of the flag's next reading."""
        return self.flag.not_closed_seconds

    def _retry_after(self, circuit: Circuit, now: float) -> float | None:
        override: Override | None = circuit.active_override(int(now * 1000))
        at_ms = circuit.retry_at_ms if override is None else override.until_ms
        if override is not None and at_ms is None:
            return None
        return max((at_ms or 0) / 1000 - now, self._pause)

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
        self._settle(call, Outcome.FAILURE)
        self.recorder.flush()

    def failed_in_lane(self, number: int, outcome: Outcome, retry_after: float | None) -> None:
        """Tell that a call of the fast lane raised."""
        started = self.running.pop(number, None)
        if isinstance(started, float):
            self._settle(Call(number, started, counts=True), outcome, retry_after)

    def _settle(self, call: Call, outcome: Outcome, retry_after: float | None = None) -> None:
        now = self._clock()
        if outcome is Outcome.FAILURE:
            self.lane.until = 0.0
            self.flag.expect_news(self._draw)
        if call.permit is not None:
            self._report(call.permit, outcome)
        if outcome is Outcome.IGNORED or not call.counts:
            return
        seconds = now - call.started
        if outcome is Outcome.FAILURE:
            self.hold.failure(now, retry_after)
            self.recorder.failed(seconds)
        else:
            if self.hold.failures_in_a_row:
                self.hold.success()
            self.recorder.succeeded(seconds)
        if self._slow_after_seconds is not None:
            self.recorder.slow(is_slow=seconds > self._slow_after_seconds)

    def _report(self, permit: tuple[int, int], outcome: Outcome) -> None:
        generation, number = permit
        try:
            if outcome is Outcome.IGNORED:
                self._tables.give_back(self.name, generation, number)
            else:
                self._tables.report(self.name, generation, number, succeeded=outcome is Outcome.SUCCESS)
        except StoreError as error:
            # The permit counts as lost at the probe deadline; the caller's answer is not ours to spoil.
            logger.warning("circuit %s: probe %d cannot be reported: %s", self.name, number, error)
        if outcome is not Outcome.IGNORED:
            self.recorder.probed(failed=outcome is Outcome.FAILURE)


def expire_everything() -> None:
    """Count every call that is still running, in this whole process, as failed: Lambda is about to end it."""
    for guard in list(_guards):
        for number in list(guard.running):
            guard.expire(number)


def close_lanes() -> None:
    """Make the next call of every breaker ask its questions."""
    for guard in list(_guards):
        guard.lane.until = 0.0
