"""The operator's command `recloser`: global options, and the commands, one module per group.

What a command needs from AWS is imported and asked for when it needs it, so that help is quick.
"""

from __future__ import annotations

from typing import Annotated

import typer

from recloser.cli import overrides
from recloser.cli.account import DEFAULT_STACK, Account
from recloser.cli.backtest import backtest
from recloser.cli.demo import demo
from recloser.cli.group import OneLineErrors
from recloser.cli.policy import policy
from recloser.cli.simulate import simulate
from recloser.cli.status import history, status
from recloser.control.settings import CIRCUIT_TABLE, PROBE_TABLE

app = typer.Typer(
    name="recloser",
    cls=OneLineErrors,
    no_args_is_help=True,
    add_completion=False,
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
    stack: Annotated[
        str | None,
        typer.Option(
            "--stack",
            envvar="RECLOSER_STACK",
            help="The CloudFormation stack that has the tables. "
            f"Default: the tables of {CIRCUIT_TABLE} and {PROBE_TABLE}, or else the stack {DEFAULT_STACK}.",
        ),
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", envvar="AWS_REGION", help="The AWS Region.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", help="A profile of the AWS configuration files.")
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Look after the circuit breakers of a Recloser stack."""
    context.obj = Account(stack, region, profile)


app.command("status")(status)
app.command("history")(history)
app.command("open")(overrides.force_open)
app.command("close")(overrides.force_closed)
app.command("release")(overrides.release)
app.command("reset")(overrides.reset)
app.command("policy")(policy)
app.command("backtest")(backtest)
app.command("simulate")(simulate)
app.command(
    "demo",
    add_help_option=False,  # the demo has its own
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(demo)


def main() -> None:
    """Run the command; the process exits with its code."""
    app(prog_name="recloser")
