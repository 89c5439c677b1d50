"""CloudWatch's alarms: lists those in ALARM, reads their settings and data, and sets one to OK."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from recloser.control.alarm_circuit import (
    EveryCircuit,
    circuit_in_name,
    circuit_of_alarm,
    described_expressions,
    described_metrics,
)
from recloser.control.alarm_rules import Rule, read_group_limits, read_limits, read_rule
from recloser.control.contributor_events import circuit_of_attributes
from recloser.control.ignored import Ignored
from recloser.control.insights_query import is_insights_query
from recloser.control.metric_data import MetricsUnavailable, Points, get_metric_data
from recloser.control.stack import Stack
from recloser.errors import EventError, RecloserError
from recloser.metrics.emf import DURATION, SLOW
from recloser.signals import Limits
from recloser.store.turns import LocalTurns, Turns

logger = logging.getLogger(__name__)

SET_ALARM_STATE_PER_SECOND = 3  # "CloudWatch service quotas": SetAlarmState, per Region, not adjustable
SET_ALARM_STATE_INTERVAL_MS = -(-1000 // SET_ALARM_STATE_PER_SECOND)
# Somebody may tag the alarm, or correct a policy, meanwhile; a function lives for hours.
DENIED_KEPT_MS = 10 * 60_000
# "Alarm limits": no more contributors of an alarm are in ALARM at a time; a further circuit gets no event.
MOST_CONTRIBUTORS = 100
# An alarm with a period of a minute looks back over so many periods more than it evaluates (captured on AWS).
LOOK_BACK_PERIODS = 5

# Of an alarm that asks for no minimum itself, unless the stack says otherwise.
MINIMUM_CALLS = 3

_ALARMS_PER_PAGE = 100  # "DescribeAlarms": the most
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}


class RearmDenied(RecloserError):  # noqa: N818  (a fact about the alarm)
    """This alarm is not set by us: it is neither the stack's nor tagged for it, or it is on a query."""


@dataclass(frozen=True, slots=True)
class OwnData:
    """How to read an alarm's own datapoints, and what they mean to it."""

    queries: tuple[Mapping[str, Any], ...]
    rule: Rule


@dataclass(frozen=True, slots=True)
class RaisedAlarm:
    """An alarm that stands in ALARM, and the circuit it guards.

    `own_data` None: it has none that can be read again.
    """

    name: str
    circuit: str
    since_ms: int
    reason: str = "no reason given"
    is_composite: bool = False
    own_data: OwnData | None = None


@dataclass(frozen=True, slots=True)
class RaisedGroup:
    """An alarm with a contributor for every circuit, some of which stand in ALARM."""

    name: str
    watches: EveryCircuit
    own_data: OwnData
    limits: Limits


class Alarms(Protocol):
    """What the control side asks of CloudWatch."""

    def raised(self) -> Iterator[RaisedAlarm | RaisedGroup]:
        """Yield the trip alarms that stand in ALARM."""

    def rearm(self, alarm: str, reason: str) -> bool:
        """Set a metric alarm to OK, so that it can raise again. If it is true, the next evaluation does.

        An alarm that is evaluated only when a child changes is left alone: a composite alarm would be deaf
        ("SetAlarmState", CloudWatch API reference).

        Returns:
            Whether it was set; False also when others have taken every turn for the next seconds.

        Raises:
            RearmDenied: we may not; or it is an alarm on a query: no contributor can be set, and what
                SetAlarmState does to a query of one series AWS does not say.

        """


class AlarmData(Protocol):
    """What alarms say as they stand in CloudWatch now, and what they look at."""

    def group(self, alarm: str) -> RaisedGroup:
        """Describe an alarm with contributors.

        Raises:
            MetricsUnavailable: CloudWatch did not say.

        """

    def contributors(self, group: RaisedGroup) -> dict[str, str]:
        """Return the circuits that stand in ALARM, with the reason from when they rose."""

    def own_limits(self, metric: str, circuit: str | None = None) -> dict[str, Limits]:
        """Return the limits of the circuits that have an alarm of their own on this metric.

        Args:
            metric: Failure or Slow.
            circuit: the only one of interest; None: all.

        Raises:
            MetricsUnavailable: CloudWatch did not say.

        """

    def points(self, own_data: OwnData, now_ms: int) -> dict[str, Points]:
        """Return the datapoints that an alarm looks at now, by label: for a group that is the circuit.

        Raises:
            MetricsUnavailable: CloudWatch did not answer.

        """


