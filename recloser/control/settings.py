"""The stack's settings for functions and callers: environment variables, read and checked in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from recloser.policy import PolicyError, RecoveryPolicy

CIRCUIT_TABLE = "RECLOSER_CIRCUIT_TABLE"
PROBE_TABLE = "RECLOSER_PROBE_TABLE"
_PREFIX = "RECLOSER_"


class SettingError(ValueError):
    """An environment variable is missing or has a value that is not allowed."""


def required(environment: Mapping[str, str], variable: str) -> str:
    """Return a variable that must be there.

    Raises:
        SettingError: it is not set, or empty.

    """
    value = environment.get(variable)
    if not value:
        raise SettingError(f"environment variable {variable} is not set")
    return value


def default_policy(environment: Mapping[str, str]) -> RecoveryPolicy:
    """Read the stack's default policy: `RECLOSER_BACKOFF`, `RECLOSER_RECOVERY_TIMEOUT_SECONDS` and so on.

    Raises:
        SettingError: a value is not of the setting's type or range.

    """
    settings: dict[str, Any] = {}
    for setting in fields(RecoveryPolicy):
        variable = _PREFIX + setting.name.upper()
        if variable in environment:
            settings[setting.name] = _parsed(
                variable, environment[variable], str(setting.type).removesuffix(" | None")
            )
    try:
        return RecoveryPolicy(**settings)
    except PolicyError as error:
        raise SettingError(f"environment variables {_PREFIX}*: {error}") from error


def _parsed(variable: str, text: str, kind: str) -> bool | float:
    try:
        if kind == "bool":
            return {"true": True, "false": False}[text.lower()]
        return int(text) if kind == "int" else float(text)
    except (KeyError, ValueError):
        allowed = {"bool": "true or false", "int": "a whole number", "float": "a number"}[kind]
        raise SettingError(f"environment variable {variable} = {text!r} is not allowed: {allowed}") from None
