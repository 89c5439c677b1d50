"""What the local AWS changes in ministack's conditions of templates, inside ministack's own process.

`Fn::Equals` over `Fn::Join` is how a template asks whether a list has anything in it: CloudFormation joins an
empty list to an empty text. ministack leaves the `Fn::Join` as it stands, which equals nothing, so that an
empty list looked filled.
Source: "Conditions", AWS CloudFormation user guide.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

Evaluate = Callable[[dict[str, Any], dict[str, Any]], dict[str, bool]]
NAME = "_evaluate_conditions"


def patch(cloudformation: ModuleType) -> None:
    """Let conditions compare joined lists.

    Args:
        cloudformation: `ministack.services.cloudformation`, with its modules.

    Raises:
        RuntimeError: this version of ministack does it in some other way.

    """
    users = [
        module
        for name, module in list(sys.modules.items())
        if name.startswith(f"{cloudformation.__name__}.") and hasattr(module, NAME)
    ]
    if not users:
        raise RuntimeError(f"this version of ministack has no {NAME}")
    evaluate: Evaluate = getattr(users[0], NAME)

    def patched(template: dict[str, Any], parameters: dict[str, Any]) -> dict[str, bool]:
        conditions = _joined(template.get("Conditions", {}), parameters)
        return evaluate(template | {"Conditions": conditions}, parameters)

    for module in users:
        setattr(module, NAME, patched)


def _joined(node: Any, parameters: Mapping[str, Any]) -> Any:
    """Return the conditions with every `Fn::Join` answered."""
    match node:
        case {"Fn::Join": [str(delimiter), {"Ref": str(name)}]} if name in parameters:
            return delimiter.join(str(parameters[name]["Value"]).split(","))
        case {"Fn::Join": [str(delimiter), [*parts]]}:
            return delimiter.join(_text(part, parameters) for part in parts)
        case dict():
            return {key: _joined(value, parameters) for key, value in node.items()}
        case list():
            return [_joined(value, parameters) for value in node]
    return node


def _text(part: Any, parameters: Mapping[str, Any]) -> str:
    match part:
        case {"Ref": str(name)} if name in parameters:
            return str(parameters[name]["Value"])
    return str(_joined(part, parameters))
