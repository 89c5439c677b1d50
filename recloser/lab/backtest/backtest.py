"""What alarms would have done over given metrics."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recloser.lab.backtest.alarm_files import Alarm, AlarmSet, LeftOut
from recloser.lab.backtest.input_files import time_ms
from recloser.lab.cloudwatch import CloudWatch, CompositeAlarm, MetricAlarm, Sample, State, StatisticSet
from recloser.lab.cloudwatch.evaluate import AWS_WINDOW
from recloser.lab.cloudwatch.events import CONTRIBUTOR_STATE_CHANGE, STATE_CHANGE, Event
from recloser.lab.cloudwatch.insights import NEW_SERIES_MS
from recloser.lab.cloudwatch.reasons import INITIAL_REASON
from recloser.lab.cloudwatch.times import iso_utc

MS_PER_SECOND = 1000
MS_PER_DAY = 24 * 3600 * MS_PER_SECOND
LONGEST_DAYS = 455  # "Metrics retention": CloudWatch keeps no metric longer
Published = Sample | StatisticSet


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of an alarm's state; `reason_data` is parsed."""

    at_ms: int
    before: State
    after: State
    reason: str
    reason_data: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class ContributorRun:
    """What one series of a contributor alarm did; each begins OK. `changes` are when, to what, and why."""

    id: str
    attributes: Mapping[str, str]
    changes: tuple[tuple[int, State, str], ...]

    @property
    def name(self) -> str:
        return ", ".join(self.attributes.values())

    @property
    def trips(self) -> int:
        return sum(state is State.ALARM for _, state, _ in self.changes)


@dataclass(frozen=True, slots=True)
class AlarmRun:
    """What one alarm did between two instants; `contributors` are those that ever moved."""

    alarm: Alarm
    started_ms: int
    ended_ms: int
    initial: State
    transitions: tuple[Transition, ...]
    contributors: tuple[ContributorRun, ...] = ()

    @property
    def trips(self) -> int:
        """How often it went to ALARM."""
        return sum(transition.after is State.ALARM for transition in self.transitions)

    @property
    def alarm_seconds(self) -> float:
        """How long it stood in ALARM."""
        return sum(
            (end - start) / MS_PER_SECOND for start, end, state in self.stretches() if state is State.ALARM
        )

    @property
    def final(self) -> State:
        return self.transitions[-1].after if self.transitions else self.initial

    def stretches(self) -> list[tuple[int, int, State]]:
        """(from, to, state), from the start to the end."""
        starts = [(self.started_ms, self.initial)]
        starts += [(transition.at_ms, transition.after) for transition in self.transitions]
        ends = [at_ms for at_ms, _ in starts[1:]] + [self.ended_ms]
        return [(start, end, state) for (start, state), end in zip(starts, ends, strict=True) if end > start]


@dataclass(frozen=True, slots=True)
class Settings:
    """When to run: from and to in epoch milliseconds (None: as long as there is data), and how to begin.

    `phase_seconds` is the evaluation instant within the cadence; None derives it from each alarm's name.
    """

    from_ms: int | None = None
    to_ms: int | None = None
    phase_seconds: float | None = None
    initial: State = State.INSUFFICIENT_DATA


def backtest(alarms: AlarmSet, samples: Iterable[Published], settings: Settings) -> list[AlarmRun]:
    """Runs the alarms over the samples, all in one region, as if they had been created at `from`.

    Raises ValueError for a phase that no alarm has, and for an end that is not after the start.
    """
    published = list(samples)
    _check_phase(alarms, settings.phase_seconds)
    start_ms, end_ms = span(alarms, published, settings)
    region = CloudWatch(
        phases_ms={} if settings.phase_seconds is None else _phases(alarms, settings.phase_seconds)
    )
    region.put_samples(published)
    events = _create(region, alarms, settings.initial, start_ms)
    events += region.advance(end_ms)
    return [_run(alarm, events, settings.initial, start_ms, end_ms) for alarm in alarms.alarms]


def _check_phase(alarms: AlarmSet, phase_seconds: float | None) -> None:
    longest = max((alarm.cadence_seconds for alarm in alarms.metric_alarms), default=0)
    if phase_seconds is not None and longest and phase_seconds >= longest:
        raise ValueError(
            f"--phase ({phase_seconds:g}) must be below {longest} s: that often the alarms are evaluated"
        )


def _phases(alarms: AlarmSet, phase_seconds: float) -> dict[str, int]:
    return {alarm.name: round(phase_seconds * MS_PER_SECOND) for alarm in alarms.metric_alarms}


