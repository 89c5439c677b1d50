"""A forked process begins with nothing of its parent's under way: no thread, no held lock, no call."""

from __future__ import annotations

import os
from typing import Protocol

from recloser.caller.registry import Registry


class Forkable(Protocol):
    """Something that belongs to one process."""

    def after_fork(self) -> None:
        """Begin anew in a child; its only thread runs this, before anything else of the child's."""


_everyone: Registry[Forkable] = Registry()


def begin_anew_after_fork(thing: Forkable) -> None:
    """Have `thing.after_fork()` called in every child that this process forks while the thing lives."""
    _everyone.add(thing)


def _in_child() -> None:
    for thing in _everyone.alive():
        thing.after_fork()


if hasattr(os, "register_at_fork"):  # where there are no forks there is nothing to do
    os.register_at_fork(after_in_child=_in_child)
