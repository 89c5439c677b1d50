"""What callers use: one object that guards the calls to one dependency."""

from __future__ import annotations

import functools
import inspect
import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from recloser.backend import default_tables
from recloser.circuit import Circuit, State, validate_name
from recloser.errors import CircuitOpen, StoreError
from recloser.flags import CLOSED_SECONDS, NOT_CLOSED_SECONDS, Flag, FlagReader, PermitSeeker
from recloser.metrics import Recorder, write_line
from recloser.tables import Tables

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

ExceptionTypes = type[BaseException] | tuple[type[BaseException], ...]


class _Raise:
    """The absence of a fallback: None is a fine answer."""

    def __repr__(self) -> str:
        return "RAISE"


RAISE = _Raise()


@dataclass(frozen=True, slots=True)
class Admission:
    """A call that was let through.

    With a `permit` it is a probe; `counts` says whether its outcome belongs in the failure rate.
    """

    started: float
    counts: bool
    permit: tuple[int, int] | None = None  # generation, number


class CircuitBreaker:
    """Guards calls to one dependency: as a decorator, as a context manager, or by `call`.

    Args:
        name: the circuit; 1 to 64 of `A-Z a-z 0-9 - _ .`
        handled_exceptions: what counts as a failure of the dependency. Any other exception says nothing
            about it, and neither does one that is no `Exception` (such as KeyboardInterrupt).
        ignored_exceptions: instead: everything counts as a failure but these.
        fallback: what a refused call gets instead of `CircuitOpen`: a value, or a function, called with the
            arguments of the call, and with the `CircuitOpen` if it has a parameter `circuit_open`.
        closed_cache_seconds: how long a closed flag is trusted, plus or minus 20 %.
        open_cache_seconds: the same for a flag that is not closed.
        tables: where the circuit is kept; by default in the tables that RECLOSER_CIRCUIT_TABLE and
            RECLOSER_PROBE_TABLE name, or, without them, in this process.
        clock: epoch seconds.
        draw: random numbers between two bounds.
        write_metrics: where a line of metrics goes; by default standard output.

    Raises:
        ValueError: a name or a time is not allowed, or both kinds of exceptions are given.
        TypeError: exceptions that are no exception types.

    """

    def __init__(
        self,
        name: str,
        *,
        handled_exceptions: ExceptionTypes | None = None,
        ignored_exceptions: ExceptionTypes | None = None,
        fallback: Any = RAISE,
        closed_cache_seconds: float = CLOSED_SECONDS,
        open_cache_seconds: float = NOT_CLOSED_SECONDS,
        tables: Tables | None = None,
        clock: Callable[[], float] = time.time,
        draw: Callable[[float, float], float] = random.uniform,
        write_metrics: Callable[[str], None] = write_line,
    ) -> None:
        self.name = validate_name(name)
        if handled_exceptions is not None and ignored_exceptions is not None:
            raise ValueError("handled_exceptions and ignored_exceptions are both given: only one is allowed")
        self._handled = _exception_types("handled_exceptions", handled_exceptions, (Exception,))
        self._ignored = _exception_types("ignored_exceptions", ignored_exceptions, ())
        self._fallback = fallback
        self._tells_fallback = callable(fallback) and _has_parameter(fallback, "circuit_open")
        self._closed_cache_seconds = _positive("closed_cache_seconds", closed_cache_seconds)
        self._open_cache_seconds = _positive("open_cache_seconds", open_cache_seconds)
        self._given_tables = tables
        self._clock = clock
        self._draw = draw
        self._seeker = PermitSeeker(draw, open_cache_seconds)
        self._recorder = Recorder(name, lambda: int(clock() * 1000), write_metrics)
        self._entered = threading.local()

    # --- Ways of calling -------------------------------------------------------------------------

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function: each call of it is guarded."""
        _refuse_asynchronous(function)

        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            return self.call(function, *args, **kwargs)

        return guarded

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call `function`, or, if the circuit refuses, its fallback.

        Raises:
            CircuitOpen: the call is refused and there is no fallback.

        """
        try:
            admission = self._enter()
        except CircuitOpen as refusal:
            if self._fallback is RAISE:
                raise
            answer: R = self._answer_instead(refusal, args, kwargs)
            return answer
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            self._leave(admission, error)
            raise
        self._leave(admission, None)
        return result

    def __enter__(self) -> Self:
        """Guard a block. A refusal raises CircuitOpen: a block has no answer to replace by a fallback."""
        self._admissions.append(self._enter())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave(self._admissions.pop(), error)

    @property
    def _admissions(self) -> list[Admission]:
        """Blocks may nest and threads may share a breaker: each thread has its own stack."""
        stack: list[Admission] | None = getattr(self._entered, "stack", None)
        if stack is None:
            stack = self._entered.stack = []
        return stack

    def snapshot(self) -> Circuit:
        """Return the circuit as this process knows it, read anew if it is time."""
        return self._reader.flag(self._clock()).circuit or Circuit(self.name)

    # --- Before the call -------------------------------------------------------------------------

    @functools.cached_property
    def _tables(self) -> Tables:
        return self._given_tables or default_tables()

    @functools.cached_property
    def _reader(self) -> FlagReader:
        return FlagReader(
            self.name,
            self._tables,
            self._clock,
            draw=self._draw,
            closed_seconds=self._closed_cache_seconds,
            not_closed_seconds=self._open_cache_seconds,
        )

    def _enter(self) -> Admission:
        now = self._clock()
        flag = self._reader.flag(now)
        circuit = flag.circuit
        if circuit is None or circuit.state_for_callers(int(now * 1000)) is State.CLOSED:
            if flag.is_stale:
                self._recorder.unprotected()
            return Admission(self._clock(), counts=True)
        permit = self._claim(flag, circuit, now)
        if permit is not None:
            return Admission(self._clock(), counts=False, permit=permit)
        self._recorder.rejected()
        if circuit.policy.get("enforce", True):
            raise CircuitOpen(circuit, self._retry_after(circuit, now))
        # Shadow mode: refused in the books only. It would not have been made, so it does not count.
        return Admission(self._clock(), counts=False)

    def _claim(self, flag: Flag, circuit: Circuit, now: float) -> tuple[int, int] | None:
        now_ms = int(now * 1000)
        if circuit.active_override(now_ms) is not None or not self._seeker.may_ask(flag, circuit, now):
            return None
        try:
            number = self._tables.claim(self.name, circuit.generation, now_ms)
        except StoreError as error:
            logger.warning("circuit %s: no permit can be claimed: %s", self.name, error)
            number = None
        if number is None:
            self._seeker.refused()
            return None
        return circuit.generation, number

    def _retry_after(self, circuit: Circuit, now: float) -> float | None:
        override = circuit.active_override(int(now * 1000))
        at_ms = circuit.retry_at_ms if override is None else override.until_ms
        if override is not None and at_ms is None:
            return None
        # Past retry_at it is a matter of permits: the flag will have moved by its next reading.
        return max((at_ms or 0) / 1000 - now, self._open_cache_seconds)

    def _answer_instead(self, refusal: CircuitOpen, args: Any, kwargs: Any) -> Any:
        if not callable(self._fallback):
            return self._fallback
        if self._tells_fallback:
            kwargs = kwargs | {"circuit_open": refusal}
        try:
            return self._fallback(*args, **kwargs)
        except Exception as error:
            if error.__cause__ is None:
                raise error from refusal
            raise

    # --- After the call --------------------------------------------------------------------------

    def _leave(self, admission: Admission, error: BaseException | None) -> None:
        duration_ms = (self._clock() - admission.started) * 1000
        failed = error is not None and self._is_failure(error)
        ignored = error is not None and not failed
        if failed:
            self._reader.expect_news()
        if admission.permit is not None:
            self._report(admission.permit, failed=failed, ignored=ignored)
        elif admission.counts and not ignored:
            self._recorder.call(failed=failed, duration_ms=duration_ms)

    def _is_failure(self, error: BaseException) -> bool:
        return isinstance(error, self._handled) and not isinstance(error, self._ignored)

    def _report(self, permit: tuple[int, int], *, failed: bool, ignored: bool) -> None:
        generation, number = permit
        try:
            if ignored:
                self._tables.give_back(self.name, generation, number)
            else:
                self._tables.report(self.name, generation, number, succeeded=not failed)
        except StoreError as error:
            # The permit counts as lost at the probe deadline; the caller's answer is not ours to spoil.
            logger.warning("circuit %s: probe %d cannot be reported: %s", self.name, number, error)
        if not ignored:
            self._recorder.probe(failed=failed)


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


def _positive(argument: str, seconds: float) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= 3600:  # noqa: PLR2004
        raise ValueError(f"{argument} = {seconds!r} is not allowed: more than 0 and at most 3600 seconds")
    return seconds


def _has_parameter(function: Callable[..., Any], name: str) -> bool:
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):  # a builtin that tells nothing of itself
        return False


def _refuse_asynchronous(function: Callable[..., Any]) -> None:
    if (
        inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
        or inspect.isgeneratorfunction(function)
    ):
        raise TypeError(f"{function!r} is a coroutine or a generator: only plain functions can be guarded")
