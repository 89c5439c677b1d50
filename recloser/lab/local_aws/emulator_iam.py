"""What the local AWS changes in ministack's permissions, inside ministack's own process.

ministack enforces the policies of every role, but knows neither the condition keys of PutEvents and of
DynamoDB's items nor the variables of policies.
Sources: "Using IAM policy conditions in Amazon EventBridge", EventBridge user guide; "Using IAM policy
conditions for fine-grained access control", DynamoDB developer guide; "IAM policy elements: Variables", IAM
user guide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

PUT_EVENTS = "events:PutEvents"
# Condition key: member of an entry of PutEvents.
ENTRY_KEYS = {"events:source": "Source", "events:detail-type": "DetailType"}

LEADING_KEYS = "dynamodb:LeadingKeys"
ATTRIBUTES = "dynamodb:Attributes"
_EXPRESSIONS = ("UpdateExpression", "ConditionExpression", "ProjectionExpression", "FilterExpression")
_NAME = re.compile(r"(?<![:#\w])#?[A-Za-z_]\w*")
# The words of expressions that name no attribute.
_WORDS = frozenset(
    (
        *(
            "SET",
            "ADD",
            "REMOVE",
            "DELETE",
            "AND",
            "OR",
            "NOT",
            "BETWEEN",
            "IN",
            "contains",
            "size",
            "begins_with",
        ),
        *("attribute_exists", "attribute_not_exists", "attribute_type", "if_not_exists", "list_append"),
    )
)
_VARIABLE = re.compile(r"\$\{([^}]+)\}")
_NO_VALUE = "\0"  # no key or tag can be this

Context = dict[str, Any]


def patch(iam_actions: Any, iam_evaluator: Any) -> None:
    """Let conditions on events and on DynamoDB's items be evaluated, and those with variables.

    Args:
        iam_actions: ministack's module that describes requests to its policy evaluator.
        iam_evaluator: that evaluator.

    Raises:
        RuntimeError: this version of ministack does it in some other way.

    """
    describe = _found(iam_actions, "request_tag_context")
    met, resolve = _found(iam_evaluator, "_conditions_met"), _found(iam_evaluator, "_resolve_condition_key")
    iam_actions.request_tag_context = _knowing_more(describe)

    def conditions_met(conditions: Mapping[str, Any], context: Any) -> Any:
        return met(_with_values(conditions, lambda key: resolve(key, context)), context)

    iam_evaluator._conditions_met = conditions_met  # noqa: SLF001  (there is no other place)


def _found(module: Any, name: str) -> Callable[..., Any]:
    function: Callable[..., Any] | None = getattr(module, name, None)
    if not callable(function):
        raise RuntimeError(  # noqa: TRY004 - a version is wrong, not a type
            f"{module.__name__} has no {name}: "
            "this version of ministack evaluates policies in a way that the local AWS does not know"
        )
    return function


def _with_values(node: Any, value_of: Callable[[str], object]) -> Any:
    """Replace each policy variable by its value; what names a variable without one matches nothing."""
    if isinstance(node, dict):
        return {key: _with_values(entry, value_of) for key, entry in node.items()}
    if isinstance(node, list):
        return [_with_values(entry, value_of) for entry in node]
    if not isinstance(node, str):
        return node
    return _VARIABLE.sub(lambda found: str(value_of(found[1]) or _NO_VALUE), node)


def _knowing_more(describe: Callable[..., Mapping[str, Any]]) -> Callable[..., Context]:
    def request_context(service: str, action: str, body: bytes, *rest: Any) -> Context:
        context = dict(describe(service, action, body, *rest))
        if action == PUT_EVENTS:
            return context | _events_context(body)
        return context | items_context(body) if action.startswith("dynamodb:") else context

    return request_context


def _events_context(body: bytes) -> Context:
    """The keys of a PutEvents request: one value each, unless its entries differ."""
    entries = json.loads(body or b"{}").get("Entries", [])
    context: Context = {}
    for key, member in ENTRY_KEYS.items():
        values = sorted({str(entry.get(member, "")) for entry in entries})
        context[key] = values[0] if len(values) == 1 else values
    return context


def items_context(body: bytes) -> Context:
    """The partition keys and the attributes that a request of DynamoDB names; neither for a Scan.

    Args:
        body: the request. Its tables have a partition key only, as Recloser's have.

    """
    request = json.loads(body or b"{}")
    keys = list(_keys(request))
    context: Context = {}
    if keys:
        context[LEADING_KEYS] = sorted(
            {str(value) for key in keys for typed in key.values() for value in typed.values()}
        )
    attributes = {name for key in keys for name in key} | set(_named(request))
    if attributes:
        context[ATTRIBUTES] = sorted(attributes)
    return context


def _keys(request: Mapping[str, Any]) -> Iterator[Mapping[str, Mapping[str, Any]]]:
    if "Key" in request:
        yield request["Key"]
    for wanted in request.get("RequestItems", {}).values():
        if isinstance(wanted, dict):  # BatchGetItem; BatchWriteItem has lists
            yield from wanted.get("Keys", ())


def _named(request: Mapping[str, Any]) -> Iterator[str]:
    aliases = request.get("ExpressionAttributeNames", {})
    for expression in _EXPRESSIONS:
        for name in _NAME.findall(request.get(expression, "")):
            if name not in _WORDS:
                yield aliases.get(name, name)
