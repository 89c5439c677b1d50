"""`recloser status` and `recloser history`: look, and change nothing."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import RenderableType

from recloser.cli import documents, views
from recloser.cli.account import Account
from recloser.cli.arguments import CircuitName, Json, SomeCircuitName, account_of
from recloser.cli.problems import BadInput
from recloser.control.control import wall_clock_ms
from recloser.policy import PolicyError, RecoveryPolicy

WATCH_SECONDS = 2.0


def status(
    context: typer.Context,
    circuit: SomeCircuitName = None,
    *,
    as_json: Json = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every two seconds until Ctrl-C.")
    ] = False,
) -> None:
    """Show every circuit, or one in full, as callers see them."""
    account = account_of(context)
    if as_json and watch:
        raise BadInput("--watch", watch, "not together with --json")
    if as_json:
        documents.print_json(_document(account, circuit))
    elif watch:
        _watch(account, circuit)
    else:
        views.console().print(_page(account, circuit))


def history(context: typer.Context, circuit: CircuitName, *, as_json: Json = False) -> None:
    """Show the last transitions of a circuit, newest first; as JSON, newest last."""
    read = account_of(context).tables.read(circuit, consistent=True)
    if as_json:
        documents.print_json(documents.history(read))
    else:
        views.console().print(views.history_table(read))


def policy_in_force(defaults: RecoveryPolicy, own: dict[str, object]) -> RecoveryPolicy:
    """Return the policy that the functions apply: the defaults, where a circuit's own do not go with them."""
    try:
        return defaults.with_overrides(own)
    except PolicyError:
        return defaults


def _document(account: Account, name: str | None) -> object:
    if name is None:
        return [documents.summary(circuit, wall_clock_ms()) for circuit in account.circuits()]
    circuit = account.tables.read(name, consistent=True)
    probes = account.tables.read_probes(name, circuit.generation)
    policy = policy_in_force(account.deployment.defaults, dict(circuit.policy))
    return documents.detail(circuit, probes, policy, wall_clock_ms())


def _page(account: Account, name: str | None) -> RenderableType:
    if name is not None:
        circuit = account.tables.read(name, consistent=True)
        probes = account.tables.read_probes(name, circuit.generation)
        return views.circuit_page(circuit, probes, account.deployment.defaults, wall_clock_ms())
    circuits = account.circuits()
    return views.circuits_table(circuits, wall_clock_ms()) if circuits else "no circuits yet"


def _watch(account: Account, name: str | None) -> None:
    from rich.live import Live  # noqa: PLC0415

    try:
        with Live(_page(account, name), console=views.console(), auto_refresh=False) as live:
            while True:
                time.sleep(WATCH_SECONDS)
                live.update(_page(account, name), refresh=True)
    except KeyboardInterrupt:
        return  # the operator has seen enough
