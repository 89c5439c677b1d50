"""What a `Process` is made of, as types: its own parts, and those that tests and the simulator give it.

Callers do not load this file: `typing` takes as long as all that they need.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from recloser.caller.watchdog import Deadline


class RunInBackground(Protocol):
    """Runs work without waiting for it."""

    def __call__(self, work: Callable[[], None]) -> bool:
        """Begin `work`; return False if that is not possible: then it does not run."""


class Watchdog(Protocol):
    """Lets things happen at their time."""

    def watch(self, at: float, on_expiry: Callable[[], None]) -> Deadline:
        """Call `on_expiry` at `at`, epoch seconds, unless the deadline is called off."""


class Guarded(Protocol):
    """A breaker, as its process sees it."""

    def begin_anew(self) -> None:
        """Forget what belongs to the process before."""

    def forget_answers(self) -> None:
        """Make the next call ask its questions."""

    def expire_running(self) -> None:
        """Count every call that is still running as failed."""
