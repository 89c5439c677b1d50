"""From the shape of PutMetricAlarm and DescribeAlarms to a `MetricAlarm`."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from recloser.lab.cloudwatch.alarms import (
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    SECONDS_PER_MINUTE,
    Comparison,
    InvalidAlarmError,
    MetricAlarm,
    MetricQuery,
    MetricStat,
    Missing,
    configuration,
)
from recloser.lab.cloudwatch.expressions import Formula, SeveralSeriesError, compile_formula
from recloser.lab.cloudwatch.insights import Select, is_query, parse_query
from recloser.lab.cloudwatch.metrics import Metric
from recloser.lab.cloudwatch.statistics import BASIC_STATISTICS, Statistic, parse_statistic
from recloser.lab.cloudwatch.units import UNITS

HIGH_RESOLUTION_PERIODS = (10, 20, 30)
SECONDS_PER_WEEK = 604_800
MAXIMUM_NAME_LENGTH = 255
MAXIMUM_METRICS = 10
MAXIMUM_EXPRESSION_LENGTH = 2048
# The range of an alarm on a Metrics Insights query.
MAXIMUM_QUERY_RANGE_SECONDS = 3 * SECONDS_PER_HOUR

# AWS's own words for what PutMetricAlarm refuses (captured).
SEVERAL_SERIES = (
    "Metrics expression that return multi time series are only allowed for MetricsInsights expression with "
    "an ORDER BY clause"
)
TWO_QUERIES = "Invalid metrics list"
NO_PERIOD = "Period must not be null"
SHORT_PERIOD = "MetricsInsights monitors do not support less than 60 seconds period"
LONG_RANGE = "MetricsInsights monitors cannot be checked across more than 3 hours"
SEARCHES = "SEARCH is not supported on Metric Alarms."
INSUFFICIENT_DATA_ACTION = (
    "InsufficientData actions are not supported for contributor-level action types in Multi Time Series "
    "alarms"
)
SCALING_ACTION = "Autoscaling actions are not available for Multi Time Series alarms"
REFUSALS = frozenset(
    {
        SEVERAL_SERIES,
        TWO_QUERIES,
        NO_PERIOD,
        SHORT_PERIOD,
        LONG_RANGE,
        SEARCHES,
        INSUFFICIENT_DATA_ACTION,
        SCALING_ACTION,
    }
)
# Actions that are taken for each contributor; any other is its parent's (user guide, "Alarm actions").
_CONTRIBUTOR_ACTIONS = (":sns:", ":lambda:")
_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")

_ALARM_SETTINGS = {
    "AlarmName",
    "AlarmDescription",
    "ActionsEnabled",
    "OKActions",
    "AlarmActions",
    "InsufficientDataActions",
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Dimensions",
    "Period",
    "Unit",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
    "EvaluateLowSampleCountPercentile",
    "EvaluationWindow",
    "Metrics",
}
_SCALAR_SETTINGS = (
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Dimensions",
    "Period",
    "Unit",
)


def metric_alarm(definition: Mapping[str, Any]) -> MetricAlarm:
    """The alarm that PutMetricAlarm would make of `definition`, or that DescribeAlarms shows.

    Raises InvalidAlarmError, naming the setting, its value and what is allowed.
    """
    return _MetricAlarmReader(definition).read()


class Reader:
    """Reads settings out of a definition, with errors that name the alarm, the setting and its value."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.settings = configuration(definition)
        self.name = self.settings.get("AlarmName")
        if not isinstance(self.name, str) or not 1 <= len(self.name) <= MAXIMUM_NAME_LENGTH:
            raise InvalidAlarmError(self.name, f"AlarmName must be 1 to {MAXIMUM_NAME_LENGTH} characters")

    def error(self, problem: str) -> InvalidAlarmError:
        return InvalidAlarmError(self.name, problem)

    def refuse_unknown(self, known: set[str]) -> None:
        unknown = sorted(set(self.settings) - known)
        if unknown:
            raise self.error(
                f"{', '.join(unknown)} cannot be evaluated here; known are {', '.join(sorted(known))}"
            )

    def whole_number(self, key: str, minimum: int = 1) -> int:
        value = self.settings.get(key)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
            or value != int(value)
            or value < minimum
        ):
            raise self.error(f"{key} must be a whole number of at least {minimum}, not {value!r}")
        return int(value)

    def number(self, key: str) -> float:
        value = self.settings.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(f"{key} must be a number, not {value!r}")
        if not math.isfinite(value):
            raise self.error(f"{key} must be finite, not {value!r}")
        return float(value)

    def choice(self, key: str, default: str | None, allowed: Sequence[str]) -> str:
        value = self.settings.get(key, default)
        if value not in allowed:
            raise self.error(f"{key} must be one of {', '.join(allowed)}, not {value!r}")
        return str(value)

    def text(self, key: str) -> str:
        value = self.settings.get(key)
        if not isinstance(value, str) or not value:
            raise self.error(f"{key} must be a text, not {value!r}")
        return value