def span(alarms: AlarmSet, published: Sequence[Published], settings: Settings) -> tuple[int, int]:
    """From and to: those of the settings, or from the first sample until the last one has been evaluated.

    Raises ValueError if the end is not after the start, or further away than CloudWatch keeps metrics: then
    one of the times is a mistake, and the years between would cost minutes.
    """
    if not published and (settings.from_ms is None or settings.to_ms is None):
        raise ValueError("without data --from and --to must be given")
    start_ms = settings.from_ms
    if start_ms is None:
        start_ms = min(sample.timestamp_ms for sample in published)
    end_ms = settings.to_ms
    if end_ms is None:
        last_ms = max(max(sample.timestamp_ms, sample.available_at_ms or 0) for sample in published)
        end_ms = last_ms + max((_reach_ms(alarm) for alarm in alarms.metric_alarms), default=0)
    if end_ms <= start_ms:
        raise ValueError(
            f"--to ({end_ms / MS_PER_SECOND:.3f}) must be after --from ({start_ms / MS_PER_SECOND:.3f})"
        )
    if end_ms - start_ms > LONGEST_DAYS * MS_PER_DAY:
        raise ValueError(
            f"from {iso_utc(start_ms)} to {iso_utc(end_ms)} is longer than {LONGEST_DAYS} days, for which "
            "CloudWatch keeps metrics: is a timestamp wrong? Else give --from and --to"
        )
    return start_ms, end_ms


def _reach_ms(alarm: MetricAlarm) -> int:
    """How long after a sample an alarm has certainly evaluated the whole period that it is in."""
    reach_ms = (alarm.period_seconds + alarm.cadence_seconds) * MS_PER_SECOND + AWS_WINDOW.lag_ms(alarm)
    return reach_ms if alarm.contributor_query is None else reach_ms + NEW_SERIES_MS


def _create(region: CloudWatch, alarms: AlarmSet, initial: State, start_ms: int) -> list[Event]:
    for alarm in alarms.metric_alarms:
        region.put_metric_alarm(alarm, start_ms)
        # What the alarm was before is given, and no change that this run has found.
        region.set_alarm_state(alarm.name, initial, INITIAL_REASON, None, start_ms)
    events: list[Event] = []
    for composite in alarms.composite_alarms:
        events += region.put_composite_alarm(composite, start_ms)
    return events


def _run(alarm: Alarm, events: Iterable[Event], initial: State, start_ms: int, end_ms: int) -> AlarmRun:
    transitions = tuple(
        _transition(event["detail"])
        for event in events
        if event["detail-type"] == STATE_CHANGE
        and event["detail"]["alarmName"] == alarm.name
        # Phases of suppression are events too, but the state is the same.
        and event["detail"]["state"]["value"] != event["detail"]["previousState"]["value"]
    )
    first = transitions[0].before if transitions and isinstance(alarm, CompositeAlarm) else initial
    return AlarmRun(alarm, start_ms, end_ms, first, transitions, _contributors(alarm, events))


def _contributors(alarm: Alarm, events: Iterable[Event]) -> tuple[ContributorRun, ...]:
    found: dict[str, ContributorRun] = {}
    for event in events:
        detail = event["detail"]
        if event["detail-type"] != CONTRIBUTOR_STATE_CHANGE or detail["alarmName"] != alarm.name:
            continue
        contributor, state = detail["alarmContributor"], detail["state"]
        change = (time_ms(state["timestamp"]), State(state["value"]), str(state["reason"]))
        known = found.get(contributor["id"])
        changes = (change,) if known is None else (*known.changes, change)
        found[contributor["id"]] = ContributorRun(contributor["id"], contributor["attributes"], changes)
    return tuple(sorted(found.values(), key=lambda one: one.changes[0][0]))


def _transition(detail: Mapping[str, Any]) -> Transition:
    state = detail["state"]
    data = state.get("reasonData")
    return Transition(
        time_ms(state["timestamp"]),
        State(detail["previousState"]["value"]),
        State(state["value"]),
        state["reason"],
        None if data is None else json.loads(data),
    )


def document(
    runs: Iterable[AlarmRun], warnings: Sequence[str] = (), left_out: Sequence[LeftOut] = ()
) -> dict[str, Any]:
    """The runs as `--json` prints them; times are ISO 8601 UTC with milliseconds."""
    return {
        "warnings": list(warnings),
        "leftOut": [{"alarmName": one.alarm_name, "problem": one.problem} for one in left_out],
        "alarms": [
            {
                "alarmName": run.alarm.name,
                "transitions": [
                    {
                        "at": iso_utc(transition.at_ms),
                        "from": transition.before.value,
                        "to": transition.after.value,
                        "reason": transition.reason,
                        "reasonData": transition.reason_data,
                    }
                    for transition in run.transitions
                ],
                **_contributors_document(run),
            }
            for run in runs
        ],
    }


def _contributors_document(run: AlarmRun) -> dict[str, Any]:
    """The contributors of an alarm that has such; a single alarm's part of the document is without."""
    if not isinstance(run.alarm, MetricAlarm) or run.alarm.contributor_query is None:
        return {}
    shown = [
        {
            "id": contributor.id,
            "attributes": dict(contributor.attributes),
            "transitions": [
                {"at": iso_utc(at_ms), "to": state.value, "reason": reason}
                for at_ms, state, reason in contributor.changes
            ],
        }
        for contributor in run.contributors
    ]
    return {"contributors": shown}
