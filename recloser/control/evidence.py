"""Counts a circuit's calls since its last close, and how many of them were bad, by its metrics.

An alarm that watches every circuit cannot ask for a minimum of calls, and its contributors stay in ALARM for
minutes after their circuit fell silent. So nobody trips on its word alone: the calls are counted here first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from recloser.circuit import Circuit
from recloser.control.metric_data import Points, get_metric_data
from recloser.control.stack import Stack
from recloser.metrics.emf import DIMENSION
from recloser.signals import Evidence, Limits

# Fine buckets say what happened since a close; CloudWatch keeps them where the metric has high resolution.
FINE_MS, COARSE_MS = 10_000, 60_000


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be counted of a circuit.

    Args:
        circuit: as it was read.
        metric: Failure or Slow, whose Sum is the bad calls and whose SampleCount is all.
        window_ms: how much of the newest data counts.
        from_ms: when the alarm's window begins; None: the newest `window_ms` that have data count.
        limits: the alarm's.
        own_limits: those of the circuit's own alarm; None: it has none.

    """

    circuit: Circuit
    metric: str
    window_ms: int
    from_ms: int | None
    limits: Limits
    own_limits: Limits | None = None


class CallCounts(Protocol):
    """Counts the calls of circuits."""

    def evidence(self, questions: Sequence[Question], begins_ms: int, now_ms: int) -> list[Evidence]:
        """Answer each question, in order, from the metrics since `begins_ms`.

        Raises:
            MetricsUnavailable: the metrics could not be read.

        """


@dataclass(frozen=True, slots=True)
class _Bucket:
    begins_ms: int
    ends_ms: int
    calls: int
    bad: int


class CloudWatchCallCounts:
    """Counts by GetMetricData: one request for up to 125 circuits.

    Args:
        client: a botocore or boto3 CloudWatch client.
        stack: whose metrics are meant.

    """

    def __init__(self, client: Any, stack: Stack) -> None:
        self._client = client
        self._stack = stack

    def evidence(self, questions: Sequence[Question], begins_ms: int, now_ms: int) -> list[Evidence]:
        queries = [
            query for number, question in enumerate(questions) for query in self._queries(number, question)
        ]
        answers = get_metric_data(self._client, queries, begins_ms, now_ms)
        series = {query: points for (query, _), points in answers.items()}
        return [
            _counted(question, now_ms, _buckets(number, series)) for number, question in enumerate(questions)
        ]

    def _queries(self, number: int, question: Question) -> Iterable[dict[str, Any]]:
        metric = {
            "Namespace": self._stack.namespace,
            "MetricName": question.metric,
            "Dimensions": [{"Name": DIMENSION, "Value": question.circuit.name}],
        }
        for period_ms in (FINE_MS, COARSE_MS):
            for stat in ("Sum", "SampleCount"):
                yield {
                    "Id": _query_id(number, stat, period_ms),
                    "MetricStat": {"Metric": metric, "Period": period_ms // 1000, "Stat": stat},
                }


def _query_id(number: int, stat: str, period_ms: int) -> str:
    return f"{stat.lower()}_{period_ms}_{number}"


def _buckets(number: int, series: Mapping[str, Points]) -> list[_Bucket]:
    """The buckets with calls, oldest first: fine ones while there are any."""
    for period_ms in (FINE_MS, COARSE_MS):
        calls = dict(series.get(_query_id(number, "SampleCount", period_ms), ()))
        bad = dict(series.get(_query_id(number, "Sum", period_ms), ()))
        if calls:
            return [
                _Bucket(at, at + period_ms, round(count), round(bad.get(at, 0)))
                for at, count in sorted(calls.items())
            ]
    return []


def _counted(question: Question, now_ms: int, buckets: Sequence[_Bucket]) -> Evidence:
    circuit = question.circuit
    fresh = [each for each in buckets if is_since_close(circuit, each.begins_ms, each.ends_ms)]
    newest_ms = max((each.ends_ms for each in fresh), default=now_ms)
    earliest_ms = newest_ms - question.window_ms
    if question.from_ms is not None:
        earliest_ms = min(earliest_ms, question.from_ms)
    counted = [each for each in fresh if each.begins_ms >= earliest_ms]
    return Evidence(
        calls=sum(each.calls for each in counted),
        failures=sum(each.bad for each in counted),
        begins_ms=min((each.begins_ms for each in counted), default=newest_ms),
        ends_ms=max((each.ends_ms for each in counted if each.bad), default=newest_ms),
        limits=question.limits,
        own_limits=question.own_limits,
    )


def is_since_close(circuit: Circuit, begins_ms: int, ends_ms: int) -> bool:
    """Tell whether a period holds only calls made since the circuit's last close.

    One that spans the close does: while the circuit was open only probes were made, which are counted apart.
    One that began before the trip, too, holds the failures that led to it.
    """
    closed_at_ms, opened_at_ms = circuit.closed_at_ms, circuit.opened_at_ms
    if closed_at_ms is None:
        return True
    spans_outage = opened_at_ms is not None and begins_ms < opened_at_ms <= closed_at_ms
    return ends_ms > closed_at_ms and not spans_outage
