"""Metric math: AWS's examples, missing points, and what is refused.

Source: "Using metric math" in the CloudWatch user guide.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloser.lab.cloudwatch.expressions import ExpressionError, compile_formula

Points = list[float | None]
M1: Points = [1, 2, None, 4, None]
M2: Points = [10, None, None, 40, 50]
M3: Points = [0, 0, 5, None, 1]


def value_of(expression: str, **metrics: Points) -> Points:
    metrics = metrics or {"m1": M1, "m2": M2, "m3": M3}
    formula = compile_formula({"e1": expression}, list(metrics), "e1")
    return formula.evaluate(metrics, len(next(iter(metrics.values()))), 10)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # One side missing counts as 0, both missing give no point.
        ("m1 + m2", [11, 2, None, 44, 50]),
        ("m1 - m2", [-9, 2, None, -36, -50]),
        ("m1 * m2", [10, 0, None, 160, 0]),
        # A division by zero drops the point.
        ("m1 / m2", [0.1, None, None, 0.1, 0]),
        ("m2 / m1", [10, 0, None, 10, None]),
        ("m1 / 0", [None] * 5),
        # With a number only existing points count.
        ("m1 + 1", [2, 3, None, 5, None]),
        ("100 - m1", [99, 98, None, 96, None]),
        ("m1 ^ 2", [1, 4, None, 16, None]),
        ("(0 - m1) ^ 0.5", [None] * 5),
        ("-m1", [-1, -2, None, -4, None]),
        ("-5 * m1", [-5, -10, None, -20, None]),
        ("+m1", M1),
        ("1 + 2 * m1 ^ 2", [3, 9, None, 33, None]),
        ("(1 + 2) * m1", [3, 6, None, 12, None]),
        ("2 ^ 3 ^ 2 + m1 * 0", [512, 512, None, 512, None]),
        ("m1 * 1e2", [100, 200, None, 400, None]),
        ("m1 * .5", [0.5, 1, None, 2, None]),
        # Functions of each datapoint.
        ("ABS(m1 - 3)", [2, 1, None, 1, None]),
        ("CEIL(m1 / 2)", [1, 1, None, 2, None]),
        ("FLOOR(m1 / 2)", [0, 1, None, 2, None]),
        # Arrays, period by period: absent members of an average count as 0, of a minimum they do not.
        ("SUM([m1, m2])", [11, 2, None, 44, 50]),
        ("AVG([m1, m2])", [5.5, 1, None, 22, 25]),
        ("MIN([m1, m2])", [1, 2, None, 4, 50]),
        ("MAX([m1, m2])", [10, 2, None, 40, 50]),
        ("SUM(METRICS())", [11, 2, 5, 44, 51]),
        ('SUM(METRICS("2"))', [10, None, None, 40, 50]),
        ("SUM([METRICS('1'), METRICS('2')])", [11, 2, None, 44, 50]),
        ("SUM(METRICS() * 2)", [22, 4, 10, 88, 102]),
        ("SUM(-[m1, m2])", [-11, -2, None, -44, -50]),
        ("SUM(100 / [m1, m2])", [110, 50, None, 27.5, 2]),
        ("SUM([m1, m2] / m1)", [11, 1, None, 11, None]),
        ("SUM(m1 - [m1, m2])", [-9, 2, None, -36, -50]),
        ("DATAPOINT_COUNT([m1, m2])", [2, 1, None, 2, 1]),
        # One series becomes a number.
        ("m1 - MIN(m1)", [0, 1, None, 3, None]),
        ("m1 / MAX(m1)", [0.25, 0.5, None, 1, None]),
        ("m1 / SUM(m1)", [1 / 7, 2 / 7, None, 4 / 7, None]),
        ("m1 - AVG(m1)", [-4 / 3, -1 / 3, None, 5 / 3, None]),
        ("TIME_SERIES(DATAPOINT_COUNT(m1))", [3] * 5),
        ("TIME_SERIES(5 * MAX(m1))", [20] * 5),
        ("m1 / PERIOD(m1)", [0.1, 0.2, None, 0.4, None]),
        # Along time.
        ("DIFF(m1)", [None, 1, None, 2, None]),
        ("RATE(m1)", [None, 0.1, None, 0.1, None]),
        ("RUNNING_SUM(m1)", [1, 3, None, 7, None]),
        ("SUM(RATE([m1, m2]))", [None, 0.1, None, 0.1 + 1, 1]),
        # Filling.
        ("FILL(m1, 0)", [1, 2, 0, 4, 0]),
        ("FILL(m1, REPEAT)", [1, 2, 2, 4, 4]),
        ("FILL(m1, LINEAR)", [1, 2, 3, 4, None]),
        ("FILL(m1, m2)", [1, 2, None, 4, 50]),
        ("FILL(m1, MIN(m1))", [1, 2, 1, 4, 1]),
        ("SUM(FILL(METRICS(), 0))", [11, 2, 5, 44, 51]),
        ("SUM(FILL(METRICS(), m1))", [11, 4, 5, 48, 51]),
        ("SUM(FILL([m1, m2], REPEAT))", [11, 12, 12, 44, 54]),
        # Comparisons give 0 or 1; AND and OR take the missing side for 0.
        ("m1 > 1", [0, 1, None, 1, None]),
        ("m1 >= 2 AND m2 >= 10", [0, 0, None, 1, 0]),
        ("m1 >= 2 && m2 >= 10", [0, 0, None, 1, 0]),
        ("m1 >= 2 OR m2 >= 10", [1, 1, None, 1, 1]),
        ("m1 >= 2 || m2 >= 10", [1, 1, None, 1, 1]),
        ("m1 == 4 OR m1 == 1 AND m1 == 2", [0, 0, None, 1, None]),
        ("m1 != 2", [1, 0, None, 1, None]),
        ("m1 <= 2", [1, 1, None, 0, None]),
        # IF
        ("IF(m3, m1, m2)", [10, None, 0, None, 0]),
        ("IF(m1 < 3, m1)", [1, 2, None, None, None]),
        ("IF(m1 < 3, 10, 2)", [10, 10, None, 2, None]),
        ("IF(MAX(m1) > 3, m1, m2)", M1),
        ("IF(MAX(m1) > 9, m1, m2)", M2),
        ("IF(MAX(m1) > 9, m1)", [None] * 5),
    ],
)
def test_values(expression: str, expected: Points) -> None:
    """Each operator and function gives what AWS documents, point by point."""
    found = value_of(expression)
    assert [value is None for value in found] == [value is None for value in expected]
    assert found == [None if value is None else pytest.approx(value) for value in expected]


COMPARED: dict[str, Points] = {"metric1": [30, 20, 0, 0], "metric2": [20, None, 20, None]}
CHOSEN: dict[str, Points] = {
    "metric1": [1, 1, 0, 0, None],
    "metric2": [30, None, 0, 0, 30],
    "metric3": [0, 0, 20, None, 20],
}


@pytest.mark.parametrize(
    ("expression", "metrics", "expected"),
    [
        ("(metric1 < metric2)", COMPARED, [0, 0, 1, 0]),
        ("(metric1 >= 30)", COMPARED, [1, 0, 0, 0]),
        ("(metric1 > 15 AND metric2 > 15)", COMPARED, [1, 0, 0, 0]),
        ("IF(metric1, metric2, metric3)", CHOSEN, [30, 0, 20, None, None]),
        ("IF(metric1, 5, metric3)", CHOSEN, [5, 5, 20, None, None]),
        ("IF(metric1, metric2, 5)", CHOSEN, [30, 0, 5, 5, None]),
    ],
)
def test_awss_worked_examples(expression: str, metrics: dict[str, Points], expected: Points) -> None:
    """The tables of the user guide come out as printed."""
    assert value_of(expression, **metrics) == expected


def test_the_default_expression() -> None:
    """Below the minimum of calls the failure rate is 0; where nothing was called there is no point."""
    calls: Points = [20, 9, None, 10, 10]
    failures: Points = [5, 9, None, 0, 10]
    expression = "IF(calls >= 10, 100 * failures / calls, 0)"
    assert value_of(expression, calls=calls, failures=failures) == [25, 0, None, 0, 100]


def test_what_is_too_large_is_no_datapoint() -> None:
    """An overflow drops the point."""
    huge: Points = [1e300, 1.0]
    for expression in ("a * a", "CEIL(a * a)", "FLOOR(-a * a)", "a * a - a * a", "a ^ 2"):
        found = value_of(expression, a=huge)
        assert found[0] is None
        assert found[1] is not None


def test_without_a_third_argument_the_floor_leaves_a_gap() -> None:
    """IF(calls >= 10, rate) has no point below the floor: then TreatMissingData decides."""
    calls: Points = [20, 9, 10]
    failures: Points = [5, 9, None]
    assert value_of("IF(calls >= 10, failures / calls)", calls=calls, failures=failures) == [0.25, None, 0]


def test_expressions_may_refer_to_each_other() -> None:
    """An expression can use others, in any order; METRICS() leaves them out."""
    expressions = {"wanted": "rate * 100 + SUM(METRICS()) * 0", "rate": "m1 / total", "total": "m1 + m2"}
    formula = compile_formula(expressions, ["m1", "m2"], "wanted")
    assert formula.evaluate({"m1": [1, 0], "m2": [3, 2]}, 2, 60) == [25, 0]


@pytest.mark.parametrize(
    ("expression", "column", "problem"),
    [
        ("STDDEV(m1)", 1, "function STDDEV is not supported"),
        ("m1 + ANOMALY_DETECTION_BAND(m1, 2)", 6, "function ANOMALY_DETECTION_BAND is not supported"),
        ("SEARCH('x', 'Sum', 60)", 1, "function SEARCH is not supported"),
        ("IF(m1 > 0, SORT(m1, AVG, DESC))", 12, "function SORT is not supported"),
        ("m1 + m9", 6, "unknown id 'm9': the alarm has m1, m2, m3, e1"),
        ("m1 +", 5, "ends too early"),
        ("m1 $ 2", 4, "'$ 2' is not understood here"),
        ("(m1", 4, "ends too early"),
        ("m1 m2", 4, "'m2' is not understood here"),
        ("sum(m1)", 4, "'(m1)' is not understood here"),
        ("SUM(m1)", 1, "the result is a number, and an alarm needs a time series"),
        ("[m1, m2]", 1, "the result is an array of time series"),
        ("METRICS()", 1, "the result is an array of time series"),
        ("5", 1, "the result is a number"),
        ("SUM([m1, m2] + [m1, m3])", 14, "'+' does not combine an array of time series with an array"),
        ("ABS(5) + m1", 1, "function ABS takes a time series or an array of time series, not a number"),
        ("SUM(m1, m2)", 1, "function SUM takes 1 argument, not 2"),
        ("IF(m1)", 1, "function IF takes 2 or 3 arguments, not 1"),
        ("IF([m1, m2], m1, m2)", 1, "function IF takes a time series or a number, not an array"),
        ("IF(1 > 0, 1, m1)", 1, "function IF with a number as condition takes a time series after it"),
        ("FILL(m1)", 1, "function FILL takes 2 arguments, not 1"),
        ("FILL(m1, NEAREST)", 1, "function FILL fills with a value, REPEAT or LINEAR, not NEAREST"),
        ("FILL(5, 0) + m1", 1, "function FILL takes a time series or an array of time series, not a number"),
        ("FILL(5, REPEAT) + m1", 1, "function FILL takes a time series"),
        ("FILL(m1, METRICS())", 1, "function FILL fills with a number or a time series"),
        ("PERIOD(m1 + 1) * m1", 1, "function PERIOD takes the id of one metric"),
        ("PERIOD(e1) * m1", 1, "function PERIOD takes the id of a metric, and 'e1' is none"),
        ("METRICS(m1) + m1", 1, "function METRICS takes nothing or one quoted text"),
        ("m1 + REPEAT", 6, "'REPEAT' stands alone"),
        ('m1 + "text"', 6, "stands alone"),
        ("TIME_SERIES(m1)", 1, "function TIME_SERIES takes a number, not a time series"),
        ("e1 + 1", 1, "'e1' refers to itself"),
    ],
)
def test_refused(expression: str, column: int, problem: str) -> None:
    """What cannot be computed is refused with the function or the text, and its column."""
    with pytest.raises(ExpressionError) as refusal:
        value_of(expression)
    assert problem in refusal.value.problem
    assert refusal.value.position == column
    assert str(refusal.value).startswith(f"expression {expression!r}, column {column}: ")


def test_an_expression_that_nothing_refers_to_is_checked_too() -> None:
    """A mistake in a hidden expression is refused, as CloudWatch does."""
    with pytest.raises(ExpressionError, match="function LAMBDA is not supported"):
        compile_formula({"e1": "m1", "e2": "LAMBDA(m1)"}, ["m1"], "e1")


points = st.lists(st.one_of(st.none(), st.integers(-100, 100).map(float)), min_size=6, max_size=6)


@given(points, points)
def test_arithmetic_is_consistent(first: Points, second: Points) -> None:
    """a - b + b has the points of a + b and the values of a; SUM of an array is the sum of its series."""
    metrics = {"a": first, "b": second}
    back = value_of("a - b + b", **metrics)
    for value, one, other in zip(back, first, second, strict=True):
        assert value == (None if one is None and other is None else one or 0.0)
    assert value_of("SUM([a, b])", **metrics) == value_of("a + b", **metrics)
    assert value_of("IF(a > b, 1, 0) + IF(a <= b, 1, 0)", **metrics) == [
        None if one is None and other is None else 1.0 for one, other in zip(first, second, strict=True)
    ]


@given(points)
def test_a_filled_series_has_no_gaps(series: Points) -> None:
    """FILL with a number leaves no gap, so TreatMissingData is never asked."""
    filled = value_of("FILL(a, 0)", a=series)
    assert filled == [0.0 if value is None else value for value in series]
