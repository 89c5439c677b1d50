"""The local trip: one process refuses by itself, long before an alarm can know."""

from __future__ import annotations

import threading
from dataclasses import dataclass

LONGEST_HOLD_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class LocalTrip:
    """After so many failures in a row in this process, refuse for a while.

    A refused call counts as a failure for the alarm, so that protecting oneself never hides the outage
    from the fleet. After the hold one call goes through: its failure holds again, its success forgets.

    Args:
        failures: how many in a row, 1 to 1000.
        hold_seconds: for how long, at most 300; a Retry-After of the dependency makes it longer.

    Raises:
        ValueError: a number is outside its range.

    """

    failures: int = 5
    hold_seconds: float = 10.0

    def __post_init__(self) -> None:
        whole = isinstance(self.failures, int) and not isinstance(self.failures, bool)
        if not whole or not 1 <= self.failures <= 1000:  # noqa: PLR2004
            raise ValueError(f"failures = {self.failures!r} is not allowed: a whole number from 1 to 1000")
        is_number = isinstance(self.hold_seconds, int | float) and not isinstance(self.hold_seconds, bool)
        if not is_number or not 0 < self.hold_seconds <= LONGEST_HOLD_SECONDS:
            raise ValueError(
                f"hold_seconds = {self.hold_seconds!r} is not allowed: "
                f"more than 0 and at most {LONGEST_HOLD_SECONDS:g} seconds"
            )


class LocalHold:
    """The state of a local trip in one process.

    Plain attributes: when threads meet, a count may be one off, never torn. Only the trial is given out under
    a lock.
    """

    __slots__ = ("_generation", "_trying", "failures_in_a_row", "settings", "until")

    def __init__(self, settings: LocalTrip | None) -> None:
        self.settings = settings
        self._generation = 0
        self.after_fork()
        self.failures_in_a_row = 0
        self.until = 0.0

    def after_fork(self) -> None:
        """Begin with no trial being given out."""
        self._trying = threading.Lock()

    def see(self, generation: int) -> None:
        """Forget what belongs to an older generation: since then the fleet has proved the dependency."""
        if generation != self._generation:
            self._generation = generation
            self.success()

    def is_held(self, now: float) -> bool:
        return now < self.until

    def begin_trial(self, now: float) -> bool:
        """Tell whether this call, the first after a hold, tries the dependency; those beside it are held on.

        The hold begins anew with the trial, so that one which hangs is not waited for longer than that.
        """
        settings = self.settings
        if settings is None or self.failures_in_a_row < settings.failures:
            return False
        with self._trying:
            if self.is_held(now):
                return False
            self.until = now + settings.hold_seconds
            return True

    def end_trial(self) -> None:
        """Say that the trial has told nothing: the next call tries."""
        self.until = 0.0

    def success(self) -> None:
        self.failures_in_a_row = 0
        self.until = 0.0

    def failure(self, now: float, retry_after: float | None = None, *, is_trial: bool = False) -> bool:
        """Count a failure; tell whether the hold begins with it.

        Args:
            now: epoch seconds.
            is_trial: whether it is the trial's.
            retry_after: how long the dependency itself asks to be left alone, in seconds.

        """
        self.failures_in_a_row += 1
        settings = self.settings
        if settings is None or self.failures_in_a_row < settings.failures:
            return False
        if self.is_held(now) and not is_trial:
            return False
        self.until = now + min(max(settings.hold_seconds, retry_after or 0.0), LONGEST_HOLD_SECONDS)
        return True
