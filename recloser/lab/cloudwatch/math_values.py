"""Values of metric math, and how missing points behave in them.

A scalar is a number, a series is a list with one entry per period (None where there is no datapoint), an
array is a list of series. All series of an alarm have the same periods. A scalar can be None too: the average
of nothing.
"""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

Scalar = float | None
Series = list[float | None]
Array = list[Series]
Unary = Callable[[float], float | None]
Binary = Callable[[float, float], float | None]


class Kind(Enum):
    SCALAR = "a number"
    SERIES = "a time series"
    ARRAY = "an array of time series"


@dataclass(slots=True)
class Inputs:
    """What an expression is evaluated over: the value of every identifier, and the periods."""

    values: Mapping[str, Any]
    buckets: int
    period_seconds: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """A part of an expression, ready to run."""

    kind: Kind
    run: Callable[[Inputs], Any]


def constant(value: float) -> Compiled:
    return Compiled(Kind.SCALAR, lambda _: value)


def each(function: Unary, part: Compiled) -> Compiled:
    """Applies `function` to every existing datapoint; where it gives None, the point is dropped."""
    run = part.run

    def over_series(series: Series) -> Series:
        return [None if value is None else function(value) for value in series]

    if part.kind is Kind.SCALAR:
        return Compiled(part.kind, lambda inputs: None if (value := run(inputs)) is None else function(value))
    return each_series(over_series, part) if part.kind is Kind.ARRAY else _map(over_series, part)


def each_series(function: Callable[[Series], Series], part: Compiled) -> Compiled:
    """Applies `function` to a series, or to every series of an array."""
    if part.kind is Kind.ARRAY:
        run = part.run
        return Compiled(part.kind, lambda inputs: [function(series) for series in run(inputs)])
    return _map(function, part)


def _map(function: Callable[[Series], Series], part: Compiled) -> Compiled:
    run = part.run
    return Compiled(part.kind, lambda inputs: function(run(inputs)))


def pairwise(function: Binary, left: Compiled, right: Compiled) -> Compiled | None:
    """Combines two values point by point; None if metric math does not combine these kinds.

    Between two series a point missing on one side counts as 0, and missing on both gives none. Between a
    series and a number only existing points count. (AWS: "Using metric math", basic arithmetic functions and
    comparison operators.)
    """
    combine = _COMBINATIONS.get((left.kind, right.kind))
    if combine is None:
        return None
    kind = Kind.ARRAY if Kind.ARRAY in (left.kind, right.kind) else _widest(left.kind, right.kind)
    first, second = left.run, right.run
    return Compiled(kind, lambda inputs: combine(function, first(inputs), second(inputs)))


def _widest(left: Kind, right: Kind) -> Kind:
    return Kind.SERIES if Kind.SERIES in (left, right) else Kind.SCALAR


def _scalars(function: Binary, left: Scalar, right: Scalar) -> Scalar:
    return None if left is None or right is None else function(left, right)


def _series_and_scalar(function: Binary, left: Series, right: Scalar) -> Series:
    if right is None:
        return [None] * len(left)
    return [None if value is None else function(value, right) for value in left]


def _scalar_and_series(function: Binary, left: Scalar, right: Series) -> Series:
    if left is None:
        return [None] * len(right)
    return [None if value is None else function(left, value) for value in right]


def _series(function: Binary, left: Series, right: Series) -> Series:
    return [
        None
        if first is None and second is None
        else function(0.0 if first is None else first, 0.0 if second is None else second)
        for first, second in zip(left, right, strict=True)
    ]


def _array_and_scalar(function: Binary, left: Array, right: Scalar) -> Array:
    return [_series_and_scalar(function, series, right) for series in left]


def _scalar_and_array(function: Binary, left: Scalar, right: Array) -> Array:
    return [_scalar_and_series(function, left, series) for series in right]


def _array_and_series(function: Binary, left: Array, right: Series) -> Array:
    return [_series(function, series, right) for series in left]


def _series_and_array(function: Binary, left: Series, right: Array) -> Array:
    return [_series(function, left, series) for series in right]


_COMBINATIONS: dict[tuple[Kind, Kind], Callable[..., Any]] = {
    (Kind.SCALAR, Kind.SCALAR): _scalars,
    (Kind.SERIES, Kind.SCALAR): _series_and_scalar,
    (Kind.SCALAR, Kind.SERIES): _scalar_and_series,
    (Kind.SERIES, Kind.SERIES): _series,
    (Kind.ARRAY, Kind.SCALAR): _array_and_scalar,
    (Kind.SCALAR, Kind.ARRAY): _scalar_and_array,
    (Kind.ARRAY, Kind.SERIES): _array_and_series,
    (Kind.SERIES, Kind.ARRAY): _series_and_array,
}


def _divide(left: float, right: float) -> float | None:
    # "If the value of a data point causes a function to attempt to divide by zero, the data point is
    # dropped."
    return left / right if right else None


def _power(left: float, right: float) -> float | None:
    try:
        result = math.pow(left, right)
    except (ValueError, OverflowError):  # a root of a negative number, 0 to a negative power, too large
        return None
    return result


def _truth(function: Callable[[Any, Any], bool]) -> Binary:
    return lambda left, right: 1.0 if function(left, right) else 0.0


OPERATORS: dict[str, Binary] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "^": _power,
    "==": _truth(operator.eq),
    "!=": _truth(operator.ne),
    ">=": _truth(operator.ge),
    "<=": _truth(operator.le),
    ">": _truth(operator.gt),
    "<": _truth(operator.lt),
    "AND": _truth(lambda left, right: bool(left) and bool(right)),
    "OR": _truth(lambda left, right: bool(left) or bool(right)),
}
OPERATORS["&&"] = OPERATORS["AND"]
OPERATORS["||"] = OPERATORS["OR"]
