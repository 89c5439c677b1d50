"""Metrics Insights: which series a query answers, and what is no query."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from alarm_twin import at

from recloser.lab.cloudwatch import Metric, MetricStore
from recloser.lab.cloudwatch.insights import NEW_SERIES_MS, QueryError, answer, describe, parse_query
from recloser.lab.cloudwatch.series import Span

START = at("10:00:00")
SPAN = Span(START, 60, 2)


def store(*series: tuple[dict[str, str], Sequence[float | None]]) -> MetricStore:
    """Series of the metric Failure, by dimensions, with a value a minute."""
    kept = MetricStore()
    for dimensions, values in series:
        for minute, value in enumerate(values):
            if value is not None:
                kept.add(Metric.of("Recloser", "Failure", dimensions), START + minute * 60_000, value)
    return kept


FLEET = store(
    ({"Circuit": "a"}, [1.0, 0.0]),
    ({"Circuit": "b"}, [0.0, 0.0]),
    ({"Circuit": "c"}, [None, 1.0]),
    ({"Circuit": "c", "Function": "f"}, [4.0, 4.0]),
    ({}, [2.0, None]),
)
LATER = START + 120_000 + NEW_SERIES_MS


def rows(query: str, kept: MetricStore = FLEET) -> list[tuple[str, list[float | None]]]:
    return [(label, row.values) for label, row in describe(answer(parse_query(query), kept, SPAN, LATER))]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT SUM(Failure) FROM Recloser", [("", [7.0, 5.0])]),
        ('select count(Failure) from "Recloser"', [("", [4.0, 4.0])]),
        (
            'SELECT AVG(Failure) FROM SCHEMA("Recloser", Circuit) GROUP BY Circuit ORDER BY MAX() DESC',
            [("a", [1.0, 0.0]), ("c", [None, 1.0]), ("b", [0.0, 0.0])],
        ),
        (
            "SELECT MAX(Failure) FROM SCHEMA(Recloser, Circuit) GROUP BY Circuit ORDER BY SUM() ASC LIMIT 1",
            [("b", [0.0, 0.0])],
        ),
        (
            "SELECT AVG(Failure) FROM Recloser WHERE Circuit = 'c' GROUP BY Circuit",
            [("c", [4.0, 2.5])],
        ),
        (
            "SELECT MIN(Failure) FROM Recloser WHERE Circuit != 'c' AND Circuit != 'b' GROUP BY \"Circuit\"",
            [("Other", [2.0, None]), ("a", [1.0, 0.0])],
        ),
        (
            "SELECT SUM(Failure) FROM Recloser WHERE Circuit = 'c' GROUP BY Function, Circuit",
            [("Other c", [None, 1.0]), ("f c", [4.0, 4.0])],
        ),
        ("SELECT SUM(Nothing) FROM Recloser GROUP BY Circuit", []),
        ("SELECT SUM(Failure) FROM SCHEMA(Recloser, Function)", []),
    ],
)
def test_answers(query: str, expected: list[tuple[str, list[float | None]]]) -> None:
    """The clauses choose and order the series; the samples of a series are put together."""
    assert rows(query) == expected


def test_a_missing_dimension_and_a_literal_other_are_two_rows() -> None:
    """Both are called Other, and numbered."""
    kept = store(({}, [1.0, None]), ({"Circuit": "Other"}, [2.0, None]))
    assert rows("SELECT MAX(Failure) FROM Recloser GROUP BY Circuit ORDER BY MAX() DESC", kept) == [
        ("1 - Other", [2.0, None]),
        ("2 - Other", [1.0, None]),
    ]


def test_at_most_five_hundred_series() -> None:
    """The first 500 in the order of the query are answered."""
    kept = store(*(({"Circuit": f"c{number}"}, [float(number)]) for number in range(520)))
    found = rows("SELECT MAX(Failure) FROM Recloser GROUP BY Circuit ORDER BY MAX() DESC LIMIT 900", kept)
    assert [found[0][0], found[-1][0], len(found)] == ["c519", "c20", 500]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("SELECT AVG(Failure)", "ends too early"),
        (
            "SELECT p90(Failure) FROM Recloser",
            "function P90 is not known; known are AVG, COUNT, MAX, MIN, SUM",
        ),
        (
            "SELECT AVG(Failure) FROM Recloser GROUP BY Circuit HAVING AVG() > 1",
            "'HAVING AVG' is not understood here",
        ),
        ("SELECT AVG(Failure) * 100 FROM Recloser", "column 21: '* 100 FROM'"),
        ('SELECT AVG(Failure) FROM Recloser WHERE Circuit = "a"', "is not understood here"),
        ("SELECT AVG(Failure) FROM Recloser ORDER BY NOW()", "function NOW is not known"),
        ("SELECT AVG(Failure) FROM Recloser LIMIT -1", "is not understood here"),
    ],
)
def test_what_is_no_query(query: str, why: str) -> None:
    """An error tells the query, the column and what is wrong there."""
    with pytest.raises(QueryError) as refusal:
        parse_query(query)
    assert why in str(refusal.value)
