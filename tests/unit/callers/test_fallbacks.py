"""Fallbacks: values, functions, the last good answer, a 503; their errors, and whether they fit."""

from __future__ import annotations

import asyncio
import functools
import gc
import json
import logging
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from recloser import CircuitBreaker, CircuitOpen, function, last_good, respond_503, value
from recloser.circuit import Circuit, State
from recloser.testing import World

NAME = "payments-api"
Way = Callable[[CircuitBreaker, Callable[[], Any]], Any]


def refusing(world: World, **settings: Any) -> CircuitBreaker:
    breaker = world.breaker(NAME, **settings)
    world.trip(NAME)
    world.clock.advance(6)
    return breaker


def recover(world: World) -> None:
    world.force_closed(NAME)
    world.clock.advance(2)


def works() -> str:
    return "paid"


# --- Values and functions ------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [None, 0, "later", {"status": "later"}, ()])
def test_a_value(world: World, function_way: Way, answer: Any) -> None:
    """Any value answers a refused call, None too."""
    assert function_way(refusing(world, fallback=value(answer)), works) == answer


def test_arguments(world: World) -> None:
    """A function is called with the call's own arguments."""
    breaker = refusing(world, fallback=function(lambda amount, *, currency: f"later: {amount} {currency}"))

    @breaker
    def pay(amount: int, *, currency: str) -> str:
        return f"{amount} {currency}"

    assert pay(3, currency="EUR") == "later: 3 EUR"
    assert breaker.call(pay.__wrapped__, 4, currency="USD") == "later: 4 USD"  # type: ignore[attr-defined]


def test_the_refusal_is_given_to_who_asks(world: World, function_way: Way) -> None:
    """A parameter circuit_open is the CircuitOpen, with its snapshot and its seconds."""
    breaker = refusing(world, fallback=function(lambda circuit_open: circuit_open))
    refusal = function_way(breaker, works)
    assert isinstance(refusal, CircuitOpen)
    assert refusal.circuit.name == NAME
    assert refusal.retry_after == pytest.approx(4)


def test_a_method_fallback_gets_its_object(world: World) -> None:
    """The fallback of a method is called with the object first, as the method is."""
    breaker = refusing(world, fallback=function(lambda client, amount: f"{client.name}: {amount} later"))

    class Client:
        name = "shop"

        @breaker
        def pay(self, amount: int) -> str:
            return f"{amount}"

    assert Client().pay(3) == "shop: 3 later"


def test_an_async_fallback(world: World) -> None:
    """Of an async function the fallback may be async too: it is awaited."""

    async def later() -> str:
        await asyncio.sleep(0)
        return "later"

    @refusing(world, fallback=function(later))
    async def pay() -> str:
        return "paid"

    assert asyncio.run(pay()) == "later"


class Wrong(Exception):  # noqa: N818
    """A fallback's own error."""


def wrong() -> str:
    raise Wrong


async def wrong_later() -> str:
    await asyncio.sleep(0)
    raise Wrong


def test_a_fallbacks_error(world: World, function_way: Way) -> None:
    """It is the fallback's, with the refusal as its cause."""
    with pytest.raises(Wrong) as error:
        function_way(refusing(world, fallback=function(wrong)), works)
    assert isinstance(error.value.__cause__, CircuitOpen)


def test_an_async_fallbacks_error(world: World) -> None:
    """The same for one that is awaited."""

    @refusing(world, fallback=function(wrong_later))
    async def pay() -> str:
        return "paid"

    with pytest.raises(Wrong) as error:
        asyncio.run(pay())
    assert isinstance(error.value.__cause__, CircuitOpen)


def test_a_fallbacks_own_cause_stays(world: World) -> None:
    """An error that already has a cause keeps it."""

    def chained() -> None:
        raise Wrong from KeyError("cache")

    with pytest.raises(Wrong) as error:
        refusing(world, fallback=function(chained)).call(works)
    assert isinstance(error.value.__cause__, KeyError)


def test_a_failure_is_not_a_refusal(world: World, function_way: Way) -> None:
    """A call that was made and failed raises: the fallback stands for calls that were not made."""
    with pytest.raises(Wrong):
        function_way(world.breaker(NAME, fallback=value("later")), wrong)


# --- Does it fit? --------------------------------------------------------------------------------


def pay(amount: int, currency: str = "EUR", *, note: str = "") -> str:
    return f"{amount} {currency} {note}"


async def pay_later(amount: int) -> str:
    return str(amount)


