"""The fallbacks that users make: a value, a function's answer, the last good answer, a response 503."""

from __future__ import annotations

import contextlib
import copy
import inspect
import json
import logging
import math
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from recloser.caller.awaitables import Answers, known_kind
from recloser.caller.fallback import NONE, Fallback, Missed
from recloser.errors import CircuitOpen

logger = logging.getLogger(__name__)

_GIVEN = ("circuit_open", "failed_with")
_AWAITED = (Answers.ASYNC, Answers.LATER, Answers.RUNNING)
_NOT_AT_ONCE = (*_AWAITED, Answers.NEVER)


class Value(Fallback):
    """A fallback that is always the same answer. Made by `value`."""

    def __init__(self, answer: Any) -> None:
        try:
            self._answer = copy.deepcopy(answer)
        except Exception as error:
            raise TypeError(
                f"fallback {answer!r} is not allowed: each caller gets a copy, and it cannot be copied"
            ) from error

    def _found(self, missed: Missed) -> Any:  # noqa: ARG002  (the others')
        """Return a copy: what one caller changes in its answer no other sees."""
        return copy.deepcopy(self._answer)


class Function(Fallback):
    """A fallback that is a function. Made by `function`."""

    def __init__(self, called: Callable[..., Any]) -> None:
        self.called = called
        self.is_async = known_kind(called) in _AWAITED
        self._asks_for = tuple(name for name in _GIVEN if _has_parameter(called, name))

    def _found(self, missed: Missed) -> Any:
        kwargs = missed.kwargs
        if self._asks_for:
            failure = missed.returned if missed.raised is None else missed.raised
            given = {"circuit_open": missed.circuit_open, "failed_with": failure}
            kwargs = kwargs | {name: given[name] for name in self._asks_for}
        return self.called(*missed.args, **kwargs)

    def check_fits(self, function: Callable[..., Any]) -> None:
        name = getattr(function, "__qualname__", repr(function))
        if self.is_async and known_kind(function) not in _AWAITED:
            raise TypeError(
                f"async fallback {self.called!r} is not allowed for {name}{inspect.signature(function)}: "
                "nobody would await its answer"
            )
        try:
            theirs, ours = inspect.signature(function), inspect.signature(self.called)
        except (TypeError, ValueError):  # a builtin that tells nothing of itself
            return
        for args, kwargs in _ways_to_call(theirs):
            try:
                ours.bind(*args, **kwargs | dict.fromkeys(self._asks_for))
            except TypeError as error:
                raise TypeError(
                    f"fallback with parameters {ours} is not allowed for {name}{theirs}: "
                    f"it must take the same arguments ({error})"
                ) from None


def value(answer: Any) -> Value:
    """Make a fallback that answers with a copy of `answer`, also if that can be called.

    Raises:
        TypeError: it cannot be copied.

    """
    return Value(answer)


def function(called: Callable[..., Any]) -> Function:
    """Make a fallback that calls a function with the arguments of the call.

    Args:
        called: takes what the guarded function takes. If it has a parameter `circuit_open`, that is the
            `CircuitOpen` of a refused call. If it has a parameter `failed_with`, that is what a failed call
            raised or returned, with `fallback_on_failure`. The other one of the two is None.

    Raises:
        TypeError: it is no function.

    """
    if isinstance(called, Fallback) or not callable(called):
        raise TypeError(f"fallback function {called!r} is not allowed: something that can be called")
    return Function(called)


def _ways_to_call(signature: inspect.Signature) -> list[tuple[list[None], dict[str, None]]]:
    """With all the parameters, and with those only that have no default."""
    ways = []
    for required_only in (False, True):
        args: list[None] = []
        kwargs: dict[str, None] = {}
        for parameter in signature.parameters.values():
            if required_only and parameter.default is not parameter.empty:
                continue
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                args.append(None)
            elif parameter.kind is parameter.KEYWORD_ONLY:
                kwargs[parameter.name] = None
        ways.append((args, kwargs))
    return ways


def _has_parameter(function: Callable[..., Any], name: str) -> bool:
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):  # a builtin that tells nothing of itself
        return False


def _part(argument: Any) -> Hashable:
    """What tells an argument from others: its type, too, since True, 1 and 1.0 are equal.

    What is equal to itself alone, such as the `self` of a method, is not kept alive for it.
    """
    kind: Any = type(argument)
    if kind.__eq__ is object.__eq__ and kind.__hash__ is object.__hash__:
        with contextlib.suppress(TypeError):  # a type without weak references
            return weakref.ref(argument)
    return type(argument), argument


