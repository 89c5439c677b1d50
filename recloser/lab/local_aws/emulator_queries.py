"""What the local AWS adds to ministack's CloudFormation: saved queries, inside ministack's own process.

ministack runs queries of Logs Insights but saves none, and refuses a template with an
`AWS::Logs::QueryDefinition`. Here the stack has them by name; the service's own DescribeQueryDefinitions does
not list them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

TYPE = "AWS::Logs::QueryDefinition"


def patch(provisioners: Any) -> None:
    """Let templates have saved queries.

    Args:
        provisioners: ministack's CloudFormation resources.

    Raises:
        RuntimeError: this version of ministack does it in some other way, or does it itself.

    """
    handlers: dict[str, dict[str, Callable[..., Any]]] | None = getattr(
        provisioners, "_RESOURCE_HANDLERS", None
    )
    if handlers is None or TYPE in handlers:
        raise RuntimeError(f"this version of ministack has no table of resources, or makes {TYPE} itself")
    handlers[TYPE] = {"create": _create, "update": _update, "delete": _delete}


def _create(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    _require(properties)
    physical_id = f"{stack_name}-{logical_id}"
    return physical_id, {"QueryDefinitionId": physical_id}


def _update(
    physical_id: str, _before: Mapping[str, Any], properties: Mapping[str, Any], _stack_name: str
) -> tuple[str, dict[str, str]]:
    _require(properties)
    return physical_id, {"QueryDefinitionId": physical_id}


def _delete(_physical_id: str, _properties: Mapping[str, Any]) -> None:
    """Do nothing: nothing was made."""


def _require(properties: Mapping[str, Any]) -> None:
    for name in ("Name", "QueryString"):
        if not properties.get(name):
            raise ValueError(f"{TYPE} requires {name}")
