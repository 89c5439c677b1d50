"""One Lambda execution environment: its clock, its breaker, and one call at a time.

A short call is made in one go, with the real decorated function: while the dependency "works", only this
environment's clock moves, ahead of everybody else's time. That is exact, because what such a call does to
others travels as messages that have the time of its end: metrics, and reports of probes. A long one, which
may look at the flag when it ends, is a `with` block whose two ends happen at their own times.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable
from contextvars import Context as TaskContext

from recloser.caller.breaker import CircuitBreaker
from recloser.caller.handler import LONGEST_MARGIN_SECONDS, MARGIN_SHARE
from recloser.caller.process import Process
from recloser.caller.watchdog import Deadline
from recloser.errors import CircuitOpen
from recloser.lab.simulation.caller_tables import CallerTables
from recloser.lab.simulation.context import Context
from recloser.lab.simulation.dependency import NEVER_MS, DependencyFailed
from recloser.lab.simulation.event_queue import MS_PER_SECOND
from recloser.lab.simulation.machine import Machine
from recloser.lab.simulation.random_streams import RandomStream
from recloser.lab.simulation.shared_tables import SharedTables
from recloser.metrics.publisher import Publisher

# A call of less time asks no table when it ends.
SHORT_CALL_MS = 500
SIBLINGS = 2


class Killed(BaseException):
    """The environment ended in the middle of a call: Lambda's timeout, or a fault."""