@pytest.mark.parametrize(
    ("guarded", "fallback"),
    [
        (pay, lambda: "later"),
        (pay, lambda amount: "later"),
        (pay, lambda amount, currency: "later"),
        (pay, lambda amount, currency, note: "later"),
    ],
)
def test_it_must_fit(guarded: Any, fallback: Any) -> None:
    """A fallback that cannot be called like the function is refused when the function is decorated."""
    breaker = CircuitBreaker(NAME, fallback=function(fallback))
    with pytest.raises(TypeError, match=r"fallback with parameters .* is not allowed for pay\(amount"):
        breaker(guarded)


@pytest.mark.parametrize(
    "fallback",
    [
        function(lambda *args, **kwargs: "later"),
        function(lambda amount, currency="", *, note="", circuit_open, failed_with: "later"),
        function(lambda amount, currency="", note="", more=1: "later"),
        respond_503,
        last_good(),
        value("later"),
        value(None),
        function(dict),
    ],
)
def test_what_fits(fallback: Any) -> None:
    """Defaults, catch-alls and the ready-made ones fit; so does a value."""
    assert CircuitBreaker(NAME, fallback=fallback)(pay).__name__ == "pay"


class PayLater:
    async def __call__(self, amount: int) -> str:
        return str(amount)


@pytest.mark.parametrize(
    "fallback", [pay_later, PayLater(), functools.partial(pay_later), functools.partial(PayLater())]
)
def test_an_async_fallback_does_not_fit_a_plain_function(world: World, fallback: Any) -> None:
    """Nobody would await its answer, in whatever form it is async: decorating and calling refuse it."""
    with pytest.raises(TypeError, match=r"async fallback .* is not allowed for pay\(amount"):
        CircuitBreaker(NAME, fallback=function(fallback))(pay)
    with pytest.raises(TypeError, match="async fallback"):
        refusing(world, fallback=function(fallback)).call(pay, 3)


def test_an_async_fallback_of_an_async_object(world: World) -> None:
    """An object whose call is async has its answer awaited, like any async function."""
    breaker = refusing(world, fallback=function(PayLater()))
    assert asyncio.run(breaker(PayLater())(3)) == "3"


# --- The last good answer ------------------------------------------------------------------------


def remembering(world: World, **settings: Any) -> CircuitBreaker:
    return world.breaker(NAME, fallback=last_good(clock=world.clock, **settings), open_cache_seconds=1)


@pytest.mark.parametrize("decorated", [True, False])
def test_last_good(world: World, *, decorated: bool) -> None:
    """A refused call gets the last good answer to the same arguments."""
    breaker = remembering(world)
    answers = iter(["old", "new"])

    def look_up() -> str:
        return next(answers)

    guarded = breaker(look_up)

    def ask() -> str:
        return guarded() if decorated else breaker.call(look_up)

    assert [ask(), ask()] == ["old", "new"]
    world.trip(NAME)
    world.clock.advance(6)
    assert ask() == "new"


def test_last_good_of_an_async_function(world: World) -> None:
    """The same for an async function."""
    breaker = remembering(world)

    @breaker
    async def look_up(number: int) -> str:
        return f"answer {number}"

    assert asyncio.run(look_up(1)) == "answer 1"
    world.trip(NAME)
    world.clock.advance(6)
    assert asyncio.run(look_up(1)) == "answer 1"


def test_other_arguments_have_no_answer(world: World) -> None:
    """Without an answer to these arguments the refusal is raised, unchained."""
    look_up = remembering(world)(lambda number, **options: f"{number} {options}")
    look_up(1, unit="cm")
    world.trip(NAME)
    world.clock.advance(6)
    assert look_up(1, unit="cm") == "1 {'unit': 'cm'}"
    for arguments, options in [((2,), {"unit": "cm"}), ((1,), {"unit": "in"}), ((1,), {})]:
        with pytest.raises(CircuitOpen) as refusal:
            look_up(*arguments, **options)
        assert refusal.value.__cause__ is None


def test_functions_are_told_apart(world: World) -> None:
    """Two functions guarded by one breaker never get each other's answers."""
    breaker = remembering(world)
    user, order = breaker(lambda number: f"user {number}"), breaker(lambda number: f"order {number}")
    user(1)
    breaker.call(lambda: "somebody's secret")
    world.trip(NAME)
    world.clock.advance(6)
    assert user(1) == "user 1"
    with pytest.raises(CircuitOpen):
        order(1)
    with pytest.raises(CircuitOpen):
        breaker.call(lambda: "somebody else's")


def test_its_age(world: World) -> None:
    """An answer is given up to max_age_seconds after it came, and not a moment longer."""
    look_up = remembering(world, max_age_seconds=60)(works)
    look_up()
    world.force_open(NAME)
    world.clock.advance(60)
    assert look_up() == "paid"
    world.clock.advance(0.1)
    with pytest.raises(CircuitOpen):
        look_up()


