"""The functions of metric math that this twin computes.

Any other function is refused by name: a wrong number is worse than none.
"""

import math
from collections.abc import Callable, Sequence

from recloser.lab.cloudwatch.math_values import (
    Array,
    Compiled,
    Inputs,
    Kind,
    Scalar,
    Series,
    each,
    each_series,
)


class WrongArgumentsError(ValueError):
    """The arguments of a function do not fit; the caller knows the position."""


Build = Callable[[Sequence[Compiled]], Compiled]


def _one(parts: Sequence[Compiled], *kinds: Kind) -> Compiled:
    if len(parts) != 1:
        raise WrongArgumentsError(f"takes 1 argument, not {len(parts)}")
    if parts[0].kind not in kinds:
        allowed = " or ".join(kind.value for kind in kinds)
        raise WrongArgumentsError(f"takes {allowed}, not {parts[0].kind.value}")
    return parts[0]


def _elementwise(function: Callable[[float], float]) -> Build:
    return lambda parts: each(function, _one(parts, Kind.SERIES, Kind.ARRAY))


def _over_time(function: Callable[[Series, int], Series]) -> Build:
    """A function of a whole series that also needs the period in seconds."""

    def build(parts: Sequence[Compiled]) -> Compiled:
        part = _one(parts, Kind.SERIES, Kind.ARRAY)
        run = part.run
        if part.kind is Kind.ARRAY:
            return Compiled(
                part.kind,
                lambda inputs: [function(series, inputs.period_seconds) for series in run(inputs)],
            )
        return Compiled(part.kind, lambda inputs: function(run(inputs), inputs.period_seconds))

    return build


def _reducer(
    of_series: Callable[[list[float]], Scalar], of_column: Callable[[list[float], int], Scalar]
) -> Build:
    """SUM and its kin: a series becomes a number, an array becomes a series, period by period.

    `of_column` gets the existing values of a period and the number of series.
    """

    def build(parts: Sequence[Compiled]) -> Compiled:
        part = _one(parts, Kind.SERIES, Kind.ARRAY)
        run = part.run
        if part.kind is Kind.SERIES:
            return Compiled(Kind.SCALAR, lambda inputs: of_series(_existing(run(inputs))))
        return Compiled(Kind.SERIES, lambda inputs: _columns(run(inputs), inputs))

    def _columns(array: Array, inputs: Inputs) -> Series:
        columns = [_existing(column) for column in zip(*array, strict=True)] or [[]] * inputs.buckets
        return [of_column(column, len(array)) if column else None for column in columns]

    return build


