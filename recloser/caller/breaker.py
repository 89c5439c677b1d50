"""What callers use: one object that guards the calls to one dependency."""

from __future__ import annotations

import functools
import inspect
import random
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from types import CoroutineType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, Self, TypeVar, cast

from recloser.caller import aio as tasks
from recloser.caller.backend import default_publisher, default_tables, default_watchdog, reader_for
from recloser.caller.blocks import Blocks
from recloser.caller.fallback import RAISE, Fallback
from recloser.caller.flag_cache import CLOSED_SECONDS, NOT_CLOSED_SECONDS, Draw, FlagReader
from recloser.caller.guard import Guard, Hooks, OnStoreError
from recloser.caller.lanes import Call, FastLane
from recloser.caller.local_trip import LocalHold, LocalTrip
from recloser.caller.outcome import ExceptionTypes, Judge, Outcome
from recloser.caller.retry_after import retry_after_seconds
from recloser.caller.watchdog import Watchdog
from recloser.circuit import Circuit, State, validate_name
from recloser.errors import CircuitOpen
from recloser.metrics.recorder import Publisher, Recorder

if TYPE_CHECKING:
    from recloser.store.tables import Tables

P = ParamSpec("P")
R = TypeVar("R")


class CircuitBreaker:
    """Guards calls to one dependency: as a decorator, as a context manager, or by `call`.

    Each works for plain and for `async` functions and blocks.

    Args:
        name: the circuit; 1 to 64 of `A-Z a-z 0-9 - _ .`
        handled_exceptions: what counts as a failure of the dependency. Any other exception says nothing
            about it, and neither does one that is no `Exception` (such as KeyboardInterrupt).
        ignored_exceptions: instead: everything counts as a failure but these.
        failure_if_raised: looks at a handled exception and says whether it is a failure; if not, the
            dependency has answered, and the call is a success. None: the exception says nothing about it.
        failure_if_returned: looks at an answer and says whether it is a failure all the same.
        slow_after_seconds: counts, as metric `Slow`, calls that take longer; slow is not failed.
        timeout_seconds: a call that has not ended by then counts as failed at once; it is not interrupted.
        fallback: what a refused call gets instead of `CircuitOpen`: a value, or a function, called with the
            arguments of the call, and with the `CircuitOpen` if it has a parameter `circuit_open`.
        local_trip: when this process refuses by itself; None: never.
        on_store_error: what to do when the flag cannot be read: go by the "last-known" state (and, with
            none known, let the call through), "allow" every call, or "refuse" every call.
        on_refused: called with each CircuitOpen, also where a fallback answers.
        on_state_seen: called with the state seen before, or None, and the circuit, when the state changes.
        closed_cache_seconds: how long a closed flag is trusted, plus or minus 20 %.
        open_cache_seconds: the same for a flag that is not closed.
        tables: where the circuit is kept; by default in the tables that RECLOSER_CIRCUIT_TABLE and
            RECLOSER_PROBE_TABLE name, or, without them, in this process.
        publisher: takes the metrics away; by default as EMF on standard output.
        reader, watchdog, clock, draw: the process's shared reader of flags, its watchdog, epoch seconds,
            random numbers between two bounds. For tests and simulations.

    Raises:
        ValueError: a name or a time is not allowed, or both kinds of exceptions are given.
        TypeError: exceptions that are no exception types, or a function that is none.

    """

    def __init__(
        self,
        name: str,
        *,
        handled_exceptions: ExceptionTypes | None = None,
        ignored_exceptions: ExceptionTypes | None = None,
        failure_if_raised: Callable[[BaseException], bool | None] | None = None,
        failure_if_returned: Callable[[Any], bool] | None = None,
        slow_after_seconds: float | None = None,
        timeout_seconds: float | None = None,
        fallback: Any = RAISE,
        local_trip: LocalTrip | None = LocalTrip(),  # noqa: B008  (frozen)
        on_store_error: OnStoreError = "last-known",
        on_refused: Callable[[CircuitOpen], object] | None = None,
        on_state_seen: Callable[[State | None, Circuit], object] | None = None,
        closed_cache_seconds: float = CLOSED_SECONDS,
        open_cache_seconds: float = NOT_CLOSED_SECONDS,
        tables: Tables | None = None,
        publisher: Publisher | None = None,
        reader: FlagReader | None = None,
        watchdog: Watchdog | None = None,
        clock: Callable[[], float] = time.time,
        draw: Draw = random.uniform,
    ) -> None:
        self.name = validate_name(name)
        self._judge = Judge(handled_exceptions, ignored_exceptions, failure_if_raised, failure_if_returned)
        self._slow_after_seconds = _seconds("slow_after_seconds", slow_after_seconds)
        self._timeout_seconds = _seconds("timeout_seconds", timeout_seconds)
        self._closed_cache_seconds = _seconds("closed_cache_seconds", closed_cache_seconds) or CLOSED_SECONDS
        self._open_cache_seconds = _seconds("open_cache_seconds", open_cache_seconds) or NOT_CLOSED_SECONDS
        self._fallback = Fallback(fallback)
        self._hold = LocalHold(_checked_local_trip(local_trip))
        self._on_store_error = _checked_on_store_error(on_store_error)
        self._hooks = Hooks(
            _checked_hook("on_refused", on_refused), _checked_hook("on_state_seen", on_state_seen)
        )
        self._given_tables = tables
        self._given_publisher = publisher
        self._given_reader = reader
        self._given_watchdog = watchdog
        self._clock = clock
        self._draw = draw
        self._lane = FastLane()
        self._blocks = Blocks()
        self._making = threading.Lock()

    @functools.cached_property
    def _guard(self) -> Guard:
        """Made by the first call, so that making a breaker has no side effects."""
        with self._making:  # from Python 3.12 on cached_property has no lock of its own
            made: Guard = vars(self).get("_guard") or self._make_guard()
            vars(self)["_guard"] = made
            return made

    def _make_guard(self) -> Guard:
        tables = self._given_tables or default_tables()
        reader = self._given_reader or reader_for(tables, self._clock)
        publisher = self._given_publisher or default_publisher()
        return Guard(
            flag=reader.watch(self.name, self._closed_cache_seconds, self._open_cache_seconds),
            lane=self._lane,
            tables=tables,
            clock=self._clock,
            draw=self._draw,
            hold=self._hold,
            recorder=Recorder(self.name, self._clock, publisher, self._lane.durations),
            watchdog=self._given_watchdog or default_watchdog(),
            hooks=self._hooks,
            on_store_error=self._on_store_error,
            timeout_seconds=self._timeout_seconds,
            slow_after_seconds=self._slow_after_seconds,
        )

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: what a breaker knows belongs to its process."""
        raise TypeError(f"breaker {self.name!r} cannot be pickled or copied: make one in each process")

    def snapshot(self) -> Circuit:
        """Return the circuit as this process knows it, read anew if it is time."""
        return self._guard.flag.flag(self._clock()).circuit or Circuit(self.name)

    # --- Plain functions -------------------------------------------------------------------------

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function, plain or async: each call of it is guarded.

        Raises:
            TypeError: it is a generator, whose work is done after the call; or the fallback does not fit it.

        """
        if not callable(function):
            raise TypeError(f"{function!r} is not allowed: only functions can be guarded")
        _refuse_generators(function)
        self._fallback.check_fits(function)
        if inspect.iscoroutinefunction(function):
            return cast("Callable[P, R]", self._decorated_async(function))
        return self._decorated(function)

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call `function`, or, if the circuit refuses, its fallback. The answer of an async one is awaited.

        Raises:
            CircuitOpen: the call is refused and there is no fallback.
            TypeError: it is a generator, whose work is done after the call.

        """
        if inspect.iscoroutinefunction(function):
            return cast("R", self._guarded_async(function, args, kwargs))
        _refuse_generators(function)
        return self._guarded(function, args, kwargs)

    def _decorated(self, function: Callable[P, R]) -> Callable[P, R]:
        """Make the guarded function. While the lane is open it asks nothing and writes nothing.

        What it needs is bound here, once, because this is the path of every healthy call.
        """
        if self._judge.judges_answers or self._fallback.remembers:
            return self._decorated_with_care(function)
        lane, clock, raises = self._lane, self._clock, self._fallback.is_absent
        running, numbers = lane.running, lane.numbers

        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            started = clock()
            if not lane.since <= started < lane.until:
                refusal = lane.refusal
                if raises and refusal is not None and refusal.stands(started):
                    raise refusal.refuse(started)
                return self._guarded(function, args, kwargs)
            number = next(numbers)
            running[number] = started
            try:
                answer = function(*args, **kwargs)
            except BaseException as error:
                self._guard.failed_in_lane(number, self._judge.raised(error), retry_after_seconds(error))
                raise
            if answer.__class__ is CoroutineType:
                awaited: R = self._until_awaited(
                    Call(number, started, counts=True), function, args, kwargs, answer
                )
                return awaited
            try:
                del running[number]
            except KeyError:  # it hung, and the watchdog has counted it
                return answer
            ended = clock()
            if ended < lane.until:
                lane.note(ended - started)
            else:
                self._guard.outlasted_lane(number, started)
            return answer

        return guarded

    def _decorated_with_care(self, function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            return self._guarded(function, args, kwargs)

        return guarded

    def _guarded(self, function: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        guard = self._guard
        try:
            call = guard.enter()
        except CircuitOpen as refusal:
            if self._fallback.is_absent:
                raise
            instead: R = self._fallback.answer(refusal, function, args, kwargs)
            return instead
        try:
            answer = function(*args, **kwargs)
        except BaseException as error:
            guard.leave(call, self._judge.raised(error), retry_after_seconds(error))
            raise
        if answer.__class__ is CoroutineType:
            awaited: R = self._until_awaited(call, function, args, kwargs, answer)
            return awaited
        outcome = self._judge.returned(answer)
        guard.leave(call, outcome, retry_after_seconds(answer) if outcome is Outcome.FAILURE else None)
        if outcome is Outcome.SUCCESS and self._fallback.remembers:
            self._fallback.remember(answer, function, args, kwargs)
        return answer

    def _until_awaited(
        self,
        call: Call,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        coroutine: Any,
    ) -> Any:
        """Guard on: a plain function that returns a coroutine has not called the dependency yet."""
        self._guard.running[call.number] = call
        return self._awaited(call, function, args, kwargs, coroutine)

    # --- Async functions -------------------------------------------------------------------------

    def _decorated_async(self, function: Callable[P, Awaitable[Any]]) -> Callable[P, Awaitable[Any]]:
        """The same as `_decorated`, awaited."""
        is_plain = not (self._judge.judges_answers or self._fallback.remembers)
        lane, clock, raises = self._lane, self._clock, self._fallback.is_absent
        running, numbers = lane.running, lane.numbers

        @functools.wraps(function)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
            started = clock()
            if not (is_plain and lane.since <= started < lane.until):
                refusal = lane.refusal
                if raises and refusal is not None and refusal.stands(started):
                    raise refusal.refuse(started)
                return await self._guarded_async(function, args, kwargs)
            number = next(numbers)
            running[number] = started
            try:
                answer = await function(*args, **kwargs)
            except BaseException as error:
                self._guard.failed_in_lane(number, self._judge.raised(error), retry_after_seconds(error))
                raise
            try:
                del running[number]
            except KeyError:  # it hung, and the watchdog has counted it
                return answer
            ended = clock()
            if ended < lane.until:
                lane.note(ended - started)
            else:
                self._guard.outlasted_lane(number, started)
            return answer

        return guarded

    async def _guarded_async(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        try:
            call = await tasks.enter(self._guard)
        except CircuitOpen as refusal:
            return await self._fallback.answer_async(refusal, function, args, kwargs)
        return await self._awaited(call, function, args, kwargs)

    async def _awaited(
        self,
        call: Call,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        coroutine: Any = None,
    ) -> Any:
        guard = self._guard
        try:
            answer = await (function(*args, **kwargs) if coroutine is None else coroutine)
        except BaseException as error:
            may_wait = not isinstance(error, GeneratorExit)
            outcome, hint = self._judge.raised(error), retry_after_seconds(error)
            await tasks.leave(guard, call, outcome, hint, may_wait=may_wait)
            raise
        outcome = self._judge.returned(answer)
        hint = retry_after_seconds(answer) if outcome is Outcome.FAILURE else None
        await tasks.leave(guard, call, outcome, hint)
        if outcome is Outcome.SUCCESS and self._fallback.remembers:
            self._fallback.remember(answer, function, args, kwargs)
        return answer

    # --- Blocks ----------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Guard a block. A refusal raises CircuitOpen: a block has no answer to replace by a fallback."""
        call = self._guard.enter()
        self._blocks.entered(call, id(sys._getframe(1)), threading.get_ident())  # noqa: SLF001
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        call = self._blocks.left(id(sys._getframe(1)), threading.get_ident())  # noqa: SLF001
        self._guard.leave(call, self._judged(error), retry_after_seconds(error))

    async def __aenter__(self) -> Self:
        """Guard an async block, like `with`."""
        frame = id(sys._getframe(1))  # noqa: SLF001  (before the first await: the frame that awaits)
        self._blocks.entered(await tasks.enter(self._guard), frame, tasks.current())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        call = self._blocks.left(id(sys._getframe(1)), tasks.current())  # noqa: SLF001
        may_wait = not isinstance(error, GeneratorExit)
        outcome, hint = self._judged(error), retry_after_seconds(error)
        await tasks.leave(self._guard, call, outcome, hint, may_wait=may_wait)

    def _judged(self, error: BaseException | None) -> Outcome:
        return Outcome.SUCCESS if error is None else self._judge.raised(error)


def _seconds(argument: str, seconds: float | None) -> float | None:
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= 3600:  # noqa: PLR2004
        raise ValueError(f"{argument} = {seconds!r} is not allowed: more than 0 and at most 3600 seconds")
    return seconds


def _checked_local_trip(given: Any) -> LocalTrip | None:
    if given is not None and not isinstance(given, LocalTrip):
        raise TypeError(f"local_trip = {given!r} is not allowed: a LocalTrip, or None for none")
    return given


def _checked_on_store_error(given: Any) -> OnStoreError:
    if given not in ("last-known", "allow", "refuse"):
        raise ValueError(f'on_store_error = {given!r} is not allowed: "last-known", "allow" or "refuse"')
    return cast("OnStoreError", given)


def _checked_hook(argument: str, given: Any) -> Any:
    if given is not None and not callable(given):
        raise TypeError(f"{argument} = {given!r} is not allowed: a function")
    if inspect.iscoroutinefunction(given):
        raise TypeError(f"{argument} = {given!r} is not allowed: a plain function, or nobody would await it")
    return given


def _refuse_generators(function: Callable[..., Any]) -> None:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(
            f"{function!r} is a generator, whose work is done after the call: "
            "guard what it calls, or use a `with` block inside it"
        )
