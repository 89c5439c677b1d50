"""Metrics Insights: one query, and the time series that it answers.

Syntax and meaning follow "CloudWatch Metrics Insights query components" in the CloudWatch user guide; what
the page leaves open follows captures on AWS. HAVING, arithmetic and tags do not exist here.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken

from recloser.lab.cloudwatch.aggregate import Aggregate
from recloser.lab.cloudwatch.metrics import Metric, MetricStore
from recloser.lab.cloudwatch.series import Span
from recloser.lab.cloudwatch.statistics import Compute, parse_statistic

# A query answers with so many series at most (user guide, "Metrics Insights limits").
MAXIMUM_SERIES = 500
# How a series is called that lacks a dimension of GROUP BY (captured).
OTHER = "Other"
# A metric is not in an answer 58 s after its first sample, and is after 72 s (captured).
NEW_SERIES_MS = 60_000

_STATISTICS = {"AVG": "Average", "SUM": "Sum", "COUNT": "SampleCount", "MIN": "Minimum", "MAX": "Maximum"}

_GRAMMAR = r"""
start: _SELECT call _FROM source where? group? order? limit?
call: WORD "(" name ")"
source: _SCHEMA "(" name ("," name)* ")" -> schema
    | name -> namespace
where: _WHERE condition (_AND condition)*
condition: name SIGN VALUE
group: _GROUP _BY name ("," name)*
order: _ORDER _BY WORD "(" ")" DIRECTION?
limit: _LIMIT NUMBER
name: WORD | QUOTED

