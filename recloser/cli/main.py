"""The operator's command `recloser`: global options, and the commands, one module per group.

What a command needs from AWS is imported and asked for when it needs it, so that help is quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from recloser.cli import items, overrides
from recloser.cli.account import Account, Place
from recloser.cli.alarms import app as alarms
from recloser.cli.backtest import backtest
from recloser.cli.cost.command import cost
from recloser.cli.demo import demo
from recloser.cli.doctor.command import doctor
from recloser.cli.group import OneLineErrors
from recloser.cli.places import EndpointUrl, Profile, Region, Stack, also_after
from recloser.cli.policy import policy
from recloser.cli.simulate import simulate
from recloser.cli.status import history, status

app = typer.Typer(
    name="recloser",
    cls=OneLineErrors,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # what is not foreseen is a bug: its plain traceback helps to report it
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001  (the form of a callback)
    if not wanted:
        return
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  (slow to import)

    try:
        typer.echo(f"recloser {version('recloser')}")
    except PackageNotFoundError:  # run from the source tree
        typer.echo("recloser, not installed as a package")
    raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    *,
    stack: Stack = None,
    region: Region = None,
    profile: Profile = None,
    endpoint_url: EndpointUrl = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Look after the circuit breakers of a Recloser stack."""
    context.obj = Account(Place(stack, region, profile, endpoint_url))


_OPERATORS: dict[str, Callable[..., None]] = {
    "status": status,
    "history": history,
    "open": overrides.force_open,
    "close": overrides.force_closed,
    "release": overrides.release,
    "reset": overrides.reset,
    "policy": policy,
    "forget": items.forget,
    "export": items.export,
    "import": items.import_,
    "doctor": doctor,
    "backtest": backtest,
    "cost": cost,
}
for _name, _command in _OPERATORS.items():
    app.command(_name)(also_after(_command))
app.add_typer(alarms, name="alarms")
app.command("simulate")(simulate)
app.command(
    "demo",
    add_help_option=False,  # the demo has its own
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(demo)


def _open_closed_streams() -> None:
    """Give streams that the shell has closed (`>&-`, a service without any) a place that takes everything."""
    nowhere = Path(os.devnull)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, nowhere.open(mode))


def main() -> None:
    """Run the command; the process exits with its code."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show ends no list
    app(prog_name="recloser")
