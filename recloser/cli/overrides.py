"""`recloser open`, `close`, `release` and `reset`: an operator's states, which no alarm changes."""

from __future__ import annotations

import typer

from recloser.circuit import Override, State
from recloser.cli.account import Account
from recloser.cli.arguments import All, By, CircuitNames, For, Json, New, Reason, Until, Yes, account_of
from recloser.cli.changes import apply
from recloser.cli.choice import chosen, confirm
from recloser.cli.identity import caller, words
from recloser.cli.times import until_ms
from recloser.control.control import wall_clock_ms
from recloser.signals import OverrideReleased, OverrideSet, Reset


def force_open(
    context: typer.Context,
    circuits: CircuitNames = None,
    *,
    reason: Reason,
    lasting: For = None,
    until: Until = None,
    by: By = None,
    every: All = False,
    new: New = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Refuse every call, until it is released or its time is over; probes then lead back."""
    account = account_of(context)
    override = _override(account, State.OPEN, reason=reason, lasting=lasting, until=until, by=by)
    names = chosen(account, circuits, every=every, new=new)
    confirm(names, "Refuse every call of", yes=yes)
    apply(account, names, OverrideSet(override), as_json=as_json)


def force_closed(
    context: typer.Context,
    circuits: CircuitNames = None,
    *,
    reason: Reason,
    lasting: For = None,
    until: Until = None,
    by: By = None,
    every: All = False,
    new: New = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Let every call through, until it is released or its time is over; the state underneath lives on."""
    account = account_of(context)
    override = _override(account, State.CLOSED, reason=reason, lasting=lasting, until=until, by=by)
    names = chosen(account, circuits, every=every, new=new)
    confirm(names, "Let every call through of", yes=yes)
    apply(account, names, OverrideSet(override), as_json=as_json)


def release(
    context: typer.Context,
    circuits: CircuitNames = None,
    *,
    by: By = None,
    every: All = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Take an override back. A circuit that was held open proves itself by probes first."""
    account = account_of(context)
    who = caller(account, by)
    names = chosen(account, circuits, every=every)
    confirm(names, "Release", yes=yes)
    apply(account, names, OverrideReleased(who), as_json=as_json)


def reset(
    context: typer.Context,
    circuits: CircuitNames = None,
    *,
    reason: Reason,
    by: By = None,
    every: All = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Start a circuit afresh: closed, without override, without memory of earlier trips."""
    account = account_of(context)
    why = words("--reason", reason)
    who = caller(account, by)
    names = chosen(account, circuits, every=every)
    confirm(names, "Reset", yes=yes)
    apply(account, names, Reset(who, why), as_json=as_json)


def _override(
    account: Account, state: State, *, reason: str, lasting: str | None, until: str | None, by: str | None
) -> Override:
    why = words("--reason", reason)
    now_ms = wall_clock_ms()
    # Before AWS is asked who you are: bad input is told at once.
    end_ms = until_ms(lasting, until, now_ms)
    return Override(state, by=caller(account, by), why=why, at_ms=now_ms, until_ms=end_ms)
