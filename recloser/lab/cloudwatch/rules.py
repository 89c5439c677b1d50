"""The rules of composite alarms, parsed by lark.

Syntax and limits follow "Combining alarms" in the CloudWatch user guide and captured answers of
PutCompositeAlarm: keywords are upper case, a name with spaces or brackets is quoted with ", and AND binds
closer than OR.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, cast

from lark import Lark, Tree, UnexpectedInput, UnexpectedToken
from lark.lexer import Token

from recloser.lab.cloudwatch.alarms import State
from recloser.lab.cloudwatch.grammar import depth

WHOLE_PERCENT = 100
# A rule is built and evaluated by recursion.
MAXIMUM_DEPTH = 250

_GRAMMAR = r"""
?start: disjunction
?disjunction: conjunction | disjunction "OR" conjunction -> any
?conjunction: negation | conjunction "AND" negation -> all
?negation: term | "NOT" negation -> opposite
?term: TRUE -> constant
    | FALSE -> constant
    | STATE "(" alarm ")" -> has
    | "AT_LEAST" "(" THRESHOLD "," [NOT] STATE "," "(" alarm ("," alarm)* ")" ")" -> at_least
    | "(" disjunction ")"
alarm: NAME | QUOTED

TRUE: "TRUE"
FALSE: "FALSE"
NOT: "NOT"
STATE: "ALARM" | "OK" | "INSUFFICIENT_DATA"
THRESHOLD: /\d+%?/
QUOTED: /"(\\.|[^"\\])*"/
NAME: /[^\s(),"]+/
%ignore /\s+/
"""

StateOf = Callable[[str], State]


class RuleError(ValueError):
    """A rule that PutCompositeAlarm refuses."""


class Rule(Protocol):
    """A part of a rule."""

    def holds(self, state_of: StateOf) -> bool: ...

    def causes(self, state_of: StateOf) -> list[str]:
        """The alarms that make it hold, or fail: `triggeringAlarms` (captured for AT_LEAST and one alarm)."""
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    value: bool

    def holds(self, state_of: StateOf) -> bool:
        del state_of
        return self.value

    def causes(self, state_of: StateOf) -> list[str]:
        del state_of
        return []


@dataclass(frozen=True, slots=True)
class Has:
    """ALARM(name), OK(name), INSUFFICIENT_DATA(name)."""

    state: State
    alarm: str

    def holds(self, state_of: StateOf) -> bool:
        return state_of(self.alarm) is self.state

    def causes(self, state_of: StateOf) -> list[str]:
        del state_of
        return [self.alarm]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """AT_LEAST(n or n%, [NOT] state, (names)); a name given twice counts twice."""

    needed: float
    state: State
    is_negated: bool
    alarms: tuple[str, ...]

    def _matches(self, alarm: str, state_of: StateOf) -> bool:
        return (state_of(alarm) is self.state) is not self.is_negated

    def holds(self, state_of: StateOf) -> bool:
        return sum(self._matches(alarm, state_of) for alarm in self.alarms) >= self.needed

    def causes(self, state_of: StateOf) -> list[str]:
        holds = self.holds(state_of)
        return [alarm for alarm in self.alarms if self._matches(alarm, state_of) is holds]


@dataclass(frozen=True, slots=True)
class Opposite:
    rule: Rule

    def holds(self, state_of: StateOf) -> bool:
        return not self.rule.holds(state_of)

    def causes(self, state_of: StateOf) -> list[str]:
        return self.rule.causes(state_of)


@dataclass(frozen=True, slots=True)
class Joined:
    """`left AND right` (`is_all`), or `left OR right`."""

    left: Rule
    right: Rule
    is_all: bool

    def holds(self, state_of: StateOf) -> bool:
        if self.is_all:
            return self.left.holds(state_of) and self.right.holds(state_of)
        return self.left.holds(state_of) or self.right.holds(state_of)

    def causes(self, state_of: StateOf) -> list[str]:
        holds = self.holds(state_of)
        parts = [part for part in (self.left, self.right) if part.holds(state_of) is holds]
        return [alarm for part in parts for alarm in part.causes(state_of)]


@dataclass(frozen=True, slots=True)
class ParsedRule:
    """`alarms` are the names in it, each once; `elements` is its size as CloudWatch limits it."""

    rule: Rule
    alarms: tuple[str, ...]
    elements: int


def parse_rule(text: str) -> ParsedRule:
    """Parses an AlarmRule. Raises RuleError, which names the position, counted from 0 as AWS does."""
    try:
        tree = _parser().parse(text)
    except UnexpectedToken as error:
        if error.token.type == "$END":
            raise RuleError("AlarmRule ends too early") from None
        raise _unexpected(text, error) from None
    except UnexpectedInput as error:
        raise _unexpected(text, error) from None
    if depth(tree) > MAXIMUM_DEPTH:
        raise RuleError(f"AlarmRule has more than {MAXIMUM_DEPTH} operations that hang on each other")
    builder = _Builder()
    rule = builder.build(tree)
    return ParsedRule(rule, tuple(builder.alarms), builder.elements)


def _unexpected(text: str, error: UnexpectedInput) -> RuleError:
    at = error.pos_in_stream or 0
    word = text[at:].split(maxsplit=1)[0] if text[at:].split() else ""
    return RuleError(f"AlarmRule has {word!r} at character {at}, which is not understood there")


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", propagate_positions=True, maybe_placeholders=True)


class _Builder:
    def __init__(self) -> None:
        self.alarms: dict[str, None] = {}
        self.elements = 0

    def build(self, tree: Tree[Token]) -> Rule:
        self.elements += 1
        match tree.data:
            case "constant":
                return Constant(tree.children[0] == "TRUE")
            case "has":
                return Has(State(str(tree.children[0])), self._alarm(tree.children[1]))
            case "at_least":
                return self._at_least(tree)
            case "opposite":
                return Opposite(self.build(cast("Tree[Token]", tree.children[0])))
        left, right = (self.build(cast("Tree[Token]", child)) for child in tree.children)
        return Joined(left, right, is_all=tree.data == "all")

    def _at_least(self, tree: Tree[Token]) -> Rule:
        threshold, negation, state, *alarms = tree.children
        names = tuple(self._alarm(alarm) for alarm in alarms)
        return AtLeast(_needed(str(threshold), names), State(str(state)), negation is not None, names)

    def _alarm(self, node: object) -> str:
        self.elements += 1
        name = str(cast("Tree[Token]", node).children[0])
        if name.startswith('"'):
            name = name[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        if name.startswith("arn:"):
            name = name.split(":alarm:", 1)[-1]
        self.alarms[name] = None
        return name


def _needed(threshold: str, alarms: Sequence[str]) -> float:
    if threshold.endswith("%"):
        percent = int(threshold[:-1])
        if not 1 <= percent <= WHOLE_PERCENT:
            raise RuleError(f"AT_LEAST percentage must be between 1 and {WHOLE_PERCENT}, not {threshold}")
        return len(alarms) * percent / WHOLE_PERCENT
    if not 1 <= int(threshold) <= len(alarms):
        raise RuleError(
            f"AT_LEAST must be between 1 and the number of alarms ({len(alarms)}), not {threshold}"
        )
    return int(threshold)
