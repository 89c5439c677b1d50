"""What must hold in every run, whatever is lost, late, doubled or reordered; an observer checks it."""

from __future__ import annotations

import math
from collections import defaultdict

from recloser.circuit import Cause, Circuit, Override, State
from recloser.control.cloudwatch_usual import ALARM_KEPT_MS
from recloser.control.control import Applied
from recloser.errors import CircuitOpen
from recloser.lab.simulation.chaos.bounds import caches_expire_seconds, refusals_end_seconds
from recloser.lab.simulation.dependency import failing_share
from recloser.lab.simulation.event_queue import MS_PER_SECOND
from recloser.lab.simulation.machine import Machine
from recloser.lab.simulation.observer import Observer
from recloser.lab.simulation.scenario import Scenario
from recloser.lab.simulation.simulation import START_MS, Run, Simulation
from recloser.policy import CallerPolicy
from recloser.signals import AlarmRaised, ProbesReported, Signal

# What one write may do: from, to, and how far the generation moves.
STEPS = {
    (State.CLOSED, State.OPEN, 1),
    (State.OPEN, State.HALF_OPEN, 0),
    (State.OPEN, State.OPEN, 1),
    (State.OPEN, State.CLOSED, 1),
    (State.HALF_OPEN, State.OPEN, 1),
    (State.HALF_OPEN, State.CLOSED, 1),
    (State.CLOSED, State.CLOSED, 1),  # a reset
    *((state, state, 0) for state in State),
}
_OPERATORS = {
    Cause.OPERATOR,
    Cause.RELEASED,
    Cause.OVERRIDE_EXPIRED,
    Cause.RESET,
    Cause.POLICY_SET,
}


# Trips by reports use so many seconds, with at least forty usual calls. A share may differ so much by chance.
LOOK_BACK_SECONDS = 30.0
NOISE = 0.15


class Violation(AssertionError):  # noqa: N818  (the word for it)
    """Something happened that must not."""


