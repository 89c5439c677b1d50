"""What a user sets on a breaker: one frozen object that checks itself."""

from __future__ import annotations

from collections.abc import Callable

from recloser.caller.awaitables import Answers, known_kind
from recloser.caller.local_trip import LocalTrip
from recloser.circuit import Circuit, State
from recloser.errors import CircuitOpen
from recloser.frozen import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from recloser.admit import OnStoreError

LONGEST_SECONDS = 3600.0
CLOSED_CACHE_SECONDS = 5.0
OPEN_CACHE_SECONDS = 1.0

OnRefused = Callable[[CircuitOpen], object]
OnStateSeen = Callable[[State | None, Circuit], object]


@dataclass(frozen=True, slots=True)
class Options:
    """How a breaker treats its calls.

    Args:
        slow_after_seconds: calls that take longer count as `Slow`; None: nothing is slow.
        timeout_seconds: a call that has not ended by then counts as failed; None: it may take its time.
        local_trip: when this process refuses by itself; None: never.
        on_store_error: what to do when the flag cannot be read: "last-known", "allow" or "refuse".
        on_refused: called with each CircuitOpen.
        on_state_seen: called with the state seen before, or None, and the circuit.
        closed_cache_seconds: how long a closed flag is trusted.
        open_cache_seconds: how long any other flag is trusted.

    Raises:
        ValueError: a time or a word is not allowed.
        TypeError: a hook is no plain function, or `local_trip` no LocalTrip.

    """

    slow_after_seconds: float | None = None
    timeout_seconds: float | None = None
    local_trip: LocalTrip | None = LocalTrip()
    on_store_error: OnStoreError = "last-known"
    on_refused: OnRefused | None = None
    on_state_seen: OnStateSeen | None = None
    closed_cache_seconds: float = CLOSED_CACHE_SECONDS
    open_cache_seconds: float = OPEN_CACHE_SECONDS

    def __post_init__(self) -> None:
        for name in ("slow_after_seconds", "timeout_seconds"):
            if getattr(self, name) is not None:
                _check_seconds(name, getattr(self, name))
        _check_seconds("closed_cache_seconds", self.closed_cache_seconds)
        _check_seconds("open_cache_seconds", self.open_cache_seconds)
        if self.local_trip is not None and not isinstance(self.local_trip, LocalTrip):
            raise TypeError(f"local_trip = {self.local_trip!r} is not allowed: a LocalTrip, or None for none")
        if self.on_store_error not in ("last-known", "allow", "refuse"):
            raise ValueError(
                f'on_store_error = {self.on_store_error!r} is not allowed: "last-known", "allow" or "refuse"'
            )
        _check_hook("on_refused", self.on_refused)
        _check_hook("on_state_seen", self.on_state_seen)


def _check_seconds(name: str, seconds: Any) -> None:
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not 0 < seconds <= LONGEST_SECONDS:
        raise ValueError(f"{name} = {seconds!r} is not allowed: more than 0 and at most 3600 seconds")


def _check_hook(name: str, hook: Any) -> None:
    if hook is None:
        return
    if not callable(hook):
        raise TypeError(f"{name} = {hook!r} is not allowed: a function")
    if known_kind(hook) in (Answers.ASYNC, Answers.NEVER):
        raise TypeError(
            f"{name} = {hook!r} is not allowed: a plain function; an async one or a generator would not run"
        )
