"""Contributor alarms: one alarm on a query of several series, each of which has a state of its own.

The series are the contributors, the alarm is their parent. Rules and texts follow captures on AWS (see
tests/vectors/contributors); AWS's page is "Create a CloudWatch alarm based on a Metrics Insights query".
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from recloser.lab.cloudwatch.alarms import MetricAlarm, Missing, State
from recloser.lab.cloudwatch.evaluate import AWS_WINDOW, Datapoints, WindowRules, decide, evaluation_window
from recloser.lab.cloudwatch.insights import Row, answer
from recloser.lab.cloudwatch.metrics import MetricStore
from recloser.lab.cloudwatch.reasons import TREATED_AS, contributor_reason
from recloser.lab.cloudwatch.series import Span
from recloser.lab.cloudwatch.states import AlarmState
from recloser.lab.cloudwatch.times import iso_milliseconds

# So many contributors may stand in ALARM (user guide, quotas of contributor alarms).
MAXIMUM_IN_ALARM = 100
GONE = "No data was returned for this contributor"

Attributes = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Contributor:
    """One series, known by the dimensions of GROUP BY alone, whatever alarm it is part of."""

    attributes: Attributes

    @property
    def id(self) -> str:
        """16 characters that the attributes alone give; AWS's way of making them is not known."""
        return hashlib.sha256(json.dumps(sorted(self.attributes)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one evaluation found: the contributors that moved, in the order of the answer, and the parent.

    `in_alarm` are all that stand in ALARM now, with the state that they took when they were raised.
    `parent` is the parent's state if anything of it changed, also only its reason.
    """

    changes: list[tuple[Contributor, AlarmState]]
    in_alarm: dict[Contributor, AlarmState]
    parent: AlarmState | None


def evaluate(
    alarm: MetricAlarm,
    store: MetricStore,
    query_ms: int,
    before: tuple[AlarmState, Mapping[Contributor, AlarmState]],
    rules: WindowRules = AWS_WINDOW,
) -> Evaluation:
    """What the alarm's query at `query_ms` makes of its contributors.

    `before` are the parent's state and the contributors in ALARM.
    """
    parent, were = before
    rows = _rows(alarm, store, query_ms, rules)
    decided = {one: _decided(alarm, seen, were.get(one)) for one, seen in rows.items()}
    raised = [one for one, (state, _) in decided.items() if state is State.ALARM]
    admitted = _admitted(raised, were)
    changes = [
        (one, AlarmState(state, text, None, query_ms))
        for one, (state, text) in decided.items()
        if (state is State.ALARM) is not (one in were) and (state is State.OK or one in admitted)
    ]
    changes += [(one, AlarmState(State.OK, GONE, None, query_ms)) for one in were if one not in rows]
    moved = dict(changes)
    in_alarm = {one: moved[one] if one in moved else were[one] for one in raised if one in admitted}
    if parent.value is (new := _parent(alarm, parent.value, rows, raised, moved)).state and not changes:
        return Evaluation(changes, in_alarm, None)
    data = json.dumps({"version": "1.0", "queryDate": iso_milliseconds(query_ms)}, separators=(",", ":"))
    return Evaluation(changes, in_alarm, AlarmState(new.state, new.reason, data, query_ms))


def _rows(
    alarm: MetricAlarm, store: MetricStore, query_ms: int, rules: WindowRules
) -> dict[Contributor, Datapoints]:
    """The series of the answer. Two of the same attributes are one contributor: the last (captured)."""
    window = evaluation_window(alarm, query_ms, rules)
    span = Span(window.start_ms, alarm.period_seconds, window.buckets)
    select = alarm.contributor_query
    found: Sequence[Row] = [] if select is None else answer(select, store, span, query_ms)
    return {Contributor(row.attributes): Datapoints(window, row.values) for row in found}


def _decided(alarm: MetricAlarm, seen: Datapoints, was: AlarmState | None) -> tuple[State, str]:
    """A contributor knows no INSUFFICIENT_DATA: where a single alarm would take it, it stays as it was."""
    decision = decide(alarm, seen)
    if decision.state is None or decision.state is State.INSUFFICIENT_DATA:
        return (State.OK if was is None else State.ALARM), ""
    return decision.state, contributor_reason(alarm, seen, decision, decision.state)


def _admitted(raised: Sequence[Contributor], were: Mapping[Contributor, AlarmState]) -> set[Contributor]:
    """Who may stand in ALARM: those that do already, then the first in the order of the query."""
    staying = [one for one in raised if one in were]
    coming = [one for one in raised if one not in were]
    return {*staying, *coming[: max(0, MAXIMUM_IN_ALARM - len(staying))]}


class _Parent(NamedTuple):
    state: State
    reason: str


def _parent(
    alarm: MetricAlarm,
    before: State,
    rows: Mapping[Contributor, Datapoints],
    raised: Sequence[Contributor],
    moved: Mapping[Contributor, AlarmState],
) -> _Parent:
    """What the contributors make of the parent. It is kept, reason and all, while none of them moves."""
    if not rows:
        mode = alarm.treat_missing_data
        treated = TREATED_AS.get(mode, mode.value.capitalize())
        state = {
            Missing.BREACHING: State.ALARM,
            Missing.NOT_BREACHING: State.OK,
            Missing.MISSING: State.INSUFFICIENT_DATA,
            Missing.IGNORE: before,
        }[mode]
        return _Parent(
            state,
            f"No time series were returned by the query. Treat missing data is configured as [{treated}].",
        )
    # Those that left the answer are counted in the evaluation that says so (captured).
    evaluated = len(rows) + sum(one not in rows for one in moved)
    if not raised:
        return _Parent(State.OK, f"{evaluated} time series evaluated to OK")
    if len(raised) > MAXIMUM_IN_ALARM:
        return _Parent(State.ALARM, f"{MAXIMUM_IN_ALARM}+ time series evaluated to ALARM")
    return _Parent(State.ALARM, f"{len(raised)} out of {evaluated} time series evaluated to ALARM")
