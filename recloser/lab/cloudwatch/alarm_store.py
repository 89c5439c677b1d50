"""The alarms of a region: their configurations, their states, and what follows from a change of either."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from recloser.lab.cloudwatch import suppression
from recloser.lab.cloudwatch.alarms import InvalidAlarmError, MetricAlarm, State
from recloser.lab.cloudwatch.composite import CompositeAlarm, child_reason, put_reason
from recloser.lab.cloudwatch.contributors import Contributor, Evaluation
from recloser.lab.cloudwatch.events import Alarm, Configured, Event, EventMaker
from recloser.lab.cloudwatch.history import History
from recloser.lab.cloudwatch.reasons import INITIAL_REASON
from recloser.lab.cloudwatch.schedule import Schedule
from recloser.lab.cloudwatch.states import AlarmState, Place
from recloser.lab.cloudwatch.times import iso_milliseconds

MAXIMUM_PARENTS = 150


class NoSuchAlarmError(KeyError):
    """There is no alarm of that name."""

    def __str__(self) -> str:
        return f"there is no alarm {self.args[0]!r}"


class NoContributorsError(ValueError):
    """The alarm is not one of several time series."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Alarm {name} is not a multi time series alarm")


@dataclass(slots=True)
class Entry:
    """An alarm and its state. `transitioned_ms` is when the value of the state last changed.

    `contributors` are those in ALARM, with the state that they took then.
    """

    configured: Configured
    state: AlarmState
    transitioned_ms: int
    contributors: dict[Contributor, AlarmState] = field(default_factory=dict)

    @property
    def alarm(self) -> Alarm:
        return self.configured.alarm


