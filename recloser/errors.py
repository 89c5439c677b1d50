"""What can go wrong, as types that carry the facts."""

from __future__ import annotations

from recloser.circuit import Cause, Circuit


class RecloserError(Exception):
    """The base of every error that is Recloser's own."""

    __slots__ = ()


class CircuitOpen(RecloserError):  # noqa: N818  (a state that callers handle, like StopIteration)
    """The call was refused.

    Attributes:
        circuit: the snapshot that the refusal rests on, as the table has it.
        retry_after: seconds until asking again makes sense; None when only an operator can tell.
        cause: why: what opened the circuit, or, while it is closed, `LOCAL_TRIP`, `RAMP` or
            `UNREADABLE_FLAG`.

    """

    __slots__ = ("cause", "circuit", "retry_after")  # a refusal is made in half the time without a dict

    def __init__(self, circuit: Circuit, retry_after: float | None, cause: Cause | None = None) -> None:
        self.circuit = circuit
        self.retry_after = retry_after
        self.cause = cause

    def __str__(self) -> str:
        """Put the message together when somebody reads it: most refusals are answered, not read."""
        circuit, seconds = self.circuit, self.retry_after
        wait = "until an operator releases it" if seconds is None else f"retry after {seconds:.1f} s"
        why = _OF_THIS_PROCESS.get(self.cause) if self.cause is not None else None
        why = why or f"is {circuit.state}: {circuit.reason or 'no reason given'}"
        return f"circuit {circuit.name} {why}; {wait}"

    def __reduce__(self) -> tuple[type[CircuitOpen], tuple[Circuit, float | None, Cause | None]]:
        return type(self), (self.circuit, self.retry_after, self.cause)


_OF_THIS_PROCESS = {
    Cause.LOCAL_TRIP: "is refused by this process after failures in a row (local trip)",
    Cause.RAMP: "is ramping up after the close",
    Cause.UNREADABLE_FLAG: "is refused, because its flag cannot be read",
}


class StoreError(RecloserError):
    """The tables could not be read or written."""


class Conflict(StoreError):  # noqa: N818  (the field's word)
    """Another writer was first: what the decision was made on is no longer so."""


class EventError(RecloserError, ValueError):
    """An incoming event is not what its sender promises; the message names the place and what is allowed."""
