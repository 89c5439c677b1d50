"""What counts as a failure: exception types, predicates, and what a predicate cannot break."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
import tenacity

from recloser import CircuitBreaker, CircuitOpen
from recloser.circuit import Circuit, State
from recloser.testing import World

NAME = "payments-api"
Way = Callable[[CircuitBreaker, Callable[[], Any]], Any]


def raising(error: BaseException) -> Callable[[], None]:
    def raises() -> None:
        raise error

    return raises


@pytest.mark.parametrize(
    ("settings", "error", "published"),
    [
        ({}, ValueError(), [1]),
        ({}, SystemExit(), []),
        ({}, KeyboardInterrupt(), []),
        ({"handled_exceptions": BaseException}, SystemExit(), [1]),
        ({"handled_exceptions": (OSError, KeyError)}, ConnectionResetError(), [1]),
        ({"handled_exceptions": (OSError, KeyError)}, ValueError(), []),
        ({"handled_exceptions": ()}, ValueError(), []),
        ({"ignored_exceptions": (KeyError, OSError)}, TimeoutError(), []),
        ({"ignored_exceptions": KeyError}, ValueError(), [1]),
        ({"ignored_exceptions": KeyError}, SystemExit(), []),
        ({"failure_if_raised": lambda error: "500" in str(error)}, ValueError("500"), [1]),
        ({"failure_if_raised": lambda error: "500" in str(error)}, ValueError("404"), [0]),
        ({"failure_if_raised": lambda _: None}, ValueError("404"), []),
        ({"failure_if_raised": lambda _: True, "ignored_exceptions": KeyError}, KeyError(), []),
    ],
)
def test_exceptions(
    world: World, settings: dict[str, Any], error: BaseException, published: list[int]
) -> None:
    """Handled: a failure, unless the predicate says that it is none (an answer) or nothing (None)."""
    with pytest.raises(type(error)):
        world.breaker(NAME, **settings).call(raising(error))
    assert world.metric("Failure") == published


def broken(_: Any) -> bool:
    raise AttributeError("the predicate is wrong")


def test_a_predicate_on_exceptions_that_raises(
    world: World, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, the caller gets the call's own exception, and the exception counts as a failure."""
    with caplog.at_level(logging.ERROR), pytest.raises(ValueError, match="declined"):
        way(world.breaker(NAME, failure_if_raised=broken), raising(ValueError("declined")))
    assert world.metric("Failure") == [1]
    assert "predicate" in caplog.text