class AlarmStore:
    """Every method that changes something returns the events that EventBridge would get, oldest first."""

    def __init__(self, place: Place, releases: Schedule) -> None:
        self._place = place
        self._events = EventMaker(place)
        self._entries: dict[str, Entry] = {}
        self._releases = releases
        self.history = History()

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __getitem__(self, name: str) -> Entry:
        try:
            return self._entries[name]
        except KeyError:
            raise NoSuchAlarmError(name) from None

    def entries(self) -> Iterable[Entry]:
        return self._entries.values()

    def put(self, alarm: Alarm, now_ms: int) -> list[Event]:
        """Creates an alarm, or replaces its whole configuration and keeps its state.

        An identical configuration changes nothing at all, not even a timestamp.
        """
        entry = self._entries.get(alarm.name)
        if entry is not None and dict(entry.alarm.definition) == dict(alarm.definition):
            return []
        self._check(alarm, entry)
        now = Configured(alarm, now_ms)
        if entry is None:
            initial = AlarmState(State.INSUFFICIENT_DATA, INITIAL_REASON, None, now_ms)
            entry = self._entries[alarm.name] = Entry(now, initial, now_ms)
            self.history.configured(alarm.name, "create", now_ms)
            changes = [self._events.created(now, initial)]
            return changes + self._apply_rule(entry, now_ms, created=True)
        before, entry.configured = entry.configured, now
        if isinstance(alarm, MetricAlarm) and alarm.contributor_query is None:
            # They end without OK and without an event (captured).
            entry.contributors.clear()
        self.history.configured(alarm.name, "update", now_ms)
        changes = [self._events.updated(now, entry.state, before)]
        return changes + self._apply_rule(entry, now_ms, created=False)

    def _check(self, alarm: Alarm, entry: Entry | None) -> None:
        if entry is not None and type(entry.alarm) is not type(alarm):
            raise InvalidAlarmError(alarm.name, "an alarm of another type has this name")
        if isinstance(alarm, MetricAlarm):
            return
        unknown = [name for name in alarm.depends_on if name not in self._entries]
        if unknown:
            raise InvalidAlarmError(alarm.name, f"refers to alarms that do not exist: {', '.join(unknown)}")
        for child in alarm.children:
            if len(self._parents(child)) >= MAXIMUM_PARENTS:
                raise InvalidAlarmError(child, f"at most {MAXIMUM_PARENTS} composite alarms may refer to it")

    def delete(self, names: Iterable[str], now_ms: int) -> list[Event]:
        """Deletes alarms; unknown names are passed over. There is no state change.

        Raises InvalidAlarmError, before anything is deleted, for one that a composite alarm depends on.
        """
        entries = [self._entries[name] for name in dict.fromkeys(names) if name in self._entries]
        for entry in entries:
            dependants = [parent.alarm.name for parent in self._dependants(entry.alarm.name)]
            if dependants:
                raise InvalidAlarmError(
                    entry.alarm.name,
                    f"cannot be deleted: the composite alarm {dependants[0]!r} depends on it",
                )
        for entry in entries:
            del self._entries[entry.alarm.name]
            self.history.configured(entry.alarm.name, "delete", now_ms)
            self._releases.set(entry.alarm.name, None)
        return [self._events.deleted(entry.configured, entry.state, now_ms) for entry in entries]

    def change(self, name: str, state: AlarmState) -> list[Event]:
        """Takes the alarm to another state; composite alarms follow."""
        return self._change(self[name], state, path=())

    def apply(self, name: str, evaluation: Evaluation) -> list[Event]:
        """Takes contributors and their parent to what an evaluation found.

        A parent that only has another reason gets that, and no event (captured).
        """
        entry = self[name]
        entry.contributors = dict(evaluation.in_alarm)
        sent: list[Event] = []
        for contributor, state in evaluation.changes:
            self.history.contributor_changed(name, contributor, state)
            sent.append(self._events.contributor_change(entry.alarm, contributor, state))
        if evaluation.parent is None:
            return sent
        if evaluation.parent.value is not entry.state.value:
            return sent + self.change(name, evaluation.parent)
        if evaluation.parent.reason != entry.state.reason:
            self.history.changed(name, entry.state, evaluation.parent)
            entry.state = evaluation.parent
        return sent

    def describe_contributors(self, name: str) -> list[dict[str, Any]]:
        """Those in ALARM, with the reason of their transition, as DescribeAlarmContributors shows them."""
        entry = self[name]
        if not isinstance(entry.alarm, MetricAlarm) or entry.alarm.contributor_query is None:
            raise NoContributorsError(name)
        return [
            {
                "ContributorId": contributor.id,
                "ContributorAttributes": dict(contributor.attributes),
                "StateReason": state.reason,
                "StateTransitionedTimestamp": iso_milliseconds(state.updated_ms),
            }
            for contributor, state in entry.contributors.items()
        ]

    def release(self, name: str, at_ms: int) -> list[Event]:
        """Ends a wait for a suppressor."""
        entry = self[name]
        return [self._replace(entry, suppression.released(entry.state, at_ms))]

    def describe(self, name: str) -> dict[str, Any]:
        """The alarm as DescribeAlarms shows it, with times as ISO 8601 text."""
        entry = self[name]
        described = {
            "ActionsEnabled": True,
            "OKActions": [],
            "AlarmActions": [],
            "InsufficientDataActions": [],
            **entry.alarm.definition,
            "AlarmArn": self._place.alarm_arn(name),
            "AlarmConfigurationUpdatedTimestamp": iso_milliseconds(entry.configured.at_ms),
            "StateValue": entry.state.value.value,
            "StateReason": entry.state.reason,
            "StateReasonData": entry.state.reason_data,
            "StateUpdatedTimestamp": iso_milliseconds(entry.state.updated_ms),
            "StateTransitionedTimestamp": iso_milliseconds(entry.transitioned_ms),
            "ActionsSuppressedBy": entry.state.suppressed_by,
            "ActionsSuppressedReason": entry.state.suppressed_reason,
        }
        return {key: value for key, value in described.items() if value is not None}

    def _change(self, entry: Entry, state: AlarmState, path: tuple[str, ...]) -> list[Event]:
        alarm = entry.alarm
        entry.transitioned_ms = state.updated_ms
        if isinstance(alarm, CompositeAlarm) and alarm.suppressor is not None:
            of = self[alarm.suppressor.alarm].state
            state = self._hold(entry, suppression.after_transition(self._place, alarm.suppressor, of, state))
        event = self._replace(entry, state)
        return [event, *self._follow(alarm.name, (*path, alarm.name))]

    def _replace(self, entry: Entry, state: AlarmState) -> Event:
        previous, entry.state = entry.state, state
        self.history.changed(entry.alarm.name, previous, state)
        return self._events.state_change(entry.alarm, previous, state)

    def _hold(self, entry: Entry, held: suppression.Held) -> AlarmState:
        self._releases.set(entry.alarm.name, held.until_ms)
        return held.state

    def _follow(self, name: str, path: tuple[str, ...]) -> list[Event]:
        """What the change of an alarm means for the composite alarms that depend on it.

        Composite alarms may form a circle; a path never comes back to an alarm that is on it already.
        """
        sent: list[Event] = []
        for parent in self._dependants(name):
            alarm = parent.alarm
            if not isinstance(alarm, CompositeAlarm) or alarm.name in path:
                continue
            if name in alarm.children and (state := self._rule_state(alarm)) is not parent.state.value:
                reason = child_reason(self._place, alarm, name, self._state_of)
                changed = AlarmState(state, reason.text, reason.data, self[name].state.updated_ms)
                sent += self._change(parent, changed, path)
            elif alarm.suppressor is not None and alarm.suppressor.alarm == name:
                held = suppression.after_suppressor(
                    self._place, alarm.suppressor, self[name].state, parent.state
                )
                if held is not None:
                    sent.append(self._replace(parent, self._hold(parent, held)))
        return sent

    def _apply_rule(self, entry: Entry, now_ms: int, *, created: bool) -> list[Event]:
        alarm = entry.alarm
        if not isinstance(alarm, CompositeAlarm):
            return []
        state = self._rule_state(alarm)
        reason = put_reason(self._place, alarm, state, self._state_of, created=created)
        if state is entry.state.value:
            # Captured: an update that leaves the state alone still changes its words, and nothing else.
            entry.state = replace(entry.state, reason=reason.text)
            return []
        return self._change(entry, AlarmState(state, reason.text, reason.data, now_ms), path=())

    def _rule_state(self, alarm: CompositeAlarm) -> State:
        holds = alarm.rule.holds(lambda name: self._state_of(name).value)
        return State.ALARM if holds else State.OK

    def _state_of(self, name: str) -> AlarmState:
        return self[name].state

    def _parents(self, name: str) -> list[Entry]:
        return [entry for entry in self._dependants(name) if name in getattr(entry.alarm, "children", ())]

    def _dependants(self, name: str) -> list[Entry]:
        return [
            entry
            for entry in self._entries.values()
            if isinstance(entry.alarm, CompositeAlarm) and name in entry.alarm.depends_on
        ]
