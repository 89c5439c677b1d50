"""What callers use: one object that guards the calls to one dependency."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from types import CoroutineType, TracebackType

from recloser.caller import aio, awaitables
from recloser.caller.awaitables import Answers
from recloser.caller.block import EnterMethod, ExitMethod, Use
from recloser.caller.fallback import RAISE, Fallback, Missed, checked
from recloser.caller.guard import Guard
from recloser.caller.local_trip import LocalTrip
from recloser.caller.options import CLOSED_CACHE_SECONDS, OPEN_CACHE_SECONDS, OnRefused, OnStateSeen, Options
from recloser.caller.outcome import Classifier, ExceptionTypes, Outcome, is_refusal
from recloser.caller.process import Process, this_process
from recloser.caller.retry_after import retry_after_seconds
from recloser.circuit import Circuit, validate_name
from recloser.errors import CircuitOpen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, ParamSpec, Self, TypeGuard, TypeVar

    from recloser.admit import OnStoreError

    P = ParamSpec("P")
    R = TypeVar("R")

    _Asked = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
    """What was asked for: a function and its arguments."""


class CircuitBreaker:
    """Guards calls to one dependency: as a decorator, as a context manager, or by `call`.

    Each works for plain and for `async` functions and blocks. Async ones run under asyncio.

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
        fallback: what a refused call gets instead of `CircuitOpen`: what `value`, `function` or
            `last_good` has made, or `respond_503`.
        fallback_on_failure: the fallback also answers a call that was made and counts as failed.
        local_trip: when this process refuses by itself; None: never.
        on_store_error: what to do when the flag cannot be read: go by the "last-known" state (and, with
            none known, let the call through), "allow" every call, or "refuse" every call.
        on_refused: called with each CircuitOpen, also where a fallback answers.
        on_state_seen: called with the state seen before, or None, and the circuit, when the state changes.
        closed_cache_seconds: how long a closed flag is trusted, plus or minus 20 %.
        open_cache_seconds: the same for a flag that is not closed.
        process: what it shares with others: tables, publisher, clock; by default this process's.

    Raises:
        ValueError: a name or a time is not allowed, or both kinds of exceptions are given.
        TypeError: exceptions that are no exception types, a function that is none, or a fallback that
            `value`, `function` or `last_good` has not made.

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
        fallback: Fallback = RAISE,
        fallback_on_failure: bool = False,
        local_trip: LocalTrip | None = LocalTrip(),  # noqa: B008  (frozen)
        on_store_error: OnStoreError = "last-known",
        on_refused: OnRefused | None = None,
        on_state_seen: OnStateSeen | None = None,
        closed_cache_seconds: float = CLOSED_CACHE_SECONDS,
        open_cache_seconds: float = OPEN_CACHE_SECONDS,
        process: Process | None = None,
    ) -> None:
        self.name = validate_name(name)
        self.options = Options(
            slow_after_seconds=slow_after_seconds,
            timeout_seconds=timeout_seconds,
            local_trip=local_trip,
            on_store_error=on_store_error,
            on_refused=on_refused,
            on_state_seen=on_state_seen,
            closed_cache_seconds=closed_cache_seconds,
            open_cache_seconds=open_cache_seconds,
        )
        self._classifier = Classifier(
            handled_exceptions, ignored_exceptions, failure_if_raised, failure_if_returned
        )
        self._fallback = checked(fallback, on_failure=fallback_on_failure)
        self._answers_failures = fallback_on_failure
        self._looks_at_answers = self._classifier.looks_at_answers or self._fallback.remembers
        self._given_process = process
        self._made: Guard | None = None
        self._making = threading.Lock()
        self._entered: dict[int, Guard] = {}

    def __repr__(self) -> str:
        return f"CircuitBreaker({self.name!r})"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: what a breaker knows belongs to its process."""
        raise TypeError(f"breaker {self.name!r} cannot be pickled or copied: make one in each process")

    def snapshot(self) -> Circuit:
        """Return the circuit as this process knows it, read anew if it is time."""
        guard, process = self._guard, self._process
        return process.flags.read(guard.local.known, process.clock()).circuit or Circuit(self.name)

    # --- What it shares with its process ---------------------------------------------------------

    @property
    def _process(self) -> Process:
        return self._given_process or this_process()

    @property
    def _guard(self) -> Guard:
        """Made by the first call, so that making a breaker has no side effects."""
        guard = self._made
        if guard is None:
            with self._making:
                guard = self._made
                if guard is None:
                    process = self._given_process or this_process()
                    guard = self._made = Guard(self.name, self.options, process)
                    process.breakers[id(self)] = self
        return guard

    def move(self, process: Process | None) -> Process | None:
        """Give the breaker to another `Process`; return the one it was given before. For tests."""
        before, self._given_process = self._given_process, process
        self.begin_anew()
        return before

    def begin_anew(self) -> None:
        """Forget what belongs to the process before: after a fork, or when a test moves the breaker."""
        made, self._made = self._made, None
        if made is not None:
            made.running.clear()
        self._making = threading.Lock()
        self._entered = {}

    def forget_answers(self) -> None:
        """Make the next call ask its questions."""
        if self._made is not None:
            self._made.forget_answers()

    def expire_running(self) -> None:
        """Count every call that is still running as failed."""
        if self._made is not None:
            self._made.expire_running()

    # --- Functions -------------------------------------------------------------------------------

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function, plain or async: each call of it is guarded.

        Raises:
            TypeError: it is no function, or a generator, whose work is done after the call; or the
                fallback does not fit it.

        """
        guarded = self._guarded(function)
        self._fallback.check_fits(function)
        functools.update_wrapper(guarded, function)
        return guarded

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call `function`, or, if the circuit refuses, the fallback. The answer of an async one is awaited.

        Raises:
            CircuitOpen: the call is refused and there is no fallback.
            TypeError: it is no function, or a generator, whose work is done after the call.

        """
        return self._guarded(function)(*args, **kwargs)

    def _guarded(self, function: Callable[P, R]) -> Callable[P, R]:  # noqa: C901  (two ways in one place)
        """Make the guarded function: the one path of every call."""
        if not callable(function) or isinstance(function, staticmethod | classmethod):
            raise _not_allowed(function)
        kind = awaitables.known_kind(function)
        if kind is Answers.NEVER:
            raise generator_error(function)
        if kind is Answers.ASYNC:
            return self._guarded_async(function)
        raises, looks = self._fallback.is_absent, self._looks_at_answers
        # Bound once: Python 3.11 looks an enumeration's member up by a function call.
        later, at_once = Answers.LATER, Answers.AT_ONCE
        plain_type: type | None = None  # of the last answer: most functions return the same type each time

        def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
            nonlocal kind, plain_type
            if kind is later:
                # It is admitted when it is awaited.
                return self._guarded_async(function)(*args, **kwargs)
            guard = self._made or self._guard
            number: Any = guard.enter_at_once()
            if number is None:
                number = guard.enter()
            if number.__class__ is CircuitOpen:
                try:
                    if raises and kind is at_once:
                        raise number
                    return self._instead(Missed(function, args, kwargs, number))
                finally:
                    del number  # or the error and this frame would keep each other alive
            try:
                answer = function(*args, **kwargs)
            except BaseException as error:
                if self._is_answered(error, self._failed(guard, number, error)):
                    return self._instead(Missed(function, args, kwargs, raised=error))
                raise
            if type(answer) is not plain_type:
                kind = awaitables.kind_of(answer)
                if kind is not at_once:
                    return self._pending(guard, number, answer, (function, args, kwargs))
                plain_type = type(answer)
            if looks or not guard.succeeded(number):
                return self._answered(guard, number, answer, (function, args, kwargs))
            return answer

        return guarded

    def _failed(self, guard: Guard, number: int, error: BaseException) -> Outcome:
        guard.end_sharing(number)
        outcome, hint = self._classified(guard, number, error)
        guard.leave(number, outcome, hint, was_cancelled=self._was_refused_inside(outcome, error))
        return outcome

    def _was_refused_inside(self, outcome: Outcome, error: BaseException) -> bool:
        """Tell whether the call came to nothing because its own circuit refused one inside it."""
        return outcome is Outcome.IGNORED and is_refusal(error, self.name)

    def _answered(self, guard: Guard, number: int, answer: Any, asked: _Asked) -> Any:
        guard.end_sharing(number)
        outcome, hint = self._returned(guard, number, answer, asked)
        guard.leave(number, outcome, hint)
        if outcome is Outcome.FAILURE and self._answers_failures:
            return self._instead(Missed(*asked, returned=answer))
        return answer

    def _is_answered(self, error: BaseException, outcome: Outcome) -> TypeGuard[Exception]:
        """Tell whether the fallback answers an error. It never answers one that ends a program."""
        return self._answers_failures and outcome is Outcome.FAILURE and isinstance(error, Exception)

    def _classified(self, guard: Guard, number: int, error: BaseException) -> tuple[Outcome, float | None]:
        """Say what an error means, and how long the dependency asks to be left alone."""
        try:
            return self._classifier.raised(error), retry_after_seconds(error)
        except BaseException:  # a predicate that was interrupted: the call has ended all the same
            guard.leave(number, Outcome.IGNORED)
            raise

    def _instead(self, missed: Missed) -> Any:
        """Answer a call of a plain function, as it would have been answered: later if need be."""
        try:
            if awaitables.known_kind(missed.function) is Answers.RUNNING:
                return self._fallback.answer_async(missed)
            if self._fallback.is_async:
                raise TypeError(
                    f"async fallback of breaker {self.name!r} is not allowed for {missed.function!r}, which "
                    "answers at once: nobody would await its answer"
                ) from (missed.circuit_open or missed.raised)
            return self._fallback.answer(missed)
        finally:
            del missed  # as in `guarded`

    def _returned(
        self, guard: Guard, number: int, answer: Any, asked: _Asked
    ) -> tuple[Outcome, float | None]:
        """Say what an answer means, and how long the dependency asks to be left alone."""
        try:
            outcome = self._classifier.returned(answer)
            if outcome is Outcome.SUCCESS and self._fallback.remembers:
                self._fallback.remember(answer, *asked)
            return outcome, retry_after_seconds(answer) if outcome is Outcome.FAILURE else None
        except BaseException:  # as in _classified
            guard.leave(number, Outcome.IGNORED)
            raise

    # --- Answers that come later -----------------------------------------------------------------

    def _pending(self, guard: Guard, number: int, answer: Any, asked: _Asked) -> Any:
        """Guard on: a plain function has returned something that has yet to become an answer."""
        function, args, kwargs = asked
        kind = awaitables.kind_of(answer)
        if kind is Answers.NEVER:
            guard.withdraw(number)
            raise generator_error(function)
        if hasattr(answer, "__await__"):  # an executor's future is waited for: its refusal is raised at once
            awaitables.learn(function, kind)
        if kind is Answers.LATER:
            # Its work begins when it is awaited, if it ever is: it is admitted then.
            guard.withdraw(number)
            return self._guarded_async(function, pending=answer)(*args, **kwargs)
        guard.end_sharing(number)
        answer.add_done_callback(lambda future: self._done(guard, number, future, asked))
        return answer

    def _done(self, guard: Guard, number: int, future: Any, asked: _Asked) -> None:
        """Tell how a future ended. Its callbacks run on the event loop, which must not wait for the store."""
        was_cancelled = future.cancelled()
        answer, error = awaitables.ended(future)
        if was_cancelled:
            outcome, hint = Outcome.IGNORED, None
        elif error is not None:
            outcome, hint = self._classified(guard, number, error)
            was_cancelled = self._was_refused_inside(outcome, error)
        else:
            outcome, hint = self._returned(guard, number, answer, asked)

        def leave() -> None:
            guard.leave(number, outcome, hint, was_cancelled=was_cancelled)

        if not guard.may_wait_at_the_end(number) or not self._process.threads(leave):
            leave()

    def _guarded_async(self, function: Callable[..., Any], pending: Any = None) -> Callable[..., Any]:
        """Make the guarded function of an async one; or of a plain one, whose answer is `pending`."""

        async def guarded_async(*args: Any, **kwargs: Any) -> Any:
            guard = self._made or self._guard
            number: Any = guard.enter_at_once()
            if number is None:
                number = await aio.enter(guard, self._process.threads)
            if number.__class__ is CircuitOpen:
                if pending is not None and hasattr(pending, "close"):
                    pending.close()
                try:
                    return await self._fallback.answer_async(Missed(function, args, kwargs, number))
                finally:
                    del number  # as in `guarded`
            try:
                answer = function(*args, **kwargs) if pending is None else pending
                # A plain function may also answer at once.
                if type(answer) is CoroutineType or awaitables.kind_of(answer) is not Answers.AT_ONCE:
                    answer = await answer
            except BaseException as error:
                if self._is_answered(error, await self._leave_async(guard, number, error)):
                    return await self._fallback.answer_async(Missed(function, args, kwargs, raised=error))
                raise
            if self._looks_at_answers or not guard.succeeded(number):
                outcome, hint = self._returned(guard, number, answer, (function, args, kwargs))
                await aio.leave(guard, self._process.threads, number, outcome, hint)
                if outcome is Outcome.FAILURE and self._answers_failures:
                    return await self._fallback.answer_async(Missed(function, args, kwargs, returned=answer))
            return answer

        return guarded_async

    async def _leave_async(self, guard: Guard, number: int, error: BaseException | None) -> Outcome:
        outcome, hint = Outcome.SUCCESS, None
        was_cancelled = False
        if error is not None:
            outcome, hint = self._classified(guard, number, error)
            was_cancelled = outcome is Outcome.IGNORED and (
                aio.is_cancellation(error) or self._was_refused_inside(outcome, error)
            )
        await aio.leave(
            guard,
            self._process.threads,
            number,
            outcome,
            hint,
            was_cancelled=was_cancelled,
            may_wait=type(error) is not GeneratorExit,
        )
        return outcome

    # --- Blocks ----------------------------------------------------------------------------------

    def _enter_block(self, use: Use) -> Self:
        """Guard a block. A refusal raises CircuitOpen: a block has no answer to replace by a fallback."""
        guard = self._guard
        number = guard.enter_at_once()
        self._begin_use(use, guard, guard.enter() if number is None else number)
        return self

    def _exit_block(
        self,
        use: Use,
        kind: type[BaseException] | None,  # noqa: ARG002  (the protocol's)
        error: BaseException | None,
        traceback: TracebackType | None,  # noqa: ARG002
    ) -> None:
        guard, number = self._end_use(use)
        if error is not None:
            self._failed(guard, number, error)
        elif not guard.succeeded(number):
            guard.end_sharing(number)
            guard.leave(number, Outcome.SUCCESS)

    async def _enter_async_block(self, use: Use) -> Self:
        guard = self._guard
        number = guard.enter_at_once()
        if number is None:
            number = await aio.enter(guard, self._process.threads)
        self._begin_use(use, guard, number)
        return self

    async def _exit_async_block(
        self,
        use: Use,
        kind: type[BaseException] | None,  # noqa: ARG002
        error: BaseException | None,
        traceback: TracebackType | None,  # noqa: ARG002
    ) -> None:
        guard, number = self._end_use(use)
        if error is not None or not guard.succeeded(number):
            await self._leave_async(guard, number, error)

    def _begin_use(self, use: Use, guard: Guard, number: int | CircuitOpen) -> None:
        if isinstance(number, CircuitOpen):
            try:
                raise number
            finally:
                del number  # as in `guarded`
        use.number, use.entered = number, self._entered
        self._entered[number] = guard

    def _end_use(self, use: Use) -> tuple[Guard, int]:
        entered: dict[int, Guard] = self._entered if use.entered is None else use.entered
        number = use.number
        if number is None:  # left by hand: the newest block that was entered and not left
            number = next(reversed(entered), None)
        guard = None if number is None else entered.pop(number, None)
        if number is None or guard is None:
            raise RuntimeError("a block is left that was not entered")
        return guard, number

    if TYPE_CHECKING:

        def __enter__(self) -> Self: ...
        def __exit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            traceback: TracebackType | None,
        ) -> None: ...
        async def __aenter__(self) -> Self: ...
        async def __aexit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            traceback: TracebackType | None,
        ) -> None: ...
    else:
        __enter__ = EnterMethod(_enter_block)
        __exit__ = ExitMethod(_exit_block)
        __aenter__ = EnterMethod(_enter_async_block)
        __aexit__ = ExitMethod(_exit_async_block)


def _not_allowed(function: Any) -> TypeError:
    if isinstance(function, staticmethod | classmethod):
        name = type(function).__name__
        return TypeError(f"{function!r} is not allowed: put @{name} above the breaker, not below it")
    return TypeError(f"{function!r} is not allowed: only functions can be guarded")


def generator_error(function: Any) -> TypeError:
    """Say why a generator cannot be guarded."""
    return TypeError(
        f"{function!r} makes a generator, whose work is done after the call: "
        "guard what it calls, or use a `with` block inside it"
    )
