"""`recloser open`, `close`, `release` and `reset`: an operator's word, which beats the alarms'."""

from __future__ import annotations

from difflib import get_close_matches

import typer

from recloser.circuit import Circuit, Override, State
from recloser.cli import views
from recloser.cli.account import Account
from recloser.cli.arguments import Because, By, CircuitName, For, Until, account_of
from recloser.cli.group import tell
from recloser.cli.identity import caller, words
from recloser.cli.times import until_ms
from recloser.control.control import Applied, wall_clock_ms
from recloser.decide import OverrideReleased, OverrideSet, Reset, Signal
from recloser.errors import StoreError
from recloser.policy import CallerPolicy
from recloser.store.rows import LONGEST_TEXT_BYTES


def force_open(
    context: typer.Context,
    circuit: CircuitName,
    *,
    because: Because,
    lasting: For = None,
    until: Until = None,
    by: By = None,
) -> None:
    """Refuse every call, until it is released or its time is over; probes then lead back."""
    account = account_of(context)
    override = _override(account, State.OPEN, because=because, lasting=lasting, until=until, by=by)
    apply(account, circuit, OverrideSet(override))


def force_closed(
    context: typer.Context,
    circuit: CircuitName,
    *,
    because: Because,
    lasting: For = None,
    until: Until = None,
    by: By = None,
) -> None:
    """Let every call through, until it is released or its time is over; the state underneath lives on."""
    account = account_of(context)
    override = _override(account, State.CLOSED, because=because, lasting=lasting, until=until, by=by)
    apply(account, circuit, OverrideSet(override))


def release(context: typer.Context, circuit: CircuitName, by: By = None) -> None:
    """Take an override back. A circuit that was held open proves itself by probes first."""
    account = account_of(context)
    apply(account, circuit, OverrideReleased(caller(account, by)))


def reset(context: typer.Context, circuit: CircuitName, because: Because, by: By = None) -> None:
    """Start a circuit afresh: closed, without override, without memory of earlier trips."""
    account = account_of(context)
    why = words("--because", because)
    apply(account, circuit, Reset(caller(account, by), why))


def apply(account: Account, name: str, signal: Signal) -> Applied:
    """Carry an operator's signal to the circuit, and print what was decided."""
    applied = account.control.apply(name, signal)
    typer.echo(views.outcome(applied, wall_clock_ms()))
    _warn(account, applied.before, applied.circuit)
    return applied


def _override(
    account: Account, state: State, *, because: str, lasting: str | None, until: str | None, by: str | None
) -> Override:
    why = words("--because", because)
    now_ms = wall_clock_ms()
    # Before AWS is asked who you are: bad input is told at once.
    end_ms = until_ms(lasting, until, now_ms)
    return Override(state, by=caller(account, by), why=why, at_ms=now_ms, until_ms=end_ms)


def _warn(account: Account, before: Circuit, after: Circuit) -> None:
    """Tell what an operator may not have meant. It was done all the same: in an outage, nobody asks twice."""
    if before.revision == 0:
        _warn_of_unknown(account, after.name)
    if (
        not CallerPolicy.of(after.policy).enforce
        and after.state_for_callers(wall_clock_ms()) is not State.CLOSED
    ):
        tell(f"note: {after.name} is in shadow mode (enforce=false): calls are counted, not refused")
    if len(after.reason.encode()) > LONGEST_TEXT_BYTES:
        tell(f"note: the stored reason ends after {LONGEST_TEXT_BYTES} bytes")


def _warn_of_unknown(account: Account, name: str) -> None:
    """A misspelled name is a circuit too: one that nobody calls."""
    if name in account.deployment.circuits:
        return
    try:
        others = [circuit.name for circuit in account.circuits() if circuit.name != name]
    except StoreError:
        others = []  # who may write one circuit may not be allowed to list them all
    close = get_close_matches(name, others, n=1)
    meant = f"; did you mean {close[0]}?" if close else ""
    tell(f"note: {name} was never heard of before, and the stack has no alarms for it{meant}")
