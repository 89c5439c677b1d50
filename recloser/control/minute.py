"""The work of each minute: moves circuits whose time has come, finds lost events, re-arms deaf alarms.

CloudWatch sends an event only when an alarm changes. An alarm or contributor that is in ALARM over a closed
circuit cannot trip it again, and a lost event is not sent again. So this module checks them each minute.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile

from recloser.circuit import Circuit, State, is_name
from recloser.control.alarm_circuit import OTHER
from recloser.control.alarms import (
    MOST_CONTRIBUTORS,
    AlarmData,
    OwnData,
    RaisedAlarm,
    RaisedGroup,
    RearmDenied,
)
from recloser.control.control import Applied, Control
from recloser.control.evidence import CallCounts, is_since_close
from recloser.control.group_evidence import group_question, look_back_ms
from recloser.control.metric_data import Points
from recloser.errors import StoreError
from recloser.signals import AlarmRaised

logger = logging.getLogger(__name__)

# An alarm this young may have an event on its way that trips the circuit: it is not deaf yet.
DEAF_AFTER_MS = 30_000
MINUTE_MS = 60_000
SWEEP_EVERY_MINUTES = 5
# Runs come a minute apart, give or take some seconds, and so does their clock: in a span of one minute there
# may be none, and in the same minute of the next five none again.
SWEEP_SPAN_MS = 90_000
# The circuits that are due leave a part of the time to the metric State, and both to the alarms.
DUE_SHARE = 2 / 3
STATES_SHARE = 5 / 6
# One request reads so many circuits. All at once, reading could take all the time there is, in each minute.
READ_AT_ONCE = 100

_system_random = random.SystemRandom()


@dataclass(slots=True)
class Report:
    """What a minute did.

    Args:
        moved: circuits that time moved.
        tripped: circuits that the check of the alarms tripped.
        rearmed: names of the alarms that were set to OK.
        left: how many circuits and alarms there was no time for; the next minute begins with any of them.
        problems: what went wrong, with the circuit or alarm in its notes; the others were done all the same.

    """

    moved: list[Applied] = field(default_factory=list)
    tripped: list[Applied] = field(default_factory=list)
    rearmed: list[str] = field(default_factory=list)
    left: int = 0
    problems: list[Exception] = field(default_factory=list)

    def raise_problems(self) -> None:
        """Raise what went wrong, if anything did.

        Raises:
            ExceptionGroup: of the problems.

        """
        if self.problems:
            raise ExceptionGroup(
                f"{len(self.problems)} circuits or alarms failed; the others were done", self.problems
            )


class Minute:
    """Looks after all circuits and alarms, once.

    Args:
        control: moves the circuits.
        publish_state: takes the metric State of a circuit that is not closed; None: nobody does.
        workers: how many circuits are moved at a time.

    """

    def __init__(
        self, control: Control, publish_state: Callable[[Circuit], None] | None = None, workers: int = 1
    ) -> None:
        self._control = control
        self._publish_state = publish_state
        self._workers = workers

    def run(self, ends_at_ms: int | None = None) -> Report:
        """Do everything, until `ends_at_ms` by the control's clock; None: for as long as it takes."""
        now_ms = self._control.now_ms()

        def after(share: float) -> int | None:
            return None if ends_at_ms is None else now_ms + round(share * (ends_at_ms - now_ms))

        report = Report()
        seen = self.tick_due(report, after(DUE_SHARE))
        self.look_at_open(report, seen, after(STATES_SHARE))
        self.look_at_alarms(report, ends_at_ms)
        return report

    # --- Time ------------------------------------------------------------------------------------

    def tick_due(self, report: Report, ends_at_ms: int | None = None) -> set[str]:
        """Let time pass for every circuit that it must do something with; return their names."""
        names: set[str] = set()
        with _kept(report, "the circuits that are due"):
            names.update(filter(is_name, self._control.tables.due(self._control.now_ms())))
        self._tick(report, names, ends_at_ms)
        return names

    def _tick(self, report: Report, names: Iterable[str], ends_at_ms: int | None) -> None:
        def tick(name: str) -> None:
            if self._is_over(ends_at_ms):
                report.left += 1
                return
            with _kept(report, f"circuit {name}"):
                applied = self._control.tick(name)
                if applied.decision.circuit is not None:
                    report.moved.append(applied)

        # In no order: where there is no time for all, no circuit is always the last.
        order = sorted(names)
        _system_random.shuffle(order)
        half_open: list[str] = []
        for start in range(0, len(order), READ_AT_ONCE):
            first, later = self._parted(order[start : start + READ_AT_ONCE], ends_at_ms)
            half_open += later
            self._each(tick, first)
        self._each(tick, half_open)

    def _parted(self, names: list[str], ends_at_ms: int | None) -> tuple[list[str], list[str]]:
        """Tell circuits that will move from half-open ones, which are due every minute and mostly wait."""
        if self._is_over(ends_at_ms):
            return names, []
        try:
            circuits = self._control.tables.read_many(names)
        except StoreError as error:
            logger.warning("circuits that are due are moved in any order: %s", error)
            return names, []
        later = [name for name in names if circuits[name].state is State.HALF_OPEN]
        return [name for name in names if circuits[name].state is not State.HALF_OPEN], later

    def look_at_open(self, report: Report, seen: set[str], ends_at_ms: int | None = None) -> None:
        """Publish the state of every circuit that is not closed, so that graphs show it over any time.

        Every five minutes time passes for all of them, whatever their place in the index: an item that was
        written manually or by a wrong clock has none, or one an hour away.
        """
        is_sweep = self._control.now_ms() % (SWEEP_EVERY_MINUTES * MINUTE_MS) < SWEEP_SPAN_MS
        if self._publish_state is None and not is_sweep:
            return
        missed: list[str] = []
        with _kept(report, "the circuits that are not closed"):
            for circuit in self._not_closed(ends_at_ms):
                if is_name(circuit.name):
                    if self._publish_state is not None:
                        self._publish_state(circuit)
                    if is_sweep and circuit.name not in seen:
                        missed.append(circuit.name)
        self._tick(report, missed, ends_at_ms)

    def _not_closed(self, ends_at_ms: int | None) -> Iterator[Circuit]:
        """Read what is not closed, for as long as there is time: it is a scan of the whole table."""
        return takewhile(lambda _: not self._is_over(ends_at_ms), self._control.tables.not_closed())

    def _each(self, work: Callable[[str], None], names: Sequence[str]) -> None:
        if self._workers == 1 or len(names) < self._workers:
            for name in names:
                work(name)
            return
        with ThreadPoolExecutor(self._workers) as pool:
            list(pool.map(work, names))

    def _is_over(self, ends_at_ms: int | None) -> bool:
        return ends_at_ms is not None and self._control.now_ms() >= ends_at_ms

    # --- Alarms ----------------------------------------------------------------------------------

    def look_at_alarms(self, report: Report, ends_at_ms: int | None = None) -> None:
        """Look after every alarm that stands in ALARM over a closed circuit.

        One circuit's part of an alarm that watches every circuit cannot be set to OK, nor can an alarm made
        by hand that we may not touch: their data since the close are evaluated. Other metric alarms are
        set to OK; where they are still true they raise again at their next evaluation. A composite alarm
        would not: if it was raised after the last close, its event was lost, and it trips now.
        """
        alarms = self._control.alarms
        if alarms is None:
            return
        found: list[RaisedAlarm | RaisedGroup] = []
        with _kept(report, "the alarms in ALARM"):
            found.extend(alarms.raised())
        look = _Look(self._control, report)
        _system_random.shuffle(found)
        # Groups first: they cost a few requests, whereas alarms are set one by one, at CloudWatch's pace.
        for alarm in sorted(found, key=lambda each: isinstance(each, RaisedAlarm)):
            if self._is_over(ends_at_ms):
                report.left += 1
                continue
            with _kept(report, f"alarm {alarm.name}"):
                look.at(alarm)


