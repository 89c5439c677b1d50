"""What counts as a failure: exception types, predicates, and what a predicate cannot break."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from recloser import CircuitBreaker
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