def test_a_predicate_on_answers_that_raises(
    world: World, function_way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, the caller gets the answer, and the call counts as a success."""
    with caplog.at_level(logging.ERROR):
        assert function_way(world.breaker(NAME, failure_if_returned=broken), lambda: "paid") == "paid"
    assert world.metric("Failure") == [0]
    assert "predicate" in caplog.text


@pytest.mark.parametrize("settings", [{"failure_if_raised": broken}, {"failure_if_returned": broken}])
def test_a_predicate_that_raises_loses_no_permit(
    world: World, function_way: Way, settings: dict[str, Any]
) -> None:
    """A probe is reported however wrong the predicate is."""
    breaker = world.breaker(NAME, **settings)
    world.trip(NAME)
    world.clock.advance(11)
    if "failure_if_raised" in settings:
        with pytest.raises(ValueError, match="declined"):
            function_way(breaker, raising(ValueError("declined")))
    else:
        function_way(breaker, lambda: "paid")
    probes = world.tables.read_probes(NAME, 1)
    assert probes is not None
    assert (probes.granted, probes.out) == (1, 0)


@pytest.mark.parametrize("argument", ["failure_if_raised", "failure_if_returned"])
def test_predicates_are_functions(argument: str) -> None:
    """Anything else is refused by name at construction."""
    with pytest.raises(TypeError, match=rf"{argument} = 500 is not allowed: a function"):
        CircuitBreaker(NAME, **{argument: 500})  # type: ignore[arg-type]


# --- Predicates that say neither true nor false --------------------------------------------------


def later(said: Any) -> Any:
    """A plain function that returns a coroutine: that it is one can be seen when it is asked only."""

    async def coroutine() -> bool:
        return bool(said)

    return coroutine()


NO_TRUTH = pytest.mark.parametrize(
    "predicate", [lambda _: np.array([True, False]), later, broken], ids=["array", "coroutine", "broken"]
)


@NO_TRUTH
def test_no_truth_about_an_answer(
    world: World, function_way: Way, caplog: pytest.LogCaptureFixture, predicate: Any
) -> None:
    """The caller gets the answer, the call has ended and counts as a success; the log says it once."""
    breaker = world.breaker(NAME, failure_if_returned=predicate)
    answer = np.array([200, 503])
    with caplog.at_level(logging.ERROR):
        assert all(function_way(breaker, lambda: answer) is answer for _ in range(3))
    assert world.metric("Failure") == [0, 0, 0]
    assert not breaker._guard.running
    assert caplog.text.count("predicate failure_if_returned") == 1


@NO_TRUTH
def test_no_truth_about_an_exception(
    world: World, way: Way, caplog: pytest.LogCaptureFixture, predicate: Any
) -> None:
    """The caller gets its own exception, the call has ended and counts as a failure; the log says it once."""
    breaker = world.breaker(NAME, failure_if_raised=predicate)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            with pytest.raises(ConnectionError, match="down"):
                way(breaker, raising(ConnectionError("down")))
    assert world.metric("Failure") == [1, 1, 1]
    assert not breaker._guard.running
    assert caplog.text.count("predicate failure_if_raised") == 1


@NO_TRUTH
def test_no_truth_loses_no_permit(world: World, function_way: Way, predicate: Any) -> None:
    """A probe is reported though its predicate says nothing."""
    breaker = world.breaker(NAME, failure_if_returned=predicate)
    world.trip(NAME)
    world.clock.advance(11)
    assert function_way(breaker, lambda: "paid") == "paid"
    probes = world.tables.read_probes(NAME, 1)
    assert probes is not None
    assert probes.succeeded == {1}


class Asynchronous:
    async def __call__(self, _: Any) -> bool:
        return True

    async def method(self, _: Any) -> bool:
        return True


async def asynchronous(_: Any) -> bool:
    return True


async def asynchronous_of_two(_: Any, __: Any) -> bool:
    return True


def generator(_: Any) -> Iterator[bool]:
    yield True


async def async_generator(_: Any) -> AsyncIterator[bool]:
    yield True


class Generating:
    def __call__(self, _: Any) -> Iterator[bool]:
        yield True


@pytest.mark.parametrize("argument", ["failure_if_raised", "failure_if_returned"])
@pytest.mark.parametrize(
    "predicate",
    [
        asynchronous,
        Asynchronous(),
        Asynchronous().method,
        functools.partial(asynchronous_of_two, 1),
        functools.partial(Asynchronous()),
        functools.partial(functools.partial(Asynchronous().method)),
        generator,
        async_generator,
        Generating(),
    ],
)
def test_predicates_answer_at_once(argument: str, predicate: Any) -> None:
    """An async one, in whatever form, and a generator are refused when they are given."""
    with pytest.raises(TypeError, match=rf"{argument} = .* is async or a generator and not allowed"):
        CircuitBreaker(NAME, **{argument: predicate})


@pytest.mark.parametrize("predicate", [lambda: True, lambda one, two: True, lambda *, error: True])
def test_predicates_take_one_argument(predicate: Any) -> None:
    """Another number of arguments is refused when it is given, with the signature."""
    with pytest.raises(TypeError, match=r"failure_if_raised = .* with parameters \(.* is not allowed"):
        CircuitBreaker(NAME, failure_if_raised=predicate)


@pytest.mark.parametrize("predicate", [bool, dict, lambda *_: True, lambda error, more=1: True, Exception])
def test_predicates_that_can_be_asked(predicate: Any) -> None:
    """Types, builtins and functions with more arguments that have defaults are fine."""
    CircuitBreaker(NAME, failure_if_raised=predicate)


# --- Exceptions that carry others ----------------------------------------------------------------


def refusal(name: str = "search") -> CircuitOpen:
    return CircuitOpen(Circuit(name, State.OPEN), 3.0)


def caused_by(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


def retried(error: BaseException) -> Exception:
    """What tenacity raises when all attempts have raised this."""
    attempts = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(2), retry=tenacity.retry_if_exception_type(BaseException)
    )
    with pytest.raises(tenacity.RetryError) as raised:
        attempts(raising(error))
    carrier: Exception = raised.value
    return carrier


@pytest.mark.parametrize("settings", [{}, {"handled_exceptions": (Exception, CircuitOpen)}])
@pytest.mark.parametrize(
    "error",
    [
        refusal(),
        refusal(NAME),
        ExceptionGroup("tasks", [refusal(), refusal("mail")]),
        ExceptionGroup("tasks", [ExceptionGroup("more", [refusal()])]),
        retried(refusal()),
        retried(ExceptionGroup("tasks", [refusal()])),
        ExceptionGroup("tasks", [retried(refusal())]),
        caused_by(ValueError("no search"), refusal()),
        caused_by(ValueError("no search"), caused_by(KeyError(), retried(refusal()))),
    ],
    ids=[f"error{number}" for number in range(9)],
)
def test_a_refusal_is_no_outcome(
    world: World, way: Way, settings: dict[str, Any], error: BaseException
) -> None:
    """A CircuitOpen of whatever breaker that passes through says nothing, however it is wrapped."""
    breaker = world.breaker(NAME, **settings)
    for _ in range(6):
        with pytest.raises(type(error)):
            way(breaker, raising(error))
    assert world.metric("Failure") == []
    assert way(breaker, lambda: "paid") == "paid"


def test_a_refusal_gives_the_permit_back(world: World, way: Way) -> None:
    """A probe that met another breaker's refusal was none: its permit is there for the next one."""
    breaker = world.breaker(NAME)
    world.trip(NAME)
    world.clock.advance(11)
    with pytest.raises(CircuitOpen):
        way(breaker, raising(refusal()))
    probes = world.tables.read_probes(NAME, 1)
    assert probes is not None
    assert probes.returned == {1}
    assert (probes.out, probes.available) == (0, 1)


def test_what_is_raised_beside_a_refusal(world: World) -> None:
    """An error in the handling of a refusal is the dependency's own: it was not raised from the refusal."""

    def falls_back() -> None:
        try:
            raise refusal()
        except CircuitOpen:
            raise ConnectionError("the backup is down")  # noqa: B904  (that is the case)

    with pytest.raises(ConnectionError):
        world.breaker(NAME).call(falls_back)
    assert world.metric("Failure") == [1]


GROUPS: list[tuple[dict[str, Any], list[Exception], list[int]]] = [
    ({}, [ConnectionError(), ConnectionError()], [1]),
    ({}, [ConnectionError(), refusal()], [1]),
    ({"handled_exceptions": OSError}, [ConnectionError(), KeyError()], [1]),
    ({"handled_exceptions": OSError}, [KeyError(), ExceptionGroup("more", [TimeoutError()])], [1]),
    ({"handled_exceptions": OSError}, [KeyError(), ValueError()], []),
    ({"ignored_exceptions": KeyError}, [KeyError(), KeyError()], []),
    ({"ignored_exceptions": KeyError}, [KeyError(), ValueError()], [1]),
    ({"failure_if_raised": lambda error: isinstance(error, OSError)}, [KeyError(), OSError()], [1]),
    ({"failure_if_raised": lambda error: isinstance(error, OSError)}, [KeyError(), KeyError()], [0]),
    ({"failure_if_raised": lambda _: None}, [KeyError(), OSError()], []),
    ({"handled_exceptions": ExceptionGroup}, [KeyError()], [1]),
    ({"handled_exceptions": ExceptionGroup}, [refusal()], []),
    ({"ignored_exceptions": ExceptionGroup}, [ConnectionError()], []),
]


@pytest.mark.parametrize(("settings", "errors", "published"), GROUPS)
def test_groups(
    world: World, settings: dict[str, Any], errors: list[Exception], published: list[int]
) -> None:
    """A group is a failure if one of its exceptions is, an answer if one is, and otherwise says nothing.

    A group that the settings name as such is classified as such.
    """
    with pytest.raises(ExceptionGroup):
        world.breaker(NAME, **settings).call(raising(ExceptionGroup("tasks", errors)))
    assert world.metric("Failure") == published


def test_groups_of_what_is_no_exception(world: World) -> None:
    """A group of KeyboardInterrupt and its like says as little as they do."""
    with pytest.raises(BaseExceptionGroup):
        world.breaker(NAME).call(raising(BaseExceptionGroup("tasks", [KeyboardInterrupt()])))
    assert world.metric("Failure") == []


@pytest.mark.parametrize(
    ("settings", "error", "published"),
    [
        ({}, ConnectionError(), [1]),
        ({"handled_exceptions": OSError}, ConnectionError(), [1]),
        ({"handled_exceptions": OSError}, KeyError(), []),
        ({"ignored_exceptions": KeyError}, KeyError(), []),
        ({"handled_exceptions": tenacity.RetryError}, KeyError(), [1]),
        ({"ignored_exceptions": tenacity.RetryError}, ConnectionError(), []),
    ],
)
def test_retry_errors(
    world: World, settings: dict[str, Any], error: BaseException, published: list[int]
) -> None:
    """Tenacity's RetryError is what its last attempt raised, unless the settings name it as such."""
    with pytest.raises(tenacity.RetryError):
        world.breaker(NAME, **settings).call(raising(retried(error)))
    assert world.metric("Failure") == published


def test_retries_because_of_an_answer(world: World) -> None:
    """Where no attempt has raised, the RetryError stands for itself: it is a failure like any exception."""
    attempts = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(2), retry=tenacity.retry_if_result(lambda status: status >= 500)
    )
    with pytest.raises(tenacity.RetryError):
        world.breaker(NAME).call(attempts, lambda: 503)
    assert world.metric("Failure") == [1]


