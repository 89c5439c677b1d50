"""Between the metrics and the flag: CloudWatch's alarms, EventBridge, the functions, the schedule."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from recloser.circuit import Circuit, Override, Probes, State
from recloser.control.alarm_events import from_alarm_event
from recloser.control.alarms import CloudWatchAlarms, RaisedAlarm, RaisedGroup
from recloser.control.announcement import announcement, tripped
from recloser.control.cloudwatch_usual import CloudWatchUsual
from recloser.control.contributor_events import from_contributor_event
from recloser.control.control import Applied, Control
from recloser.control.early_trip import EarlyTrip
from recloser.control.evidence import CloudWatchCallCounts
from recloser.control.ignored import Ignored
from recloser.control.minute import Minute
from recloser.control.stack import Stack
from recloser.lab.cloudwatch import CloudWatch, Event
from recloser.lab.cloudwatch.events import CONTRIBUTOR_STATE_CHANGE, STATE_CHANGE
from recloser.lab.simulation.alarm_definitions import ANY_CIRCUIT_ALARM
from recloser.lab.simulation.cloudwatch_client import CloudWatchClient
from recloser.lab.simulation.context import Context
from recloser.lab.simulation.control_tables import ControlTables
from recloser.lab.simulation.event_queue import MS_PER_SECOND
from recloser.lab.simulation.messages import Messages
from recloser.lab.simulation.recording import AlarmChange
from recloser.lab.simulation.scenario import Operation
from recloser.lab.simulation.shared_tables import SharedTables
from recloser.policy import RecoveryPolicy
from recloser.signals import OverrideReleased, OverrideSet, PolicySet, ProbesReported, Reset, Signal

# Lambda tries an asynchronous event twice more, after one and two minutes ("Asynchronous invocation").
ALARM_RETRIES_SECONDS = (60.0, 120.0)
# The template's event source mapping: ten more attempts.
STREAM_RETRIES_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0, 60.0)
# Lambda polls a stream four times a second ("Using AWS Lambda with Amazon DynamoDB").
STREAM_POLL_SECONDS = 0.25
SCHEDULE_SECONDS = 60.0


class TwinAlarms:
    """CloudWatch as `Control` sees it: `recloser.control.alarms.Alarms` over the twin.

    Setting an alarm takes no turn here, and may fail.
    """

    def __init__(self, plane: ControlPlane, read: CloudWatchAlarms) -> None:
        self._plane = plane
        self._read = read

    def raised(self) -> Iterator[RaisedAlarm | RaisedGroup]:
        return self._read.raised()

    def rearm(self, alarm: str, reason: str) -> bool:
        if alarm == ANY_CIRCUIT_ALARM:
            return False  # contributors cannot be set
        return self._plane.rearm(alarm, reason)


class ControlPlane:
    """The services and functions, in the queue's time."""

    def __init__(self, context: Context, cloudwatch: CloudWatch) -> None:
        self._queue = context.queue
        self.cloudwatch = cloudwatch
        self._delays = context.scenario.delays
        self._random = context.random("messages")
        self._faults = context.faults
        self._recording = context.recording
        self._observer = context.observer
        self._messages = Messages(self._queue, self._random, self._faults)
        self._batched_reports: set[tuple[str, int]] = set()
        self._evaluates_at_ms = math.inf
        self.invocations = 0

    @property
    def dead_letters(self) -> int:
        return self._messages.dead_letters

    def start(
        self, tables: SharedTables, circuit: str, policy: RecoveryPolicy, alarms: Iterable[dict[str, Any]]
    ) -> None:
        """Deploy the alarms and the functions, and let the schedule run."""
        self.put_alarms(alarms)
        self._circuit = circuit
        seen = ControlTables(tables, self._faults, self._messages.deliver_one_early)
        client, stack = CloudWatchClient(self.cloudwatch, self._queue, self._faults), Stack()
        read = CloudWatchAlarms(client, stack)
        alarms_seen, counts = TwinAlarms(self, read), CloudWatchCallCounts(client, stack)
        self._control = Control(
            seen, alarms_seen, policy, self._now_ms, alarm_data=read, counts=counts, sleep=_ignore
        )
        self._early_trip = EarlyTrip(seen, CloudWatchUsual(client, read, stack), self._now_ms)
        # Operators act by themselves, and again if it did not work: for them nothing goes wrong.
        self._operator = Control(tables.memory, alarms_seen, policy, self._true_ms, sleep=_ignore)
        self._queue.after(self._random.between((0, SCHEDULE_SECONDS)), self._minute)

    def _true_ms(self) -> int:
        return self._queue.now_ms

    def _now_ms(self) -> int:
        """A function's clock: each runs on another machine."""
        faults, random = self._faults.now, self._faults.random
        skew, wrong = faults.clock_skew_seconds, faults.wrong_function_clocks
        if random.happens(wrong.probability):
            skew += wrong.seconds
        if not skew:
            return self._queue.now_ms
        return self._queue.now_ms + round(MS_PER_SECOND * random.between((-skew, skew)))

    # --- CloudWatch ------------------------------------------------------------------------------

    def put_alarms(self, alarms: Iterable[dict[str, Any]]) -> None:
        """Make alarms, or edit those that there are."""
        for definition in alarms:
            self._tell(self.cloudwatch.put_metric_alarm(definition, self._queue.now_ms))
        self._await_evaluation()

    def delete_alarms(self, names: Iterable[str]) -> None:
        self._tell(self.cloudwatch.delete_alarms(names, self._queue.now_ms))

    def _await_evaluation(self) -> None:
        at_ms = self.cloudwatch.next_evaluation_at_ms()
        if at_ms is not None and at_ms < self._evaluates_at_ms:
            self._evaluates_at_ms = at_ms
            self._queue.at(at_ms, partial(self._evaluate, at_ms))

    def _evaluate(self, at_ms: int) -> None:
        if at_ms == self._evaluates_at_ms:  # else an edit made an earlier one due
            self._evaluates_at_ms = math.inf
            self._tell(self.cloudwatch.advance(self._queue.now_ms))
            self._await_evaluation()

    def rearm(self, alarm: str, reason: str) -> bool:
        """Set an alarm to OK; tell whether there is one.

        Raises:
            ConnectionError: a fault.

        """
        if self._faults.random.happens(self._faults.now.failing_rearms):
            raise ConnectionError("simulated: SetAlarmState was throttled")
        if not any(self.cloudwatch.describe_alarms([alarm]).values()):
            return False
        self._tell(self.cloudwatch.set_alarm_state(alarm, "OK", reason, None, self._queue.now_ms))
        return True

    def _tell(self, events: Iterable[Event]) -> None:
        for event in events:
            if event["detail-type"] not in (STATE_CHANGE, CONTRIBUTOR_STATE_CHANGE):
                continue
            detail = event["detail"]
            self._recording.alarms.append(
                AlarmChange(self._queue.now_ms, detail["alarmName"], detail["state"]["value"])
            )
            if detail["state"]["value"] == "ALARM":  # the rule's pattern
                work = partial(self._flip_for_alarm, event)
                self._messages.send(self._delays.event_seconds, ALARM_RETRIES_SECONDS, work)

    # --- Functions -------------------------------------------------------------------------------

    def _flip_for_alarm(self, event: Event) -> None:
        if event["detail-type"] == CONTRIBUTOR_STATE_CHANGE:
            raised = from_contributor_event(event)
            if not isinstance(raised, Ignored):
                self._note_applied(None, self._control.apply_counted(raised))
            return
        read = from_alarm_event(event)
        if not isinstance(read, Ignored):
            self._apply(*read)

    def stream_probes(self, name: str, probes: Probes) -> None:
        """Take a record of the probe table's stream."""
        if probes.granted:  # the mapping's filter
            work = partial(self._apply, name, ProbesReported(probes))
            self._messages.send(self._delays.stream_seconds, STREAM_RETRIES_SECONDS, work)

    def stream_failures(self, name: str, generation: int) -> None:
        """Take a record of reported failures. One invocation gets all those of some time."""
        key = (name, generation)
        if key not in self._batched_reports:
            self._batched_reports.add(key)
            shortest, longest = self._delays.stream_seconds
            work = partial(self._flip_for_failures, name, generation)
            self._queue.after(STREAM_POLL_SECONDS, partial(self._batched_reports.discard, key))
            delay = (STREAM_POLL_SECONDS + shortest, STREAM_POLL_SECONDS + longest)
            self._messages.send(delay, STREAM_RETRIES_SECONDS, work)

    def _flip_for_failures(self, name: str, generation: int) -> None:
        signal = self._early_trip.signal(name, generation)
        if isinstance(signal, Ignored):
            self.invocations += 1
        else:
            self._apply(name, signal)

    def _apply(self, name: str, signal: Signal) -> None:
        self._note_applied(signal, self._control.apply(name, signal))

    def _note_applied(self, signal: Signal | None, applied: Applied) -> None:
        self.invocations += 1
        if self._observer is not None:
            self._observer.applied(signal, applied, self._queue.now_ms)

    def _minute(self) -> None:
        late = self._random.between(self._delays.schedule_seconds)
        self._queue.after(late, self._start_recovery)
        self._queue.after(SCHEDULE_SECONDS, self._minute)

    def _start_recovery(self) -> None:
        if self._faults.scheduler_is_dead:
            return
        self.invocations += 1
        # What fails, the next minute tries again, as the function's own retries would.
        report = Minute(self._control).run()
        self._recording.rearmed += len(report.rearmed)
        if self._observer is not None:
            for applied in (*report.moved, *report.tripped):
                self._observer.applied(None, applied, self._queue.now_ms)

    def announce(self, before: Circuit, after: Circuit) -> None:
        """Take a record of the circuit table's stream."""
        self._recording.note_written(self._queue.now_ms, before, after)
        self._recording.announced += announcement(before, after) is not None
        self._recording.trips += tripped(before, after)
        self.invocations += 1

    # --- Operators -------------------------------------------------------------------------------

    def operate(self, operation: Operation) -> None:
        self._operator.apply(self._circuit, self._signal(operation))

    def set_policy(self, signal: PolicySet) -> None:
        self._operator.apply(self._circuit, signal)

    def _signal(self, operation: Operation) -> Signal:
        by, why = "operator", "the scenario says so"
        if operation.action == "release":
            return OverrideReleased(by)
        if operation.action == "reset":
            return Reset(by, why)
        state = State.OPEN if operation.action == "open" else State.CLOSED
        now_ms, until = self._queue.now_ms, operation.until_seconds
        until_ms = None
        if until is not None:
            until_ms = now_ms + round((until - operation.at_seconds) * MS_PER_SECOND)
        return OverrideSet(Override(state, by, why, now_ms, until_ms))


def _ignore(_seconds: float) -> None:
    """Wait for no other writer: here each has ended before the next begins."""
