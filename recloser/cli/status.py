"""`recloser status` and `recloser history`: they read, and change nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Protocol

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from recloser.circuit import Circuit
from recloser.cli import documents, views
from recloser.cli.account import Account
from recloser.cli.arguments import CircuitName, CircuitNames, Json, account_of
from recloser.cli.choice import chosen, is_pattern, require_known
from recloser.cli.problems import BadInput, Problem
from recloser.control.control import wall_clock_ms
from recloser.errors import StoreError
from recloser.policy import PolicyError, RecoveryPolicy

WATCH_SECONDS = 2.0


def status(
    context: typer.Context,
    circuits: CircuitNames = None,
    *,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that are not simply closed.")] = False,
    as_json: Json = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every two seconds until Ctrl-C.")
    ] = False,
) -> None:
    """Show circuits as callers see them, open ones first; a single one in full."""
    account = account_of(context)
    if as_json and watch:
        raise BadInput("--watch", watch, "not together with --json")
    names = chosen(account, circuits, misnamed=True) if circuits else None
    if circuits and len(circuits) == 1 and not is_pattern(circuits[0]) and not only_open:
        look: _Look = _One(account, circuits[0])
    else:
        look = _Several(account, names, only_open=only_open)
    if as_json:
        documents.print_json(look.document())
    elif watch:
        _watch(look)
    else:
        views.console().print(look.page())


def history(context: typer.Context, circuit: CircuitName, *, as_json: Json = False) -> None:
    """Show the last transitions of a circuit, newest first; as JSON, newest last."""
    read = require_known(account_of(context), circuit)
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


class _Look(Protocol):
    """What `status` shows, read anew each time that it is asked."""

    def document(self) -> object:
        """Return it as what JSON can hold."""

    def page(self) -> RenderableType:
        """Return it as what people read."""


class _One(_Look):
    def __init__(self, account: Account, name: str) -> None:
        self._account = account
        self._name = name

    def document(self) -> object:
        circuit = self._account.tables.read(self._name, consistent=True)
        probes = self._account.tables.read_probes(self._name, circuit.generation)
        policy = policy_in_force(self._account.deployment.defaults, dict(circuit.policy))
        return documents.detail(circuit, probes, policy, wall_clock_ms())

    def page(self) -> RenderableType:
        circuit = self._account.tables.read(self._name, consistent=True)
        probes = self._account.tables.read_probes(self._name, circuit.generation)
        return views.circuit_page(circuit, probes, self._account.deployment.defaults, wall_clock_ms())


class _Several(_Look):
    def __init__(self, account: Account, names: Sequence[str] | None, *, only_open: bool) -> None:
        self._account = account
        self._names = names
        self._only_open = only_open

    def document(self) -> object:
        now_ms = wall_clock_ms()
        return [documents.summary(circuit, now_ms) for circuit in self._read(now_ms)]

    def page(self) -> RenderableType:
        now_ms = wall_clock_ms()
        return views.circuits_page(self._read(now_ms), now_ms)

    def _read(self, now_ms: int) -> list[Circuit]:
        read = self._account.circuits()
        if self._names is not None:
            read = [circuit for circuit in read if circuit.name in self._names]
        if self._only_open:
            read = [circuit for circuit in read if not views.is_closed(circuit, now_ms)]
        return read


def _watch(look: _Look) -> None:
    from rich.live import Live  # noqa: PLC0415

    page = look.page()
    try:
        with Live(page, console=views.console(), auto_refresh=False) as live:
            while True:
                time.sleep(WATCH_SECONDS)
                try:
                    page = look.page()
                    live.update(page, refresh=True)
                except (StoreError, Problem) as error:  # AWS may not answer once: the next look may be better
                    live.update(Group(page, Text(f"not seen anew: {error}", "red")), refresh=True)
    except KeyboardInterrupt:
        return  # the operator has seen enough