class Environment(Machine):
    """An environment.

    Args:
        context: of the simulation.
        at_ms: when it comes up.
        skew_ms: how much its clock is fast.
        shared: the tables, of which it sees what callers see.
        random: the random numbers of callers.

    Attributes:
        background: what runs in the background of a call.
        free_at_ms: when it can take another invocation.

    """

    def __init__(
        self, context: Context, at_ms: int, skew_ms: int, shared: SharedTables, random: RandomStream
    ) -> None:
        super().__init__(at_ms, skew_ms)
        caller = context.scenario.caller
        self.free_at_ms = at_ms
        self.calls_left = 0
        self.dies_in_probe = False
        self.frozen_ms = 0
        self.nests = False
        self.gathers = False
        self.forks = False
        self._is_nested = False
        self.is_cancelled = False
        self.background: list[Callable[[], None]] = []
        self._deadlines: list[Deadline] = []
        self._handles = caller.handler
        self._timeout_ms = round(caller.invocation_timeout_seconds * MS_PER_SECOND)
        margin = min(LONGEST_MARGIN_SECONDS * MS_PER_SECOND, self._timeout_ms * MARGIN_SHARE)
        self._margin_ms = round(margin) if caller.handler else 0
        self._killed_at_ms = self._warned_at_ms = at_ms
        self._thaws_at_ms = self._ends_call_at_ms = at_ms
        self._observer = context.observer
        self._is_watched = context.observer is not None or context.faults.is_possible
        self.tables = CallerTables(context, shared, self, random)
        self._circuit = context.scenario.circuit
        self._caller = caller
        self._uniform = random.numbers.uniform

    def start(self, publisher: Publisher) -> None:
        """Import the caller's module: make its breaker and decorate its function."""
        caller = self._caller
        self.process = Process(
            tables=self.tables,
            publisher=publisher,
            clock=self.clock,
            uniform=self._uniform,
            watchdog=self,
            in_background=self._run_in_background,
        )
        self.breaker = CircuitBreaker(
            self._circuit,
            timeout_seconds=caller.timeout_seconds,
            local_trip=caller.local_trip,
            on_store_error=caller.on_store_error,
            closed_cache_seconds=caller.closed_cache_seconds,
            open_cache_seconds=caller.open_cache_seconds,
            process=self.process,
        )
        self.call = self.breaker(self._call_dependency)
        # What `recloser.handler` does for a whole process has to be done here for one environment of many.
        self.guard = self.breaker._guard  # noqa: SLF001

    def _run_in_background(self, work: Callable[[], None]) -> bool:
        self.background.append(work)
        return True

    # --- Its time --------------------------------------------------------------------------------

    def watch(self, at: float, on_expiry: Callable[[], None]) -> Deadline:
        """Be the breaker's watchdog."""
        deadline = Deadline(at, on_expiry)
        self._deadlines.append(deadline)
        return deadline

    def _work_watched(self, end_ms: int) -> None:
        """Let the deadlines within a call come, Lambda's own last.

        Raises:
            Killed: that was the end of the environment.

        """
        stop_ms = min(end_ms, self._killed_at_ms)
        for deadline in sorted(self._deadlines, key=lambda each: each.at):
            at_ms = self._true_ms(deadline)
            if at_ms <= stop_ms:
                self.come_to(max(self.at_ms, at_ms))
                deadline.expire()
        self._deadlines[:] = [each for each in self._deadlines if each.on_expiry is not None]
        if self._handles and self._warned_at_ms <= end_ms:
            self.come_to(max(self.at_ms, self._warned_at_ms))
            self._warned_at_ms = self._killed_at_ms
            self.process.expire_running()
        if end_ms >= self._killed_at_ms:
            self._die(max(self.at_ms, self._killed_at_ms))

    def _true_ms(self, deadline: Deadline) -> int:
        return round(deadline.at * MS_PER_SECOND) - self._skew_ms

    def _die(self, at_ms: int) -> None:
        self.come_to(at_ms)
        self.is_dead = True
        raise Killed

    # --- Its work --------------------------------------------------------------------------------

    def begin_invocation(self, at_ms: int) -> None:
        self.come_to(at_ms)
        self._killed_at_ms = at_ms + self._timeout_ms
        self._warned_at_ms = self._killed_at_ms - self._margin_ms
        if self._handles:
            self.process.begin_invocation(None)

    def end_invocation(self) -> None:
        if self._handles and not self.is_dead:
            self.process.end_invocation()
        if self._deadlines:
            self._deadlines.clear()
        self.free_at_ms = self.at_ms

    def is_short(self) -> bool:
        """Tell whether the call to come can be made in one go."""
        return self.fate.milliseconds + self.frozen_ms < SHORT_CALL_MS

    def asks_nothing(self) -> bool:
        """Tell whether the answer to the next call is remembered."""
        return self.guard.remembers(self._seconds)

    def _call_dependency(self) -> None:
        """Spend the time that the dependency takes. This is the path of every short call."""
        milliseconds, fails = self.fate
        if self._is_watched and not self._is_nested:
            self._tell_of_call()
            if self.dies_in_probe and self.permit is not None:
                self._die(self.at_ms + milliseconds)
            if self.nests:
                self._is_nested = True
                try:
                    self.call()
                finally:
                    self._is_nested = False
            if self.gathers:
                self._call_siblings()
            if self.forks:
                self.process.begin_anew()
            if self.is_cancelled:
                raise CancelledError
        end_ms = self.at_ms + milliseconds
        if self._deadlines or end_ms >= self._warned_at_ms:
            self._work_watched(end_ms)
        self.at_ms = end_ms
        self._seconds = (end_ms + self._skew_ms) / MS_PER_SECOND
        if fails:
            raise DependencyFailed

    def _call_siblings(self) -> None:
        """Make the calls that began together with this one, in contexts of their own, as tasks have.

        They run one after the other, within this one. The first that fails or is refused cancels it.
        """
        permit, self._is_nested = self.permit, True
        try:
            for _ in range(SIBLINGS):
                TaskContext().run(self.call)
        except (CircuitOpen, DependencyFailed) as error:
            if self._observer is not None and isinstance(error, DependencyFailed):
                self._observer.ended(self, failed=True)  # the sibling; this one comes to nothing
            raise CancelledError from error
        finally:
            self.permit, self._is_nested = permit, False

    def _tell_of_call(self) -> None:
        if self._observer is not None:
            self._observer.began(self)

    # --- A long call -----------------------------------------------------------------------------

    def enter(self) -> None:
        """Begin a call that takes long.

        Raises:
            CircuitOpen: refused.

        """
        self.breaker.__enter__()
        self._tell_of_call()
        if self.dies_in_probe and self.permit is not None:
            self._killed_at_ms = self.at_ms + min(self.fate.milliseconds, self._timeout_ms)
            self._warned_at_ms = NEVER_MS + self._killed_at_ms
        self._thaws_at_ms = self.at_ms + self.frozen_ms
        self._ends_call_at_ms = self._thaws_at_ms + self.fate.milliseconds

    def next_stop_ms(self) -> int:
        """When something happens within the call: a deadline, or its end."""
        times = [self._true_ms(deadline) for deadline in self._deadlines]
        if self._handles:
            times.append(self._warned_at_ms)
        awake = max(self._thaws_at_ms, min([*times, self._ends_call_at_ms]))
        return min(awake, self._killed_at_ms)

    def stop(self, at_ms: int) -> bool:
        """Let happen what is due; tell whether the call has come to its end.

        Raises:
            Killed: the environment ended.

        """
        self.come_to(at_ms)
        self._work_watched(at_ms)
        return at_ms >= self._ends_call_at_ms

    def leave(self) -> None:
        """End the call.

        Raises:
            DependencyFailed: made, and failed.

        """
        error = DependencyFailed() if self.fate.fails else None
        self.breaker.__exit__(type(error) if error else None, error, None)
        if error is not None:
            raise error

    def run_background(self) -> None:
        """Run the background work of the call: the next call knows a flag that is read there."""
        if not self.is_dead:
            self._is_in_background = True
            for work in self.background:
                work()
            self._is_in_background = False
        self.background.clear()
