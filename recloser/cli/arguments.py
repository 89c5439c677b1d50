"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from recloser.circuit import validate_name
from recloser.cli.account import Account, Place
from recloser.cli.choice import check_form
from recloser.cli.places import given_places
from recloser.cli.problems import BadInput
from recloser.errors import RecloserError


def account_of(context: typer.Context) -> Account:
    """Return the account that the options of the place name."""
    account = context.find_object(Account)
    if account is None:
        raise RuntimeError("the command was called without its group, which makes the account")
    return account


def known_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names for the shell to complete; none where they cannot be had: a prompt is no place for an error."""
    places = given_places(ctx.find_root().params) | given_places(ctx.params)
    try:
        circuits = Account(Place(**places)).circuits()
    except RecloserError:
        return []
    return [circuit.name for circuit in circuits if circuit.name.startswith(incomplete)]


def _one_name(name: str) -> str:
    try:
        return validate_name(name)
    except ValueError:
        raise BadInput("circuit name", name, "1 to 64 of A-Z a-z 0-9 - _ .") from None


def one_name_or_none(name: str | None) -> str | None:
    """Return an argument that may be left out, if it is allowed as a circuit's name.

    Raises:
        BadInput: it is not.

    """
    return None if name is None else _one_name(name)


CircuitName = Annotated[
    str,
    typer.Argument(
        metavar="CIRCUIT", callback=_one_name, autocompletion=known_names, help="The circuit's name."
    ),
]
CircuitNames = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CIRCUIT]...",
        callback=check_form,
        autocompletion=known_names,
        help="Names, or patterns of names: 'payments-*'.",
    ),
]
All = Annotated[bool, typer.Option("--all", help="Every circuit.")]
New = Annotated[bool, typer.Option("--new", help="Allow a name that no caller has used yet.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Change several circuits without a question.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the history.")]
By = Annotated[
    str | None,
    typer.Option(
        "--by", metavar="NAME", help="Who says so. Default: who you are to AWS, or to this machine."
    ),
]
For = Annotated[
    str | None, typer.Option("--for", metavar="DURATION", help="End it after a while: 45s, 30m, 1h30m, 2d.")
]
Until = Annotated[
    str | None,
    typer.Option(
        "--until", metavar="TIME", help="End it at a time: 2031-05-17T16:30, local, or with offset."
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option("--threshold", min=1, max=100, help="Trip from there on, percent of the calls."),
]
MinimumCalls = Annotated[
    int | None, typer.Option("--minimum-calls", min=1, help="Ignore periods with fewer calls.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON; times in epoch milliseconds.")]
