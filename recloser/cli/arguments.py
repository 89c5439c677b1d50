"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from recloser.circuit import validate_name
from recloser.cli.account import Account
from recloser.cli.problems import BadInput


def account_of(context: typer.Context) -> Account:
    """Return the account that the global options name."""
    account = context.find_object(Account)
    if account is None:
        raise RuntimeError("the command was called without its group, which makes the account")
    return account


def _circuit_name(name: str | None) -> str | None:
    try:
        return name if name is None else validate_name(name)
    except ValueError:
        raise BadInput("circuit name", name, "1 to 64 of A-Z a-z 0-9 - _ .") from None


CircuitName = Annotated[
    str, typer.Argument(metavar="CIRCUIT", callback=_circuit_name, help="The circuit's name.")
]
SomeCircuitName = Annotated[
    str | None, typer.Argument(metavar="[CIRCUIT]", callback=_circuit_name, help="One circuit, in full.")
]
Because = Annotated[str, typer.Option("--because", metavar="TEXT", help="Why, for the history.")]
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
Json = Annotated[bool, typer.Option("--json", help="Print JSON; times in epoch milliseconds.")]
