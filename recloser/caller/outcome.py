"""What a call's end says about the dependency: success, failure, or nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import Enum
from types import CoroutineType

from recloser.caller import awaitables
from recloser.caller.awaitables import Answers
from recloser.errors import CircuitOpen
from recloser.wrapped import carried, chain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

logger = logging.getLogger(__name__)

ExceptionTypes = type[BaseException] | tuple[type[BaseException], ...]
_EVERYTHING = (Exception, BaseException)


class Outcome(Enum):
    """How a call ended, as far as the dependency is concerned."""

    SUCCESS = "success"
    FAILURE = "failure"
    IGNORED = "ignored"


class Classifier:
    """Tells successes from failures.

    An exception group is a failure if one of its exceptions is. For tenacity's RetryError that which the last
    attempt raised is classified. Either is taken as it is where the exception types name it. A `CircuitOpen`,
    and what was raised from one, says nothing, whatever the types: a refused call has not reached the
    dependency.

    Args:
        handled_exceptions: exception types that are failures; all others are ignored.
        ignored_exceptions: instead: exception types that are ignored; every other Exception is a failure.
        failure_if_raised: looks at an exception of those types and says whether it is a failure; None: it
            says nothing about the dependency.
        failure_if_returned: looks at an answer and says whether it is a failure.

    Where one of these two raises, or says neither true nor false, that is logged once; the call is then
    classified as if it were not there.

    Raises:
        ValueError: both kinds of exception types are given.
        TypeError: something is no exception type, or no plain function of one argument.

    """

    def __init__(
        self,
        handled_exceptions: ExceptionTypes | None = None,
        ignored_exceptions: ExceptionTypes | None = None,
        failure_if_raised: Callable[[BaseException], bool | None] | None = None,
        failure_if_returned: Callable[[Any], bool] | None = None,
    ) -> None:
        if handled_exceptions is not None and ignored_exceptions is not None:
            raise ValueError("handled_exceptions and ignored_exceptions are both given: only one is allowed")
        self._handled = _exception_types("handled_exceptions", handled_exceptions, (Exception,))
        self._ignored = _exception_types("ignored_exceptions", ignored_exceptions, ())
        self._named = tuple(each for each in self._handled + self._ignored if each not in _EVERYTHING)
        self._failure_if_raised = _predicate("failure_if_raised", failure_if_raised)
        self._failure_if_returned = _predicate("failure_if_returned", failure_if_returned)
        self._told: set[str] = set()

    @property
    def looks_at_answers(self) -> bool:
        return self._failure_if_returned is not None

    def raised(self, error: BaseException) -> Outcome:
        """Classify an exception. KeyboardInterrupt and its like say nothing, unless they are handled."""
        parts = carried(error)
        if any(part is error for part in parts):
            return self._raised(error)
        if isinstance(error, self._named) and not all(map(is_refusal, parts)):
            return self._raised(error)
        outcomes = {self._raised(part) for part in parts}
        for outcome in (Outcome.FAILURE, Outcome.SUCCESS):
            if outcome in outcomes:
                return outcome
        return Outcome.IGNORED

    def _raised(self, error: BaseException) -> Outcome:
        if is_refusal(error) or not isinstance(error, self._handled) or isinstance(error, self._ignored):
            return Outcome.IGNORED
        is_failure = self._asked("failure_if_raised", self._failure_if_raised, error, otherwise=True)
        if is_failure is None:
            return Outcome.IGNORED
        # If it is none, the dependency has answered: a 404 comes from one that works.
        return Outcome.FAILURE if is_failure else Outcome.SUCCESS

    def returned(self, answer: Any) -> Outcome:
        """Classify an answer."""
        is_failure = self._asked("failure_if_returned", self._failure_if_returned, answer, otherwise=False)
        return Outcome.FAILURE if is_failure else Outcome.SUCCESS

    def _asked(
        self, argument: str, predicate: Callable[[Any], bool | None] | None, thing: Any, *, otherwise: bool
    ) -> bool | None:
        if predicate is None:
            return otherwise
        try:
            said = predicate(thing)
            return None if said is None else _truth(said)
        except Exception:
            # The call has ended, and its caller is owed that end, not the predicate's.
            if argument not in self._told:
                self._told.add(argument)
                logger.exception(
                    "predicate %s = %r failed on %r; calls are classified without it when it does. "
                    "This is logged once",
                    argument,
                    predicate,
                    type(thing),
                )
            return otherwise


def is_refusal(error: BaseException, name: str | None = None) -> bool:
    """Tell whether an exception is a CircuitOpen, carries one or was raised from one.

    Args:
        error: the exception.
        name: the circuit that refused; None: any.

    """
    try:
        parts = [part for each in chain(error) for part in carried(each)]
    except Exception:  # noqa: BLE001  (attributes of anybody's exception)
        return False
    return any(isinstance(part, CircuitOpen) and name in (None, part.circuit.name) for part in parts)


def _truth(said: Any) -> bool:
    """Tell whether a predicate said true.

    Raises:
        Exception: what it said has no truth value, like an array of several.

    """
    if hasattr(type(said), "__await__"):
        if isinstance(said, CoroutineType):
            said.close()
        raise TypeError(f"it returned {said!r}, which has yet to be awaited")
    return bool(said)


def _exception_types(
    argument: str, given: ExceptionTypes | None, default: tuple[type[BaseException], ...]
) -> tuple[type[BaseException], ...]:
    if given is None:
        return default
    types = given if isinstance(given, tuple) else (given,)
    for each in types:
        if not (isinstance(each, type) and issubclass(each, BaseException)):
            raise TypeError(f"{argument} has {each!r}: only exception types are allowed")
    return types


def _predicate(argument: str, given: Any) -> Any:
    """Return what was given, if it can be asked.

    Raises:
        TypeError: it cannot: it is no function, takes another number of arguments, or answers later.

    """
    if given is None:
        return None
    allowed = "a function of one argument that says true or false"
    if not callable(given):
        raise TypeError(f"{argument} = {given!r} is not allowed: {allowed}")
    if awaitables.known_kind(given) in (Answers.ASYNC, Answers.NEVER):
        raise TypeError(f"{argument} = {given!r} is async or a generator and not allowed: {allowed} at once")
    import inspect  # noqa: PLC0415  (most breakers have no predicate, and it takes long to load)

    try:
        signature = inspect.signature(given)
    except (TypeError, ValueError):  # a builtin that tells nothing of itself
        return given
    try:
        signature.bind(None)
    except TypeError as error:
        raise TypeError(
            f"{argument} = {given!r} with parameters {signature} is not allowed: {allowed} ({error})"
        ) from None
    return given
