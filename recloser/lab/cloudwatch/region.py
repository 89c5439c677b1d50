"""The CloudWatch of one region: metrics and alarms that advance in time, and the events they send."""

import heapq
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from recloser.lab.cloudwatch import events
from recloser.lab.cloudwatch.alarms import InvalidAlarm, MetricAlarm, State, metric_alarm
from recloser.lab.cloudwatch.composite import CompositeAlarm, composite_alarm
from recloser.lab.cloudwatch.composite_state import child_reason, put_reason
from recloser.lab.cloudwatch.emf import Extraction, extract
from recloser.lab.cloudwatch.evaluate import AWS_WINDOW, WindowRules, decide, read_datapoints
from recloser.lab.cloudwatch.events import Alarm, AlarmState, Event, Place
from recloser.lab.cloudwatch.metrics import MetricStore, Sample
from recloser.lab.cloudwatch.publication import samples_of
from recloser.lab.cloudwatch.reasons import INITIAL_REASON, explain
from recloser.lab.cloudwatch.times import iso_milliseconds

MS_PER_SECOND = 1000
PRUNE_EVERY_MS = 60 * MS_PER_SECOND


class NoSuchAlarm(KeyError):
    """There is no alarm of that name."""

    def __str__(self) -> str:
        return f"there is no alarm {self.args[0]!r}"


@dataclass(slots=True)
class _Entry:
    alarm: Alarm
    state: AlarmState
    transitioned_ms: int
    configured_ms: int
    next_ms: int | None = None


def phase_ms(name: str, cadence_seconds: int) -> int:
    """The constant instant within its cadence at which an alarm is evaluated.

    AWS gives every alarm one of its own; here it comes from the name, so that runs repeat.
    """
    return zlib.crc32(name.encode()) % (cadence_seconds * MS_PER_SECOND)


