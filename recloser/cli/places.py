"""Where a deployment is: options before the command or after it, as people expect from other commands."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from recloser.cli.account import DEFAULT_STACK, Account
from recloser.control.settings import CIRCUIT_TABLE, PROBE_TABLE

_PANEL = "Where"


def _option(option: str, text: str, variable: str | None = None) -> tuple[Any, Any]:
    """Make the option twice: for before the command, where a variable counts too, and for after it."""
    before = typer.Option(option, envvar=variable, help=text, rich_help_panel=_PANEL)
    after = typer.Option(option, help=text, rich_help_panel=_PANEL)
    return Annotated[str | None, before], Annotated[str | None, after]


Stack, _stack = _option(
    "--stack-name",
    "The CloudFormation stack that has the tables. "
    f"Default: the tables of {CIRCUIT_TABLE} and {PROBE_TABLE}, or else the stack {DEFAULT_STACK}.",
    "RECLOSER_STACK",
)
Region, _region = _option("--region", "The AWS Region.", "AWS_REGION")
Profile, _profile = _option("--profile", "A profile of the AWS configuration files.")
EndpointUrl, _endpoint_url = _option("--endpoint-url", "Where AWS answers, as on a local AWS.")

_AFTER = {"stack": _stack, "region": _region, "profile": _profile, "endpoint_url": _endpoint_url}


def given_places(parameters: dict[str, Any]) -> dict[str, str]:
    """Return the places among the parameters of a context, given before the command or after it."""
    found = {name: parameters.get(f"after_{name}") or parameters.get(name) for name in _AFTER}
    return {name: value for name, value in found.items() if value}


def also_after(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the place too; what it finds as its account is the one they name."""

    @functools.wraps(command)
    def placed(**given: Any) -> None:
        places = {name: given.pop(f"after_{name}") for name in _AFTER}
        own = {name: value for name, value in places.items() if value is not None}
        context = given["context"]
        if own:
            context.obj = context.find_object(Account).at(**own)
        command(**given)

    signature = inspect.signature(command, eval_str=True)
    places = [
        inspect.Parameter(f"after_{name}", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option)
        for name, option in _AFTER.items()
    ]
    parameters = [*signature.parameters.values(), *places]
    # What typer reads.
    vars(placed)["__signature__"] = signature.replace(parameters=parameters)
    placed.__annotations__ = {each.name: each.annotation for each in parameters}
    return placed
