"""`recloser policy`: the settings of one circuit that differ from the stack's defaults."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from recloser.circuit import Circuit
from recloser.cli import documents, views
from recloser.cli.account import Account
from recloser.cli.arguments import By, CircuitName, Json, New, account_of
from recloser.cli.changes import apply
from recloser.cli.choice import require_known
from recloser.cli.group import say
from recloser.cli.identity import caller
from recloser.cli.problems import BadInput
from recloser.cli.status import policy_in_force
from recloser.policy import SETTINGS, CallerPolicy, PolicyError
from recloser.signals import PolicySet


def policy(
    context: typer.Context,
    circuit: CircuitName,
    changes: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help=f"Of {', '.join(SETTINGS)}.")
    ] = None,
    unset: Annotated[
        list[str] | None, typer.Option("--unset", metavar="NAME", help="Back to the default; repeatable.")
    ] = None,
    *,
    clear: Annotated[
        bool, typer.Option("--clear", help="All back to the defaults, before any change.")
    ] = False,
    by: By = None,
    new: New = False,
    as_json: Json = False,
) -> None:
    """Show a circuit's policy, or change it: recovery_timeout_seconds=30 permits=20."""
    account = account_of(context)
    wanted, unwanted = _parsed(changes or ()), _known("--unset", unset or ())
    read = account.tables.read(circuit, consistent=True) if new else require_known(account, circuit)
    if changes or unset or clear:
        kept = {} if clear else {name: value for name, value in read.policy.items() if name not in unwanted}
        _set(account, read, kept | wanted, by, as_json=as_json)
    else:
        _show(account, read, as_json=as_json)


def _show(account: Account, circuit: Circuit, *, as_json: bool) -> None:
    defaults = account.deployment.defaults
    if not as_json:
        views.console().print(views.policy_table(circuit, defaults))
        return
    own = dict(circuit.policy)
    in_force = asdict(policy_in_force(defaults, own)) | asdict(CallerPolicy.of(own))
    documents.print_json({"circuit": circuit.name, "policy": in_force, "own_policy": own})


def _set(
    account: Account, circuit: Circuit, settings: Mapping[str, Any], by: str | None, *, as_json: bool
) -> None:
    _validate(account, settings)
    if settings != circuit.policy:
        apply(account, [circuit.name], PolicySet(settings, caller(account, by)), as_json=as_json)
    elif as_json:
        _show(account, circuit, as_json=True)
    else:
        say(f"{circuit.name}: nothing changed: the policy is so already")
        return
    if not as_json:
        own = ", ".join(f"{setting}={views.value_text(value)}" for setting, value in settings.items())
        say(f"{circuit.name}: its own settings: {own or 'none, the defaults hold'}")


def _validate(account: Account, settings: Mapping[str, Any]) -> None:
    """Refuse what does not go with the stack's defaults: the functions would pass it over."""
    try:
        account.deployment.defaults.with_overrides(settings)
    except PolicyError as error:
        raise BadSetting(str(error)) from error


class BadSetting(BadInput):
    """A policy that does not validate; PolicyError has said what is allowed."""

    def __init__(self, message: str) -> None:
        Exception.__init__(self, message)


def _parsed(changes: Iterable[str]) -> dict[str, Any]:
    settings = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise BadInput("change", change, "NAME=VALUE, as permits=20; or --unset NAME")
        settings[name] = _value(value)
    _known("setting", settings)
    return settings


def _known(thing: str, names: Iterable[str]) -> set[str]:
    for name in names:
        if name not in SETTINGS:
            raise BadInput(thing, name, f"one of {', '.join(SETTINGS)}")
    return set(names)


def _value(text: str) -> Any:
    """Read a number, true or false; else it stays text, which the policy refuses with what it allows."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text
