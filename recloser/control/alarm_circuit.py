"""Finds the circuit of an alarm: by its metrics, by its query, or by its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from recloser.circuit import validate_name
from recloser.control.ignored import Ignored
from recloser.control.insights_query import InsightsQuery, is_insights_query, read_insights_query
from recloser.control.stack import Stack
from recloser.errors import EventError
from recloser.metrics.emf import DIMENSION, DURATION, TRIP_METRICS

# The value that CloudWatch gives to metrics without the dimension of a GROUP BY.
OTHER = "Other"


@dataclass(frozen=True, slots=True)
class MetricKey:
    """A metric that an alarm watches. `account` None: it is of the alarm's own account."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    account: str | None = None


@dataclass(frozen=True, slots=True)
class EveryCircuit:
    """What an alarm with a contributor per circuit watches: a statistic of one metric, by circuit."""

    function: str
    metric: str

    @property
    def is_rate(self) -> bool:
        """Whether the average of the metric is a share of the calls; a duration's is none."""
        return self.function == "AVG" and self.metric != DURATION


def circuit_of_alarm(
    alarm: str, metrics: Iterable[MetricKey], expressions: Iterable[object], stack: Stack
) -> str | EveryCircuit | Ignored:
    """Name the circuit that a metric alarm trips.

    Args:
        alarm: its name.
        metrics: what it watches.
        expressions: its metric math or query.
        stack: whose circuits are meant.

    Raises:
        EventError: it cannot be told, or the circuit's name is not allowed.

    """
    texts = list(expressions)
    for expression in texts:
        if is_insights_query(expression):
            watched = _circuit_of_query(alarm, read_insights_query(str(expression)), stack)
            if isinstance(watched, EveryCircuit) and len(texts) > 1:
                # Math makes one series of them: such an alarm has no contributors.
                raise EventError(f"alarm {alarm}: metric math joins the circuits of its query to one series")
            return watched
    ours = [
        metric
        for metric in metrics
        if metric.namespace == stack.namespace and not stack.is_foreign_account(metric.account)
    ]
    if not ours:
        return Ignored(
            f"alarm {alarm}: none of its metrics is in namespace {stack.namespace} of this account"
        )
    tripping = [metric for metric in ours if metric.name in TRIP_METRICS]
    if not tripping:
        return _no_trip(alarm, sorted({metric.name for metric in ours}))
    circuits = {metric.dimensions.get(DIMENSION) for metric in tripping}
    if len(circuits) != 1 or None in circuits:
        raise EventError(
            f"alarm {alarm}: its metrics name {len(circuits - {None})} circuits in dimension {DIMENSION}; "
            "every one must name the same"
        )
    return allowed_circuit(alarm, circuits.pop())


def circuit_in_name(alarm: str, stack: Stack) -> str | Ignored:
    """Name the circuit that a composite alarm trips: it carries no metrics, so its name says it.

    Raises:
        EventError: the name is the stack's, and has another form than `<stack>:<circuit>:<anything>`.

    """
    if not alarm.startswith(stack.alarm_prefix):
        return Ignored(
            f"alarm {alarm} is composite, and not this stack's: such a one is named "
            f"{stack.alarm_prefix}<circuit>:<anything>"
        )
    circuit, separator, anything = alarm.removeprefix(stack.alarm_prefix).partition(":")
    if not separator or not anything:
        raise EventError(
            f"alarm {alarm}: a composite alarm must be named {stack.alarm_prefix}<circuit>:<anything>"
        )
    return allowed_circuit(alarm, circuit)


def allowed_circuit(alarm: str, circuit: object) -> str:
    """Return a circuit's name that an alarm brought.

    Raises:
        EventError: it is not allowed.

    """
    try:
        return validate_name(circuit)
    except ValueError as error:
        raise EventError(f"alarm {alarm}: {error}") from error


def _circuit_of_query(alarm: str, query: InsightsQuery, stack: Stack) -> str | EveryCircuit | Ignored:
    if query.namespace != stack.namespace:
        return Ignored(f"alarm {alarm} is on namespace {query.namespace}; this stack's is {stack.namespace}")
    if query.metric not in TRIP_METRICS:
        return _no_trip(alarm, [query.metric])
    if not query.group_by:
        return _circuit_in_where(alarm, query)
    if query.schema != (DIMENSION,) or query.group_by != (DIMENSION,):
        # Metrics without the dimension would come as a circuit called Other, and further ones be mixed in.
        raise EventError(
            f'alarm {alarm}: its query must read FROM SCHEMA("{stack.namespace}", {DIMENSION}) and '
            f"GROUP BY {DIMENSION}, and nothing else"
        )
    return EveryCircuit(query.function, query.metric)


def _circuit_in_where(alarm: str, query: InsightsQuery) -> str:
    match query.where:
        case (dimension, "=", circuit) if dimension == DIMENSION:
            return allowed_circuit(alarm, circuit)
    raise EventError(
        f"alarm {alarm}: its query names no circuit: it needs GROUP BY {DIMENSION}, "
        f"or WHERE {DIMENSION} = 'name'"
    )


def _no_trip(alarm: str, metrics: Iterable[str]) -> Ignored:
    trip = " and ".join(sorted(TRIP_METRICS))
    return Ignored(f"alarm {alarm} is on {', '.join(metrics)}; only {trip} trip")


def described_metrics(alarm: Mapping[str, Any]) -> Iterable[MetricKey]:
    """Read both shapes that DescribeAlarms has: one metric, or a list of metrics and expressions."""
    described = [
        (entry["MetricStat"]["Metric"], entry.get("AccountId"))
        for entry in alarm.get("Metrics", [])
        if "MetricStat" in entry
    ]
    if "MetricName" in alarm:
        described.append((alarm, None))
    for metric, account in described:
        dimensions = {entry["Name"]: entry["Value"] for entry in metric.get("Dimensions", [])}
        yield MetricKey(metric.get("Namespace", ""), metric["MetricName"], dimensions, account)


def described_expressions(alarm: Mapping[str, Any]) -> Iterable[object]:
    """Return the expressions of an alarm as DescribeAlarms has them."""
    return [entry["Expression"] for entry in alarm.get("Metrics", []) if "Expression" in entry]
