"""What the doctor says: one form for every finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from recloser.cli.account import Account


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be, or that somebody should know.

    Args:
        check: the check that found it.
        subject: what it is about: a circuit, an alarm, a function, a queue.
        what: what is so.
        why: why it matters.
        fix: the command that fixes it, or what to do where there is none.
        is_problem: False: it may be intended, and is shown as a note.

    """

    check: str
    subject: str
    what: str
    why: str
    fix: str
    is_problem: bool = True


Check = Callable[[Account], Iterator[Finding]]
