"""What can go wrong, as types that carry the facts."""

from __future__ import annotations

from recloser.circuit import Circuit


class RecloserError(Exception):
    """The base of every error that is Recloser's own."""


class CircuitOpen(RecloserError):  # noqa: N818  (a state that callers handle, like StopIteration)
    """The call was refused, because its circuit is not closed.

    Attributes:
        circuit: the snapshot that the refusal rests on.
        retry_after: seconds until asking again makes sense; None when only an operator can tell.

    """

    def __init__(self, circuit: Circuit, retry_after: float | None) -> None:
        self.circuit = circuit
        self.retry_after = retry_after

    def __str__(self) -> str:
        """Put the message together when somebody reads it: most refusals are answered, not read."""
        circuit, seconds = self.circuit, self.retry_after
        wait = "until an operator releases it" if seconds is None else f"retry after {seconds:.1f} s"
        return f"circuit {circuit.name} is {circuit.state}: {circuit.reason or 'no reason given'}; {wait}"

    def __reduce__(self) -> tuple[type[CircuitOpen], tuple[Circuit, float | None]]:
        return type(self), (self.circuit, self.retry_after)


class StoreError(RecloserError):
    """The tables could not be read or written."""


class Conflict(StoreError):  # noqa: N818  (the field's word)
    """Another writer was first: what the decision was made on is no longer so."""


class EventError(RecloserError, ValueError):
    """An incoming event is not what its sender promises; the message names the place and what is allowed."""