_SELECT.2: /SELECT\b/i
_FROM.2: /FROM\b/i
_SCHEMA.2: /SCHEMA(?=\s*\()/i
_WHERE.2: /WHERE\b/i
_AND.2: /AND\b/i
_GROUP.2: /GROUP\b/i
_ORDER.2: /ORDER\b/i
_BY.2: /BY\b/i
_LIMIT.2: /LIMIT\b/i
DIRECTION.2: /(ASC|DESC)\b/i
SIGN: "=" | "!="
WORD: /[A-Za-z_][A-Za-z0-9_]*/
QUOTED: /"[^"]+"/
VALUE: /'[^']*'/
NUMBER: /\d+/
%ignore /\s+/
"""


class QueryError(ValueError):
    """A query that Metrics Insights, or this twin of it, cannot answer; `position` is a column from 1."""

    def __init__(self, query: str, position: int, problem: str) -> None:
        super().__init__(f"query {query!r}, column {position}: {problem}")
        self.problem = problem


class Condition(NamedTuple):
    """One comparison of WHERE: a dimension that has, or has not, a value.

    A metric without the dimension has not the value (so stackd's documentation tells of its captures).
    """

    dimension: str
    equal: bool
    value: str

    def holds(self, metric: Metric) -> bool:
        return (dict(metric.dimensions).get(self.dimension) == self.value) is self.equal


@dataclass(frozen=True, slots=True)
class Select:
    """A query. `schema` None takes metrics with any dimensions, else with exactly these.

    `order_by` None is no ORDER BY: series come by name.
    """

    function: str
    metric_name: str
    namespace: str
    schema: frozenset[str] | None = None
    where: tuple[Condition, ...] = ()
    group_by: tuple[str, ...] = ()
    order_by: str | None = None
    descending: bool = False
    limit: int = MAXIMUM_SERIES

    @property
    def compute(self) -> Compute:
        return parse_statistic(_STATISTICS[self.function]).compute

    def selects(self, metric: Metric) -> bool:
        """Whether FROM and WHERE admit the metric."""
        return (
            metric.namespace == self.namespace
            and metric.name == self.metric_name
            and (self.schema is None or self.schema == {name for name, _ in metric.dimensions})
            and all(condition.holds(metric) for condition in self.where)
        )


class Row(NamedTuple):
    """One series of an answer; `attributes` are the dimensions of GROUP BY with their values."""

    attributes: tuple[tuple[str, str], ...]
    values: list[float | None]


def is_query(expression: str) -> bool:
    """Whether an expression is Metrics Insights rather than metric math."""
    return re.match(r"\s*SELECT\b", expression, re.IGNORECASE) is not None


@lru_cache(maxsize=256)
def parse_query(text: str) -> Select:
    """The query that `text` is. Raises QueryError."""
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        if isinstance(error, UnexpectedToken) and error.token.type == "$END":
            raise QueryError(text, len(text) + 1, "the query ends too early") from None
        shown = text[error.column - 1 : error.column + 9]
        raise QueryError(text, error.column, f"{shown!r} is not understood here") from None
    clauses = dict(_Clauses().transform(tree).children)
    for function, column in (clauses["call"][1], clauses.get("order", ("AVG", 1, False))[:2]):
        if function not in _STATISTICS:
            raise QueryError(
                text, column, f"function {function} is not known; known are {', '.join(sorted(_STATISTICS))}"
            )
    return _select(clauses)


def _select(clauses: dict[str, tuple]) -> Select:  # type: ignore[type-arg] # each clause has its own members
    metric_name, (function, _) = clauses["call"]
    namespace, schema = clauses["source"]
    order = clauses.get("order")
    return Select(
        function=function,
        metric_name=metric_name,
        namespace=namespace,
        schema=schema,
        where=clauses.get("where", ()),
        group_by=clauses.get("group", ()),
        order_by=None if order is None else order[0],
        descending=order is not None and order[2],
        limit=min(clauses.get("limit", (MAXIMUM_SERIES,))[0], MAXIMUM_SERIES),
    )


class _Clauses(Transformer):  # type: ignore[type-arg] # from tokens to whatever a clause is made of
    """The syntax tree as pairs of a clause's name and what it says."""

    def name(self, parts: Sequence[Token]) -> str:
        return str(parts[0]).strip('"')

    def call(self, parts: Sequence[Token]) -> tuple[str, tuple[str, tuple[str, int]]]:
        return "call", (str(parts[1]), _function(parts[0]))

    def namespace(self, parts: Sequence[str]) -> tuple[str, tuple[str, None]]:
        return "source", (parts[0], None)

    def schema(self, parts: Sequence[str]) -> tuple[str, tuple[str, frozenset[str]]]:
        return "source", (parts[0], frozenset(parts[1:]))

    def condition(self, parts: Sequence[str]) -> Condition:
        return Condition(parts[0], str(parts[1]) == "=", str(parts[2])[1:-1])

    def where(self, parts: Sequence[Condition]) -> tuple[str, tuple[Condition, ...]]:
        return "where", tuple(parts)

    def group(self, parts: Sequence[str]) -> tuple[str, tuple[str, ...]]:
        return "group", tuple(parts)

    def order(self, parts: Sequence[Token]) -> tuple[str, tuple[str, int, bool]]:
        descending = len(parts) > 1 and parts[1].upper() == "DESC"
        return "order", (*_function(parts[0]), descending)

    def limit(self, parts: Sequence[Token]) -> tuple[str, tuple[int]]:
        return "limit", (int(parts[0]),)


def _function(token: Token) -> tuple[str, int]:
    return token.upper(), token.column or 1


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", propagate_positions=True)


def answer(select: Select, store: MetricStore, span: Span, query_ms: int) -> list[Row]:
    """The series that a query at `query_ms` answers, in their order; those without any data are left out.

    Without GROUP BY there is at most one, with no attributes.
    """
    groups: dict[tuple[str | None, ...], list[list[Aggregate | None]]] = {}
    for metric in store.metrics():
        first_ms = store.first_seen_ms(metric)
        if select.selects(metric) and first_ms is not None and first_ms + NEW_SERIES_MS <= query_ms:
            dimensions = dict(metric.dimensions)
            key = tuple(dimensions.get(name) for name in select.group_by)
            groups.setdefault(key, []).append(store.aggregates(metric, None, span, query_ms))
    found = [(key, joined) for key, members in groups.items() if any(joined := _joined(members))]
    rows = [
        Row(_attributes(select, key), _values(select.compute, joined))
        for key, joined in sorted(found, key=lambda one: _rank(select, *one))
    ]
    return rows[: select.limit]


def _joined(members: Sequence[Sequence[Aggregate | None]]) -> list[Aggregate | None]:
    return [_whole(column) for column in zip(*members, strict=True)]


def _whole(parts: Sequence[Aggregate | None]) -> Aggregate | None:
    there = [part for part in parts if part is not None]
    if len(there) <= 1:
        return there[0] if there else None
    whole = Aggregate()
    for part in there:
        whole.merge(part)
    return whole


def _values(compute: Compute, aggregates: Sequence[Aggregate | None]) -> list[float | None]:
    return [None if one is None else compute(one) for one in aggregates]


def _attributes(select: Select, key: Sequence[str | None]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, OTHER if value is None else value) for name, value in zip(select.group_by, key, strict=True)
    )


def _rank(
    select: Select, key: Sequence[str | None], joined: Sequence[Aggregate | None]
) -> tuple[float, tuple[str, ...], tuple[bool, ...]]:
    """What rows are sorted by: ORDER BY over the whole range, then the names, with literal values first."""
    by_name = (
        tuple(OTHER if value is None else value for value in key),
        tuple(value is None for value in key),
    )
    if select.order_by is None:
        return (0.0, *by_name)
    whole = _whole(joined)
    size = None if whole is None else parse_statistic(_STATISTICS[select.order_by]).compute(whole)
    return ((-1 if select.descending else 1) * (size or 0.0), *by_name)


def describe(rows: Sequence[Row]) -> Iterator[tuple[str, Row]]:
    """Each row with its label: the values of GROUP BY; equal ones are numbered (captured)."""
    labels = [" ".join(value for _, value in row.attributes) for row in rows]
    for number, (label, row) in enumerate(zip(labels, rows, strict=True), start=1):
        yield (f"{number} - {label}" if labels.count(label) > 1 else label), row