def test_its_bound(world: World) -> None:
    """Of more than max_items answers the least recently renewed is given up."""
    look_up = remembering(world, max_items=2)(lambda number: number)
    for number in (1, 2, 1, 3):
        look_up(number)
    world.trip(NAME)
    world.clock.advance(6)
    assert [look_up(1), look_up(3)] == [1, 3]
    with pytest.raises(CircuitOpen):
        look_up(2)


def test_its_key(world: World) -> None:
    """A key function says which calls are the same."""
    look_up = remembering(world, key=lambda user, token: user["id"])(
        lambda user, token: f"{user['id']} {token}"
    )
    look_up({"id": 7}, "first")
    world.trip(NAME)
    world.clock.advance(6)
    assert look_up({"id": 7}, "second") == "7 first"


def test_answers_are_copies(world: World) -> None:
    """What a caller does to its answer changes nobody else's."""
    look_up = remembering(world)(lambda: {"items": [1]})
    look_up()["items"].append(2)
    world.trip(NAME)
    world.clock.advance(6)
    look_up()["items"].append(3)
    assert look_up() == {"items": [1]}


def test_a_failure_is_not_remembered(world: World) -> None:
    """An answer that counts as a failure is no good answer."""
    answers = iter([200, 503])
    breaker = world.breaker(
        NAME, fallback=last_good(clock=world.clock), failure_if_returned=lambda status: status >= 500
    )
    look_up = breaker(lambda: next(answers))
    assert [look_up(), look_up()] == [200, 503]
    world.trip(NAME)
    world.clock.advance(6)
    assert look_up() == 200


@pytest.mark.parametrize(
    ("settings", "argument", "answer"),
    [
        ({}, ["unhashable"], "fine"),
        ({"key": lambda argument: argument.missing}, 1, "fine"),
        ({}, 1, threading.Lock()),
    ],
    ids=["unhashable arguments", "a key function that raises", "an answer that cannot be copied"],
)
def test_what_cannot_be_remembered(
    world: World, caplog: pytest.LogCaptureFixture, settings: dict[str, Any], argument: Any, answer: Any
) -> None:
    """It is said once in the log; the call's answer is the caller's, and a refused call is refused."""
    look_up = remembering(world, **settings)(lambda _: answer)
    with caplog.at_level(logging.WARNING):
        assert look_up(argument) is answer
        assert look_up(argument) is answer
    assert len([record for record in caplog.records if "last_good" in record.getMessage()]) == 1
    world.trip(NAME)
    world.clock.advance(6)
    with pytest.raises(CircuitOpen):
        look_up(argument)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_age_seconds": 0}, "max_age_seconds = 0 is not allowed"),
        ({"max_age_seconds": "60"}, "max_age_seconds = '60' is not allowed"),
        ({"max_age_seconds": float("nan")}, "max_age_seconds = nan is not allowed"),
        ({"max_items": 0}, "max_items = 0 is not allowed"),
        ({"max_items": True}, "max_items = True is not allowed"),
        ({"key": "user"}, "key = 'user' is not allowed"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    """The error names the argument, the value and what is allowed."""
    with pytest.raises((ValueError, TypeError), match="allowed") as error:
        last_good(**settings)
    assert message in str(error.value)


# --- API Gateway ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "header"), [(0.2, "1"), (3.2, "4"), (30, "30"), (None, None)])
def test_respond_503(seconds: float | None, header: str | None) -> None:
    """A proxy answer with Retry-After in whole seconds, rounded up; without it where nobody can tell."""
    refusal = CircuitOpen(Circuit(NAME, State.OPEN), seconds)
    answer = respond_503.called({"path": "/pay"}, None, circuit_open=refusal)
    assert answer["statusCode"] == 503
    assert answer["headers"].get("Retry-After") == header
    assert json.loads(answer["body"]) == {"message": "Service Unavailable", "circuit": NAME}


def test_respond_503_for_a_handler(world: World) -> None:
    """A handler that is refused answers 503 by itself."""

    @refusing(world, fallback=respond_503)
    def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
        return {"statusCode": 200}

    assert handle({}, None)["statusCode"] == 503


# --- What it says it is ---------------------------------------------------------------------------


def test_a_value_that_callers_change(world: World, function_way: Any) -> None:
    """Each caller gets a copy: what one puts into its answer no other sees."""
    breaker = refusing(world, fallback=value({"headers": {}}))
    function_way(breaker, works)["headers"]["Set-Cookie"] = "session=A"
    assert function_way(breaker, works) == {"headers": {}}


def test_a_value_that_can_be_called(world: World) -> None:
    """`value` answers with it, `function` calls it."""
    answer: Any = refusing(world, fallback=value(len)).call(works)
    assert answer is len
    assert refusing(World(), fallback=function(lambda: "later")).call(works) == "later"


def test_a_value_that_cannot_be_copied() -> None:
    """It is refused when the breaker is made: callers would share it."""
    with pytest.raises(TypeError, match="each caller gets a copy, and it cannot be copied"):
        CircuitBreaker("payments-api", fallback=value(threading.Lock()))


def test_no_function() -> None:
    """`function` takes what can be called."""
    with pytest.raises(TypeError, match="something that can be called"):
        function("later")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bare", "write"),
    [
        ("later", "value('later')"),
        (None, "value(None)"),
        (works, "function(works)"),
        (len, "function(len)"),
        (last_good, "last_good(...)"),
        (value, "value(...)"),
    ],
)
def test_a_bare_fallback(bare: Any, write: str) -> None:
    """What does not say what it is is refused when the breaker is made; the error says what to write."""
    with pytest.raises(TypeError, match="is not allowed") as error:
        CircuitBreaker(NAME, fallback=bare)
    assert str(error.value).endswith(f"write fallback={write}")