class _MetricAlarmReader(Reader):
    def read(self) -> MetricAlarm:
        self.refuse_unknown(_ALARM_SETTINGS)
        is_scalar = "Metrics" not in self.settings
        queries, period = self._scalar() if is_scalar else self._math()
        evaluation_periods = self.whole_number("EvaluationPeriods")
        self._check_range(period, evaluation_periods)
        if any(query.select is not None for query in queries):
            self._check_query_alarm(queries, period, evaluation_periods)
        # The window that slides is CloudWatch's default; that of the wall clock is another evaluation.
        self.choice("EvaluationWindow", "SlidingWindow", ["SlidingWindow"])
        return MetricAlarm(
            name=self.text("AlarmName"),
            queries=queries,
            is_scalar=is_scalar,
            period_seconds=period,
            evaluation_periods=evaluation_periods,
            datapoints_to_alarm=self._datapoints_to_alarm(evaluation_periods),
            threshold=self.number("Threshold"),
            comparison=Comparison(self.choice("ComparisonOperator", None, list(Comparison))),
            treat_missing_data=self._treat_missing_data(queries),
            ignores_low_samples=self.choice(
                "EvaluateLowSampleCountPercentile", "evaluate", ["evaluate", "ignore"]
            )
            == "ignore",
            definition=self.settings,
            formula=None if is_scalar else self._formula(queries),
        )

    def _treat_missing_data(self, queries: Sequence[MetricQuery]) -> Missing:
        # Alarms on DynamoDB's own metrics ignore missing data unless they say otherwise (CloudWatch user
        # guide, "Configuring how CloudWatch alarms treat missing data"; the API reference says they always
        # do).
        stats = [query.stat for query in queries if query.stat is not None]
        only_dynamodb = bool(stats) and all(stat.metric.namespace == "AWS/DynamoDB" for stat in stats)
        default = Missing.IGNORE if only_dynamodb else Missing.MISSING
        return Missing(self.choice("TreatMissingData", default, list(Missing)))

    def _datapoints_to_alarm(self, evaluation_periods: int) -> int:
        if "DatapointsToAlarm" not in self.settings:
            return evaluation_periods
        datapoints = self.whole_number("DatapointsToAlarm")
        if datapoints > evaluation_periods:
            raise self.error(
                f"DatapointsToAlarm may be EvaluationPeriods, {evaluation_periods}, at most, not {datapoints}"
            )
        return datapoints

    def _check_range(self, period: int, evaluation_periods: int) -> None:
        longest = SECONDS_PER_DAY if period < SECONDS_PER_HOUR else SECONDS_PER_WEEK
        if period * evaluation_periods > longest:
            raise self.error(
                f"EvaluationPeriods x Period may be {longest} s at most, not {period * evaluation_periods} s"
            )

    def _check_query_alarm(
        self, queries: Sequence[MetricQuery], period: int, evaluation_periods: int
    ) -> None:
        if period < SECONDS_PER_MINUTE:
            raise self.error(SHORT_PERIOD)
        if period * evaluation_periods > MAXIMUM_QUERY_RANGE_SECONDS:
            raise self.error(LONG_RANGE)
        returned = next(query for query in queries if query.returns_data)
        if returned.select is not None and returned.select.group_by:
            if returned.select.order_by is None:
                raise self.error(SEVERAL_SERIES)
            self._check_contributor_actions()

    def _check_contributor_actions(self) -> None:
        actions = {key: [str(arn) for arn in self.settings.get(key) or ()] for key in _ACTIONS}
        if any(":autoscaling:" in arn for arns in actions.values() for arn in arns):
            raise self.error(SCALING_ACTION)
        if any(kind in arn for arn in actions["InsufficientDataActions"] for kind in _CONTRIBUTOR_ACTIONS):
            raise self.error(INSUFFICIENT_DATA_ACTION)

    def _scalar(self) -> tuple[tuple[MetricQuery, ...], int]:
        if ("Statistic" in self.settings) == ("ExtendedStatistic" in self.settings):
            raise self.error("exactly one of Statistic and ExtendedStatistic must be given")
        if "Statistic" in self.settings:
            statistic = self._statistic(self.choice("Statistic", None, BASIC_STATISTICS))
        else:
            statistic = self._statistic(self.text("ExtendedStatistic"))
        metric = Metric.of(
            self.text("Namespace"), self.text("MetricName"), self._dimensions(self.settings.get("Dimensions"))
        )
        stat = MetricStat(metric, statistic, self._unit(self.settings.get("Unit")))
        return (MetricQuery("m1", returns_data=True, stat=stat),), self._period(self.settings.get("Period"))

    def _math(self) -> tuple[tuple[MetricQuery, ...], int]:
        forbidden = [key for key in _SCALAR_SETTINGS if key in self.settings]
        if forbidden:
            raise self.error(f"{', '.join(forbidden)} cannot be given with Metrics")
        entries = self.settings["Metrics"]
        if not isinstance(entries, Sequence) or isinstance(entries, str) or not entries:
            raise self.error(f"Metrics must be a list with at least one entry, not {entries!r}")
        queries = tuple(self._query(entry) for entry in entries)
        self._check_queries(queries)
        self._check_selects(queries, entries)
        return queries, self._common_period(entries)

    def _check_queries(self, queries: Sequence[MetricQuery]) -> None:
        ids = [query.id for query in queries]
        if len(set(ids)) != len(ids):
            raise self.error(f"Metrics has an Id twice: {', '.join(ids)}")
        if sum(query.stat is not None for query in queries) > MAXIMUM_METRICS:
            raise self.error(f"Metrics may hold at most {MAXIMUM_METRICS} metrics")
        returned = [query.id for query in queries if query.returns_data]
        if len(returned) != 1:
            raise self.error(
                f"exactly one entry of Metrics must have ReturnData true, not {len(returned)}"
                + (f" ({', '.join(returned)})" if returned else "")
            )

    def _check_selects(self, queries: Sequence[MetricQuery], entries: Sequence[Mapping[str, Any]]) -> None:
        periods = [
            entry.get("Period")
            for query, entry in zip(queries, entries, strict=True)
            if query.select is not None
        ]
        if len(periods) > 1:
            raise self.error(TWO_QUERIES)
        if None in periods:
            raise self.error(NO_PERIOD)

    def _query(self, entry: Any) -> MetricQuery:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("Id"), str):
            raise self.error(f"an entry of Metrics must have an Id, not {entry!r}")
        name = entry["Id"]
        if not name[:1].islower() or not name.replace("_", "a").isalnum() or not name.isascii():
            raise self.error(
                f"Id must start with a lower-case letter and go on with letters, digits and _, not {name!r}"
            )
        stat, expression = entry.get("MetricStat"), entry.get("Expression")
        if (stat is None) == (expression is None):
            raise self.error(f"entry {name!r} of Metrics must have either MetricStat or Expression")
        if expression is not None and not isinstance(expression, str):
            raise self.error(f"Expression of {name!r} must be a text, not {expression!r}")
        if expression is not None and len(expression) > MAXIMUM_EXPRESSION_LENGTH:
            raise self.error(
                f"Expression of {name!r} may have {MAXIMUM_EXPRESSION_LENGTH} characters, "
                f"not {len(expression)}"
            )
        if expression is not None and re.search(r"\bSEARCH\s*\(", expression):
            raise self.error(SEARCHES)
        return MetricQuery(
            id=name,
            returns_data=entry.get("ReturnData", True) is not False,
            stat=None if stat is None else self._stat(name, stat),
            expression=expression,
            label=entry.get("Label"),
            select=self._select(expression),
        )

    def _select(self, expression: str | None) -> Select | None:
        if expression is None or not is_query(expression):
            return None
        try:
            return parse_query(expression)
        except ValueError as error:
            raise self.error(str(error)) from error

    def _stat(self, name: str, stat: Any) -> MetricStat:
        metric = stat.get("Metric") if isinstance(stat, Mapping) else None
        if not isinstance(metric, Mapping) or not metric.get("Namespace") or not metric.get("MetricName"):
            raise self.error(f"MetricStat of {name!r} must have a Metric with Namespace and MetricName")
        if not isinstance(stat.get("Stat"), str):
            raise self.error(f"MetricStat of {name!r} must have a Stat, not {stat.get('Stat')!r}")
        return MetricStat(
            Metric.of(metric["Namespace"], metric["MetricName"], self._dimensions(metric.get("Dimensions"))),
            self._statistic(stat["Stat"]),
            self._unit(stat.get("Unit")),
        )

    def _common_period(self, entries: Sequence[Mapping[str, Any]]) -> int:
        periods = {entry["MetricStat"].get("Period") for entry in entries if entry.get("MetricStat")}
        periods |= {entry["Period"] for entry in entries if is_query(entry.get("Expression") or "")}
        # An expression without metrics, such as TIME_SERIES(0), has only its own period.
        periods = periods or {entry.get("Period") for entry in entries}
        if len(periods) != 1:
            shown = ", ".join(sorted(map(str, periods)))
            raise self.error(f"all metrics of an alarm must have the same Period, not {shown}")
        return self._period(periods.pop())

    def _formula(self, queries: Sequence[MetricQuery]) -> Formula | None:
        expressions = {
            query.id: query.expression
            for query in queries
            if query.expression is not None and query.select is None
        }
        wanted = next(query for query in queries if query.returns_data)
        metric_ids = [query.id for query in queries if query.stat is not None or query.select is not None]
        arrays = [query.id for query in queries if query.select is not None and query.select.group_by]
        # An expression that is only there is checked, too.
        asked = wanted.id if wanted.id in expressions else next(iter(expressions), None)
        if asked is None:
            return None
        try:
            formula = compile_formula(expressions, metric_ids, asked, arrays)
        except SeveralSeriesError as error:
            raise self.error(SEVERAL_SERIES if arrays else str(error)) from error
        except ValueError as error:
            raise self.error(str(error)) from error
        return formula if asked == wanted.id else None

    def _statistic(self, text: str) -> Statistic:
        try:
            return parse_statistic(text)
        except ValueError as error:
            raise self.error(str(error)) from error

    def _unit(self, value: Any) -> str | None:
        if value is not None and (not isinstance(value, str) or value not in UNITS):
            raise self.error(f"Unit must be one of {', '.join(sorted(UNITS))}, not {value!r}")
        return value

    def _period(self, value: Any) -> int:
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if is_number and value == int(value):
            period = int(value)
            if period in HIGH_RESOLUTION_PERIODS or (period > 0 and period % SECONDS_PER_MINUTE == 0):
                return period
        raise self.error(f"Period must be 10, 20, 30 or a multiple of 60 s, not {value!r}")

    def _dimensions(self, entries: Any) -> dict[str, str]:
        dimensions: dict[str, str] = {}
        for entry in entries or ():
            if not isinstance(entry, Mapping) or not {"Name", "Value"} <= set(entry):
                raise self.error(f"a dimension must have a Name and a Value, not {entry!r}")
            dimensions[str(entry["Name"])] = str(entry["Value"])
        return dimensions


