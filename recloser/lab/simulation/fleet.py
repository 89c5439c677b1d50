"""The fleet: calls arrive, go to environments that are free, and are made through the breaker."""

from __future__ import annotations

import math
from asyncio import CancelledError
from collections import deque
from collections.abc import Callable
from functools import partial

from recloser.circuit import Cause
from recloser.errors import CircuitOpen
from recloser.lab.simulation.context import Context
from recloser.lab.simulation.dependency import NEVER_MS, Dependency, DependencyFailed, Fate
from recloser.lab.simulation.environment import Environment, Killed
from recloser.lab.simulation.event_queue import MS_PER_SECOND
from recloser.lab.simulation.recording import (
    CANCELLED,
    FAILED,
    HELD,
    HELD_GOOD,
    PROBES,
    REFUSED,
    REFUSED_GOOD,
    SUCCEEDED,
    THROTTLED,
    Probe,
)

PICKS = 8


class Fleet:
    """The environments and their load.

    Args:
        context: whose fleet it is.
        dependency: what they call.
        make_environment: brings a cold one up.

    Attributes:
        next_ms: when the next invocation arrives.

    """

    def __init__(
        self, context: Context, dependency: Dependency, make_environment: Callable[[int], Environment]
    ) -> None:
        scenario = context.scenario
        self._queue = context.queue
        self._fate = dependency.fate
        self._make_environment = make_environment
        self._random = context.random("arrivals").numbers.random
        self._pick = context.random("routing").numbers.random
        self._faults = context.faults
        self._recording = context.recording
        self._observer = context.observer
        calls = scenario.calls
        self._per_invocation = calls.per_invocation
        self._gap_ms = MS_PER_SECOND * calls.per_invocation / calls.per_second
        self._changes = deque(calls.changes)
        self._is_random = calls.arrivals == "random"
        self._size = scenario.environments.count
        self._arrive_over_ms = scenario.environments.arrive_over_seconds * MS_PER_SECOND
        self._start_ms = self._queue.now_ms
        self._environments: list[Environment] = []
        self._next = float(self._queue.now_ms)
        self._changes_at_ms = self._next_change_ms()
        self._come_next()

    # --- Arrivals --------------------------------------------------------------------------------

    @property
    def next_ms(self) -> int:
        return int(self._next)

    def arrive(self) -> None:
        """Let the next invocation arrive, now."""
        now_ms = self._queue.now_ms
        self._come_next()
        environment = self._free_environment(now_ms)
        if environment is None:
            self._recording.row(now_ms)[THROTTLED] += self._per_invocation
            return
        environment.begin_invocation(now_ms)
        environment.calls_left = self._per_invocation
        environment.free_at_ms = now_ms + NEVER_MS
        self._go_on(environment)

    def _come_next(self) -> None:
        gap = -math.log(1.0 - self._random()) if self._is_random else 1.0
        following = self._next + gap * self._gap_ms
        if following < self._changes_at_ms:
            self._next = following
        else:
            self._change_traffic()

    def _change_traffic(self) -> None:
        """Choose the next arrival anew from the change on: the one chosen before has the old rate."""
        self._next = self._changes_at_ms
        change = self._changes.popleft()
        self._gap_ms = MS_PER_SECOND * self._per_invocation / change.per_second
        self._changes_at_ms = self._next_change_ms()
        self._come_next()

    def _next_change_ms(self) -> float:
        if not self._changes:
            return math.inf
        return self._start_ms + self._changes[0].from_seconds * MS_PER_SECOND

    def _free_environment(self, now_ms: int) -> Environment | None:
        environments = self._environments
        wanted = len(environments)
        if wanted < self._size:
            wanted = self._bring_up(now_ms)
        for _ in range(PICKS):
            index = int(self._pick() * wanted)
            environment = environments[index]
            if environment.free_at_ms <= now_ms:
                if environment.is_dead or environment.ends_at_ms <= now_ms:
                    return self._replaced(index, now_ms)
                return environment
        return self._any_free_environment(now_ms, wanted)

    def _any_free_environment(self, now_ms: int, wanted: int) -> Environment | None:
        environments = self._environments
        for index in range(wanted):
            environment = environments[index]
            if environment.free_at_ms <= now_ms:
                is_over = environment.is_dead or environment.ends_at_ms <= now_ms
                return self._replaced(index, now_ms) if is_over else environment
        return None

    def _bring_up(self, now_ms: int) -> int:
        wanted = self._size_at(now_ms)
        while len(self._environments) < wanted:
            self._environments.append(self._make_environment(now_ms))
        return wanted

    def _size_at(self, now_ms: int) -> int:
        age_ms = now_ms - self._start_ms
        if age_ms >= self._arrive_over_ms:
            return self._size
        return 1 + int((self._size - 1) * age_ms / self._arrive_over_ms)

    def _replaced(self, index: int, now_ms: int) -> Environment:
        environment = self._environments[index] = self._make_environment(now_ms)
        return environment

    def set_clocks_right(self) -> None:
        for environment in self._environments:
            environment.set_clock_right()
            if self._observer is not None:
                self._observer.clock_set(environment)

    # --- Calls -----------------------------------------------------------------------------------

    def _go_on(self, environment: Environment) -> None:
        """Make the invocation's calls. One that would ask a table waits until its time has come for all."""
        while environment.calls_left and not environment.is_dead:
            if environment.at_ms > self._queue.now_ms and not environment.asks_nothing():
                self._queue.at(environment.at_ms, partial(self._go_on, environment))
                return
            environment.calls_left -= 1
            environment.permit = None
            environment.fate = self._fate(environment.at_ms)
            if self._faults.is_possible:
                self._inject_faults(environment)
            if not environment.is_short():
                self._queue.at(environment.at_ms, partial(self._begin_long_call, environment))
                return
            self._make_call(environment)
        environment.end_invocation()

    def _make_call(self, environment: Environment) -> None:
        """Make a short call, in one go."""
        row = self._recording.row(environment.at_ms)
        try:
            environment.call()
        except CircuitOpen as refusal:
            self._refused(environment, refusal, row)
        except DependencyFailed:
            self._ended(environment, row, succeeded=False)
        except Killed:
            self._ended(environment, row, succeeded=None)
        except CancelledError:
            row[CANCELLED] += 1
        else:
            row[SUCCEEDED] += 1
            if environment.permit is not None or self._observer is not None:
                self._note_end(environment, row, succeeded=True)
        if environment.background:
            environment.run_background()

    def _begin_long_call(self, environment: Environment) -> None:
        row = self._recording.row(environment.at_ms)
        try:
            environment.enter()
        except CircuitOpen as refusal:
            self._refused(environment, refusal, row)
            environment.run_background()
            self._go_on(environment)
            return
        environment.run_background()
        self._await_stop(environment, row)

    def _await_stop(self, environment: Environment, row: list[int]) -> None:
        self._queue.at(environment.next_stop_ms(), partial(self._stop, environment, row))

    def _stop(self, environment: Environment, row: list[int]) -> None:
        """Something within a long call has come: a deadline, or its end."""
        try:
            if not environment.stop(self._queue.now_ms):
                environment.run_background()
                self._await_stop(environment, row)
                return
            environment.leave()
        except DependencyFailed:
            self._ended(environment, row, succeeded=False)
        except Killed:
            self._ended(environment, row, succeeded=None)
        else:
            self._ended(environment, row, succeeded=True)
        environment.run_background()
        self._go_on(environment)

    def _ended(self, environment: Environment, row: list[int], *, succeeded: bool | None) -> None:
        row[SUCCEEDED if succeeded else FAILED] += 1
        self._recording.deaths += succeeded is None
        self._note_end(environment, row, succeeded=succeeded)

    def _note_end(self, environment: Environment, row: list[int], *, succeeded: bool | None) -> None:
        if environment.permit is not None:
            row[PROBES] += 1
            self._recording.probes.append(Probe(environment.at_ms, environment.permit[0], succeeded))
        if self._observer is not None:
            self._observer.ended(environment, failed=not succeeded)

    def _refused(self, environment: Environment, refusal: CircuitOpen, row: list[int]) -> None:
        is_held = refusal.cause is Cause.LOCAL_TRIP
        row[HELD if is_held else REFUSED] += 1
        if not environment.fate.fails:
            row[HELD_GOOD if is_held else REFUSED_GOOD] += 1
        if self._observer is not None:
            self._observer.refused(environment, refusal)

    def _inject_faults(self, environment: Environment) -> None:
        faults, random = self._faults.now, self._faults.random
        environment.frozen_ms = round(random.lateness_seconds(faults.freezes_in_call) * MS_PER_SECOND)
        environment.nests = random.happens(faults.nested_calls)
        environment.gathers = random.happens(faults.gathered_calls)
        environment.forks = random.happens(faults.forking_calls)
        environment.is_cancelled = random.happens(faults.cancelled_calls)
        environment.dies_in_probe = random.happens(faults.deaths_in_probe)
        if random.happens(faults.deaths_in_call):
            environment.fate = Fate(NEVER_MS, fails=True)
