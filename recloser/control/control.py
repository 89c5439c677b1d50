"""The control side: carry a signal to `decide`, write what it says, re-arm what it names.

The functions, the operator's command and the simulation all change circuits through here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from recloser.circuit import Circuit, State, validate_name
from recloser.control.alarms import Alarms, RaisedAlarm
from recloser.decide import AlarmRaised, Decision, Signal, TimerDue, decide
from recloser.errors import Conflict
from recloser.policy import PolicyError, RecoveryPolicy
from recloser.store.tables import Tables

logger = logging.getLogger(__name__)

ATTEMPTS = 10

# An alarm this young may have an event on its way that trips the circuit: it is not deaf yet.
DEAF_AFTER_MS = 30_000


MINUTE_MS = 60_000
SWEEP_EVERY_MINUTES = 5


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Applied:
    """A decision, and the circuit it was made on."""

    before: Circuit
    decision: Decision

    @property
    def circuit(self) -> Circuit:
        """The circuit as it is now."""
        return self.decision.circuit or self.before


class Control:
    """Applies signals to circuits.

    Args:
        tables: where circuits are kept.
        alarms: CloudWatch; None where there is none, and nothing is re-armed.
        defaults: the policy of circuits that have no settings of their own.
        now_ms: the clock, epoch milliseconds; read once per step.

    """

    def __init__(
        self,
        tables: Tables,
        alarms: Alarms | None = None,
        defaults: RecoveryPolicy | None = None,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._tables = tables
        self._alarms = alarms
        self._defaults = defaults or RecoveryPolicy()
        self._now_ms = now_ms

    def apply(self, name: str, signal: Signal) -> Applied:
        """Read, decide, write; and again when another writer was first.

        Args:
            name: the circuit.
            signal: what happened to it.

        Raises:
            ValueError: the name is not allowed.
            StoreError: the tables could not be read or written.
            Conflict: other writers were first, ten times over.

        """
        return self._apply(name, lambda _: signal)

    def tick(self, name: str) -> Applied:
        """Let time pass for one circuit; arguments and errors as `apply`."""
        return self._apply(name, lambda circuit: TimerDue(self._tables.read_probes(name, circuit.generation)))

    def tick_due(self) -> list[Applied]:
        """Let time pass for every circuit that it must do something with.

        Every fifth minute these are all that are not simply closed, whatever their place in the index: an
        item that was written by hand or by a wrong clock has none, or one an hour away.

        Raises:
            ExceptionGroup: some circuits failed; the others were done all the same.

        """
        done: list[Applied] = []
        failures: list[Exception] = []
        for name in self._due():
            try:
                done.append(self.tick(name))
            except Exception as error:  # noqa: BLE001  (one circuit's trouble must not hold up the others)
                error.add_note(f"circuit {name}")
                failures.append(error)
        if failures:
            raise ExceptionGroup(
                f"{len(failures)} of {len(failures) + len(done)} due circuits failed", failures
            )
        return done

    def _due(self) -> list[str]:
        now_ms = self._now_ms()
        names = set(self._tables.due(now_ms))
        if now_ms // MINUTE_MS % SWEEP_EVERY_MINUTES == 0:
            names |= {circuit.name for circuit in self._tables.scan() if _may_be_due(circuit)}
        return sorted(names)

    def rearm_deaf_alarms(self) -> list[str]:
        """Look after the alarms that have stood in ALARM for a while over a closed circuit.

        CloudWatch speaks only when an alarm changes: such an alarm could not trip again. A metric alarm is
        set to OK; where it is still true it raises again at its next evaluation, so a lost event comes back.
        A composite one would not: if it was raised after the last close, its event was lost; it trips now.

        Returns:
            The names of the alarms that were set to OK.

        """
        if self._alarms is None:
            return []
        now_ms = self._now_ms()
        rearmed = []
        for alarm in self._alarms.raised():
            if now_ms - alarm.since_ms < DEAF_AFTER_MS:
                continue
            circuit = self._tables.read(alarm.circuit, consistent=True)
            if circuit.state is not State.CLOSED:
                continue
            if alarm.is_composite:
                self._bring_back(alarm, circuit)
            elif self._rearm(alarm.name, circuit):
                rearmed.append(alarm.name)
        return rearmed

    def _bring_back(self, alarm: RaisedAlarm, circuit: Circuit) -> None:
        if alarm.since_ms > (circuit.closed_at_ms or 0):
            self.apply(circuit.name, AlarmRaised(alarm.name, alarm.reason, alarm.since_ms))

    def _apply(self, name: str, signal_for: Callable[[Circuit], Signal]) -> Applied:
        validate_name(name)
        for _ in range(ATTEMPTS):
            before = self._tables.read(name, consistent=True)
            decision = decide(before, signal_for(before), self._now_ms(), self._policy(before))
            try:
                self._tables.commit(before, decision)
            except Conflict:
                continue
            applied = Applied(before, decision)
            if decision.rearm is not None:
                self._rearm(decision.rearm, applied.circuit)
            return applied
        raise Conflict(f"circuit {name}: other writers were first, {ATTEMPTS} times")

    def _policy(self, circuit: Circuit) -> RecoveryPolicy:
        try:
            return self._defaults.with_overrides(circuit.policy)
        except PolicyError as error:
            # Its own settings validated against other defaults than these.
            logger.error("circuit %s: %s; the defaults hold", circuit.name, error)  # noqa: TRY400
            return self._defaults

    def _rearm(self, alarm: str, circuit: Circuit) -> bool:
        """Set the alarm to OK, and say whether that was possible."""
        if self._alarms is None:
            return False
        reason = f"Recloser: circuit {circuit.name} is closed; OK, so that the alarm can raise again"
        try:
            self._alarms.rearm(alarm, reason)
        except Exception:
            # The circuit is written, and the next minute finds the alarm if it is still deaf.
            logger.exception("alarm %s could not be re-armed", alarm)
            return False
        return True


def _may_be_due(circuit: Circuit) -> bool:
    return circuit.state is not State.CLOSED or circuit.override is not None