def metric_queries(entries: Sequence[Mapping[str, Any]]) -> list[tuple[MetricQuery, int]]:
    """The MetricDataQueries of GetMetricData, each with its period in seconds.

    An expression without one has the period of its metrics. Raises InvalidAlarmError.
    """
    return _DataQueryReader().read_all(entries)


class _DataQueryReader(_MetricAlarmReader):
    """Reads entries as an alarm's, with the difference that each has a period of its own."""

    def __init__(self) -> None:
        super().__init__({"AlarmName": "GetMetricData"})

    def read_all(self, entries: Sequence[Mapping[str, Any]]) -> list[tuple[MetricQuery, int]]:
        queries = [self._query(entry) for entry in entries]
        ids = [query.id for query in queries]
        if len(set(ids)) != len(ids):
            raise self.error(f"an Id occurs twice: {', '.join(ids)}")
        periods = [
            (entry.get("MetricStat") or entry).get("Period")
            if query.expression is None or query.select
            else None
            for query, entry in zip(queries, entries, strict=True)
        ]
        known = [self._period(period) for period in periods if period is not None]
        if any(period is None and query.select for period, query in zip(periods, queries, strict=True)):
            raise self.error(NO_PERIOD)
        return [
            (query, self._period(period) if period is not None else max(known, default=SECONDS_PER_MINUTE))
            for query, period in zip(queries, periods, strict=True)
        ]
