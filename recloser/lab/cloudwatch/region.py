"""The CloudWatch of one region: metrics and alarms that advance in time, and the events they send."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from recloser.lab.cloudwatch import contributors
from recloser.lab.cloudwatch.alarm_store import AlarmStore, Entry
from recloser.lab.cloudwatch.alarms import MetricAlarm, State
from recloser.lab.cloudwatch.composite import CompositeAlarm, composite_alarm
from recloser.lab.cloudwatch.definitions import metric_alarm
from recloser.lab.cloudwatch.emf import Extraction, extract
from recloser.lab.cloudwatch.evaluate import (
    AWS_WINDOW,
    WindowRules,
    decide,
    evaluation_window,
    read_datapoints,
)
from recloser.lab.cloudwatch.events import Event
from recloser.lab.cloudwatch.metric_data import metric_data
from recloser.lab.cloudwatch.metrics import MetricStore, Sample, StatisticSet
from recloser.lab.cloudwatch.publication import samples_of
from recloser.lab.cloudwatch.reasons import explain
from recloser.lab.cloudwatch.schedule import Cadence, Schedule
from recloser.lab.cloudwatch.states import AlarmState, Place

MS_PER_SECOND = 1000
PRUNE_EVERY_MS = 60 * MS_PER_SECOND


class CloudWatch:
    """Metrics and alarms. All times are epoch milliseconds, handed in, and go forward.

    Every method that can change an alarm returns the events that EventBridge would get, oldest first.
    `phases_ms` overrides the evaluation instant of alarms by name; `retention_seconds` is how long samples
    are kept beyond what the alarms look back.
    """

    def __init__(
        self,
        place: Place | None = None,
        *,
        window: WindowRules = AWS_WINDOW,
        phases_ms: Mapping[str, int] | None = None,
        retention_seconds: int = 300,
    ) -> None:
        self.place = place or Place()
        self.metrics = MetricStore()
        self._window = window
        self._cadence = Cadence(phases_ms)
        self._retention_ms = retention_seconds * MS_PER_SECOND
        self._evaluations = Schedule()
        self._releases = Schedule()
        self._alarms = AlarmStore(self.place, self._releases)
        self._prune_at_ms: int | None = None

    def put_emf(self, line: str, now_ms: int, available_at_ms: int | None = None) -> Extraction:
        """Takes the metrics out of a log line; returns them and what was dropped with why."""
        extraction = extract(line, now_ms, available_at_ms)
        self.metrics.add_all(extraction.samples)
        return extraction

    def put_metric_data(
        self,
        namespace: str,
        data: Iterable[Mapping[str, Any]],
        now_ms: int,
        available_at_ms: int | None = None,
    ) -> None:
        """PutMetricData: entries with Value, Values and Counts, or StatisticValues.

        Raises InvalidDatumError for what PutMetricData refuses; then nothing is stored.
        """
        self.metrics.add_all(samples_of(namespace, data, now_ms, available_at_ms))

    def put_samples(self, samples: Iterable[Sample | StatisticSet]) -> None:
        self.metrics.add_all(samples)

    def put_metric_alarm(
        self,
        definition: Mapping[str, Any] | MetricAlarm,
        now_ms: int,
        *,
        first_evaluation_ms: int | None = None,
    ) -> list[Event]:
        """PutMetricAlarm: creates the alarm or replaces its whole configuration.

        An identical call does nothing. `first_evaluation_ms` is AWS's choice: with None it is random. Raises
        InvalidAlarmError.
        """
        alarm = definition if isinstance(definition, MetricAlarm) else metric_alarm(definition)
        changes = self._alarms.put(alarm, now_ms)
        if changes and first_evaluation_ms is not None:
            self._cadence.start(alarm.name, first_evaluation_ms)
            self._evaluations.set(alarm.name, first_evaluation_ms)
        elif changes and alarm.contributor_query is not None:
            first_ms = self._cadence.first_ms(alarm.name, alarm.cadence_seconds, now_ms)
            self._evaluations.set(alarm.name, first_ms)
        elif changes:
            self._schedule(alarm, now_ms)
        return changes

    def put_composite_alarm(self, definition: Mapping[str, Any] | CompositeAlarm, now_ms: int) -> list[Event]:
        """PutCompositeAlarm: the same for a composite alarm, whose children must exist."""
        alarm = definition if isinstance(definition, CompositeAlarm) else composite_alarm(definition)
        return self._alarms.put(alarm, now_ms)

    def delete_alarms(self, names: Iterable[str], now_ms: int) -> list[Event]:
        """DeleteAlarms: unknown names are passed over; there is no state change.

        Raises InvalidAlarmError for an alarm that a composite alarm depends on; then nothing is deleted.
        """
        names = list(names)
        changes = self._alarms.delete(names, now_ms)
        for name in names:
            self._evaluations.set(name, None)
        return changes

    def set_alarm_state(
        self, name: str, value: str, reason: str, reason_data: str | None, now_ms: int
    ) -> list[Event]:
        """SetAlarmState: holds until the next evaluation. The same state with another reason changes nothing.

        Raises NoSuchAlarmError.
        """
        state = State(value)
        if self._alarms[name].state.value is state:
            return []
        return self._alarms.change(name, AlarmState(state, reason, reason_data, now_ms))

    def enable_alarm_actions(self, names: Iterable[str], now_ms: int) -> list[Event]:
        """EnableAlarmActions: a configuration change and nothing else."""
        return self._set_actions(names, now_ms, enabled=True)

    def disable_alarm_actions(self, names: Iterable[str], now_ms: int) -> list[Event]:
        """DisableAlarmActions: state-change events still flow to EventBridge."""
        return self._set_actions(names, now_ms, enabled=False)

    def describe_alarms(self, names: Iterable[str] | None = None) -> dict[str, list[dict[str, Any]]]:
        """DescribeAlarms: `MetricAlarms` and `CompositeAlarms` by name, all or those in `names`."""
        known = sorted(entry.alarm.name for entry in self._alarms.entries())
        wanted = known if names is None else [name for name in names if name in self._alarms]
        found: dict[str, list[dict[str, Any]]] = {"MetricAlarms": [], "CompositeAlarms": []}
        for name in wanted:
            kind = "MetricAlarms" if isinstance(self._alarms[name].alarm, MetricAlarm) else "CompositeAlarms"
            found[kind].append(self._alarms.describe(name))
        return found

    def describe_alarm_contributors(self, name: str) -> list[dict[str, Any]]:
        """DescribeAlarmContributors: those in ALARM. Raises NoSuchAlarmError, NoContributorsError."""
        return self._alarms.describe_contributors(name)

    def describe_alarm_history(
        self, name: str | None = None, kind: str | None = None, contributor_id: str | None = None
    ) -> list[dict[str, Any]]:
        """DescribeAlarmHistory, newest first: of one alarm, of one kind of item, of one contributor."""
        return self._alarms.history.describe(name, kind, contributor_id)

    def get_metric_data(
        self, queries: Sequence[Mapping[str, Any]], span_ms: tuple[int, int], now_ms: int
    ) -> list[dict[str, Any]]:
        """GetMetricData from `span_ms` (from, to): results with times in epoch milliseconds, oldest first.

        Raises InvalidQueryError.
        """
        return metric_data(self.metrics, queries, span_ms, now_ms)

    def state(self, name: str) -> AlarmState:
        """The state of one alarm. Raises NoSuchAlarmError."""
        return self._alarms[name].state

    def next_evaluation_at_ms(self) -> int | None:
        """When `advance` next has something to do; None without metric alarms."""
        pending = [at for at in (self._evaluations.next_ms(), self._releases.next_ms()) if at is not None]
        return min(pending, default=None)

    def advance(self, now_ms: int) -> list[Event]:
        """Evaluates every alarm whose instant has come, in order of time; returns their events."""
        sent: list[Event] = []
        while (at_ms := self.next_evaluation_at_ms()) is not None and at_ms <= now_ms:
            if self._releases.next_ms() == at_ms:
                sent += self._alarms.release(self._releases.pop(), at_ms)
            else:
                sent += self._evaluate(self._alarms[self._evaluations.pop()], at_ms)
        self._prune(now_ms)
        return sent

    def _evaluate(self, entry: Entry, at_ms: int) -> list[Event]:
        alarm = entry.alarm
        if not isinstance(alarm, MetricAlarm):
            return []
        self._schedule(alarm, at_ms)
        if alarm.contributor_query is not None:
            before = (entry.state, entry.contributors)
            found = contributors.evaluate(alarm, self.metrics, at_ms, before, self._window)
            return self._alarms.apply(alarm.name, found)
        datapoints = read_datapoints(alarm, self.metrics, at_ms, self._window)
        decision = decide(alarm, datapoints)
        if decision.state is None or decision.state is entry.state.value:
            return []
        reason = explain(alarm, datapoints, decision, decision.state, at_ms)
        return self._alarms.change(alarm.name, AlarmState(decision.state, reason.text, reason.data, at_ms))

    def _schedule(self, alarm: MetricAlarm, after_ms: int) -> None:
        at_ms = self._cadence.next_ms(alarm.name, alarm.cadence_seconds, after_ms)
        self._evaluations.set(alarm.name, at_ms)

    def _set_actions(self, names: Iterable[str], now_ms: int, *, enabled: bool) -> list[Event]:
        changed: list[Event] = []
        for name in names:
            alarm = self._alarms[name].alarm
            if alarm.definition.get("ActionsEnabled", True) is not enabled:
                made = metric_alarm if isinstance(alarm, MetricAlarm) else composite_alarm
                changed += self._alarms.put(made({**alarm.definition, "ActionsEnabled": enabled}), now_ms)
        return changed

    def _prune(self, now_ms: int) -> None:
        if self._prune_at_ms is not None and now_ms < self._prune_at_ms:
            return
        self._prune_at_ms = now_ms + PRUNE_EVERY_MS
        alarms = [entry.alarm for entry in self._alarms.entries()]
        oldest_ms = [
            evaluation_window(alarm, now_ms, self._window).start_ms
            for alarm in alarms
            if isinstance(alarm, MetricAlarm)
        ]
        self.metrics.prune(min(oldest_ms, default=now_ms) - self._retention_ms)