def test_an_async_fallback_for_a_plain_function(world: World) -> None:
    """By `call`, too, it is refused: the caller would be given a coroutine."""

    async def later() -> str:
        return "later"

    with pytest.raises(TypeError, match="nobody would await its answer"):
        refusing(world, fallback=function(later)).call(works)


def test_last_good_tells_types_apart(world: World) -> None:
    """True, 1 and 1.0 are equal, and are different arguments."""
    breaker = world.breaker("prices", fallback=last_good(clock=world.clock))
    price = breaker(lambda of: f"price of {of!r}")
    for argument in (True, 1, 1.0):
        price(argument)
    world.force_open("prices")
    assert [price(argument) for argument in (True, 1, 1.0)] == ["price of True", "price of 1", "price of 1.0"]


def test_last_good_keeps_no_object_alive(world: World) -> None:
    """A method's `self` tells answers apart, and goes when nobody else has it."""

    class Client:
        @world.breaker("prices", fallback=last_good(clock=world.clock))
        def price(self) -> str:
            return "10"

    client = Client()
    client.price()
    gone = weakref.ref(client)
    del client
    gc.collect()
    assert gone() is None


@dataclass(frozen=True)
class Frozen(Exception):  # noqa: N818
    """An exception whose attributes cannot be set."""

    code: int


def test_the_refusal_is_the_cause_of_any_exception(world: World) -> None:
    """The exception of a fallback reaches the caller as it is, also one whose attributes cannot be set."""

    def raises() -> str:
        raise Frozen(3)

    breaker = world.breaker(NAME, fallback=function(raises))
    world.force_open(NAME)
    with pytest.raises(Frozen) as raised:
        breaker.call(lambda: "paid")
    assert isinstance(raised.value.__cause__, CircuitOpen)


def test_a_fallback_that_raises_what_it_took_out_of_the_failure(world: World) -> None:
    """A chain of causes has an end: what the failure was raised from is not caused by the failure."""

    def unwraps(failed_with: Exception) -> str:
        assert failed_with.__cause__ is not None
        raise failed_with.__cause__

    def fails() -> str:
        raise ConnectionError from TimeoutError()

    breaker = world.breaker(NAME, fallback=function(unwraps), fallback_on_failure=True)
    with pytest.raises(TimeoutError) as raised:
        breaker.call(fails)
    assert raised.value.__cause__ is None


class Uncomparable:
    """What can be hashed but not compared."""

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        raise ArithmeticError


def test_arguments_that_cannot_be_compared(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """They spoil no call: `last_good` keeps nothing of them, and says so once."""
    look_up = remembering(world)(lambda _: "found")
    assert [look_up(Uncomparable()) for _ in range(3)] == ["found"] * 3
    world.force_open(NAME)
    with pytest.raises(CircuitOpen):
        look_up(Uncomparable())
    assert caplog.text.count("last_good keeps no answers") == 1


async def later_key(_: object) -> str:
    return "key"


def test_what_last_good_cannot_use() -> None:
    """A key that answers later, and a clock that is no function, are refused when they are given."""
    with pytest.raises(TypeError, match=r"key = .*later_key.* is not allowed: a plain function"):
        last_good(key=later_key)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"clock = 5 is not allowed"):
        last_good(clock=5)  # type: ignore[arg-type]
