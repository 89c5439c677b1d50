"""The local trip: failures in a row, a hold, one trial; seen by the alarm, never in an operator's way."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from recloser import CircuitBreaker, CircuitOpen, LocalTrip, State, value
from recloser.circuit import Cause, Override
from recloser.signals import OverrideSet, PolicySet
from recloser.testing import World

NAME = "payments-api"


class Down(Exception):  # noqa: N818
    """The dependency's failure."""


def works() -> str:
    return "paid"


def fails() -> str:
    raise Down


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(Down):
            breaker.call(fails)


def is_held(breaker: CircuitBreaker) -> bool:
    try:
        breaker.call(works)
    except CircuitOpen as refusal:
        return "local trip" in str(refusal)
    return False


@pytest.fixture
def breaker(world: World) -> CircuitBreaker:
    """Three in a row, ten seconds; its flag is read so seldom that only the hold is seen."""
    return world.breaker(NAME, local_trip=LocalTrip(failures=3, hold_seconds=10))


def test_in_a_row(breaker: CircuitBreaker) -> None:
    """A success between failures begins the count anew."""
    fail(breaker, 2)
    breaker.call(works)
    fail(breaker, 2)
    assert not is_held(breaker)
    fail(breaker, 3)
    assert is_held(breaker)


def test_an_ignored_exception_is_neither(world: World) -> None:
    """It neither counts as a failure nor begins the count anew."""
    breaker = world.breaker(NAME, local_trip=LocalTrip(failures=3), handled_exceptions=Down)
    fail(breaker, 2)
    for _ in range(5):
        with pytest.raises(KeyError):
            breaker.call(lambda: dict[str, str]()["missing"])
    fail(breaker, 1)
    assert is_held(breaker)


def test_what_a_held_call_is_told(world: World, breaker: CircuitBreaker) -> None:
    """It is told by whom and until when; the snapshot is the table's, and that is untouched."""
    fail(breaker, 3)
    world.clock.advance(4)
    with pytest.raises(CircuitOpen, match=r"refused by this process.*\(local trip\)") as refusal:
        breaker.call(works)
    assert refusal.value.retry_after == pytest.approx(6)
    assert refusal.value.cause is Cause.LOCAL_TRIP
    assert refusal.value.circuit.state is State.CLOSED
    assert world.tables.read(NAME).revision == 0


def test_two_held_calls_a_second_count_as_failures(world: World, breaker: CircuitBreaker) -> None:
    """An outage stays visible to the alarm, and a busy fleet does not trip itself by its local trips."""
    fail(breaker, 3)
    assert is_held(breaker)
    assert world.metric("Failure") == [1] * 4
    for _ in range(80):
        world.clock.advance(0.1)
        assert is_held(breaker)
    assert 12 <= len(world.metric("Failure")) - 3 <= 17
    assert len(world.metric("Rejected")) == 81
    assert len(world.metric("Duration")) == 3


def test_held_calls_of_an_environment_with_few_calls_all_count(world: World, breaker: CircuitBreaker) -> None:
    """A call a second is counted as it comes."""
    fail(breaker, 3)
    for _ in range(4):
        world.clock.advance(1)
        assert is_held(breaker)
    assert world.metric("Failure") == [1] * 7
    assert world.metric("Rejected") == [1] * 4
    assert len(world.metric("Duration")) == 3


def test_after_the_hold_a_success_forgets(world: World, breaker: CircuitBreaker) -> None:
    """The trial succeeds, and it takes three failures again."""
    fail(breaker, 3)
    world.clock.advance(10)
    assert breaker.call(works) == "paid"
    fail(breaker, 2)
    assert not is_held(breaker)


def test_holds_double_while_trials_fail(world: World) -> None:
    """0.6 seconds at first, then twice as long each time, up to ten; a success starts over."""
    breaker = world.breaker(NAME)
    for _ in range(2):
        fail(breaker, 5)
        for seconds in (0.6, 1.2, 2.4, 4.8, 9.6, 10):
            world.clock.advance(seconds - 0.01)
            assert is_held(breaker)
            world.clock.advance(0.01)
            fail(breaker, 1)
        world.clock.advance(10)
        assert breaker.call(works) == "paid"


def test_a_hold_that_is_longer_than_the_longest(world: World) -> None:
    """A first hold beyond `longest_hold_seconds` neither grows nor shrinks."""
    breaker = world.breaker(NAME, local_trip=LocalTrip(failures=1, hold_seconds=30))
    fail(breaker, 1)
    for _ in range(3):
        world.clock.advance(29.9)
        assert is_held(breaker)
        world.clock.advance(0.1)
        fail(breaker, 1)


def test_after_the_hold_a_failure_holds_again(world: World, breaker: CircuitBreaker) -> None:
    """The trial fails, and the next ten seconds are held from there."""
    fail(breaker, 3)
    world.clock.advance(10)
    fail(breaker, 1)
    world.clock.advance(9.9)
    assert is_held(breaker)
    world.clock.advance(0.1)
    assert not is_held(breaker)


def test_one_call_tries(world: World, breaker: CircuitBreaker) -> None:
    """While the trial runs, other calls are still refused."""
    fail(breaker, 3)
    world.clock.advance(10)
    with breaker, ThreadPoolExecutor(1) as elsewhere:
        assert elsewhere.submit(is_held, breaker).result()
        assert elsewhere.submit(is_held, breaker).result()
    assert not is_held(breaker)


