"""CloudWatch's statistics over values with counts.

The definitions and the syntax are those of "CloudWatch statistics definitions" in the CloudWatch user guide.
AWS publishes no formula for percentiles. Answers captured on AWS come from a histogram whose bins grow by
10 % and are cut at the smallest and the largest value. A percentile is interpolated geometrically within its
bin. Where trimmed statistics and ranks cut a bin, its samples are spread evenly over it: `PR(2000:)` counts
a part of the calls that took a little less than 2,000.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

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
Bins = list[tuple[float, float, float]]
"""Lower and upper edge, and how many samples lie between them."""


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


class _Part(NamedTuple):
    """What of one bin lies within bounds: the values where it begins and ends, and how many samples."""

    begins: float
    ends: float
    samples: float


class _Bounds(Protocol):
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...

    def parts(self, bins: Bins, total: float) -> list[_Part]:
        """What lies inside, bin by bin."""
        ...

    def below(self, bins: Bins, total: float) -> float:
        """How many samples lie below the lower boundary."""
        ...

    def edges(self, bins: Bins, total: float) -> tuple[float, float]:
        """The values that stand for what lies below and above the boundaries."""
        ...


@dataclass(frozen=True, slots=True)
class _Share:
    """The samples between two percentiles, given as fractions of 1."""

    low: float
    high: float

    def parts(self, bins: Bins, total: float) -> list[_Part]:
        first, last, seen = self.low * total, self.high * total, 0.0
        found = []
        for low, high, count in bins:
            begin, end = max(seen, first), min(seen + count, last)
            if end - begin > _ROUNDING * total:
                width = (high - low) / count
                found.append(_Part(low + width * (begin - seen), low + width * (end - seen), end - begin))
            seen += count
        return found

    def below(self, bins: Bins, total: float) -> float:
        del bins
        return self.low * total

    def edges(self, bins: Bins, total: float) -> tuple[float, float]:
        low_bin, low_rank = _bin_at(bins, self.low * total, total)
        high_bin, high_rank = _bin_at(bins, self.high * total, total)
        # Captured, odd as it is: the rank within the bin times its samples is how far into it, at most whole;
        # and the lower boundary of a single bin is counted from above.
        low_share, high_share = min(1.0, low_rank * low_bin[2]), min(1.0, high_rank * high_bin[2])
        if len(bins) == 1:
            low_share = 1.0 - low_share
        largest = bins[-1][1]
        return (
            min(largest, low_bin[0] * _BIN_GROWTH**low_share),
            min(largest, high_bin[0] * _BIN_GROWTH**high_share),
        )


@dataclass(frozen=True, slots=True)
class _Values:
    """The samples above `low` and up to `high`: the lower boundary is exclusive, the upper one inclusive."""

    low: float
    high: float

    def parts(self, bins: Bins, total: float) -> list[_Part]:
        del total  # absolute boundaries do not depend on it
        found = []
        for low, high, count in bins:
            begin, end = max(low, self.low), min(high, self.high)
            if low == high and self.low < low <= self.high:
                found.append(_Part(low, high, count))
            elif begin < end:
                found.append(_Part(begin, end, count * (end - begin) / (high - low)))
        return found

    def below(self, bins: Bins, total: float) -> float:
        return sum(part.samples for part in _Values(-math.inf, self.low).parts(bins, total))

    def edges(self, bins: Bins, total: float) -> tuple[float, float]:
        del total
        smallest, largest = bins[0][0], bins[-1][1]
        return min(max(self.low, smallest), largest), min(max(self.high, smallest), largest)


_Formula = Callable[[Bins, float, _Bounds], float | None]


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
        value = formula(_bins(aggregate), aggregate.count, bounds)
        aggregate.computed[text] = (aggregate.writes, value)
        return value

    return Statistic(text, compute, needs_values=True, percentile=percentile)


def _bin_at(bins: Bins, rank: float, total: float) -> tuple[tuple[float, float, float], float]:
    """The bin that a rank falls into, and the rank among its samples."""
    below = 0.0
    for each in bins:
        if below + each[2] >= rank - _ROUNDING * total:
            return each, rank - below
        below += each[2]
    return bins[-1], bins[-1][2]


def _bins(aggregate: Aggregate) -> Bins:
    """The bins that hold something, lowest first, cut at the smallest and the largest value.

    Zeros have a bin of their own.
    """
    counts: dict[int | None, float] = {}
    for value, count in aggregate.sorted_values():
        key = None if value == 0 else math.floor(math.log(value, _BIN_GROWTH))
        counts[key] = counts.get(key, 0.0) + count
    found = []
    for key, count in counts.items():
        if count > 0:
            low, high = (0.0, 0.0) if key is None else (_BIN_GROWTH**key, _BIN_GROWTH ** (key + 1))
            found.append((max(low, aggregate.minimum), min(high, aggregate.maximum), count))
    return found


def _percentile(bins: Bins, total: float, bounds: _Bounds) -> float | None:
    (low, high, count), rank = _bin_at(bins, bounds.high * total, total)
    return low * (high / low) ** (rank / count) if low > 0 else low


def _sum(parts: Sequence[_Part]) -> float:
    """Captured: the first and the last bin count as their middle, those between as that of logarithms."""
    last = len(parts) - 1
    return sum(
        part.samples
        * (
            (part.begins + part.ends) / 2
            if number in (0, last)
            else math.sqrt(part.begins) * math.sqrt(part.ends)
        )
        for number, part in enumerate(parts)
    )


def _trimmed_mean(bins: Bins, total: float, bounds: _Bounds) -> float | None:
    parts = bounds.parts(bins, total)
    inside = sum(part.samples for part in parts)
    return _sum(parts) / inside if inside else None


def _trimmed_count(bins: Bins, total: float, bounds: _Bounds) -> float | None:
    return sum(part.samples for part in bounds.parts(bins, total))


def _trimmed_sum(bins: Bins, total: float, bounds: _Bounds) -> float | None:
    return _sum(bounds.parts(bins, total))


def _winsorized_mean(bins: Bins, total: float, bounds: _Bounds) -> float | None:
    parts, below = bounds.parts(bins, total), bounds.below(bins, total)
    above = total - below - sum(part.samples for part in parts)
    low, high = bounds.edges(bins, total)
    return (below * low + _sum(parts) + above * high) / total


def _percentile_rank(bins: Bins, total: float, bounds: _Bounds) -> float | None:
    return _WHOLE * sum(part.samples for part in bounds.parts(bins, total)) / total


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
