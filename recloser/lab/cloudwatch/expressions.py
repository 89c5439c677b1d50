"""Metric math: compiled once per alarm, evaluated many times.

Syntax and meaning follow "Using metric math" in the CloudWatch user guide.
"""

from collections.abc import Collection, Mapping, Sequence
from math import isfinite
from typing import Any, cast

from lark import Tree
from lark.lexer import Token

from recloser.lab.cloudwatch.grammar import ExpressionError, parse
from recloser.lab.cloudwatch.math_functions import FILLS, FUNCTIONS, WrongArgumentsError, fill_by, fill_with
from recloser.lab.cloudwatch.math_values import (
    OPERATORS,
    Compiled,
    Inputs,
    Kind,
    Series,
    constant,
    each,
    pairwise,
)

__all__ = ["ExpressionError", "Formula", "Inputs", "compile_formula"]

_SPECIAL = ("FILL", "METRICS", "PERIOD")


class Formula:
    """Expressions that may refer to metrics and to each other, and the one that is wanted."""

    def __init__(self, result: Compiled, name: str, used: frozenset[str]) -> None:
        self._run = result.run
        self.name = name
        self.metrics_used = used

    def evaluate(self, metrics: Mapping[str, Any], buckets: int, period_seconds: int) -> Series:
        """The datapoints of the wanted expression, one per period, from the metrics by id.

        A metric is a series, or, if it was compiled as an array, a list of series.
        """
        series: Series = self._run(Inputs(metrics, buckets, period_seconds))
        # A result too large for a number is no datapoint: there would be no JSON for it either.
        return [value if value is not None and isfinite(value) else None for value in series]


class SeveralSeriesError(ExpressionError):
    """The result of the expression is more than one series."""


def compile_formula(
    expressions: Mapping[str, str],
    metric_ids: Sequence[str],
    wanted: str,
    array_ids: Collection[str] = (),
) -> Formula:
    """Compiles the expression with the id `wanted`, and those that it refers to.

    `array_ids` are those of `metric_ids` that stand for several series.

    Every expression is checked, as CloudWatch does, even one that nothing refers to.
    Raises ExpressionError, which names the function or the text and its column: a result that is no single
    time series, an unknown id, a circle, a function that is not supported.
    """
    compiler = _Set(expressions, metric_ids, array_ids)
    for name in expressions:
        compiler.reference(name, expressions[name], 1)
    result = compiler.done[wanted]
    if result.kind is not Kind.SERIES:
        error = SeveralSeriesError if result.kind is Kind.ARRAY else ExpressionError
        raise error(
            expressions[wanted],
            1,
            f"the result is {result.kind.value}, and an alarm needs {Kind.SERIES.value}",
        )
    return Formula(result, wanted, frozenset(compiler.used))


class _Set:
    """All expressions of an alarm, compiled in the order in which they need each other."""

    def __init__(
        self, expressions: Mapping[str, str], metric_ids: Sequence[str], array_ids: Collection[str]
    ) -> None:
        self.expressions = expressions
        self.array_ids = array_ids
        self.metric_ids = metric_ids
        self.done: dict[str, Compiled] = {}
        self.used: set[str] = set()
        self._open: list[str] = []

    def reference(self, name: str, expression: str, position: int) -> Compiled:
        if name in self.metric_ids:
            self.used.add(name)
            return _lookup(name, Kind.ARRAY if name in self.array_ids else Kind.SERIES)
        if name in self.done:
            return self.done[name]
        if name not in self.expressions:
            known = ", ".join([*self.metric_ids, *self.expressions])
            raise ExpressionError(expression, position, f"unknown id {name!r}: the alarm has {known}")
        if name in self._open:
            raise ExpressionError(expression, position, f"{name!r} refers to itself")
        self._open.append(name)
        text = self.expressions[name]
        self.done[name] = _Compiler(self, text).compile(parse(text))
        self._open.pop()
        return self.done[name]


def _lookup(name: str, kind: Kind) -> Compiled:
    return Compiled(kind, lambda inputs: inputs.values[name])


