"""Makes a signal of an alarm over every circuit, with the calls that were counted as evidence."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from recloser.circuit import Circuit, State
from recloser.control.alarms import LOOK_BACK_PERIODS, AlarmData, RaisedGroup
from recloser.control.contributor_events import ContributorRaised
from recloser.control.evidence import COARSE_MS, CallCounts, Question
from recloser.control.metric_data import MetricsUnavailable
from recloser.metrics.emf import FAILURE
from recloser.signals import AlarmRaised, Limits

logger = logging.getLogger(__name__)


def group_signal(
    raised: ContributorRaised,
    circuit: Circuit,
    alarms: AlarmData | None,
    counts: CallCounts | None,
    now_ms: int,
) -> AlarmRaised:
    """Make the signal for one circuit of an alarm that watches every circuit.

    Where CloudWatch does not say how many calls there were, the alarm's word holds: it has seen a period
    whose share of failures exceeds its threshold, and an outage must trip also when CloudWatch does not
    answer. A trip too many costs a few seconds. What `minute.py` finds in ALARM may be
    old: there nothing trips without a count.
    """
    begins_ms = raised.newest_data_begins_ms
    ends_ms = begins_ms + raised.period_ms
    word = AlarmRaised(raised.alarm, raised.reason, ends_ms, begins_ms)
    if circuit.state is not State.CLOSED or alarms is None or counts is None or not raised.watches.is_rate:
        return word
    try:
        group = alarms.group(raised.alarm)
        own_limits = alarms.own_limits(raised.watches.metric, circuit.name)
        question = group_question(circuit, group, own_limits, begins_ms)
        [evidence] = counts.evidence([question], look_back_ms(group, question, now_ms), now_ms)
    except MetricsUnavailable as error:
        logger.warning("circuit %s: %s; the alarm's word holds", circuit.name, error)
        return word
    return AlarmRaised(raised.alarm, raised.reason, ends_ms, begins_ms, evidence)


def group_question(
    circuit: Circuit, group: RaisedGroup, own_limits: Mapping[str, Limits], newest_data_begins_ms: int | None
) -> Question:
    """Ask for the calls in the alarm's window.

    Args:
        circuit: as it was read.
        group: the alarm as it stands in CloudWatch.
        own_limits: of the circuits that have an alarm of their own on this metric.
        newest_data_begins_ms: when the newest breaching period began; None: the newest data count.

    """
    rule, metric = group.own_data.rule, group.watches.metric
    earlier_ms = (rule.periods - 1) * rule.period_ms
    return Question(
        circuit,
        metric,
        window_ms=rule.periods * rule.period_ms,
        from_ms=None if newest_data_begins_ms is None else newest_data_begins_ms - earlier_ms,
        limits=group.limits,
        # A policy's threshold is one of failures: it is not for slow calls.
        own_limits=own_limits.get(circuit.name, None if metric == FAILURE else group.limits),
    )


def look_back_ms(group: RaisedGroup, question: Question, now_ms: int) -> int:
    """Say from when on metrics are read: as far as the alarm looks back, or from its window's begin.

    On the minute, so that buckets are those of the clock.
    """
    rule = group.own_data.rule
    begins_ms = now_ms - (rule.periods + LOOK_BACK_PERIODS) * rule.period_ms
    if question.from_ms is not None:
        begins_ms = min(begins_ms, question.from_ms)
    return begins_ms // COARSE_MS * COARSE_MS
