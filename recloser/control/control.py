"""The control side: takes a signal to `decide`, writes the decision, and re-arms the alarm that it names.

The functions, the operator's command and the simulation all change circuits through here.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from recloser.circuit import Circuit, validate_name
from recloser.control.alarms import AlarmData, Alarms, RearmDenied
from recloser.control.contributor_events import ContributorRaised
from recloser.control.evidence import CallCounts
from recloser.control.group_evidence import group_signal
from recloser.decide import Decision, decide
from recloser.errors import Conflict
from recloser.policy import PolicyError, RecoveryPolicy
from recloser.signals import Signal, TimerDue
from recloser.store.rows import encode_circuit
from recloser.store.tables import Tables

logger = logging.getLogger(__name__)

# With pauses that double up to a second: two dozen writers of one circuit at once all come through.
ATTEMPTS = 20
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.01, 1.0

_system_random = random.SystemRandom()


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
        alarm_data: reads alarms' data; None: an alarm's event is enough.
        counts: counts calls before an alarm over every circuit trips one; None: the event is enough.
        sleep: how to wait, in seconds, after another writer was first.

    """

    def __init__(
        self,
        tables: Tables,
        alarms: Alarms | None = None,
        defaults: RecoveryPolicy | None = None,
        now_ms: Callable[[], int] = wall_clock_ms,
        *,
        alarm_data: AlarmData | None = None,
        counts: CallCounts | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.tables = tables
        self.alarms = alarms
        self.alarm_data = alarm_data
        self.counts = counts
        self._defaults = defaults or RecoveryPolicy()
        self.now_ms = now_ms
        self._sleep = sleep

    def apply(self, name: str, signal: Signal) -> Applied:
        """Read, decide, write; and again when another writer was first.

        Args:
            name: the circuit.
            signal: what happened to it.

        Raises:
            ValueError: the name is not allowed.
            StoreError: the tables could not be read or written.
            Conflict: other writers were first, every time.

        """
        return self._apply(name, lambda _: signal)

    def apply_counted(self, raised: ContributorRaised) -> Applied:
        """Count a circuit's calls, then decide what an alarm over every circuit does to it.

        Errors as `apply`. If CloudWatch does not answer, the alarm trips without a count.
        """
        return self._apply(
            raised.circuit,
            lambda circuit: group_signal(raised, circuit, self.alarm_data, self.counts, self.now_ms()),
        )

    def tick(self, name: str) -> Applied:
        """Let time pass for one circuit; arguments and errors as `apply`."""
        return self._apply(name, lambda circuit: TimerDue(self.tables.read_probes(name, circuit.generation)))

    def rearm(self, alarm: str, circuit: Circuit) -> bool:
        """Set an alarm to OK, and say whether it was.

        Raises:
            RearmDenied: we may not.
            Exception: CloudWatch could not be asked.

        """
        if self.alarms is None:
            return False
        reason = f"Recloser: circuit {circuit.name} is closed; OK, so that the alarm can raise again"
        return self.alarms.rearm(alarm, reason)

    def _apply(self, name: str, signal_for: Callable[[Circuit], Signal]) -> Applied:
        validate_name(name)
        tried: Applied | None = None
        for attempt in range(ATTEMPTS):
            before = self.tables.read(name, consistent=True)
            if tried is not None and _is_written(tried, before):
                # A write whose answer was lost: the repeated request met its own doing.
                return self._finished(tried)
            applied = Applied(before, decide(before, signal_for(before), self.now_ms(), self._policy(before)))
            try:
                self.tables.commit(before, applied.decision)
            except Conflict:
                tried = applied
                self._sleep(_pause_seconds(attempt))
                continue
            return self._finished(applied)
        raise Conflict(f"circuit {name}: other writers were first, {ATTEMPTS} times")

    def _finished(self, applied: Applied) -> Applied:
        alarm = applied.decision.rearm
        if alarm is not None:
            try:
                self.rearm(alarm, applied.circuit)
            except RearmDenied as error:
                logger.info("%s; its data are evaluated each minute instead", error)
            except Exception:
                # The circuit is written, and the next minute finds the alarm if it is still deaf.
                logger.exception("alarm %s could not be re-armed", alarm)
        return applied

    def _policy(self, circuit: Circuit) -> RecoveryPolicy:
        try:
            return self._defaults.with_overrides(circuit.policy)
        except PolicyError as error:
            # Its own settings validated against other defaults than these.
            logger.error("circuit %s: %s; the defaults hold", circuit.name, error)  # noqa: TRY400
            return self._defaults


def _is_written(tried: Applied, found: Circuit) -> bool:
    """Tell whether the circuit is what we wanted to write, as far as a row holds it: reasons are cut."""
    wanted = tried.decision.circuit
    return wanted is not None and encode_circuit(wanted) == encode_circuit(found)


def _pause_seconds(attempt: int) -> float:
    """A random part of a time that doubles: writers that met once do not meet again."""
    longest = min(LONGEST_PAUSE_SECONDS, SHORTEST_PAUSE_SECONDS * 2**attempt)
    return _system_random.uniform(0, longest)
