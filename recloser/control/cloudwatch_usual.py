"""Asks CloudWatch for a circuit's failure-rate alarm and its usual number of calls, for the early trip.

Read while failures are reported, which may be several times a second for each circuit: answers are kept.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from recloser.circuit import Circuit
from recloser.control.alarms import CloudWatchAlarms
from recloser.control.early_trip import FailureRateAlarm
from recloser.control.metric_data import MetricsUnavailable, get_metric_data
from recloser.control.stack import Stack
from recloser.control.usual_calls import PERIOD_MS, closed_calls_per_second, periods
from recloser.metrics.emf import DIMENSION, FAILURE
from recloser.policy import PolicyError, RecoveryPolicy
from recloser.signals import Limits

logger = logging.getLogger(__name__)

ANY_CIRCUIT = "any-circuit"  # how the template names the alarm that watches every circuit
ALARM_KEPT_MS = 60_000
CALLS_KEPT_MS = 30_000
UNANSWERED_KEPT_MS = 10_000  # CloudWatch did not answer: ask again, but not at once
MOST_KEPT = 1000

T = TypeVar("T")


class CloudWatchUsual:
    """Asks CloudWatch. It fits `early_trip.Usual`.

    Args:
        client: a botocore or boto3 CloudWatch client.
        alarms: reads alarms.
        stack: whose metrics and alarms are meant.

    """

    def __init__(self, client: Any, alarms: CloudWatchAlarms, stack: Stack) -> None:
        self._client = client
        self._alarms = alarms
        self._stack = stack
        self._kept_alarms: _Kept[FailureRateAlarm] = _Kept(ALARM_KEPT_MS)
        self._kept_calls: _Kept[float] = _Kept(CALLS_KEPT_MS)

    def alarm(self, circuit: Circuit, now_ms: int) -> FailureRateAlarm | None:
        """Return the circuit's own failure-rate alarm, else the one for any circuit, as it stands now.

        An own alarm whose expression is not understood is nobody's: the one for any circuit does not stand in
        for an operator's.
        """
        return self._kept_alarms.answer(circuit, now_ms, lambda: self._read_alarm(circuit))

    def calls_per_second(self, circuit: Circuit, now_ms: int) -> float | None:
        """Return how many calls it makes while closed; None: too little closed time was measured."""
        return self._kept_calls.answer(circuit, now_ms, lambda: self._read_calls(circuit, now_ms))

    def _read_alarm(self, circuit: Circuit) -> FailureRateAlarm | None:
        own = self._alarms.own_alarms(FAILURE, circuit.name)
        understood = [(name, limits) for name, limits in own.items() if limits is not None]
        if understood:
            # The slower alarm asks for fewer calls: it is the one that also works with few calls.
            name, limits = min(understood, key=lambda each: each[1].minimum_calls)
            return FailureRateAlarm(name, limits)
        if own:
            logger.info("circuit %s: no early trip: %s is not understood", circuit.name, ", ".join(own))
            return None
        group = self._alarms.group(self._stack.alarm_prefix + ANY_CIRCUIT)
        return FailureRateAlarm(group.name, _with_policy(circuit, group.limits))

    def _read_calls(self, circuit: Circuit, now_ms: int) -> float | None:
        metric = {
            "Namespace": self._stack.namespace,
            "MetricName": FAILURE,
            "Dimensions": [{"Name": DIMENSION, "Value": circuit.name}],
        }
        stat = {"Metric": metric, "Period": PERIOD_MS // 1000, "Stat": "SampleCount"}
        span = periods(now_ms)
        answers = get_metric_data(self._client, [{"Id": "calls", "MetricStat": stat}], span.start, span.stop)
        calls = {at_ms: count for points in answers.values() for at_ms, count in points}
        return closed_calls_per_second(circuit, calls, now_ms)


def _with_policy(circuit: Circuit, limits: Limits) -> Limits:
    """Let the circuit's own settings go before those of the alarm for any circuit."""
    try:
        policy = RecoveryPolicy().with_overrides(circuit.policy)
    except PolicyError:
        return limits
    threshold, minimum = policy.failure_threshold_percent, policy.minimum_calls
    return Limits(
        limits.threshold_percent if threshold is None else threshold,
        limits.minimum_calls if minimum is None else minimum,
    )


class _Kept(Generic[T]):
    """Answers of CloudWatch about circuits, kept for some time. None is an answer, too."""

    def __init__(self, kept_ms: int) -> None:
        self._kept_ms = kept_ms
        self._known: dict[str, tuple[int, int, int, T | None]] = {}

    def answer(self, circuit: Circuit, now_ms: int, ask: Callable[[], T | None]) -> T | None:
        known = self._known.get(circuit.name)
        if known is not None:
            generation, since_ms, until_ms, answer = known
            if generation == circuit.generation and since_ms <= now_ms < until_ms:
                return answer
        kept_ms = self._kept_ms
        try:
            answer = ask()
        except MetricsUnavailable as error:
            logger.warning("circuit %s: no early trip: %s", circuit.name, error)
            answer, kept_ms = None, UNANSWERED_KEPT_MS
        if len(self._known) >= MOST_KEPT:
            self._known.clear()
        self._known[circuit.name] = (circuit.generation, now_ms, now_ms + kept_ms, answer)
        return answer