class _Look:
    """The look at the alarms of one minute."""

    def __init__(self, control: Control, report: Report) -> None:
        self._control = control
        self._report = report

    def at(self, alarm: RaisedAlarm | RaisedGroup) -> None:
        if isinstance(alarm, RaisedGroup):
            if self._control.alarm_data is not None:
                self._at_group(alarm, self._control.alarm_data)
        elif self._control.now_ms() - alarm.since_ms >= DEAF_AFTER_MS:
            circuit = self._control.tables.read(alarm.circuit, consistent=True)
            if circuit.state is State.CLOSED:
                self._at_deaf(alarm, circuit)

    def _at_deaf(self, alarm: RaisedAlarm, circuit: Circuit) -> None:
        if alarm.is_composite:
            if alarm.since_ms > (circuit.closed_at_ms or 0):
                self._apply(circuit.name, AlarmRaised(alarm.name, alarm.reason, alarm.since_ms))
            return
        try:
            if self._control.rearm(alarm.name, circuit):
                self._report.rearmed.append(alarm.name)
            else:
                self._report.left += 1
        except RearmDenied:
            self._judge_by_own_data(alarm, circuit)

    def _judge_by_own_data(self, alarm: RaisedAlarm, circuit: Circuit) -> None:
        alarm_data = self._control.alarm_data
        if alarm.own_data is None or alarm_data is None:
            logger.warning(
                "alarm %s may not be set, and has no threshold to compare its data with", alarm.name
            )
            return
        series = alarm_data.points(alarm.own_data, self._control.now_ms())
        signal = _breach(alarm.name, alarm.reason, alarm.own_data, circuit, next(iter(series.values()), []))
        if signal is not None:
            self._apply(circuit.name, signal)

    # --- Alarms that watch every circuit ---------------------------------------------------------

    def _at_group(self, group: RaisedGroup, alarm_data: AlarmData) -> None:
        contributors = alarm_data.contributors(group)
        series: dict[str, Points] = {}
        if len(contributors) >= MOST_CONTRIBUTORS or not group.watches.is_rate:
            # Without its answer those that are listed can still be counted.
            with _kept(self._report, "the circuits beyond the hundredth"):
                series = alarm_data.points(group.own_data, self._control.now_ms())
        if len(contributors) >= MOST_CONTRIBUTORS:
            # Further circuits are in no list, and have no event: the alarm's own query finds them.
            further = set(_breaching(group, series)) - contributors.keys()
            contributors |= dict.fromkeys(further, "not among the alarm's contributors")
        closed = list(self._closed(contributors))
        counts = self._control.counts
        if not closed:
            return
        if group.watches.is_rate and counts is not None:
            self._judge_by_counts(group, closed, alarm_data, counts)
        elif not group.watches.is_rate:
            for circuit in closed:
                reason, points = contributors[circuit.name], series.get(circuit.name, [])
                signal = _breach(group.name, reason, group.own_data, circuit, points)
                if signal is not None:
                    self._apply(circuit.name, signal)

    def _closed(self, names: Iterable[str]) -> Iterator[Circuit]:
        for name in names:
            with _kept(self._report, f"circuit {name}"):
                circuit = self._control.tables.read(name, consistent=True)
                if circuit.state is State.CLOSED:
                    yield circuit

    def _judge_by_counts(
        self, group: RaisedGroup, closed: Sequence[Circuit], alarm_data: AlarmData, counts: CallCounts
    ) -> None:
        own_limits = alarm_data.own_limits(group.watches.metric)
        questions = [group_question(circuit, group, own_limits, None) for circuit in closed]
        now_ms = self._control.now_ms()
        begins_ms = look_back_ms(group, questions[0], now_ms)
        for circuit, evidence in zip(closed, counts.evidence(questions, begins_ms, now_ms), strict=True):
            reason = f"it stands in alarm {group.name}"
            signal = AlarmRaised(group.name, reason, evidence.ends_ms, evidence.begins_ms, evidence)
            self._apply(circuit.name, signal)

    def _apply(self, name: str, signal: AlarmRaised) -> None:
        with _kept(self._report, f"circuit {name}"):
            applied = self._control.apply(name, signal)
            if applied.decision.circuit is not None:
                self._report.tripped.append(applied)


def _breaching(group: RaisedGroup, series: dict[str, Points]) -> Iterator[str]:
    for name, points in series.items():
        if is_name(name) and name != OTHER and group.own_data.rule.newest_breach_ms(points) is not None:
            yield name


def _breach(
    alarm: str, reason: str, own_data: OwnData, circuit: Circuit, points: Points
) -> AlarmRaised | None:
    """Say what an alarm's own datapoints since the close are to the circuit; None: no ALARM."""
    rule = own_data.rule
    fresh = [(at, value) for at, value in points if is_since_close(circuit, at, at + rule.period_ms)]
    begins_ms = rule.newest_breach_ms(fresh)
    return None if begins_ms is None else AlarmRaised(alarm, reason, begins_ms + rule.period_ms, begins_ms)


@contextmanager
def _kept(report: Report, what: str) -> Iterator[None]:
    """Keep what goes wrong for the report: one circuit's trouble must not hold up the others."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  (whatever it is, the others go on)
        error.add_note(what)
        report.problems.append(error)
