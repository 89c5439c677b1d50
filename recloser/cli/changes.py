"""One change of several circuits: made in parallel, and answered circuit by circuit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import typer

from recloser.circuit import State
from recloser.cli import documents, views
from recloser.cli.account import Account
from recloser.cli.aws_problems import text_of
from recloser.cli.group import say, tell
from recloser.control.control import Applied, wall_clock_ms
from recloser.errors import RecloserError
from recloser.policy import CallerPolicy
from recloser.signals import Signal
from recloser.store.rows import LONGEST_TEXT_BYTES

_AT_ONCE = 16


def apply(account: Account, names: Sequence[str], signal: Signal, *, as_json: bool = False) -> None:
    """Carry a signal to each circuit, and print what was decided.

    Raises:
        typer.Exit: some circuits could not be changed, as stderr says; the others were.

    """
    control = account.control
    done = in_parallel(names, lambda name: control.apply(name, signal))
    answers = [(name, answer) for name, answer in done if isinstance(answer, Applied)]
    now_ms = wall_clock_ms()
    if as_json:
        documents.print_json([_document(applied, now_ms) for _, applied in answers])
    for _, applied in answers:
        if not as_json:
            say(views.outcome(applied, now_ms))
        _warn(applied, now_ms)
    end(done)


def in_parallel(names: Sequence[str], do: Callable[[str], Any]) -> list[tuple[str, Any]]:
    """Do something for each circuit; the answers in the names' order, a RecloserError where it failed."""

    def attempt(name: str) -> Any:
        try:
            return do(name)
        except RecloserError as error:
            return error

    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(names) or 1)) as pool:
        try:
            return list(zip(names, pool.map(attempt, names), strict=True))
        except KeyboardInterrupt:  # what has begun ends; the others are not begun any more
            tell("interrupted: some circuits may have been changed, as recloser status shows")
            raise


def end(done: Sequence[tuple[str, Any]]) -> None:
    """Tell which circuits failed, and exit with 1 if there are any."""
    failures = [(name, answer) for name, answer in done if isinstance(answer, RecloserError)]
    for name, error in failures:
        tell(f"{name}: {text_of(error)}" if len(done) > 1 else text_of(error))
    if failures:
        raise typer.Exit(1)


def _document(applied: Applied, now_ms: int) -> dict[str, Any]:
    decision = applied.decision
    changed = {
        "changed": decision.circuit is not None,
        "decision": {"cause": decision.cause, "reason": decision.reason},
    }
    return documents.summary(applied.circuit, now_ms) | changed


def _warn(applied: Applied, now_ms: int) -> None:
    """Tell what an operator may not have meant. It was done all the same: in an outage, nobody asks twice."""
    after = applied.circuit
    if not CallerPolicy.of(after.policy).enforce and after.state_for_callers(now_ms) is not State.CLOSED:
        tell(f"note: {after.name} is in shadow mode (enforce=false): calls are counted, not refused")
    if applied.decision.circuit is not None and len(after.reason.encode()) > LONGEST_TEXT_BYTES:
        tell(f"note: the stored reason of {after.name} ends after {LONGEST_TEXT_BYTES} bytes")
