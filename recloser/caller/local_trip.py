"""The local trip: one process refuses by itself, long before an alarm can know."""

from __future__ import annotations

import threading

from recloser.frozen import dataclass

LONGEST_HOLD_SECONDS = 300.0
# Held calls count as failures so far apart: an environment alone reaches the fast alarm's minimum of ten
# calls in ten seconds, and a fleet does not trip itself by holding back.
SECONDS_BETWEEN_HELD_FAILURES = 0.5
LONGEST_STREAK = 1000


@dataclass(frozen=True, slots=True)
class LocalTrip:
    """After so many failures in a row in this process, refuse for a while.

    After the hold one call goes through, the trial. Its failure holds again, for twice as long; its success
    starts over.

    Args:
        failures: how many in a row, 1 to 1000.
        hold_seconds: how long the first hold lasts, at most 300; a Retry-After of the dependency makes it
            longer.
        longest_hold_seconds: what the doubling leads to, at most 300; without effect where hold_seconds is
            longer.

    Raises:
        ValueError: a number is outside its range.

    """

    failures: int = 5
    hold_seconds: float = 0.6
    longest_hold_seconds: float = 10.0

    def __post_init__(self) -> None:
        whole = isinstance(self.failures, int) and not isinstance(self.failures, bool)
        if not whole or not 1 <= self.failures <= LONGEST_STREAK:
            raise ValueError(f"failures = {self.failures!r} is not allowed: a whole number from 1 to 1000")
        for name in ("hold_seconds", "longest_hold_seconds"):
            _check_seconds(name, getattr(self, name))


def _check_seconds(name: str, value: object) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value <= LONGEST_HOLD_SECONDS:  # type: ignore[operator]
        raise ValueError(
            f"{name} = {value!r} is not allowed: more than 0 and at most {LONGEST_HOLD_SECONDS:g} seconds"
        )


class LocalHold:
    """The state of a local trip in one process.

    Plain attributes: when threads meet, a count may be one off, never torn. Only the trial is given out under
    a lock.

    Attributes:
        since, until: the span in which calls are held back, epoch seconds.
        failures_in_a_row: how many calls have failed one after the other.

    """

    __slots__ = (
        "_generation",
        "_held_counted_at",
        "_length",
        "_trying",
        "failures_in_a_row",
        "settings",
        "since",
        "until",
    )

    def __init__(self, settings: LocalTrip | None, generation: int = 0) -> None:
        self.settings = settings
        self.failures_in_a_row = 0
        self.since = 0.0
        self.until = 0.0
        self._generation = generation
        self._held_counted_at = 0.0
        self._length = 0.0 if settings is None else settings.hold_seconds
        self._trying = threading.Lock()

    def see(self, generation: int) -> None:
        """Forget what belongs to an older generation: since then the fleet has proved the dependency."""
        if generation != self._generation:
            self._generation = generation
            self.success()

    def is_held(self, now: float) -> bool:
        # A clock that was set back must not make the hold longer.
        return self.since <= now < self.until

    def is_trial_due(self, now: float) -> bool:
        """Tell whether the next call tries the dependency: a hold has ended, and nobody has tried since."""
        settings = self.settings
        return settings is not None and self.failures_in_a_row >= settings.failures and not self.is_held(now)

    def begin_trial(self, now: float) -> bool:
        """Tell whether this call is the trial; calls beside it are held on.

        The hold begins anew with the trial, so that one which hangs is not waited for longer than that.
        """
        with self._trying:
            if not self.is_trial_due(now):
                return False
            self._hold(now, 0.0)
            return True

    def counts_held_call(self, now: float) -> bool:
        """Tell whether a call that is held now counts as a failure: two a second do."""
        if 0 <= now - self._held_counted_at < SECONDS_BETWEEN_HELD_FAILURES:
            return False
        self._held_counted_at = now
        return True

    def next_held_failure_at(self) -> float:
        """Return from when on a held call counts as a failure, epoch seconds."""
        return self._held_counted_at + SECONDS_BETWEEN_HELD_FAILURES

    def end_trial(self) -> None:
        """Say that the trial has told nothing: the next call tries."""
        self.until = 0.0

    def success(self) -> None:
        self.failures_in_a_row = 0
        self.until = 0.0
        if self.settings is not None:
            self._length = self.settings.hold_seconds

    def failure(self, now: float, retry_after: float | None = None, *, is_trial: bool = False) -> bool:
        """Count a failure; tell whether a hold begins with it.

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
        if is_trial:
            self._length = max(self._length, min(2 * self._length, settings.longest_hold_seconds))
        self._hold(now, retry_after or 0.0)
        return True

    def _hold(self, now: float, at_least_seconds: float) -> None:
        self.since = now
        self.until = now + min(max(self._length, at_least_seconds), LONGEST_HOLD_SECONDS)