def test_an_exception_that_causes_itself(world: World) -> None:
    """A circle of causes ends."""
    error = ValueError()
    caused_by(error, caused_by(KeyError(), error))
    with pytest.raises(ValueError):  # noqa: PT011  (this very one)
        world.breaker(NAME).call(raising(error))
    assert world.metric("Failure") == [1]


class Hostile(Exception):  # noqa: N818
    """An error that interrupts whoever looks at it."""

    @property
    def response(self) -> Any:
        raise KeyboardInterrupt


def interrupts(_: Any) -> bool:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "settings", [{"failure_if_returned": interrupts}, {"failure_if_raised": interrupts}, {}]
)
def test_a_predicate_that_is_interrupted(world: World, settings: Any) -> None:
    """The interrupt goes on to the caller; the probe's permit is given back, and no call is left running."""
    breaker = world.breaker("payments-api", **settings)
    world.trip("payments-api")
    world.clock.advance(11)

    def work() -> str:
        if "failure_if_returned" in settings:
            return "paid"
        raise Hostile

    with pytest.raises(KeyboardInterrupt):
        breaker.call(work)
    probes = world.tables.read_probes("payments-api", 1)
    assert probes is not None
    assert (probes.out, breaker._guard.running) == (0, {})


class NeverEqual(Exception):  # noqa: N818
    """An exception that cannot be compared."""

    def __eq__(self, other: object) -> bool:
        raise ArithmeticError

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    "stand_in", [None, MagicMock(), ModuleType("tenacity")], ids=["none", "mock", "empty"]
)
def test_odd_exceptions(
    world: World, way: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, stand_in: Any
) -> None:
    """The caller gets its exception, whatever it is and whatever stands in for tenacity: a failure."""
    monkeypatch.setitem(sys.modules, "tenacity", stand_in)
    breaker = world.breaker(NAME)
    for error in (NeverEqual(), ExceptionGroup("tasks", [NeverEqual()])):
        with pytest.raises(type(error)) as raised:
            way(breaker, raising(error))
        assert raised.value is error
    assert (world.metric("Failure"), breaker._guard.running) == ([1, 1], {})


def test_a_retry_error_of_somebodys_own(world: World) -> None:
    """Tests make a RetryError of anything: it is a failure, and the caller gets it."""
    breaker = world.breaker(NAME)
    with pytest.raises(tenacity.RetryError):
        breaker.call(raising(tenacity.RetryError("gave up")))  # type: ignore[arg-type]
    assert world.metric("Failure") == [1]


class Opaque(Exception):  # noqa: N818
    """An exception whose cause must not be asked for."""

    @property
    def __cause__(self) -> BaseException | None:  # type: ignore[override]
        raise LookupError


def test_exceptions_that_cannot_be_looked_into(world: World, way: Callable[..., Any]) -> None:
    """One whose cause cannot be asked for is a failure, and the caller gets it."""
    breaker = world.breaker(NAME)
    for _ in range(2):
        caught: object = None
        try:
            way(breaker, raising(Opaque()))
        except Opaque as error:  # pytest.raises would ask for it
            caught = type(error)
        assert caught is Opaque
    assert (world.metric("Failure"), breaker._guard.running) == ([1, 1], {})
