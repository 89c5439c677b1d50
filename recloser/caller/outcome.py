"""What a call's end says about the dependency: success, failure, or nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import Enum
from typing import Any

logger = logging.getLogger(__name__)

ExceptionTypes = type[BaseException] | tuple[type[BaseException], ...]


class Outcome(Enum):
    """How a call ended, as far as the dependency is concerned."""

    SUCCESS = "success"
    FAILURE = "failure"
    IGNORED = "ignored"


class Judge:
    """Tells successes from failures.

    Args:
        handled_exceptions: exception types that are failures; all others are ignored.
        ignored_exceptions: instead: exception types that are ignored; every other Exception is a failure.
        failure_if_raised: looks at an exception of those types and says whether it is a failure; None: it
            says nothing about the dependency.
        failure_if_returned: looks at an answer and says whether it is a failure.

    What these two raise is logged; the call is then judged as if they were not there.

    Raises:
        ValueError: both kinds of exception types are given.
        TypeError: something is no exception type, or no predicate.

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
        self._failure_if_raised = _predicate("failure_if_raised", failure_if_raised)
        self._failure_if_returned = _predicate("failure_if_returned", failure_if_returned)

    @property
    def judges_answers(self) -> bool:
        return self._failure_if_returned is not None

    def raised(self, error: BaseException) -> Outcome:
        """Judge an exception. KeyboardInterrupt and its like say nothing, unless they are handled."""
        if not isinstance(error, self._handled) or isinstance(error, self._ignored):
            return Outcome.IGNORED
        is_failure = self._asked(self._failure_if_raised, error, otherwise=True)
        if is_failure is None:
            return Outcome.IGNORED
        # If it is none, the dependency has answered: a 404 is a sound one's word.
        return Outcome.FAILURE if is_failure else Outcome.SUCCESS

    def returned(self, answer: Any) -> Outcome:
        is_failure = self._asked(self._failure_if_returned, answer, otherwise=False)
        return Outcome.FAILURE if is_failure else Outcome.SUCCESS

    def _asked(
        self, predicate: Callable[[Any], bool | None] | None, thing: Any, *, otherwise: bool
    ) -> bool | None:
        if predicate is None:
            return otherwise
        try:
            return predicate(thing)
        except Exception:
            # The call has ended, and its caller is owed that end, not the predicate's.
            logger.exception("predicate %r failed on %r", predicate, type(thing))
            return otherwise


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
    if given is not None and not callable(given):
        raise TypeError(
            f"{argument} = {given!r} is not allowed: a function of one argument that says true or false"
        )
    return given
