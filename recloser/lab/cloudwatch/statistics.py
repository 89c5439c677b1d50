"""CloudWatch's statistics over values with counts.

The definitions and the syntax are those of "CloudWatch statistics definitions" in the CloudWatch user guide.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from recloser.lab.cloudwatch.series import Aggregate

BASIC_STATISTICS = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")

_SHORT = re.compile(r"(?P<name>p|tm|tc|ts|wm)(?P<percent>\d{1,3}(?:\.\d{1,10})?)")
_RANGE = re.compile(
    r"(?P<name>TM|TC|TS|WM|PR)"
    r"\((?P<low>-?\d+(?:\.\d{1,10})?)?(?P<low_percent>%)?:(?P<high>-?\d+(?:\.\d{1,10})?)?(?P<high_percent>%)?\)"
)
_WHOLE_PERCENT = 100.0

Compute = Callable[[Aggregate], float | None]


class UnknownStatistic(ValueError):
    """The text is no statistic that CloudWatch knows."""


@dataclass(frozen=True, slots=True)
class Statistic:
    """A statistic by name. `compute` gives None where CloudWatch would have no datapoint."""

    name: str
    compute: Compute
    needs_values: bool
    percentile: float | None = None


@lru_cache(maxsize=1024)
def parse_statistic(text: str) -> Statistic:
    """The statistic named by `Statistic`, `ExtendedStatistic` or `Stat`.

    Raises UnknownStatistic, naming the text and what is allowed.
    """
    if text in BASIC_STATISTICS:
        return Statistic(text, _BASIC[text], needs_values=False)
    if text == "IQM":
        return Statistic(text, _distribution(_trimmed_mean, _Share(0.25, 0.75)), needs_values=True)
    if match := _SHORT.fullmatch(text):
        return _short(text, match["name"], float(match["percent"]))
    if match := _RANGE.fullmatch(text):
        return _ranged(text, match)
    raise _unknown(text)


def _unknown(text: str, why: str = "") -> UnknownStatistic:
    return UnknownStatistic(
        f"unknown statistic {text!r}{why}: allowed are {', '.join(BASIC_STATISTICS)}, IQM, pNN, tmNN, tcNN, tsNN, "
        "wmNN (0 to 100, at most ten decimals), and TM, TC, TS, WM (a:b) or (a%:b%) and PR(a:b), where a or b may be left out"
    )


def _short(text: str, name: str, percent: float) -> Statistic:
    if percent > _WHOLE_PERCENT:
        raise _unknown(text, " (a percentage above 100)")
    share = percent / _WHOLE_PERCENT
    if name == "p":
        return Statistic(
            text, _distribution(_percentile, _Share(0.0, share)), needs_values=True, percentile=share
        )
    return Statistic(text, _distribution(_TRIMMED[name.upper()], _Share(0.0, share)), needs_values=True)


def _ranged(text: str, match: re.Match[str]) -> Statistic:
    low, high = match["low"], match["high"]
    if low is None and high is None:
        raise _unknown(text, " (no boundary)")
    if (match["low_percent"] and low is None) or (match["high_percent"] and high is None):
        raise _unknown(text, " (a % without a number)")
    given = [bool(match[f"{side}_percent"]) for side in ("low", "high") if match[side] is not None]
    if len(set(given)) > 1:
        raise _unknown(text, " (one boundary is a percentage and the other is not)")
    if given[0]:
        return _percent_range(text, match["name"], low, high)
    bounds = _Values(
        float("-inf") if low is None else float(low), float("inf") if high is None else float(high)
    )
    if bounds.low > bounds.high:
        raise _unknown(text, " (the lower boundary is above the upper one)")
    return Statistic(text, _distribution(_TRIMMED[match["name"]], bounds), needs_values=True)


def _percent_range(text: str, name: str, low: str | None, high: str | None) -> Statistic:
    if name == "PR":
        raise _unknown(text, " (PR takes values, not percentages)")
    low_percent, high_percent = float(low or 0), float(high or 100)
    if not 0 <= low_percent <= high_percent <= _WHOLE_PERCENT:
        raise _unknown(text, " (percentages run from 0 to 100, the lower one first)")
    share = _Share(low_percent / _WHOLE_PERCENT, high_percent / _WHOLE_PERCENT)
    return Statistic(text, _distribution(_TRIMMED[name], share), needs_values=True)


@dataclass(frozen=True, slots=True)
class _Share:
    """The samples between two percentiles, both as fractions of 1."""

    low: float
    high: float

    def select(self, values: list[tuple[float, float]], total: float) -> list[tuple[float, float]]:
        first, last = self.low * total, self.high * total
        selected, seen = [], 0.0
        for value, count in values:
            inside = min(seen + count, last) - max(seen, first)
            if inside > 0:
                selected.append((value, inside))
            seen += count
        return selected


@dataclass(frozen=True, slots=True)
class _Values:
    """The samples above `low` and up to `high`: the lower boundary is exclusive, the upper one inclusive."""

    low: float
    high: float

    def select(self, values: list[tuple[float, float]], total: float) -> list[tuple[float, float]]:  # noqa: ARG002 - shares a shape with _Share
        return [(value, count) for value, count in values if self.low < value <= self.high]


_Bounds = _Share | _Values
_Sorted = list[tuple[float, float]]
_Distribution = Callable[[_Sorted, float, _Bounds], float | None]


def _distribution(statistic: _Distribution, bounds: _Bounds) -> Compute:
    def compute(aggregate: Aggregate) -> float | None:
        # "These types of statistics are not available for metrics when any of the metric values are negative."
        if not aggregate.has_distribution or aggregate.count <= 0 or aggregate.minimum < 0:
            return None
        return statistic(sorted(aggregate.values.items()), aggregate.count, bounds)

    return compute


def _percentile(values: _Sorted, total: float, bounds: _Bounds) -> float | None:
    """The smallest value that at least this share of the samples does not exceed.

    AWS publishes no formula for the interpolation between samples; this is the nearest rank.
    """
    rank = bounds.high * total
    seen = 0.0
    for value, count in values:
        seen += count
        # Fractions of a sample that only rounding made do not move the rank.
        if seen >= rank - 1e-9 * total:
            return value
    return values[-1][0]


def _trimmed_mean(values: _Sorted, total: float, bounds: _Bounds) -> float | None:
    selected = bounds.select(values, total)
    inside = sum(count for _, count in selected)
    return sum(value * count for value, count in selected) / inside if inside else None


def _trimmed_count(values: _Sorted, total: float, bounds: _Bounds) -> float | None:
    return sum(count for _, count in bounds.select(values, total))


def _trimmed_sum(values: _Sorted, total: float, bounds: _Bounds) -> float | None:
    return sum(value * count for value, count in bounds.select(values, total))


def _winsorized_mean(values: _Sorted, total: float, bounds: _Bounds) -> float | None:
    if isinstance(bounds, _Share):
        low = _percentile(values, total, _Share(0.0, bounds.low)) if bounds.low > 0 else values[0][0]
        high = _percentile(values, total, _Share(0.0, bounds.high))
    else:
        low, high = bounds.low, bounds.high
    assert low is not None
    assert high is not None
    return sum(min(max(value, low), high) * count for value, count in values) / total


def _percentile_rank(values: _Sorted, total: float, bounds: _Bounds) -> float | None:
    return _WHOLE_PERCENT * sum(count for _, count in bounds.select(values, total)) / total


_TRIMMED: dict[str, _Distribution] = {
    "TM": _trimmed_mean,
    "TC": _trimmed_count,
    "TS": _trimmed_sum,
    "WM": _winsorized_mean,
    "PR": _percentile_rank,
}


def _average(aggregate: Aggregate) -> float | None:
    return aggregate.total / aggregate.count if aggregate.count else None


_BASIC: dict[str, Compute] = {
    "SampleCount": lambda aggregate: aggregate.count,
    "Sum": lambda aggregate: aggregate.total,
    "Average": _average,
    "Minimum": lambda aggregate: aggregate.minimum,
    "Maximum": lambda aggregate: aggregate.maximum,
}