class CloudWatchAlarms:
    """The alarms of this account and Region.

    Args:
        client: a botocore or boto3 CloudWatch client.
        stack: whose circuits are meant; None: those of a stack with the default names.
        turns: for SetAlarmState, whose limit is the account's; None: those of this process.
        minimum_calls: for an alarm on a circuit's failures that asks for no minimum of calls.
        now_ms: the clock, epoch milliseconds.
        sleep: how to wait for a turn, in seconds.
        patience_ms: how long to wait for a turn.

    """

    def __init__(
        self,
        client: Any,
        stack: Stack | None = None,
        turns: Turns | None = None,
        *,
        minimum_calls: int = MINIMUM_CALLS,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        sleep: Callable[[float], None] = time.sleep,
        patience_ms: int = 2_000,
    ) -> None:
        self._client = client
        self._stack = stack or Stack()
        self._turns = turns or LocalTurns(SET_ALARM_STATE_INTERVAL_MS)
        self._minimum_calls = minimum_calls
        self._now_ms = now_ms
        self._sleep = sleep
        self._patience_ms = patience_ms
        self._told: set[str] = set()
        self._denied_at_ms: dict[str, int] = {}

    def raised(self) -> Iterator[RaisedAlarm | RaisedGroup]:
        for alarm in self._described(StateValue="ALARM", AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
            try:
                found = self._understood(alarm)
            except (KeyError, TypeError, ValueError) as error:
                # It is of a kind that CloudWatch did not have before.
                self._tell(f"alarm {alarm.get('AlarmName')}: its description is not understood: {error!r}")
                continue
            if found is not None:
                yield found

    def rearm(self, alarm: str, reason: str) -> bool:
        denied_at_ms = self._denied_at_ms.get(alarm)
        if denied_at_ms is not None and 0 <= self._now_ms() - denied_at_ms < DENIED_KEPT_MS:
            raise RearmDenied(f"alarm {alarm} may not be set")
        if not self._is_settable(alarm):
            return False
        wait_ms = self._turns.take(self._now_ms(), self._patience_ms)
        if wait_ms is None:
            logger.info("alarm %s is not set now: others have taken the next seconds' turns", alarm)
            return False
        if wait_ms:
            self._sleep(wait_ms / 1000)
        self._set(alarm, reason)
        return True

    def _set(self, alarm: str, reason: str) -> None:
        from botocore.exceptions import ClientError  # noqa: PLC0415  (slow to import)

        try:
            self._client.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason=reason)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _DENIED:
                raise
            self._denied_at_ms[alarm] = self._now_ms()
            raise RearmDenied(f"alarm {alarm} may not be set: {error}") from error

    def _is_settable(self, alarm: str) -> bool:
        for described in self._described(AlarmNames=[alarm], AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
            if "AlarmRule" in described:
                logger.info("alarm %s is composite: it is not set, and raises when a child changes", alarm)
                return False
            if any(is_insights_query(expression) for expression in described_expressions(described)):
                raise RearmDenied(f"alarm {alarm} is on a query and is not set")
            return True
        logger.warning("alarm %s could not be re-armed: there is no such alarm any more", alarm)
        return False

    def group(self, alarm: str) -> RaisedGroup:
        for described in self._asked(AlarmNames=[alarm], AlarmTypes=["MetricAlarm"]):
            found = self._understood(described)
            if isinstance(found, RaisedGroup):
                return found
        raise MetricsUnavailable(f"alarm {alarm} is gone, or does not watch every circuit any more")

    def contributors(self, group: RaisedGroup) -> dict[str, str]:
        found: dict[str, str] = {}
        request = {"AlarmName": group.name}
        while True:
            answer = self._client.describe_alarm_contributors(**request)
            for contributor in answer["AlarmContributors"]:
                circuit = self._circuit_of(group.name, contributor["ContributorAttributes"])
                if circuit is not None:
                    found[circuit] = contributor.get("StateReason", "no reason given")
            if not answer.get("NextToken"):
                return found
            request["NextToken"] = answer["NextToken"]

    def own_limits(self, metric: str, circuit: str | None = None) -> dict[str, Limits]:
        found: dict[str, Limits] = {}
        for _, guarded, limits in self._own_alarms(metric, circuit):
            if limits is not None:
                # The slower alarm asks for fewer calls: it is the one that also works with few calls.
                known = found.get(guarded)
                if known is None or limits.minimum_calls < known.minimum_calls:
                    found[guarded] = limits
        return found

    def own_alarms(self, metric: str, circuit: str) -> dict[str, Limits | None]:
        """Return a circuit's own alarms on a metric, by name, and their limits.

        None: its expression is another than those that are understood.

        Raises:
            MetricsUnavailable: CloudWatch did not say.

        """
        own = self._own_alarms(metric, circuit)
        return {name: limits for name, guarded, limits in own if guarded == circuit}

    def _own_alarms(self, metric: str, circuit: str | None) -> Iterator[tuple[str, str, Limits | None]]:
        prefix = self._stack.alarm_prefix + ("" if circuit is None else f"{circuit}:")
        for alarm in self._asked(AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm"]):
            guarded = self._circuit(alarm)
            # An alarm on a share of durations (PR) is one on slow calls.
            wanted = {SLOW, DURATION} if metric == SLOW else {metric}
            watches = any(key.name in wanted for key in described_metrics(alarm))
            if isinstance(guarded, str) and watches:
                yield alarm["AlarmName"], guarded, read_limits(alarm, metric, self._minimum_calls)

    def points(self, own_data: OwnData, now_ms: int) -> dict[str, Points]:
        rule = own_data.rule
        begins_ms = now_ms // rule.period_ms * rule.period_ms - (
            (rule.periods + LOOK_BACK_PERIODS) * rule.period_ms
        )
        answers = get_metric_data(self._client, own_data.queries, begins_ms, now_ms)
        return {label: points for (_, label), points in answers.items()}

    # --- What DescribeAlarms says ----------------------------------------------------------------

    def _asked(self, **request: Any) -> Iterator[Mapping[str, Any]]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  (slow to import)

        try:
            yield from self._described(**request)
        except (BotoCoreError, ClientError) as error:
            raise MetricsUnavailable(f"CloudWatch DescribeAlarms: {error}") from error

    def _described(self, **request: Any) -> Iterator[Mapping[str, Any]]:
        while True:
            answer = self._client.describe_alarms(**request, MaxRecords=_ALARMS_PER_PAGE)
            yield from answer.get("MetricAlarms", ())
            yield from answer.get("CompositeAlarms", ())
            if not answer.get("NextToken"):
                return
            request["NextToken"] = answer["NextToken"]

    def _understood(self, alarm: Mapping[str, Any]) -> RaisedAlarm | RaisedGroup | None:
        circuit = self._circuit(alarm)
        own_data = _own_data(alarm)
        if isinstance(circuit, EveryCircuit):
            if own_data is None:
                self._tell(
                    f"alarm {alarm['AlarmName']}: its rule has no threshold; its data cannot be evaluated"
                )
                return None
            self._tell_of_partial_data(alarm)
            limits = read_group_limits(own_data.rule, self._minimum_calls)
            return RaisedGroup(alarm["AlarmName"], circuit, own_data, limits)
        return None if circuit is None else _raised(alarm, circuit, own_data)

    def _circuit(self, alarm: Mapping[str, Any]) -> str | EveryCircuit | None:
        name = alarm["AlarmName"]
        circuit: str | EveryCircuit | Ignored
        try:
            if "AlarmRule" in alarm:
                circuit = circuit_in_name(name, self._stack)
            else:
                circuit = circuit_of_alarm(
                    name, described_metrics(alarm), described_expressions(alarm), self._stack
                )
        except EventError as error:
            self._tell(str(error))
            return None
        return (
            None if isinstance(circuit, Ignored) else circuit
        )  # somebody else's: the account is full of them

    def _circuit_of(self, alarm: str, attributes: Mapping[str, Any]) -> str | None:
        try:
            circuit = circuit_of_attributes(alarm, attributes)
        except EventError as error:
            self._tell(str(error))
            return None
        return None if isinstance(circuit, Ignored) else circuit

    def _tell_of_partial_data(self, alarm: Mapping[str, Any]) -> None:
        if alarm.get("EvaluationState") == "PARTIAL_DATA":
            self._tell(
                f"alarm {alarm['AlarmName']} sees only a part of the circuits (PARTIAL_DATA): its query "
                "matches more than 500 of them, or more than 10,000 metrics"
            )

    def _tell(self, problem: str) -> None:
        """Log each problem once: the alarms are looked at every minute."""
        if problem not in self._told:
            self._told.add(problem)
            logger.warning("%s", problem)


def _raised(alarm: Mapping[str, Any], circuit: str, own_data: OwnData | None) -> RaisedAlarm:
    return RaisedAlarm(
        name=alarm["AlarmName"],
        circuit=circuit,
        since_ms=round(alarm["StateUpdatedTimestamp"].timestamp() * 1000),
        reason=alarm.get("StateReason", "no reason given"),
        is_composite="AlarmRule" in alarm,
        own_data=own_data,
    )


def _own_data(alarm: Mapping[str, Any]) -> OwnData | None:
    rule = None if "AlarmRule" in alarm else read_rule(alarm)
    return None if rule is None else OwnData(tuple(_queries(alarm)), rule)


def _queries(alarm: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    if "MetricName" in alarm:
        metric = {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions") if name in alarm}
        stat = alarm.get("Statistic") or alarm["ExtendedStatistic"]
        # Without a unit, as the alarm has it: a wrong one would find nothing.
        unit = {"Unit": alarm["Unit"]} if "Unit" in alarm else {}
        yield {"Id": "m", "MetricStat": {"Metric": metric, "Period": alarm["Period"], "Stat": stat} | unit}
        return
    for entry in alarm.get("Metrics", []):
        # The label would hide which circuit a series of a query belongs to.
        yield {name: value for name, value in entry.items() if name != "Label"}
