"""Metric alarms as frozen data; `definitions.py` makes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from recloser.lab.cloudwatch.expressions import Formula
from recloser.lab.cloudwatch.insights import Select
from recloser.lab.cloudwatch.metrics import Metric
from recloser.lab.cloudwatch.statistics import Statistic

SECONDS_PER_MINUTE = 60
SECONDS_PER_HOUR = 3600
SECONDS_PER_DAY = 86_400


class InvalidAlarmError(ValueError):
    """A definition that CloudWatch would refuse, or that this twin cannot evaluate."""

    def __init__(self, name: object, problem: str) -> None:
        super().__init__(f"alarm {name!r}: {problem}")
        self.alarm_name = name
        self.problem = problem


class State(StrEnum):
    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Missing(StrEnum):
    """TreatMissingData."""

    MISSING = "missing"
    IGNORE = "ignore"
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


class Comparison(StrEnum):
    """ComparisonOperator against a fixed threshold."""

    AT_LEAST = "GreaterThanOrEqualToThreshold"
    ABOVE = "GreaterThanThreshold"
    BELOW = "LessThanThreshold"
    AT_MOST = "LessThanOrEqualToThreshold"


@dataclass(frozen=True, slots=True)
class MetricStat:
    """A statistic of a metric; `unit` None accepts any."""

    metric: Metric
    statistic: Statistic
    unit: str | None


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """One entry of `Metrics`: a statistic of a metric, or an expression; `select` if that is a query."""

    id: str
    returns_data: bool
    stat: MetricStat | None = None
    expression: str | None = None
    label: str | None = None
    select: Select | None = None


@dataclass(frozen=True, slots=True)
class MetricAlarm:
    """An alarm on one metric (`is_scalar`: defined with MetricName) or on `Metrics`, mostly metric math."""

    name: str
    queries: tuple[MetricQuery, ...]
    is_scalar: bool
    period_seconds: int
    evaluation_periods: int
    datapoints_to_alarm: int
    threshold: float
    comparison: Comparison
    treat_missing_data: Missing
    ignores_low_samples: bool
    definition: Mapping[str, Any] = field(compare=False)
    formula: Formula | None = field(compare=False, repr=False, default=None)

    @property
    def cadence_seconds(self) -> int:
        """How often CloudWatch evaluates it: every 10 s at high resolution, else every minute.

        A window longer than a day is evaluated hourly (CloudWatch user guide, "Evaluating an alarm").
        """
        if self.period_seconds < SECONDS_PER_MINUTE:
            return 10
        if self.period_seconds * self.evaluation_periods > SECONDS_PER_DAY:
            return SECONDS_PER_HOUR
        return SECONDS_PER_MINUTE

    @property
    def contributor_query(self) -> Select | None:
        """The query of several series that a contributor alarm watches; None for every other alarm."""
        selects = (query.select for query in self.queries if query.returns_data)
        return next((select for select in selects if select is not None and select.group_by), None)

    @property
    def names_datapoints_to_alarm(self) -> bool:
        """Whether DatapointsToAlarm was given. AWS speaks another text where it was not."""
        return "DatapointsToAlarm" in self.definition

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return tuple(query.stat.metric for query in self.queries if query.stat is not None)

    @property
    def returned_stat(self) -> MetricStat:
        """The statistic that an alarm without an expression watches."""
        return next(query.stat for query in self.queries if query.returns_data and query.stat is not None)


# What DescribeAlarms adds, and what has no influence on the state.
_IGNORED_SETTINGS = {
    "AlarmArn",
    "AlarmConfigurationUpdatedTimestamp",
    "StateValue",
    "StateReason",
    "StateReasonData",
    "StateUpdatedTimestamp",
    "StateTransitionedTimestamp",
    "EvaluationState",
    "Tags",
}

# DescribeAlarms may show these though they were not given.
_EMPTY: Mapping[str, Sequence[Any]] = {"Dimensions": ([],), "Metrics": ([],)}


def configuration(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a definition, without what DescribeAlarms adds or shows empty."""
    return {
        key: value
        for key, value in definition.items()
        if key not in _IGNORED_SETTINGS and value is not None and value not in _EMPTY.get(key, ())
    }
