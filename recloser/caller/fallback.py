"""What a refused call gets instead of `CircuitOpen`: a value, a function's answer, or the last good one."""

from __future__ import annotations

import copy
import inspect
import json
import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Protocol, runtime_checkable

from recloser.errors import CircuitOpen

logger = logging.getLogger(__name__)

REFUSAL_PARAMETER = "circuit_open"


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


class Fallback:
    """A breaker's fallback, of whatever kind.

    Args:
        given: a value; or a function, called with the arguments of the call, and with the refusal
            if it has a parameter `circuit_open`; or RAISE.

    """

    def __init__(self, given: Any) -> None:
        self._given = given
        self.is_absent = given is RAISE
        self._wants_refusal = callable(given) and _has_parameter(given, REFUSAL_PARAMETER)
        self.remembers = isinstance(given, Remembering)

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
            if self.remembers:
                return self._given.recall(refusal, function, args, kwargs)
            if not callable(self._given):
                return self._given
            if self._wants_refusal:
                kwargs = kwargs | {REFUSAL_PARAMETER: refusal}
            return self._given(*args, **kwargs)
        except Exception as error:
            _name_cause(error, refusal)
            raise
        finally:
            del refusal  # or this frame and the traceback would hold each other, garbage for the collector

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
        self._given.remember(answer, function, args, kwargs)

    def check_fits(self, function: Callable[..., Any]) -> None:
        """Check that the fallback can be called like `function`.

        Raises:
            TypeError: it cannot; the message has both signatures.

        """
        if self.remembers or not callable(self._given):
            return
        name = getattr(function, "__qualname__", repr(function))
        if inspect.iscoroutinefunction(self._given) and not inspect.iscoroutinefunction(function):
            raise TypeError(
                f"async fallback {self._given!r} is not allowed for {name}{inspect.signature(function)}: "
                "nobody would await its answer"
            )
        try:
            theirs, ours = inspect.signature(function), inspect.signature(self._given)
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
        key = (
            function,
            (args, tuple(sorted(kwargs.items()))) if self._key is None else self._key(*args, **kwargs),
        )
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
