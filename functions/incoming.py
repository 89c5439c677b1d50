"""Incoming events are validated here, by the JSON Schemas that ship with the library."""

from __future__ import annotations

import functools
import json
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from recloser.errors import EventError


def validate(event: Any, schema: str) -> None:
    """Check an event against `events/schemas/SCHEMA.schema.json`.

    Raises:
        EventError: it does not fit; the message names the place, the value and what is allowed.

    """
    error = best_match(_validator(schema).iter_errors(event))
    if error is not None:
        raise EventError(f"event does not fit {schema} at {error.json_path}: {error.message}")


@functools.cache
def _validator(schema: str) -> Draft202012Validator:
    text = files("recloser").joinpath("schemas", f"{schema}.schema.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text))
