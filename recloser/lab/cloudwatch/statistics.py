"""CloudWatch's statistics over values with counts.

The definitions and the syntax are those of "CloudWatch statistics definitions" in the CloudWatch user guide.
AWS publishes no formula for percentiles. Answers captured on AWS come from a histogram whose bins grow by
10 %: a percentile is interpolated geometrically within its bin, which is cut at the smallest and the largest
value.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from recloser.lab.cloudwatch.aggregate import Aggregate

BASIC_STATISTICS = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
ALLOWED = (
    f"{', '.join(BASIC_STATISTICS)}, IQM, pNN, tmNN, tcNN, tsNN and wmNN (0 to 100, at most ten decimals), "
    "TM, TC, TS and WM (a:b) or (a%:b%) and PR(a:b), where a or b may be left out"
)

_SHORT = re.compile(r"(?P<name>p|tm|tc|ts|wm)(?P<percent>\d{1,3}(?:\.\d{1,10})?)")
_BOUND = r"\d+(?:\.\d{1,10})?"
_RANGE = re.compile(
    rf"(?P<name>TM|TC|TS|WM|PR)\((?P<low>{_BOUND})?(?P<low_percent>%)?:(?P<high>{_BOUND})?(?P<high_percent>%)?\)"
)
_WHOLE = 100.0
# A rank that rounding put a billionth of the samples too high is still that rank.
_ROUNDING = 1e-9
# Each bin of the histogram ends 10 % above its beginning.
_BIN_GROWTH = 1.1

Compute = Callable[[Aggregate], float | None]
Counted = list[tuple[float, float]]


class UnknownStatisticError(ValueError):
    """The text is no statistic that CloudWatch knows."""

    def __init__(self, text: str, why: str = "") -> None:
        super().__init__(f"unknown statistic {text!r}{why and f' ({why})'}: allowed are {ALLOWED}")
        self.text = text


@dataclass(frozen=True, slots=True)
class Statistic:
    """A statistic by name. `compute` gives None where CloudWatch would have no datapoint.

    `percentile` is the share (0 to 1) of a pNN.
    """

    name: str
    compute: Compute
    needs_values: bool
    percentile: float | None = None


@lru_cache(maxsize=1024)
def parse_statistic(text: str) -> Statistic:
    """The statistic that `Statistic`, `ExtendedStatistic` or `Stat` names.

    Raises UnknownStatisticError, naming the text and what is allowed.
    """
    if text in _BASIC:
        return Statistic(text, _BASIC[text], needs_values=False)
    if text == "IQM":
        return _distribution(text, _trimmed_mean, _Share(0.25, 0.75))
    if match := _SHORT.fullmatch(text):
        return _short(text, match["name"], float(match["percent"]))
    if match := _RANGE.fullmatch(text):
        return _ranged(text, match)
    raise UnknownStatisticError(text)


def _short(text: str, name: str, percent: float) -> Statistic:
    if percent > _WHOLE:
        raise UnknownStatisticError(text, "a percentage above 100")
    bounds = _Share(0.0, percent / _WHOLE)
    if name == "p":
        return _distribution(text, _percentile, bounds, percentile=bounds.high)
    return _distribution(text, _RANGED[name.upper()], bounds)


def _ranged(text: str, match: re.Match[str]) -> Statistic:
    low, high = match["low"], match["high"]
    if low is None and high is None:
        raise UnknownStatisticError(text, "no boundary")
    if (match["low_percent"] and low is None) or (match["high_percent"] and high is None):
        raise UnknownStatisticError(text, "a % without a number")
    is_percent = {bool(match[f"{side}_percent"]) for side in ("low", "high") if match[side] is not None}
    if len(is_percent) > 1:
        raise UnknownStatisticError(text, "one boundary is a percentage and the other is not")
    if is_percent == {True} and match["name"] == "PR":
        raise UnknownStatisticError(text, "PR takes values, not percentages")
    if is_percent == {True}:
        bounds: _Bounds = _Share(float(low or 0) / _WHOLE, float(high or _WHOLE) / _WHOLE)
        if bounds.high > 1:
            raise UnknownStatisticError(text, "a percentage above 100")
    else:
        # AWS tells an explicit lower bound of 0 (exclusive) from a missing one.
        bounds = _Values(
            float("-inf") if low is None else float(low), float("inf") if high is None else float(high)
        )
    if bounds.low > bounds.high:
        raise UnknownStatisticError(text, "the lower boundary is above the upper one")
    return _distribution(text, _RANGED[match["name"]], bounds)


class _Bounds(Protocol):
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...

    def select(self, values: Counted, total: float) -> Counted:
        """The samples inside, with the counts that are inside."""
        ...

    def edges(self, values: Counted, total: float) -> tuple[float, float]:
        """The values at the lower and at the upper boundary."""
        ...


@dataclass(frozen=True, slots=True)
class _Share:
    """The samples between two percentiles, given as fractions of 1."""

    low: float
    high: float

    def select(self, values: Counted, total: float) -> Counted:
        first, last, seen = self.low * total, self.high * total, 0.0
        selected = []
        for value, count in values:
            inside = min(seen + count, last) - max(seen, first)
            if inside > _ROUNDING * total:
                selected.append((value, inside))
            seen += count
        return selected

    def edges(self, values: Counted, total: float) -> tuple[float, float]:
        return _at_rank(values, self.low * total, total), _at_rank(values, self.high * total, total)


@dataclass(frozen=True, slots=True)
class _Values:
    """The samples above `low` and up to `high`: the lower boundary is exclusive, the upper one inclusive."""

    low: float
    high: float

    def select(self, values: Counted, total: float) -> Counted:
        del total  # absolute boundaries do not depend on it
        return [(value, count) for value, count in values if self.low < value <= self.high]

    def edges(self, values: Counted, total: float) -> tuple[float, float]:
        del values, total
        return self.low, self.high


_Formula = Callable[[Counted, float, _Bounds], float | None]


def _distribution(
    text: str, formula: _Formula, bounds: _Bounds, percentile: float | None = None
) -> Statistic:
    def compute(aggregate: Aggregate) -> float | None:
        # Not available where single values are unknown or negative (user guide, requirements for
        # percentiles).
        if not aggregate.has_distribution or aggregate.count <= 0 or aggregate.minimum < 0:
            return None
        known = aggregate.computed.get(text)
        if known is not None and known[0] == aggregate.writes:
            return known[1]
        value = formula(aggregate.sorted_values(), aggregate.count, bounds)
        aggregate.computed[text] = (aggregate.writes, value)
        return value

    return Statistic(text, compute, needs_values=True, percentile=percentile)


def _at_rank(values: Counted, rank: float, total: float) -> float:
    """The smallest value that at least `rank` samples do not exceed."""
    seen = 0.0
    for value, count in values:
        seen += count
        if seen >= rank - _ROUNDING * total and count > 0:
            return value
    return values[-1][0]


def _percentile(values: Counted, total: float, bounds: _Bounds) -> float | None:
    """Interpolated in the bin that the rank falls into; zeros have a bin of their own."""
    rank, below = bounds.high * total, 0.0
    smallest, largest = values[0][0], values[-1][0]
    for edges, count in _bins(values):
        if below + count >= rank - _ROUNDING * total:
            low, high = max(edges[0], smallest), min(edges[1], largest)
            share = (rank - below) / count
            return low * (high / low) ** share if low > 0 else low
        below += count
    return largest


def _bins(values: Counted) -> list[tuple[tuple[float, float], float]]:
    """The bins that hold something, lowest first: lower and upper edge, and how many samples."""
    counts: dict[int | None, float] = {}
    for value, count in values:
        key = None if value == 0 else math.floor(math.log(value, _BIN_GROWTH))
        counts[key] = counts.get(key, 0.0) + count
    return [
        ((0.0, 0.0) if key is None else (_BIN_GROWTH**key, _BIN_GROWTH ** (key + 1)), count)
        for key, count in counts.items()
        if count > 0
    ]


def _trimmed_mean(values: Counted, total: float, bounds: _Bounds) -> float | None:
    selected = bounds.select(values, total)
    inside = sum(count for _, count in selected)
    return sum(value * count for value, count in selected) / inside if inside else None


def _trimmed_count(values: Counted, total: float, bounds: _Bounds) -> float | None:
    return sum(count for _, count in bounds.select(values, total))


def _trimmed_sum(values: Counted, total: float, bounds: _Bounds) -> float | None:
    return sum(value * count for value, count in bounds.select(values, total))


def _winsorized_mean(values: Counted, total: float, bounds: _Bounds) -> float | None:
    low, high = bounds.edges(values, total)
    return sum(min(max(value, low), high) * count for value, count in values) / total


def _percentile_rank(values: Counted, total: float, bounds: _Bounds) -> float | None:
    return _WHOLE * sum(count for _, count in bounds.select(values, total)) / total


_RANGED: dict[str, _Formula] = {
    "TM": _trimmed_mean,
    "TC": _trimmed_count,
    "TS": _trimmed_sum,
    "WM": _winsorized_mean,
    "PR": _percentile_rank,
}

_BASIC: dict[str, Compute] = {
    "SampleCount": lambda aggregate: aggregate.count,
    "Sum": lambda aggregate: aggregate.total,
    "Average": lambda aggregate: aggregate.total / aggregate.count if aggregate.count else None,
    "Minimum": lambda aggregate: aggregate.minimum,
    "Maximum": lambda aggregate: aggregate.maximum,
}