class CloudWatch:
    """Metrics and alarms. All times are epoch milliseconds, handed in, and go forward.

    Every method that can change an alarm returns the events that EventBridge would get, oldest first.
    `phases_ms` overrides the evaluation instant of alarms by name; `retention_seconds` is how long samples are kept
    beyond what the alarms look back.
    """

    def __init__(
        self,
        place: Place | None = None,
        *,
        window: WindowRules = AWS_WINDOW,
        phases_ms: Mapping[str, int] | None = None,
        retention_seconds: int = 900,
    ) -> None:
        self.place = place or Place()
        self.metrics = MetricStore()
        self._window = window
        self._phases_ms = dict(phases_ms or {})
        self._retention_ms = retention_seconds * MS_PER_SECOND
        self._alarms: dict[str, _Entry] = {}
        self._queue: list[tuple[int, str]] = []
        self._sequence = 0
        self._pruned_ms: int | None = None

    # Metrics

    def put_emf(self, line: str, now_ms: int, available_at_ms: int | None = None) -> Extraction:
        """Takes the metrics out of a log line; returns them and what was dropped with why."""
        extraction = extract(line, now_ms, available_at_ms)
        self.metrics.add_samples(extraction.samples)
        return extraction

    def put_metric_data(
        self,
        namespace: str,
        data: Iterable[Mapping[str, Any]],
        now_ms: int,
        available_at_ms: int | None = None,
    ) -> None:
        """PutMetricData: entries with Value, Values and Counts, or StatisticValues.

        Raises ValueError for what PutMetricData refuses; then nothing is stored.
        """
        for sample in samples_of(namespace, data, now_ms, available_at_ms):
            self.metrics.add_samples([sample])

    def put_samples(self, samples: Iterable[Sample]) -> None:
        self.metrics.add_samples(samples)

    # Alarms

    def put_metric_alarm(self, definition: Mapping[str, Any], now_ms: int) -> list[Event]:
        """PutMetricAlarm: creates the alarm or replaces its whole configuration; an identical one changes nothing."""
        return self._put(metric_alarm(definition), now_ms)

    def put_composite_alarm(self, definition: Mapping[str, Any], now_ms: int) -> list[Event]:
        """PutCompositeAlarm: the same for a composite alarm, whose children must exist."""
        alarm = composite_alarm(definition)
        unknown = [child for child in alarm.children if child not in self._alarms]
        if unknown:
            raise InvalidAlarm(
                alarm.name, f"AlarmRule refers to alarms that do not exist: {', '.join(unknown)}"
            )
        created = alarm.name not in self._alarms
        changes = self._put(alarm, now_ms)
        if not changes:
            return []
        state = self._rule_state(alarm)
        if state is self._alarms[alarm.name].state.value:
            return changes
        reason = put_reason(self.place, alarm, state, self._states(alarm), created=created)
        changed = AlarmState(state, reason.text, reason.data, now_ms)
        return changes + self._transition(self._alarms[alarm.name], changed)

    def _put(self, alarm: Alarm, now_ms: int) -> list[Event]:
        before = self._alarms.get(alarm.name)
        if before is None:
            state = AlarmState(State.INSUFFICIENT_DATA, INITIAL_REASON, None, now_ms)
            entry = self._alarms[alarm.name] = _Entry(alarm, state, now_ms, now_ms)
            self._schedule(entry, now_ms)
            return [self._configuration_change("create", entry, now_ms)]
        if isinstance(before.alarm, MetricAlarm) is not isinstance(alarm, MetricAlarm):
            raise InvalidAlarm(alarm.name, "an alarm of another type has this name")
        if dict(before.alarm.definition) == dict(alarm.definition):
            return []
        previous = (before.alarm, before.configured_ms)
        before.alarm, before.configured_ms = alarm, now_ms
        self._schedule(before, now_ms)
        return [self._configuration_change("update", before, now_ms, previous)]

    def delete_alarms(self, names: Iterable[str], now_ms: int) -> list[Event]:
        """DeleteAlarms: unknown names are ignored; there is no state change. A child of a composite stays."""
        deleted = []
        for name in names:
            entry = self._alarms.get(name)
            if entry is None:
                continue
            parents = self._parents(name)
            if parents:
                raise InvalidAlarm(name, f"cannot be deleted: composite alarm {parents[0]!r} refers to it")
            del self._alarms[name]
            deleted.append(self._configuration_change("delete", entry, now_ms))
        return deleted

    def set_alarm_state(
        self, name: str, value: str, reason: str, reason_data: str | None, now_ms: int
    ) -> list[Event]:
        """SetAlarmState: until the next evaluation. The same state with another reason changes nothing."""
        entry = self._entry(name)
        state = State(value)
        if entry.state.value is state:
            return []
        return self._transition(entry, AlarmState(state, reason, reason_data, now_ms))

    def enable_alarm_actions(self, names: Iterable[str], now_ms: int) -> list[Event]:
        """EnableAlarmActions: a configuration change and nothing else."""
        return self._set_actions(names, now_ms, enabled=True)

    def disable_alarm_actions(self, names: Iterable[str], now_ms: int) -> list[Event]:
        """DisableAlarmActions: state-change events still flow to EventBridge."""
        return self._set_actions(names, now_ms, enabled=False)

    def _set_actions(self, names: Iterable[str], now_ms: int, *, enabled: bool) -> list[Event]:
        changed: list[Event] = []
        for name in names:
            alarm = self._entry(name).alarm
            definition = {**alarm.definition, "ActionsEnabled": enabled}
            if alarm.definition.get("ActionsEnabled", True) is not enabled:
                made = metric_alarm if isinstance(alarm, MetricAlarm) else composite_alarm
                changed += self._put(made(definition), now_ms)
        return changed

    def describe_alarms(self, names: Iterable[str] | None = None) -> dict[str, list[dict[str, Any]]]:
        """DescribeAlarms: `MetricAlarms` and `CompositeAlarms`, by name; times as ISO 8601 text."""
        wanted = sorted(self._alarms) if names is None else [name for name in names if name in self._alarms]
        found: dict[str, list[dict[str, Any]]] = {"MetricAlarms": [], "CompositeAlarms": []}
        for name in wanted:
            entry = self._alarms[name]
            kind = "MetricAlarms" if isinstance(entry.alarm, MetricAlarm) else "CompositeAlarms"
            found[kind].append(self._describe(entry))
        return found

    def state(self, name: str) -> AlarmState:
        """The state of one alarm. Raises NoSuchAlarm."""
        return self._entry(name).state

    # Time

    def next_evaluation_at_ms(self) -> int | None:
        """When the next alarm is due; None without metric alarms."""
        while self._queue:
            at_ms, name = self._queue[0]
            entry = self._alarms.get(name)
            if entry is not None and entry.next_ms == at_ms:
                return at_ms
            heapq.heappop(self._queue)
        return None

    def advance(self, now_ms: int) -> list[Event]:
        """Evaluates every alarm whose instant has come, in order of time; returns their events."""
        sent: list[Event] = []
        while (at_ms := self.next_evaluation_at_ms()) is not None and at_ms <= now_ms:
            _, name = heapq.heappop(self._queue)
            entry = self._alarms[name]
            sent += self._evaluate(entry, at_ms)
            self._schedule(entry, at_ms)
        self._prune(now_ms)
        return sent

    def _evaluate(self, entry: _Entry, at_ms: int) -> list[Event]:
        alarm = entry.alarm
        assert isinstance(alarm, MetricAlarm)
        datapoints = read_datapoints(alarm, self.metrics, at_ms, self._window)
        decision = decide(alarm, datapoints)
        if decision.state is None or decision.state is entry.state.value:
            return []
        reason = explain(alarm, datapoints, decision, decision.state, at_ms)
        return self._transition(entry, AlarmState(decision.state, reason.text, reason.data, at_ms))

    def _transition(self, entry: _Entry, state: AlarmState) -> list[Event]:
        previous, entry.state = entry.state, state
        entry.transitioned_ms = state.updated_ms
        self._sequence += 1
        event = events.state_change(self.place, entry.alarm, previous, state, self._sequence)
        return [event, *self._follow(entry.alarm.name, state.updated_ms)]

    def _follow(self, child: str, at_ms: int) -> list[Event]:
        """Evaluates the composite alarms that refer to `child`, which has changed."""
        sent: list[Event] = []
        for name in self._parents(child):
            entry = self._alarms[name]
            alarm = entry.alarm
            assert isinstance(alarm, CompositeAlarm)
            state = self._rule_state(alarm)
            if state is not entry.state.value:
                reason = child_reason(self.place, child, self._states(alarm))
                sent += self._transition(entry, AlarmState(state, reason.text, reason.data, at_ms))
        return sent

    def _rule_state(self, alarm: CompositeAlarm) -> State:
        return State.ALARM if alarm.rule(self._state_of) else State.OK

    def _state_of(self, name: str) -> State:
        return self._alarms[name].state.value

    def _states(self, alarm: CompositeAlarm) -> dict[str, AlarmState]:
        return {child: self._alarms[child].state for child in alarm.children}

    def _parents(self, name: str) -> list[str]:
        return [
            parent
            for parent, entry in self._alarms.items()
            if isinstance(entry.alarm, CompositeAlarm) and name in entry.alarm.children
        ]

    def _schedule(self, entry: _Entry, after_ms: int) -> None:
        alarm = entry.alarm
        if not isinstance(alarm, MetricAlarm):
            return
        cadence_ms = alarm.cadence_seconds * MS_PER_SECOND
        phase = self._phases_ms.get(alarm.name)
        offset_ms = phase_ms(alarm.name, alarm.cadence_seconds) if phase is None else phase % cadence_ms
        entry.next_ms = after_ms - (after_ms - offset_ms) % cadence_ms + cadence_ms
        heapq.heappush(self._queue, (entry.next_ms, alarm.name))

    def _prune(self, now_ms: int) -> None:
        if self._pruned_ms is not None and now_ms - self._pruned_ms < PRUNE_EVERY_MS:
            return
        self._pruned_ms = now_ms
        longest = max(
            (
                (entry.alarm.evaluation_periods + self._window.extra_periods) * entry.alarm.period_seconds
                for entry in self._alarms.values()
                if isinstance(entry.alarm, MetricAlarm)
            ),
            default=0,
        )
        self.metrics.prune(now_ms - longest * MS_PER_SECOND - self._retention_ms)

    def _entry(self, name: str) -> _Entry:
        try:
            return self._alarms[name]
        except KeyError:
            raise NoSuchAlarm(name) from None

    def _configuration_change(
        self, operation: str, entry: _Entry, now_ms: int, previous: tuple[Alarm, int] | None = None
    ) -> Event:
        self._sequence += 1
        return events.configuration_change(
            self.place,
            operation,
            entry.alarm,
            entry.state,
            entry.configured_ms,
            now_ms,
            self._sequence,
            previous=previous,
        )

    def _describe(self, entry: _Entry) -> dict[str, Any]:
        described = {
            "ActionsEnabled": True,
            "OKActions": [],
            "AlarmActions": [],
            "InsufficientDataActions": [],
            **entry.alarm.definition,
            "AlarmArn": self.place.alarm_arn(entry.alarm.name),
            "AlarmConfigurationUpdatedTimestamp": iso_milliseconds(entry.configured_ms),
            "StateValue": entry.state.value.value,
            "StateReason": entry.state.reason,
            "StateUpdatedTimestamp": iso_milliseconds(entry.state.updated_ms),
            "StateTransitionedTimestamp": iso_milliseconds(entry.transitioned_ms),
        }
        if entry.state.reason_data is not None:
            described["StateReasonData"] = entry.state.reason_data
        return described