class Invariants(Observer):
    """Checks a simulation."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._policy = scenario.policy.with_overrides(scenario.own_policy)
        self._enforce = CallerPolicy.of(scenario.own_policy).enforce
        self._simulation = Simulation(scenario, self)
        self._circuit = Circuit(scenario.circuit)
        self._not_closed_since_ms: int | None = None
        self._forced_closed_since_ms: int | None = None
        self._last_forced_close: Override | None = None  # and when it was taken out of the row
        self._last_forced_close_until_ms = 0
        self._replaced: dict[int, int] = defaultdict(int)
        self._claimed: set[tuple[int, int]] = set()
        self._probed: set[tuple[int, int]] = set()
        self._has_read: dict[Machine, bool] = {}
        self._last_bad_ms = 0
        self._edited_ms: list[int] = [0]
        self._thresholds: list[float | None] = [scenario.alarms.failure_threshold_percent]
        self._violations: list[str] = []

    def run(self) -> Run:
        """Play the scenario.

        Raises:
            Violation: something happened that must not. It is raised at the end, for what is raised within
                may be caught by those who must not fail because of others.

        """
        run = self._simulation.run()
        if self._violations:
            raise Violation(f"{len(self._violations)} in all, first: {self._violations[0]}")
        return run

    # --- Circuits --------------------------------------------------------------------------------

    def wrote(self, before: Circuit, after: Circuit, at_ms: int) -> None:
        self._check(
            before.revision == self._circuit.revision, "a write rests on a circuit that is no longer so"
        )
        self._check(after.revision == before.revision + 1, "a revision was skipped")
        step = (before.state, after.state, after.generation - before.generation)
        self._check(step in STEPS, f"no circuit makes the step {step}")
        held = before.active_override(at_ms)
        if held is not None and held.state is State.OPEN and not self._has_skew:
            self._check(after.cause in _OPERATORS, "an override was overruled")
        if step == (State.CLOSED, State.OPEN, 1):
            self._check_trip(before, after)
            if (
                after.cause is Cause.FAILURES_REPORTED
                and not self._scenario.faults.freezes_in_call.probability
            ):
                self._check_early_trip(at_ms)
        if after.state is State.CLOSED and before.state is not State.CLOSED:
            self._check_close(before, after)
        self._check_not_stuck(after, at_ms)
        if after.generation == before.generation:
            beyond = max(before.permits, self._policy.permits)
            self._replaced[after.generation] += max(0, after.permits - beyond)
        self._follow(after, at_ms)

    def _check_trip(self, before: Circuit, after: Circuit) -> None:
        if after.cause in _OPERATORS or "slow-calls" in (after.alarm or ""):
            return
        if self._may_be_wrong:
            return  # when it was closed is not what the row says
        if before.opened_at_ms is None:
            return  # it was reset, if anything: a datapoint may span that, and hold failures from before
        since_ms = before.closed_at_ms or 0
        self._check(
            self._last_bad_ms > since_ms - self._slack_ms,
            "tripped, though no call has failed since the close",
        )

    def _check_early_trip(self, at_ms: int) -> None:
        """Reports trip only where the dependency was bad enough at some time in the last seconds."""
        if self._scenario.faults.freezes_in_call.probability:
            return  # a call that freezes fails, however good the dependency is
        caller = self._scenario.caller
        timeouts = [caller.timeout_seconds, caller.client_timeout_seconds, caller.invocation_timeout_seconds]
        timeout = min(each for each in timeouts if each is not None)
        seconds = (at_ms - START_MS) / MS_PER_SECOND
        since = seconds - LOOK_BACK_SECONDS - timeout - self._scenario.faults.late_reports.seconds
        phases = self._scenario.dependency
        ends = [*(each.from_seconds for each in phases[1:]), float("inf")]
        shares = [
            failing_share(health, timeout)
            for health, end in zip(phases, ends, strict=True)
            if health.from_seconds <= seconds and end >= since
        ]
        worst = max(shares) + self._scenario.faults.deaths_in_call
        thresholds = self._thresholds_since(at_ms - ALARM_KEPT_MS - self._slack_ms)
        self._check(bool(thresholds), "tripped by reports, though no alarm stated a failure rate")
        least = min(thresholds, default=0.0) / 100 - NOISE
        self._check(worst >= least, f"tripped by reports, though at most {worst:.0%} of the calls failed")
        unanswered = self._scenario.faults.unanswered_metric_queries
        is_unknown = unanswered == 1 and at_ms < self._faults_end_ms
        self._check(not is_unknown, "tripped by reports, though nobody could know the usual calls")

    def _thresholds_since(self, since_ms: float) -> list[float]:
        """Return the thresholds that the failure-rate alarms had, in percent; they are read once a minute."""
        following = [*self._edited_ms[1:], math.inf]
        return [
            threshold
            for threshold, until_ms in zip(self._thresholds, following, strict=True)
            if threshold is not None and until_ms >= since_ms
        ]

    def alarms_edited(self, threshold_percent: float | None, at_ms: int) -> None:
        self._edited_ms.append(at_ms)
        self._thresholds.append(threshold_percent)

    def _check_close(self, before: Circuit, after: Circuit) -> None:
        if after.cause is Cause.RESET or self._scenario.faults.rows_by_hand:
            return
        probes = self._simulation.tables.memory.read_probes(before.name, before.generation)
        enough = probes is not None and len(probes.succeeded) >= self._policy.successes_to_close
        self._check(enough, f"closed without enough successes: {probes}")

    def _check_not_stuck(self, after: Circuit, at_ms: int) -> None:
        held = after.active_override(at_ms)
        if after.state is State.CLOSED or (held is not None and held.state is State.OPEN):
            return
        self._check(after.due_at_ms is not None, "a circuit that is not closed will never be looked at")
        if self._scenario.faults.rows_by_hand:
            return  # a hand may take them away: then a new generation begins, in time
        probes = self._simulation.tables.memory.read_probes(after.name, after.generation)
        self._check(probes is not None, "a circuit that is not closed has no permits")

    def _follow(self, after: Circuit, at_ms: int) -> None:
        override = self._circuit.override
        if override is not None and override.state is State.CLOSED and after.override != override:
            self._last_forced_close, self._last_forced_close_until_ms = override, at_ms
        self._circuit = after
        if after.state_for_callers(at_ms) is State.CLOSED:
            self._not_closed_since_ms = None
        elif self._not_closed_since_ms is None:
            self._not_closed_since_ms = at_ms
        held = after.active_override(at_ms)
        if held is None or held.state is not State.CLOSED:
            self._forced_closed_since_ms = None
        elif self._forced_closed_since_ms is None:
            self._forced_closed_since_ms = at_ms

    def applied(self, signal: Signal | None, applied: Applied, at_ms: int) -> None:  # noqa: ARG002
        if applied.decision.circuit is None:
            return
        before = applied.before
        if isinstance(signal, ProbesReported):
            same = signal.probes.generation == before.generation
            self._check(
                same and before.state is not State.CLOSED, "an older generation's probes changed something"
            )
        if isinstance(signal, AlarmRaised):
            self._check(before.state is State.CLOSED, "an alarm changed a circuit that was not closed")
            ends_ms, closed_ms = signal.newest_data_ends_ms, before.closed_at_ms
            stale = ends_ms is not None and closed_ms is not None and ends_ms <= closed_ms
            stale = stale and not self._may_be_wrong
            self._check(not stale, "data from before the close changed something")

    # --- Callers ---------------------------------------------------------------------------------

    def read(self, machine: Machine, *, answered: bool) -> None:
        self._has_read[machine] = answered

    def clock_set(self, machine: Machine) -> None:
        # What it read by a clock that was fast may count as fresh once more, until it reads again.
        self._has_read[machine] = False

    def _not_closed_since_by(self, machine: Machine) -> int | None:
        """Tell since when the circuit is not closed: by a slow clock an override ends when it is removed."""
        since_ms, now_ms = self._not_closed_since_ms, int(machine.clock() * MS_PER_SECOND)
        override, removed = self._circuit.active_override(now_ms), self._last_forced_close
        if since_ms is None or (override is not None and override.state is State.CLOSED):
            return None
        if removed is not None and removed.is_active(now_ms):
            return max(since_ms, self._last_forced_close_until_ms)
        return since_ms

    def claimed(self, machine: Machine, generation: int, number: int) -> None:  # noqa: ARG002
        self._check((generation, number) not in self._claimed, "a permit was granted twice")
        self._claimed.add((generation, number))
        name = self._scenario.circuit
        probes = self._simulation.tables.memory.read_probes(name, generation)
        if probes is None:
            self._note(f"a permit of a generation without any: {generation}")
            return
        allowed = self._policy.permits + len(probes.returned) + self._replaced[generation]
        self._check(probes.granted <= min(allowed, probes.allowed), f"more probes than allowed: {probes}")
        canary_only = not probes.succeeded
        self._check(
            not canary_only or probes.granted <= 1 + len(probes.returned),
            f"the canary is not alone: {probes}",
        )

    def began(self, machine: Machine) -> None:
        permit = machine.permit
        if permit is not None:
            self._check(permit in self._claimed, "a probe without a permit")
            self._check(permit not in self._probed, "two probes with one permit")
            self._probed.add(permit)
            return
        timeout = self._scenario.caller.timeout_seconds
        if timeout is not None and machine.fate.milliseconds >= timeout * MS_PER_SECOND:
            # It will be counted as failed, though it may answer in the end.
            self._last_bad_ms = max(self._last_bad_ms, machine.at_ms + round(timeout * MS_PER_SECOND))
        since_ms = self._not_closed_since_by(machine)
        if since_ms is None or not self._enforce or not self._has_read.get(machine, False):
            return
        open_seconds = (machine.at_ms - since_ms) / MS_PER_SECOND
        limit = caches_expire_seconds(self._scenario)
        self._check(
            open_seconds <= limit, f"a call was let through {open_seconds:.1f} s after the circuit opened"
        )

    def ended(self, machine: Machine, *, failed: bool) -> None:
        if failed and machine.permit is None:
            self._last_bad_ms = max(self._last_bad_ms, machine.at_ms)

    def refused(self, machine: Machine, refusal: CircuitOpen) -> None:
        self._check(self._enforce or refusal.cause is Cause.LOCAL_TRIP, "refused in shadow mode")
        since_ms, held = self._forced_closed_since_ms, self._circuit.override
        if held is not None and held.until_ms is not None and machine.at_ms > held.until_ms - self._slack_ms:
            return
        if since_ms is None or not self._has_read.get(machine, False):
            return
        seconds = (machine.at_ms - since_ms) / MS_PER_SECOND
        # A process in a local trip still uses a closed flag, which it keeps for longer.
        is_local = refusal.cause is Cause.LOCAL_TRIP
        limit = (caches_expire_seconds if is_local else refusals_end_seconds)(self._scenario)
        self._check(seconds <= limit, f"refused {seconds:.1f} s after an operator forced it closed")

    # --- Saying so -------------------------------------------------------------------------------

    @property
    def _faults_end_ms(self) -> float:
        until_seconds = self._scenario.faults.until_seconds
        return math.inf if until_seconds is None else START_MS + until_seconds * MS_PER_SECOND

    @property
    def _has_skew(self) -> bool:
        faults = self._scenario.faults
        return faults.clock_skew_seconds > 0 or faults.wrong_function_clocks.probability > 0

    @property
    def _may_be_wrong(self) -> bool:
        """Tell whether a stored time may be one that no right clock can have written."""
        faults = self._scenario.faults
        return faults.rows_by_hand > 0 or faults.wrong_function_clocks.probability > 0

    @property
    def _slack_ms(self) -> float:
        faults = self._scenario.faults
        wrong = faults.wrong_clocks.seconds + faults.wrong_function_clocks.seconds
        return 2 * (faults.clock_skew_seconds + wrong) * MS_PER_SECOND

    def _check(self, holds: bool, what: str) -> None:  # noqa: FBT001  (as an assert)
        if not holds:
            self._note(what)

    def _note(self, what: str) -> None:
        seconds = (self._simulation.queue.now_ms - START_MS) / MS_PER_SECOND
        self._violations.append(f"at {seconds:.3f} s: {what}; the circuit: {self._circuit}")
