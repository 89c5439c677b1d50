"""Composite alarms: a rule over the states of other alarms.

Syntax and limits follow "Combining alarms" in the CloudWatch user guide and captured answers of PutCompositeAlarm.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from lark import Lark, Tree, UnexpectedInput
from lark.lexer import Token

from recloser.lab.cloudwatch.alarms import InvalidAlarm, Reader, State

MAXIMUM_RULE_LENGTH = 10_240
MAXIMUM_CHILDREN = 100
MAXIMUM_ELEMENTS = 500
WHOLE_PERCENT = 100

_GRAMMAR = r"""
?start: disjunction
?disjunction: conjunction
    | disjunction "OR" conjunction -> or_
?conjunction: negation
    | conjunction "AND" negation -> and_
?negation: term
    | "NOT" negation -> not_
?term: "TRUE" -> true
    | "FALSE" -> false
    | STATE "(" alarm ")" -> has
    | "AT_LEAST" "(" THRESHOLD "," [NOT] STATE "," "(" alarm ("," alarm)* ")" ")" -> at_least
    | "(" disjunction ")"
alarm: NAME | QUOTED

NOT: "NOT"
STATE.3: "ALARM" | "OK" | "INSUFFICIENT_DATA"
THRESHOLD.4: /\d+%?(?=\s*,)/
QUOTED: /"(\\.|[^"\\])*"/
NAME: /[^\s(),"]+/
%ignore /\s+/
"""

StateOf = Callable[[str], State]
Rule = Callable[[StateOf], bool]


@dataclass(frozen=True, slots=True)
class CompositeAlarm:
    """An alarm that is in ALARM while its rule is true, and OK otherwise. `children` are names, in order."""

    name: str
    rule_text: str
    children: tuple[str, ...]
    definition: Mapping[str, Any] = field(compare=False)
    rule: Rule = field(compare=False, repr=False)


_SETTINGS = {
    "AlarmName",
    "AlarmDescription",
    "AlarmRule",
    "ActionsEnabled",
    "OKActions",
    "AlarmActions",
    "InsufficientDataActions",
}


def composite_alarm(definition: Mapping[str, Any]) -> CompositeAlarm:
    """The alarm that PutCompositeAlarm would make of `definition`, or that DescribeAlarms shows.

    Raises InvalidAlarm, naming what is wrong and where in the rule.
    """
    reader = Reader(definition)
    reader.refuse_unknown(_SETTINGS)
    name, text = reader.text("AlarmName"), reader.text("AlarmRule")
    if len(text) > MAXIMUM_RULE_LENGTH:
        raise reader.error(f"AlarmRule must be at most {MAXIMUM_RULE_LENGTH} characters, not {len(text)}")
    builder = _Builder(name, text)
    rule = builder.build()
    return CompositeAlarm(name, text, tuple(builder.children), reader.settings, rule)


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", propagate_positions=True, maybe_placeholders=True)


class _Builder:
    """Turns a rule into something that can be asked, and collects the alarms in it."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.children: dict[str, None] = {}
        self._elements = 0

    def build(self) -> Rule:
        try:
            tree = _parser().parse(self.text)
        except UnexpectedInput as error:
            at = error.pos_in_stream if error.pos_in_stream is not None else len(self.text)
            found = self.text[at : at + 20]
            where = f"{found!r} at character {at}" if found else "the end of the rule"
            raise self._error(f"AlarmRule is not understood: unexpected {where}") from None
        rule = self._rule(tree)
        if len(self.children) > MAXIMUM_CHILDREN:
            raise self._error(
                f"AlarmRule may refer to at most {MAXIMUM_CHILDREN} alarms, not {len(self.children)}"
            )
        if self._elements > MAXIMUM_ELEMENTS:
            raise self._error(f"AlarmRule may have at most {MAXIMUM_ELEMENTS} elements, not {self._elements}")
        if self.name in self.children:
            raise self._error("AlarmRule refers to the alarm itself")
        return rule

    def _rule(self, tree: Tree[Token]) -> Rule:
        self._elements += 1
        match tree.data:
            case "or_" | "and_":
                left, right = (self._rule(child) for child in tree.children if isinstance(child, Tree))
                if tree.data == "or_":
                    return lambda state_of: left(state_of) or right(state_of)
                return lambda state_of: left(state_of) and right(state_of)
            case "not_":
                inner = self._rule(next(child for child in tree.children if isinstance(child, Tree)))
                return lambda state_of: not inner(state_of)
            case "true":
                return lambda _: True
            case "false":
                return lambda _: False
            case "has":
                return self._has(tree)
        return self._at_least(tree)

    def _has(self, tree: Tree[Token]) -> Rule:
        state, child = State(str(tree.children[0])), self._child(tree.children[1])
        return lambda state_of: state_of(child) is state

    def _at_least(self, tree: Tree[Token]) -> Rule:
        threshold, negated, state_name, *alarms = tree.children
        state = State(str(state_name))
        wanted = negated is None
        children = [self._child(alarm) for alarm in alarms]
        needed = self._needed(str(threshold), len(children))
        return lambda state_of: sum((state_of(child) is state) is wanted for child in children) >= needed

    def _needed(self, threshold: str, alarms: int) -> float:
        if threshold.endswith("%"):
            percent = int(threshold[:-1])
            if not 1 <= percent <= WHOLE_PERCENT:
                raise self._error(f"AT_LEAST takes a percentage from 1 to 100, not {threshold}")
            return alarms * percent / WHOLE_PERCENT
        if not 1 <= int(threshold) <= alarms:
            raise self._error(
                f"AT_LEAST takes a number from 1 to the number of alarms ({alarms}), not {threshold}"
            )
        return int(threshold)

    def _child(self, node: object) -> str:
        self._elements += 1
        assert isinstance(node, Tree)
        text = str(node.children[0])
        if text.startswith('"'):
            text = text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        if text.startswith("arn:"):
            text = text.split(":alarm:", 1)[-1]
        self.children[text] = None
        return text

    def _error(self, problem: str) -> InvalidAlarm:
        return InvalidAlarm(self.name, problem)
