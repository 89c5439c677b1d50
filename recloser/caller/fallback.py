"""What a refused call gets instead of `CircuitOpen`: a value, a function's answer, or the last good one."""

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
from typing import Any, Protocol, runtime_checkable

from recloser.caller.awaitables import Answers, known_kind
from recloser.errors import CircuitOpen

logger = logging.getLogger(__name__)

REFUSAL_PARAMETER = "circuit_open"
_AWAITED = (Answers.ASYNC, Answers.LATER, Answers.RUNNING)


class _Raise:
    """The absence of a fallback: None is a fine answer."""

    def __repr__(self) -> str:
        return "RAISE"


RAISE = _Raise()


@runtime_checkable
class Remembering(Protocol):
    """A fallback that learns from the calls that succeed."""

    def remember(
        self, answer: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Take note of a good answer of this function to these arguments."""

    def recall(
        self,
        refusal: CircuitOpen,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Return such an answer, or raise the refusal."""


class Value:
    """A fallback that is always the same answer. Made by `value`."""

    def __init__(self, answer: Any) -> None:
        try:
            self._answer = copy.deepcopy(answer)
        except Exception as error:
            raise TypeError(
                f"fallback {answer!r} is not allowed: each caller gets a copy, and it cannot be copied"
            ) from error

    def copied(self) -> Any:
        """Return a copy: what one caller changes in its answer no other sees."""
        return copy.deepcopy(self._answer)


class Function:
    """A fallback that is a function. Made by `function`."""

    def __init__(self, called: Callable[..., Any]) -> None:
        self.called = called
        self.is_async = known_kind(called) in _AWAITED


def value(answer: Any) -> Value:
    """Make a fallback that answers with a copy of `answer`, also if that can be called.

    Raises:
        TypeError: it cannot be copied.

    """
    return Value(answer)


def function(called: Callable[..., Any]) -> Function:
    """Make a fallback that calls a function with the arguments of the call.

    Args:
        called: takes what the guarded function takes; and the `CircuitOpen`, if it has a parameter
            `circuit_open`.

    Raises:
        TypeError: it is no function.

    """
    if not callable(called):
        raise TypeError(f"fallback function {called!r} is not allowed: something that can be called")
    return Function(called)


class Fallback:
    """A breaker's fallback, of whatever kind.

    Args:
        given: what `value`, `function` or `last_good` has made. As a shorthand, a function, or an answer.

    Raises:
        TypeError: an answer cannot be copied.

    """

    def __init__(self, given: Any) -> None:
        self.is_absent = given is RAISE
        self.remembers = isinstance(given, Remembering)
        self._remembering: Any = given if self.remembers else None
        self._value: Value | None = None
        self._function: Function | None = None
        if isinstance(given, Value):
            self._value = given
        elif isinstance(given, Function):
            self._function = given
        elif not self.is_absent and not self.remembers:
            if callable(given):
                self._function = Function(given)
            else:
                self._value = Value(given)
        called = None if self._function is None else self._function.called
        self._wants_refusal = called is not None and _has_parameter(called, REFUSAL_PARAMETER)

    def answer(
        self,
        refusal: CircuitOpen,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Answer a refused call of `function`.

        Raises:
            CircuitOpen: there is no fallback, or none for these arguments.
            Exception: the fallback's own error, with the refusal as its cause.

        """
        try:
            if self.is_absent:
                raise refusal  # noqa: TRY301  (the `finally` below is for it too)
            if self._remembering is not None:
                return self._remembering.recall(refusal, function, args, kwargs)
            if self._value is not None:
                return self._value.copied()
            assert self._function is not None  # noqa: S101  (said to the type checker)
            if self._wants_refusal:
                kwargs = kwargs | {REFUSAL_PARAMETER: refusal}
            return self._function.called(*args, **kwargs)
        except Exception as error:
            _name_cause(error, refusal)
            raise
        finally:
            del refusal  # or this frame and the traceback would hold each other, garbage for the collector

    @property
    def is_async(self) -> bool:
        """Whether its answer must be awaited."""
        return self._function is not None and self._function.is_async

    async def answer_async(
        self,
        refusal: CircuitOpen,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Answer a refused call of an async function, by a fallback that may be async too."""
        answer = self.answer(refusal, function, args, kwargs)
        if not inspect.isawaitable(answer):
            return answer
        try:
            return await answer
        except Exception as error:
            _name_cause(error, refusal)
            raise

    def remember(
        self, answer: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._remembering.remember(answer, function, args, kwargs)

    def check_fits(self, function: Callable[..., Any]) -> None:
        """Check that the fallback can be called like `function`.

        Raises:
            TypeError: it cannot; the message has both signatures.

        """
        if self._function is None:
            return
        name = getattr(function, "__qualname__", repr(function))
        called = self._function.called
        if self._function.is_async and known_kind(function) not in _AWAITED:
            raise TypeError(
                f"async fallback {called!r} is not allowed for {name}{inspect.signature(function)}: "
                "nobody would await its answer"
            )
        try:
            theirs, ours = inspect.signature(function), inspect.signature(called)
        except (TypeError, ValueError):  # a builtin that tells nothing of itself
            return
        for args, kwargs in _ways_to_call(theirs):
            if self._wants_refusal:
                kwargs[REFUSAL_PARAMETER] = None
            try:
                ours.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(
                    f"fallback with parameters {ours} is not allowed for {name}{theirs}: "
                    f"it must take the same arguments ({error})"
                ) from None


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


def _name_cause(error: Exception, refusal: CircuitOpen) -> None:
    if error is not refusal and error.__cause__ is None:
        error.__cause__ = refusal


def _part(argument: Any) -> Hashable:
    """What tells an argument from others: its type, too, since True, 1 and 1.0 are equal.

    What is equal to itself alone, such as the `self` of a method, is not kept alive for it.
    """
    kind: Any = type(argument)
    if kind.__eq__ is object.__eq__ and kind.__hash__ is object.__hash__:
        with contextlib.suppress(TypeError):  # a type without weak references
            return weakref.ref(argument)
    return type(argument), argument


class LastGood:
    """Answers a refused call with the last good answer to the same arguments. Made by `last_good`."""

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
        except Exception as error:  # noqa: BLE001  (the call has succeeded: its answer must not suffer)
            self._tell(function, error)
            return
        with self._lock:
            self._answers[key] = (self._clock(), kept)
            self._answers.move_to_end(key)
            while len(self._answers) > self._max_items:
                self._answers.popitem(last=False)

    def recall(
        self,
        refusal: CircuitOpen,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        try:
            key = self._full_key(function, args, kwargs)
        except Exception as error:  # noqa: BLE001  (what cannot be remembered is not there to recall)
            self._tell(function, error)
            raise refusal from None
        with self._lock:
            at, answer = self._answers.get(key, (-math.inf, None))
        if self._clock() - at > self._max_age_seconds:
            raise refusal
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
        TypeError: a key that is no function.

    """
    if key is not None and not callable(key):
        raise TypeError(f"key = {key!r} is not allowed: a function of the call's arguments")
    is_number = isinstance(max_age_seconds, int | float) and not isinstance(max_age_seconds, bool)
    if not is_number or not max_age_seconds > 0:
        raise ValueError(f"max_age_seconds = {max_age_seconds!r} is not allowed: more than 0 seconds")
    if isinstance(max_items, bool) or not isinstance(max_items, int) or max_items < 1:
        raise ValueError(f"max_items = {max_items!r} is not allowed: a whole number from 1")
    return LastGood(max_age_seconds, max_items, key, clock)


def respond_503(*_args: Any, circuit_open: CircuitOpen, **_kwargs: Any) -> dict[str, Any]:
    """Answer for API Gateway: 503 with `Retry-After` in whole seconds, when it is known."""
    headers = {"Content-Type": "application/json"}
    if circuit_open.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(circuit_open.retry_after)))
    body = {"message": "Service Unavailable", "circuit": circuit_open.circuit.name}
    return {"statusCode": 503, "headers": headers, "body": json.dumps(body)}