class LastGood(Fallback):
    """A fallback that is the last good answer to the same arguments. Made by `last_good`."""

    remembers = True

    def __init__(
        self,
        max_age_seconds: float,
        max_items: int,
        key: Callable[..., Hashable] | None,
        clock: Callable[[], float],
    ) -> None:
        self._max_age_seconds = max_age_seconds
        self._max_items = max_items
        self._key = key
        self._has_told = False
        self._clock = clock
        self._answers: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def remember(
        self, answer: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        try:
            key = self._full_key(function, args, kwargs)
            kept = copy.deepcopy(answer)  # the caller may change what it was given
            with self._lock:
                self._answers[key] = (self._clock(), kept)
                self._answers.move_to_end(key)
                while len(self._answers) > self._max_items:
                    self._answers.popitem(last=False)
        except Exception as error:  # noqa: BLE001  (the call has succeeded: its answer must not suffer)
            self._tell(function, error)

    def _found(self, missed: Missed) -> Any:
        try:
            key = self._full_key(missed.function, missed.args, missed.kwargs)
            with self._lock:  # arguments are compared in it, by their own `__eq__`
                at, answer = self._answers.get(key, (-math.inf, None))
        except Exception as error:  # noqa: BLE001  (what cannot be remembered is not there to recall)
            self._tell(missed.function, error)
            return NONE
        if self._clock() - at > self._max_age_seconds:
            return NONE
        return copy.deepcopy(answer)

    def _full_key(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Hashable:
        """Tell calls apart by function too: one breaker may guard several."""
        if self._key is not None:
            key: Hashable = (function, self._key(*args, **kwargs))
        else:
            named = tuple((name, _part(argument)) for name, argument in sorted(kwargs.items()))
            key = (function, tuple(map(_part, args)), named)
        hash(key)
        return key

    def _tell(self, function: Callable[..., Any], error: Exception) -> None:
        if not self._has_told:
            self._has_told = True
            logger.warning(
                "last_good keeps no answers of %r: %r; it needs answers that can be copied, and hashable "
                "arguments or a key function that makes something hashable of them",
                function,
                error,
            )


def last_good(
    max_age_seconds: float = 300.0,
    max_items: int = 128,
    key: Callable[..., Hashable] | None = None,
    clock: Callable[[], float] = time.time,
) -> LastGood:
    """Make a fallback that answers with a function's last good answer to these arguments, while it is young.

    Answers and arguments that cannot be kept are said once in the log, and spoil no call.

    Args:
        max_age_seconds: how old an answer may be.
        max_items: how many answers are kept, the least recently renewed given up first.
        key: makes, of a call's arguments, what tells it from others; by default it is all of them,
            which must be hashable.
        clock: epoch seconds.

    Raises:
        ValueError: an age that is not positive, or fewer than one item.
        TypeError: a key that is no plain function, or a clock that is none.

    """
    if key is not None and (not callable(key) or known_kind(key) in _NOT_AT_ONCE):
        raise TypeError(f"key = {key!r} is not allowed: a plain function of the call's arguments")
    if not callable(clock):
        raise TypeError(f"clock = {clock!r} is not allowed: a function that returns epoch seconds")
    is_number = isinstance(max_age_seconds, int | float) and not isinstance(max_age_seconds, bool)
    if not is_number or not max_age_seconds > 0:
        raise ValueError(f"max_age_seconds = {max_age_seconds!r} is not allowed: more than 0 seconds")
    if isinstance(max_items, bool) or not isinstance(max_items, int) or max_items < 1:
        raise ValueError(f"max_items = {max_items!r} is not allowed: a whole number from 1")
    return LastGood(max_age_seconds, max_items, key, clock)


def _respond_503(*_args: Any, circuit_open: CircuitOpen | None, **_kwargs: Any) -> dict[str, Any]:
    headers, body = {"Content-Type": "application/json"}, {"message": "Service Unavailable"}
    if circuit_open is not None:
        body["circuit"] = circuit_open.circuit.name
        if circuit_open.retry_after is not None:
            headers["Retry-After"] = str(max(1, math.ceil(circuit_open.retry_after)))
    return {"statusCode": 503, "headers": headers, "body": json.dumps(body)}


# An answer for API Gateway: 503, with `Retry-After` in whole seconds where it is known.
respond_503 = function(_respond_503)
