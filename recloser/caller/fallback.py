"""What a call gets that was refused, or has failed: what every fallback does, and the absence of one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import FunctionType

from recloser.errors import CircuitOpen
from recloser.wrapped import chain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NONE = object()
"""There is no answer for this call."""


class Fallback(ABC):
    """What a call gets that has no good answer of its own. Made by `recloser.caller.fallback_kinds`."""

    is_absent = False
    is_async = False
    remembers = False

    @abstractmethod
    def _found(self, missed: Missed) -> Any:
        """Return the answer, or `NONE` where there is none for this call."""

    def answer(self, missed: Missed) -> Any:
        """Answer a call that was refused or has failed.

        Raises:
            CircuitOpen: the call was refused, and there is no fallback, or none for these arguments.
            Exception: what the call raised, if there is none; or the fallback's own error, with the refusal
                or the failure as its cause.

        """
        try:
            found = self._found(missed)
        except Exception as error:
            _name_cause(error, missed)
            raise
        else:
            return _end_without(missed) if found is NONE else found
        finally:
            del missed  # or a raised error and this frame would hold each other, garbage for the collector

    async def answer_async(self, missed: Missed) -> Any:
        """Answer a call of an async function, by a fallback that may be async too."""
        import inspect  # noqa: PLC0415  (asyncio has loaded it, others need not)

        try:
            answer = self.answer(missed)
            return await answer if inspect.isawaitable(answer) else answer
        except Exception as error:
            _name_cause(error, missed)
            raise
        finally:
            del missed  # as in `answer`

    def remember(  # noqa: B027  (most take no note)
        self, answer: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Take note of a good answer of this function to these arguments, if `remembers`."""

    def check_fits(self, function: Callable[..., Any]) -> None:  # noqa: B027  (most fit any)
        """Check that the fallback can be called like `function`.

        Raises:
            TypeError: it cannot; the message has both signatures.

        """


class Missed:
    """A call that needs an answer: one that was refused, or one that was made and has failed."""

    __slots__ = ("args", "circuit_open", "function", "kwargs", "raised", "returned")

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        circuit_open: CircuitOpen | None = None,
        *,
        raised: Exception | None = None,
        returned: Any = None,
    ) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.circuit_open = circuit_open
        self.raised = raised
        self.returned = returned


class _Nothing(Fallback):
    """The absence of a fallback: None is a fine answer."""

    is_absent = True

    def __repr__(self) -> str:
        return "RAISE"

    def _found(self, missed: Missed) -> Any:  # noqa: ARG002  (the others')
        return NONE


RAISE: Fallback = _Nothing()


def checked(given: Any, *, on_failure: bool = False) -> Fallback:
    """Return a breaker's fallback, if it is one.

    Raises:
        TypeError: it is not, or `on_failure` is neither true nor false.
        ValueError: failures are to be answered, and there is no fallback.

    """
    if not isinstance(given, Fallback):
        if isinstance(given, FunctionType) and given.__module__ == f"{__package__}.fallback_kinds":
            write = f"{given.__name__}(...)"
        else:
            name = getattr(given, "__name__", None) or repr(given)
            write = f"function({name})" if callable(given) else f"value({given!r})"
        raise TypeError(f"fallback = {given!r} is not allowed: write fallback={write}")
    if not isinstance(on_failure, bool):
        raise TypeError(f"fallback_on_failure = {on_failure!r} is not allowed: True or False")
    if on_failure and given.is_absent:
        raise ValueError("fallback_on_failure = True is not allowed without a fallback")
    return given


def _end_without(missed: Missed) -> Any:
    """End as the call itself ended."""
    error = missed.circuit_open or missed.raised
    try:
        if error is not None:
            raise error
        return missed.returned
    finally:
        del error, missed  # as in `answer`


def _name_cause(error: Exception, missed: Missed) -> None:
    cause = missed.circuit_open or missed.raised
    # What the fallback has taken out of the cause must not be caused by it: a chain has an end.
    if cause is None or error.__cause__ is not None or any(error is each for each in chain(cause)):
        return
    # Not by assignment: an exception may be a frozen dataclass.
    BaseException.__dict__["__cause__"].__set__(error, cause)
