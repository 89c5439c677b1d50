"""One way in and one way out for every call: admit it, then tell how it ended."""

from __future__ import annotations

import itertools
import logging
import sys
from collections.abc import Callable
from functools import cached_property

from recloser.admit import Action, Admission, admit
from recloser.caller import tracing
from recloser.caller.admitted import NESTED, AdmittedCall, end_sharing, innermost, is_shared, share
from recloser.caller.cached_refusal import CachedRefusal, nobody_asks
from recloser.caller.ended_calls import EndedCalls
from recloser.caller.flag_cache import Flag
from recloser.caller.options import Options
from recloser.caller.outcome import Outcome
from recloser.caller.process import Process
from recloser.circuit import Cause, Circuit, State
from recloser.errors import CircuitOpen, StoreError
from recloser.metrics.recorder import Recorder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

logger = logging.getLogger(__name__)


class Guard:
    """Guards the calls of one breaker.

    A call is let through by `enter_at_once`, or else by `enter`, which give it a number; it ends by
    `succeeded`, or else by `leave`, which take the number back. Most calls find the answer remembered:
    they compare the clock with its span, and note when they began. No lock is held between the two:
    threads and tasks share a guard freely.

    Attributes:
        running: the calls that have not ended, by number: when an ordinary call began, epoch seconds, or an
            `AdmittedCall`. Whoever takes one out of here counts it.

    """

    def __init__(self, name: str, options: Options, process: Process) -> None:
        self.name = name
        self.options = options
        self.local = process.circuit(name, options)
        self.running: dict[int, float | AdmittedCall] = {}
        self.recorder = Recorder(name, process.clock, process.publisher, process.batching)
        self._process = process
        self._clock = process.clock
        self._notes_durations_alone = options.timeout_seconds is None and options.slow_after_seconds is None
        self._numbers = itertools.count()
        # The remembered answer and its span: calls go through (then `_note` takes their seconds), or are
        # refused.
        self._since = 0.0
        self._until = 0.0
        self._note: Callable[[float], None] = self.recorder.succeeded
        self._refusal: CachedRefusal | None = None
        self._state_seen: State | None = None
        self._hooks_told: set[tuple[int, int]] = set()

    @cached_property
    def _ended(self) -> EndedCalls:
        """Made for the first call whose end is more than a duration."""
        slow_after_seconds = self.options.slow_after_seconds
        return EndedCalls(self.name, slow_after_seconds, self._process, self.local, self.recorder)

    # --- The way in ------------------------------------------------------------------------------

    def enter_at_once(self) -> int | CircuitOpen | None:
        """Give the remembered answer: the number of a call that is let through, or its refusal. None: ask."""
        now = self._clock()
        if self._since <= now < self._until:
            number = next(self._numbers)
            self.running[number] = now
            return number
        refusal = self._refusal
        if refusal is not None and refusal.since <= now < refusal.until:
            probes = self.local.probes
            # While a probe of this process runs, calls inside it or beside it may go along.
            if (probes is None or not probes.running) and innermost.get() is None:
                return refusal.refuse(now)
        return None

    def enter(self, *, for_another_thread: bool = False) -> int | CircuitOpen:
        """Ask: return the number of a call that is let through, or its refusal. It may wait for the store.

        Args:
            for_another_thread: the call is a task's of another thread, which calls `share` itself.

        """
        now = self._clock()
        if innermost.get() is not None and not for_another_thread and is_shared(self.local.known):
            return self._let_through(NESTED)
        flag = self._process.flags.read(self.local.known, now)
        self._see(flag.circuit, now)
        process, options = self._process, self.options
        view = self.local.view(flag, now, process.uniform(0, 1), is_enabled=process.is_enabled)
        admission = admit(view, now, options.on_store_error)
        if admission.is_trial and not self.local.made_hold().begin_trial(now):
            # Another thread was first to begin the trial: the hold is on again.
            view = self.local.view(flag, now, view.drawn, is_enabled=process.is_enabled)
            admission = admit(view, now, options.on_store_error)
        permit = self._claim(flag, now) if admission.action is Action.PROBE else None
        if permit is None and admission.otherwise is not None:
            admission = admission.otherwise
        if admission.action is Action.REFUSE:
            return self._refused(admission, flag, now)
        number = self._called(admission, permit, now)
        if self.local.probes is not None and not for_another_thread:
            self.share(number)
        return number

    def remembers(self, now: float) -> bool:
        """Tell whether calls go through at `now`, epoch seconds, with nothing asked."""
        return self._since <= now < self._until

    def share(self, number: int) -> None:
        """Let the calls inside a probe or trial share its admission, in this thread or task."""
        call = self.running.get(number)
        if isinstance(call, AdmittedCall) and call.is_probe_or_trial:
            share(call, self.local.known)

    def may_wait(self) -> bool:
        """Tell whether the next `enter` may wait for the store."""
        now = self._clock()
        if is_shared(self.local.known):
            return False
        flag = self.local.known.flag
        return flag is None or not flag.is_closed(now) or not flag.may_serve(now)

    def _claim(self, flag: Flag, now: float) -> tuple[int, int] | None:
        """Claim a permit; return the generation and the probe's number, or None."""
        circuit, pacing = flag.circuit, self.local.made_pacing()
        if circuit is None or not pacing.use(flag):
            return None
        number = None
        try:
            number = self._process.tables.claim(self.name, circuit.generation, int(now * 1000))
        except Exception as error:
            is_expected = isinstance(error, StoreError)
            logger.warning(
                "circuit %s: no permit can be claimed: %s", self.name, error, exc_info=not is_expected
            )
        if number is None:
            pacing.refused()
            return None
        return circuit.generation, number

    def _called(self, admission: Admission, permit: tuple[int, int] | None, now: float) -> int:
        if admission.is_unprotected:
            self.recorder.unprotected()
        if admission.is_rejected:
            self.recorder.rejected()  # shadow mode: it would have been
        if (
            now < admission.until
            and self._notes_durations_alone
            and sys.modules.keys().isdisjoint(tracing.TRACERS)
        ):
            # The calls of the span go through with nothing asked.
            self._note, until = self.recorder.success_noter(now)
            self._since, self._until = now, min(admission.until, until)
            number = next(self._numbers)
            self.running[number] = now
            return number
        # The clock is read again: the time that a table took is not the dependency's.
        call = AdmittedCall(
            self._clock(), is_counted=admission.is_counted, is_trial=admission.is_trial, permit=permit
        )
        probes = self.local.probes
        if not call.is_probe_or_trial and probes is not None and probes.may_join():
            probes.joined()
        return self._begin(call)

    def _begin(self, call: AdmittedCall) -> int:
        number = self._let_through(call)
        if call.is_probe_or_trial:
            self.local.made_probes().began()
        if self.options.timeout_seconds is not None:
            at = call.started + self.options.timeout_seconds
            call.deadline = self._process.watchdog.watch(at, lambda: self.expire(number))
        return number

    def _let_through(self, call: AdmittedCall) -> int:
        number = next(self._numbers)
        self.running[number] = call
        return number

    # --- Refusals --------------------------------------------------------------------------------

    def _refused(self, admission: Admission, flag: Flag, now: float) -> CircuitOpen:
        """Refuse a call, and those after it with no questions asked while nothing can have changed."""
        self._until = 0.0
        is_held = admission.cause is Cause.LOCAL_TRIP
        count, until = self.recorder.rejection_counter()
        note = self.local.made_reports().hold if is_held else nobody_asks
        if is_held:
            self._ended.report_failures(now)
            hold = self.local.made_hold()
            if hold.counts_held_call(now):
                self.recorder.held()
            until = min(until, self.local.made_reports().next_due_at(), hold.next_held_failure_at())
        refusal = CachedRefusal(
            admission,
            flag.circuit or Circuit(self.name),
            count,
            note,
            since=now,
            until=min(admission.until, until),
            # But for a local hold it is a matter of the flag's next reading, whatever the circuit's time
            # says.
            pause=0.0 if is_held else self.local.known.not_closed_seconds,
        )
        has_more_to_do = (
            flag.is_stale
            or self.options.on_refused is not None
            or not sys.modules.keys().isdisjoint(tracing.TRACERS)
        )
        self._refusal = None if has_more_to_do else refusal
        error = refusal.refuse(now)
        if self.options.on_refused is not None:
            self._run_hook(self.options.on_refused, error)
        return error

    def _see(self, circuit: Circuit | None, now: float) -> None:
        if circuit is None:
            return
        probes, hold = self.local.probes, self.local.hold
        state = circuit.state if circuit.override is None else circuit.state_for_callers(int(now * 1000))
        if state is not State.CLOSED:
            self._until = 0.0
        elif probes is not None and (hold is None or hold.failures_in_a_row == 0):
            probes.start_over()
        if not sys.modules.keys().isdisjoint(tracing.TRACERS):
            tracing.annotate(self.name, state)
        if state is not self._state_seen:
            before, self._state_seen = self._state_seen, state
            if before is not None:
                self.recorder.flush()  # no document spans two states
            if self.options.on_state_seen is not None:
                self._run_hook(self.options.on_state_seen, before, circuit)

    def _run_hook(self, hook: Callable[..., object], *facts: Any) -> None:
        try:
            hook(*facts)
        except Exception as error:
            kind = (id(hook), id(type(error)))
            if kind not in self._hooks_told:
                self._hooks_told.add(kind)
                logger.exception("circuit %s: hook %r failed. This is logged once", self.name, hook)

    # --- The way out -----------------------------------------------------------------------------

    def succeeded(self, number: int) -> bool:
        """Tell that a call succeeded. False: there is more to do, by `leave`.

        That is every call's end, so it asks no more than it must: an ordinary one, within the span of the
        answer it was let through by.
        """
        started = self.running.pop(number, None)
        if started.__class__ is float:
            now = self._clock()
            if self._since <= now < self._until:
                self._note(now - started)
                return True
        if started is None:  # it hung, and the watchdog has counted it
            return True
        self.running[number] = started
        return False

    def leave(
        self, number: int, outcome: Outcome, retry_after: float | None = None, *, was_cancelled: bool = False
    ) -> None:
        """Tell how a call ended. It may wait for the store.

        Args:
            number: what `enter` returned.
            outcome: how it ended.
            retry_after: how long the dependency asks to be left alone, in seconds.
            was_cancelled: its task was cancelled, its generator closed, or a call inside it refused.

        """
        call = self.running.pop(number, None)
        if call is None or call is NESTED:
            return
        if isinstance(call, float):
            call = AdmittedCall(call)
        elif call.deadline is not None:
            call.deadline.call_off()
        self._end(call, outcome, retry_after, was_cancelled=was_cancelled)
        if call.permit is not None:
            self._ended.report_probe(call.permit, outcome)

    def _end(
        self,
        call: AdmittedCall,
        outcome: Outcome,
        retry_after: float | None = None,
        *,
        was_cancelled: bool = False,
        may_read: bool = True,
    ) -> None:
        self._ended.count(call, outcome, retry_after, may_read=may_read)
        if outcome is Outcome.FAILURE:
            self.forget_answers()
        if call.is_probe_or_trial:
            self.local.made_probes().ended(was_cancelled=was_cancelled)
        self._refusal = None

    def end_sharing(self, number: int) -> None:
        """Say, in the thread or task that entered, that a call is about to be left."""
        call = self.running.get(number)
        if isinstance(call, AdmittedCall) and call.sharing is not None:
            end_sharing(call)

    def may_wait_at_the_end(self, number: int) -> bool:
        """Tell whether `leave` may wait for the store."""
        call = self.running.get(number)
        if call is None or call is NESTED:
            return False
        if isinstance(call, AdmittedCall) and call.permit is not None:
            return True
        started = call if isinstance(call, float) else call.started
        return self._ended.may_read_flag(started, self._clock())

    def withdraw(self, number: int) -> None:
        """Forget a call that was let through and has not begun: it says nothing."""
        self.end_sharing(number)
        self.leave(number, Outcome.IGNORED)

    def expire(self, number: int) -> None:
        """Count a call that hangs as failed, unless it has ended meanwhile. The watchdog's work."""
        call = self.running.pop(number, None)
        if call is None or call is NESTED:
            return
        if isinstance(call, float):
            call = AdmittedCall(call)
        call.sharing = None
        logger.warning("circuit %s: a call hangs; it counts as failed", self.name)
        # There may be no time left: the metrics first, by the flag that is known; the report in the
        # background.
        self._end(call, Outcome.FAILURE, may_read=False)
        self.recorder.flush()
        permit = call.permit
        if permit is not None:
            self._process.in_background(lambda: self._ended.report_probe(permit, Outcome.FAILURE))

    def expire_running(self) -> None:
        """Count every call that is still running as failed."""
        for number in list(self.running):
            self.expire(number)

    def forget_answers(self) -> None:
        """Make the next call ask its questions."""
        self._until = 0.0
        self._refusal = None