def _existing(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _mean(values: list[float]) -> Scalar:
    return sum(values) / len(values) if values else None


def _difference(series: Series, _: int) -> Series:
    return [None if before is None else now - before[1] for now, before in _with_previous(series)]


def _rate(series: Series, period_seconds: int) -> Series:
    return [
        None if before is None else (now - before[1]) / (before[0] * period_seconds)
        for now, before in _with_previous(series)
    ]


def _with_previous(series: Series) -> list[tuple[float, tuple[int, float] | None]]:
    """Every point with the previous existing one as (periods ago, value); missing points have none."""
    found: list[tuple[float, tuple[int, float] | None]] = []
    last: tuple[int, float] | None = None
    for index, value in enumerate(series):
        if value is None:
            found.append((0.0, None))
            continue
        found.append((value, None if last is None else (index - last[0], last[1])))
        last = (index, value)
    return found


def _running_sum(series: Series) -> Series:
    total, sums = 0.0, []
    for value in series:
        if value is not None:
            total += value
        sums.append(None if value is None else total)
    return sums


def _time_series(parts: Sequence[Compiled]) -> Compiled:
    run = _one(parts, Kind.SCALAR).run
    return Compiled(Kind.SERIES, lambda inputs: [run(inputs)] * inputs.buckets)


def _if(parts: Sequence[Compiled]) -> Compiled:
    """IF(condition, if true[, if false]); see "Using IF expressions" in the CloudWatch user guide.

    The condition decides point by point and drops the points it does not have. True with a missing point
    gives 0, false with a missing point (or without a third argument) drops it.
    """
    if len(parts) not in (2, 3):
        raise WrongArgumentsError(f"takes 2 or 3 arguments, not {len(parts)}")
    for part in parts:
        if part.kind is Kind.ARRAY:
            raise WrongArgumentsError(
                f"takes {Kind.SERIES.value} or {Kind.SCALAR.value}, not {part.kind.value}"
            )
    if parts[0].kind is Kind.SCALAR:
        return _if_scalar(parts)
    condition, yes = parts[0].run, _as_series(parts[1])
    no = _as_series(parts[2]) if len(parts) > 2 else _nothing  # noqa: PLR2004 - the third argument

    def run(inputs: Inputs) -> Series:
        return [
            None if case is None else (0.0 if true is None else true) if case else false
            for case, true, false in zip(condition(inputs), yes(inputs), no(inputs), strict=True)
        ]

    return Compiled(Kind.SERIES, run)


def _if_scalar(parts: Sequence[Compiled]) -> Compiled:
    if any(part.kind is Kind.SCALAR for part in parts[1:]):
        raise WrongArgumentsError(f"with {Kind.SCALAR.value} as condition takes {Kind.SERIES.value} after it")
    condition, yes = parts[0].run, parts[1].run
    no = parts[2].run if len(parts) > 2 else _nothing  # noqa: PLR2004 - the third argument

    def run(inputs: Inputs) -> Series:
        case: Scalar = condition(inputs)
        chosen: Series = yes(inputs) if case else no(inputs)
        return _nothing(inputs) if case is None else chosen

    return Compiled(Kind.SERIES, run)


def _as_series(part: Compiled) -> Callable[[Inputs], Series]:
    run = part.run
    if part.kind is Kind.SERIES:
        return run
    return lambda inputs: [run(inputs)] * inputs.buckets


def _nothing(inputs: Inputs) -> Series:
    return [None] * inputs.buckets


def fill_with(part: Compiled, filler: Compiled) -> Compiled:
    """FILL(m, number) and FILL(m, series)."""
    if part.kind is Kind.SCALAR:
        raise WrongArgumentsError(f"takes {Kind.SERIES.value} or {Kind.ARRAY.value}, not {part.kind.value}")
    if filler.kind is Kind.ARRAY:
        raise WrongArgumentsError(
            f"fills with {Kind.SCALAR.value} or {Kind.SERIES.value}, not {filler.kind.value}"
        )
    run, fillers = part.run, _as_series(filler)

    def fill(series: Series, values: Series) -> Series:
        return [fallback if value is None else value for value, fallback in zip(series, values, strict=True)]

    if part.kind is Kind.ARRAY:
        return Compiled(part.kind, lambda inputs: [fill(series, fillers(inputs)) for series in run(inputs)])
    return Compiled(part.kind, lambda inputs: fill(run(inputs), fillers(inputs)))


def fill_by(part: Compiled, how: str) -> Compiled:
    """FILL(m, REPEAT) and FILL(m, LINEAR)."""
    if part.kind is Kind.SCALAR:
        raise WrongArgumentsError(f"takes {Kind.SERIES.value} or {Kind.ARRAY.value}, not {part.kind.value}")
    return each_series(FILLS[how], part)


def _repeat(series: Series) -> Series:
    """The last value before the gap; a gap at the start has none and stays."""
    filled: Series = []
    last: float | None = None
    for value in series:
        last = last if value is None else value
        filled.append(last)
    return filled


def _linear(series: Series) -> Series:
    """A straight line between the values around a gap; a gap at either end has only one of them and stays."""
    filled = list(series)
    last: tuple[int, float] | None = None
    for index, value in enumerate(series):
        if value is None:
            continue
        if last is not None:
            begin, start = last
            for gap in range(begin + 1, index):
                filled[gap] = start + (value - start) * (gap - begin) / (index - begin)
        last = (index, value)
    return filled


FILLS: dict[str, Callable[[Series], Series]] = {"REPEAT": _repeat, "LINEAR": _linear}

FUNCTIONS: dict[str, Build] = {
    "ABS": _elementwise(abs),
    "CEIL": _elementwise(lambda value: float(math.ceil(value)) if math.isfinite(value) else value),
    "FLOOR": _elementwise(lambda value: float(math.floor(value)) if math.isfinite(value) else value),
    "SUM": _reducer(sum, lambda values, _: sum(values)),
    # In an array a missing point counts as 0, so the divisor is the number of series.
    "AVG": _reducer(_mean, lambda values, series: sum(values) / series),
    "MIN": _reducer(lambda values: min(values, default=None), lambda values, _: min(values)),
    "MAX": _reducer(lambda values: max(values, default=None), lambda values, _: max(values)),
    "DATAPOINT_COUNT": _reducer(lambda values: float(len(values)), lambda values, _: float(len(values))),
    "DIFF": _over_time(_difference),
    "RATE": _over_time(_rate),
    "RUNNING_SUM": lambda parts: each_series(_running_sum, _one(parts, Kind.SERIES, Kind.ARRAY)),
    "TIME_SERIES": _time_series,
    "IF": _if,
}