class _Compiler:
    """Turns the syntax tree of one expression into something that runs."""

    def __init__(self, expressions: _Set, text: str) -> None:
        self._set = expressions
        self._text = text

    def compile(self, tree: Tree[Token]) -> Compiled:
        token = _first_token(tree)
        match tree.data:
            case "number":
                return constant(float(token))
            case "name":
                return self._set.reference(str(token), self._text, _column(token))
            case "binary":
                return self._binary(tree)
            case "negative":
                return each(lambda value: -value, self._child(tree, 1))
            case "positive":
                return self._child(tree, 1)
            case "array":
                return self._array([self._child(tree, index) for index in range(len(tree.children))])
            case "call":
                return self._call(tree, token)
        raise self._error(token, f"{str(token)!r} stands alone: no function, metric or number")

    def _child(self, tree: Tree[Token], index: int) -> Compiled:
        return self.compile(cast("Tree[Token]", tree.children[index]))

    def _binary(self, tree: Tree[Token]) -> Compiled:
        left, right, sign = self._child(tree, 0), self._child(tree, 2), cast("Token", tree.children[1])
        combined = pairwise(OPERATORS[str(sign)], left, right)
        if combined is None:
            raise self._error(
                sign, f"{str(sign)!r} does not combine {left.kind.value} with {right.kind.value}"
            )
        return combined

    def _array(self, parts: Sequence[Compiled]) -> Compiled:
        runs = [(part.kind, part.run) for part in parts]

        def run(inputs: Inputs) -> list[Series]:
            array: list[Series] = []
            for kind, member in runs:
                value = member(inputs)
                if kind is Kind.ARRAY:
                    array.extend(value)
                else:
                    array.append(value if kind is Kind.SERIES else [value] * inputs.buckets)
            return array

        return Compiled(Kind.ARRAY, run)

    def _call(self, tree: Tree[Token], name: Token) -> Compiled:
        arguments = [child for child in tree.children[1:] if isinstance(child, Tree)]
        try:
            if name == "METRICS":
                return self._metrics(arguments)
            if name == "PERIOD":
                return self._period(arguments)
            if name == "FILL":
                return self._fill(arguments)
            build = FUNCTIONS.get(str(name))
            if build is None:
                supported = ", ".join(sorted([*FUNCTIONS, *_SPECIAL]))
                raise self._error(name, f"function {name} is not supported; supported are {supported}")
            return build([self.compile(argument) for argument in arguments])
        except WrongArgumentsError as error:
            raise self._error(name, f"function {name} {error}") from None

    def _metrics(self, arguments: Sequence[Tree[Token]]) -> Compiled:
        """METRICS(), or METRICS("part"): the metrics whose id contains the text; never expressions."""
        if len(arguments) > 1 or (arguments and arguments[0].data != "string"):
            raise WrongArgumentsError('takes nothing or one quoted text, as in METRICS("errors")')
        part = str(_first_token(arguments[0]))[1:-1] if arguments else ""
        names = [name for name in self._set.metric_ids if part in name and name not in self._set.array_ids]
        self._set.used.update(names)
        return Compiled(Kind.ARRAY, lambda inputs: [inputs.values[name] for name in names])

    def _period(self, arguments: Sequence[Tree[Token]]) -> Compiled:
        if len(arguments) != 1 or arguments[0].data != "name":
            raise WrongArgumentsError("takes the id of one metric")
        name = str(_first_token(arguments[0]))
        if name not in self._set.metric_ids:
            raise WrongArgumentsError(f"takes the id of a metric, and {name!r} is none")
        return Compiled(Kind.SCALAR, lambda inputs: float(inputs.period_seconds))

    def _fill(self, arguments: Sequence[Tree[Token]]) -> Compiled:
        if len(arguments) != 2:  # noqa: PLR2004 - what to fill, and with what
            raise WrongArgumentsError(f"takes 2 arguments, not {len(arguments)}")
        what = self.compile(arguments[0])
        if arguments[1].data != "word":
            return fill_with(what, self.compile(arguments[1]))
        how = str(_first_token(arguments[1]))
        if how not in FILLS:
            raise WrongArgumentsError(f"fills with a value, {' or '.join(FILLS)}, not {how}")
        return fill_by(what, how)

    def _error(self, token: Token, problem: str) -> ExpressionError:
        return ExpressionError(self._text, _column(token), problem)


def _column(token: Token) -> int:
    return token.column or 1


def _first_token(tree: Tree[Token]) -> Token:
    return next(tree.scan_values(lambda value: isinstance(value, Token)))
