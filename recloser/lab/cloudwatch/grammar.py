"""The grammar of metric math, by lark.

AWS publishes no grammar; precedence follows the usual order (or, and, comparison, sum, product, minus,
power).
"""

from functools import lru_cache

from lark import Lark, Tree, UnexpectedInput, UnexpectedToken
from lark.lexer import Token

_GRAMMAR = r"""
?start: disjunction
?disjunction: conjunction
    | disjunction (OR | OR_SIGN) conjunction -> binary
?conjunction: comparison
    | conjunction (AND | AND_SIGN) comparison -> binary
?comparison: sum
    | comparison (EQUAL | UNEQUAL | AT_LEAST | AT_MOST | ABOVE | BELOW) sum -> binary
?sum: product
    | sum (PLUS | MINUS) product -> binary
?product: signed
    | product (TIMES | OVER) signed -> binary
?signed: power
    | MINUS signed -> negative
    | PLUS signed -> positive
?power: atom
    | atom POWER signed -> binary
?atom: NUMBER -> number
    | STRING -> string
    | NAME -> name
    | FUNCTION -> word
    | FUNCTION "(" [disjunction ("," disjunction)*] ")" -> call
    | "[" disjunction ("," disjunction)* "]" -> array
    | "(" disjunction ")"

OR.2: /OR(?![A-Za-z0-9_])/
OR_SIGN: "||"
AND.2: /AND(?![A-Za-z0-9_])/
AND_SIGN: "&&"
EQUAL: "=="
UNEQUAL: "!="
AT_LEAST: ">="
AT_MOST: "<="
ABOVE: ">"
BELOW: "<"
PLUS: "+"
MINUS: "-"
TIMES: "*"
OVER: "/"
POWER: "^"
NUMBER: /\d+(\.\d+)?([eE][+-]?\d+)?|\.\d+/
STRING: /"[^"]*"|'[^']*'/
NAME: /[a-z][A-Za-z0-9_]*/
FUNCTION: /[A-Z][A-Z0-9_]*/
%ignore /\s+/
"""


# What is compiled and run by recursion must not be deeper.
MAXIMUM_DEPTH = 100
LONGEST_SHOWN = 200


class ExpressionError(ValueError):
    """An expression that CloudWatch, or this twin of it, cannot evaluate.

    `position` is the column of the offending text, counted from 1.
    """

    def __init__(self, expression: str, position: int, problem: str) -> None:
        super().__init__(f"expression {_shown(expression, position)}, column {position}: {problem}")
        self.expression = expression
        self.position = position
        self.problem = problem


def _shown(expression: str, position: int) -> str:
    """The expression, or of a long one the part around the column."""
    if len(expression) <= LONGEST_SHOWN:
        return repr(expression)
    start = max(0, position - 1 - LONGEST_SHOWN // 2)
    return f"…{expression[start : start + LONGEST_SHOWN]!r}…"


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", propagate_positions=True, maybe_placeholders=False)


def parse(expression: str) -> Tree[Token]:
    """The syntax tree of a metric math expression. Raises ExpressionError."""
    try:
        tree = _parser().parse(expression)
    except UnexpectedInput as error:
        if isinstance(error, UnexpectedToken) and error.token.type == "$END":
            raise ExpressionError(expression, len(expression) + 1, "the expression ends too early") from None
        column = error.column
        problem = f"{expression[column - 1 : column + 9]!r} is not understood here"
        raise ExpressionError(expression, column, problem) from None
    if depth(tree) > MAXIMUM_DEPTH:
        raise ExpressionError(
            expression, 1, f"more than {MAXIMUM_DEPTH} operations hang on each other; use several expressions"
        )
    return tree


def depth(tree: Tree[Token]) -> int:
    """How many levels a syntax tree has, counted without recursion."""
    deepest, level = 0, [tree]
    while level:
        deepest += 1
        level = [child for node in level for child in node.children if isinstance(child, Tree)]
    return deepest
