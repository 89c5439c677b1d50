"""Compiles the JSON Schemas of the events that functions receive into plain Python: functions/validators.

So the deployed functions need no library to validate, and nothing compiled. Run it after a schema changed
(`make validators`); a test fails while the two differ.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

from fastjsonschema import compile_to_code

ROOT = Path(__file__).parents[1]
SCHEMAS = ROOT / "events" / "schemas"
VALIDATORS = ROOT / "functions" / "validators"

RECEIVED = (
    "alarm-contributor-state-change",
    "alarm-state-change",
    "circuit-stream",
    "probe-stream",
    "scheduled-event",
)

_HEADER = '"""Made by events/compile_schemas.py from events/schemas/{schema}.schema.json: edit that."""\n\n'
_ERROR = "JsonSchemaValueException"
_PROSE = {"$id", "$schema", "title", "description"}


def module_name(schema: str) -> str:
    return schema.replace("-", "_")


def compiled(schema: str) -> str:
    """Return the source of the validator of one schema.

    Args:
        schema: the file's name without `.schema.json`.

    """
    document = json.loads((SCHEMAS / f"{schema}.schema.json").read_text(encoding="utf-8"))
    tree = _Plain().visit(ast.parse(compile_to_code(_without_prose(document))))
    source = ast.unparse(ast.fix_missing_locations(tree)).replace(
        "must be same as const definition: ", "must be "
    )
    return _HEADER.format(schema=schema) + source + "\n"


def _without_prose(node: Any, *, names_properties: bool = False) -> Any:
    """Leave out what validates nothing. A property may be called `description`: names are kept."""
    if isinstance(node, list):
        return [_without_prose(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _without_prose(value, names_properties=key in {"properties", "$defs"} and not names_properties)
        for key, value in node.items()
        if names_properties or key not in _PROSE
    }


class _Plain(ast.NodeTransformer):
    """Errors keep the place and the value, without a copy of the schema; their class is ours."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        if node.module != "fastjsonschema":
            return node
        return ast.ImportFrom(
            "validators.invalid", [ast.alias("Invalid", name.name) for name in node.names], 0
        )

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == _ERROR:
            node.keywords = [word for word in node.keywords if word.arg in {"name", "value"}]
        return node


def main() -> None:
    for schema in RECEIVED:
        (VALIDATORS / f"{module_name(schema)}.py").write_text(compiled(schema), encoding="utf-8")


if __name__ == "__main__":
    main()