def test_one_of_many_threads_tries(world: World, breaker: CircuitBreaker) -> None:
    """Of twenty threads that come at once after the hold, one gets through."""
    fail(breaker, 3)
    world.clock.advance(10)
    together, release = threading.Barrier(20), threading.Event()
    tried: list[int] = []
    held: list[int] = []

    def trial() -> None:
        tried.append(1)
        assert release.wait(timeout=10)

    def call() -> None:
        together.wait(timeout=10)
        try:
            breaker.call(trial)
        except CircuitOpen:
            held.append(1)
            if len(held) == 19:
                release.set()

    threads = [threading.Thread(target=call) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert (len(tried), len(held)) == (1, 19)


def test_one_of_many_tasks_tries(world: World, breaker: CircuitBreaker) -> None:
    """The same for tasks."""
    fail(breaker, 3)
    world.clock.advance(10)

    async def trial() -> str:
        await asyncio.sleep(0.01)
        return "paid"

    async def main() -> list[Any]:
        return await asyncio.gather(*(breaker.call(trial) for _ in range(20)), return_exceptions=True)

    answers = asyncio.run(main())
    assert [answer for answer in answers if not isinstance(answer, CircuitOpen)] == ["paid"]


def test_a_trial_that_tells_nothing(world: World) -> None:
    """When the trial ends in an ignored exception the next call tries."""
    breaker = world.breaker(NAME, local_trip=LocalTrip(failures=3), handled_exceptions=Down)
    fail(breaker, 3)
    world.clock.advance(10)
    with pytest.raises(KeyError):
        breaker.call(lambda: dict[str, str]()["missing"])
    assert not is_held(breaker)


def test_a_trial_that_hangs(world: World, breaker: CircuitBreaker) -> None:
    """It is not waited for longer than a hold: then another call tries."""
    fail(breaker, 3)
    world.clock.advance(10)
    with breaker:
        world.clock.advance(10)
        assert not is_held(breaker)


def test_off(world: World) -> None:
    """With None no failure is ever held back."""
    breaker = world.breaker(NAME, local_trip=None)
    fail(breaker, 100)
    assert world.metric("Rejected") == []


def test_under_a_closed_override(world: World, breaker: CircuitBreaker) -> None:
    """An operator's CLOSED lets everyone through, the local trip notwithstanding."""
    world.force_closed(NAME)
    fail(breaker, 50)
    assert not is_held(breaker)


def test_after_a_closed_override_has_expired(world: World) -> None:
    """An override that has run out, and that nobody has cleaned up yet, holds nothing back any more."""
    breaker = world.breaker(NAME, local_trip=LocalTrip(failures=3))
    now = world.clock.now_ms()
    world.control.apply(NAME, OverrideSet(Override(State.CLOSED, "ann", "test", now, now + 60_000)))
    fail(breaker, 3)
    world.clock.advance(61)
    fail(breaker, 1)
    assert is_held(breaker)


def test_in_shadow_mode(world: World, breaker: CircuitBreaker) -> None:
    """With enforce false nothing is refused, locally either."""
    world.control.apply(NAME, PolicySet({"enforce": False}, by="ann"))
    fail(breaker, 50)
    assert world.metric("Rejected") == []


def test_breakers_of_one_circuit_share_it(world: World, breaker: CircuitBreaker) -> None:
    """Two breakers of one name in a process count together, if their local trip is the same."""
    fail(breaker, 2)
    fail(world.breaker(NAME, local_trip=LocalTrip(failures=3, hold_seconds=10)), 1)
    assert is_held(breaker)
    assert not is_held(world.breaker(NAME, local_trip=LocalTrip(failures=4)))


def test_with_a_fallback(world: World) -> None:
    """A held call is answered by the fallback, as any refused one."""
    breaker = world.breaker(NAME, local_trip=LocalTrip(failures=1), fallback=value("later"))
    fail(breaker, 1)
    assert breaker.call(works) == "later"


def test_many_threads_count(world: World) -> None:
    """With threads failing at once the hold begins, and what is published adds up."""
    breaker = world.breaker(NAME, local_trip=LocalTrip(failures=50))
    refused: list[int] = []

    def call() -> None:
        for _ in range(100):
            try:
                with suppress(Down):
                    breaker.call(fails)
            except CircuitOpen:
                refused.append(1)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(world.metric("Duration")) + len(refused) == 800
    assert len(world.metric("Rejected")) == len(refused) > 700


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"failures": 0}, "failures = 0 is not allowed"),
        ({"failures": 2.5}, "failures = 2.5 is not allowed"),
        ({"failures": True}, "failures = True is not allowed"),
        ({"hold_seconds": 0}, "hold_seconds = 0 is not allowed"),
        ({"hold_seconds": -1}, "hold_seconds = -1 is not allowed"),
        ({"hold_seconds": 301}, "hold_seconds = 301 is not allowed"),
        ({"hold_seconds": float("nan")}, "hold_seconds = nan is not allowed"),
        ({"hold_seconds": "10"}, "hold_seconds = '10' is not allowed"),
        ({"longest_hold_seconds": 0}, "longest_hold_seconds = 0 is not allowed"),
        ({"longest_hold_seconds": float("inf")}, "longest_hold_seconds = inf is not allowed"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    """The error names the argument, the value and what is allowed."""
    with pytest.raises(ValueError, match="allowed") as error:
        LocalTrip(**settings)
    assert message in str(error.value)
