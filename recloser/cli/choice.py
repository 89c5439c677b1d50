"""Which circuits a command is about: names as they were given, checked against those that are known."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

import typer

from recloser.circuit import Circuit, is_name, validate_name
from recloser.cli.account import Account
from recloser.cli.problems import BadInput, Problem
from recloser.errors import StoreError

_PATTERN_CHARACTERS = frozenset("*?[")
_ALLOWED = "1 to 64 of A-Z a-z 0-9 - _ .; or a pattern of names with * ? [ ]"


class UnknownCircuit(Problem):
    """No circuit of this name is known."""


def chosen(
    account: Account,
    given: Sequence[str] | None,
    *,
    every: bool = False,
    new: bool = False,
    misnamed: bool = False,
) -> list[str]:
    """Return the names of the circuits that are meant, each once.

    Args:
        account: where the circuits are.
        given: names and patterns of names.
        every: all that are known.
        new: whether a name may be unknown.
        misnamed: whether a pattern also means an item that was written manually under a name that no circuit
            can have: it can be shown, and no more.

    Raises:
        BadInput: none is given, or some are given together with `every`.
        UnknownCircuit: a name or pattern fits none; the message names one that may be meant.

    """
    if every and given:
        raise BadInput("--all", given[0], "not together with names")
    if not every and not given:
        raise BadInput("circuit", "", "at least one name or pattern, or --all")
    wanted = ["*"] if every else list(given or ())
    patterns = [name for name in wanted if is_pattern(name)]
    known = [each.name for each in account.circuits() if misnamed or is_name(each.name)] if patterns else None
    names: dict[str, None] = {}
    for name in wanted:
        if is_pattern(name):
            names |= dict.fromkeys(_matches(name, known or ()))
        else:
            if not new:
                require_known(account, name)
            names[name] = None
    return list(names)


def require_known(account: Account, name: str) -> Circuit:
    """Read a circuit that was written before, has alarms in the stack, or is called.

    Raises:
        UnknownCircuit: it is none of these.

    """
    circuit = account.tables.read(name, consistent=True)
    if circuit.revision or name in account.deployment.circuits or name in account.called:
        return circuit
    try:
        others = [other.name for other in account.circuits()]
    except StoreError:
        others = []  # who may read one circuit may not be allowed to list them all
    close = get_close_matches(name, others, n=1)
    raise UnknownCircuit(f"circuit {name} is not known: {_meant(close, others)}")


def is_pattern(name: str) -> bool:
    return bool(_PATTERN_CHARACTERS & set(name))


def confirm(names: Sequence[str], what: str, *, yes: bool) -> None:
    """Ask once before several circuits are changed.

    Raises:
        BadInput: there is nobody to ask, and `yes` is not given.
        typer.Abort: the answer is no.

    """
    if len(names) < 2 or yes:  # noqa: PLR2004  (one that is named is meant)
        return
    if not is_interactive():
        raise BadInput("circuits", f"{len(names)} at once", "with --yes, where nobody can be asked")
    typer.echo("\n".join(names), err=True)
    typer.confirm(f"{what} these {len(names)} circuits?", abort=True, err=True)


def is_interactive() -> bool:
    """Say whether there is somebody to ask."""
    return sys.stdin.isatty()


def check_form(names: list[str] | None) -> list[str] | None:
    """Return the names and patterns if all are allowed.

    Raises:
        BadInput: one is not.

    """
    for name in names or ():
        if not is_pattern(name):
            try:
                validate_name(name)
            except ValueError:
                raise BadInput("circuit name", name, _ALLOWED) from None
    return names


def _matches(pattern: str, known: Iterable[str]) -> list[str]:
    names = [name for name in known if fnmatchcase(name, pattern)]
    if not names:
        raise UnknownCircuit(f"no circuit matches {pattern!r}")
    return names


def _meant(close: Sequence[str], others: Sequence[str]) -> str:
    if close:
        return f"did you mean {close[0]}?"
    return f"there are {len(others)} circuits, recloser status lists them" if others else "there are none yet"
