"""Reads Metrics Insights queries, in the forms that an alarm on circuits may have.

Source: "Metrics Insights query components and syntax", CloudWatch user guide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from recloser.errors import EventError

_TOKEN = re.compile(r"""\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|[A-Za-z0-9_.\-/#:]+|[(),=]|!=|\S)""")
_CLAUSES = {"WHERE", "GROUP", "ORDER", "LIMIT"}


@dataclass(frozen=True, slots=True)
class InsightsQuery:
    """`SELECT function(metric) FROM SCHEMA(namespace, schema...) WHERE where GROUP BY group_by`.

    `schema` None: the query reads FROM the namespace alone. `limit` None: it has no LIMIT.
    """

    function: str
    metric: str
    namespace: str
    schema: tuple[str, ...] | None
    where: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()
    limit: int | None = None


def is_insights_query(expression: object) -> bool:
    """Tell a query from metric math."""
    return isinstance(expression, str) and expression.lstrip()[:6].upper() == "SELECT"


def read_insights_query(expression: str) -> InsightsQuery:
    """Read a query.

    Raises:
        EventError: it is none.

    """
    words = _Words(expression)
    words.expect("SELECT")
    function = words.name().upper()
    [metric] = words.names_in_brackets()
    words.expect("FROM")
    source = words.name()
    schema: tuple[str, ...] | None = None
    if source.upper() == "SCHEMA" and words.next_is("("):
        source, *dimensions = words.names_in_brackets()
        schema = tuple(dimensions)
    where = words.until_clause() if words.take("WHERE") else ()
    group_by: tuple[str, ...] = ()
    if words.take("GROUP"):
        words.expect("BY")
        group_by = words.names()
    return InsightsQuery(function, metric, source, schema, where, group_by, words.limit())


class _Words:
    """The query's words, read from left to right."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._words = _TOKEN.findall(expression)

    def next_is(self, word: str) -> bool:
        return bool(self._words) and self._words[0].upper() == word

    def take(self, word: str) -> bool:
        if self.next_is(word):
            self._words.pop(0)
            return True
        return False

    def expect(self, word: str) -> None:
        if not self.take(word):
            raise self._refusal(word)

    def name(self) -> str:
        if not self._words or not re.match(r"[\"A-Za-z0-9_]", self._words[0]):
            raise self._refusal("a name")
        return _unquoted(self._words.pop(0))

    def names(self) -> tuple[str, ...]:
        found = [self.name()]
        while self.take(","):
            found.append(self.name())
        return tuple(found)

    def names_in_brackets(self) -> tuple[str, ...]:
        self.expect("(")
        found = self.names()
        self.expect(")")
        return found

    def until_clause(self) -> tuple[str, ...]:
        found = []
        while self._words and self._words[0].upper() not in _CLAUSES:
            found.append(_unquoted(self._words.pop(0)))
        return tuple(found)

    def limit(self) -> int | None:
        """Read what follows LIMIT, the last clause; None: there is none."""
        match self._words[-2:]:
            case [word, number] if word.upper() == "LIMIT" and number.isdecimal():
                return int(number)
        return None

    def _refusal(self, wanted: str) -> EventError:
        found = self._words[0] if self._words else "its end"
        return EventError(
            f"query {self._expression[:200]!r} is not understood: {wanted} expected, not {found}"
        )


def _unquoted(word: str) -> str:
    if len(word) > 1 and word[0] in "\"'":
        return word[1:-1].replace(word[0] * 2, word[0])
    return word
