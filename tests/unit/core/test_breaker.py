"""What a caller sees: calls let through, refused, probed; and what is published of them."""

from __future__ import annotations

import contextlib
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest

from recloser import CircuitBreaker, CircuitOpen, LocalTrip, State, function, value
from recloser.circuit import Circuit
from recloser.errors import StoreError
from recloser.metrics.recorder import EmfPublisher
from recloser.policy import RecoveryPolicy
from recloser.signals import PolicySet, Reset
from recloser.store.memory import MemoryTables
from recloser.testing import World

NAME = "payments-api"


class DependencyDown(Exception):  # noqa: N818
    """What the dependency of these tests raises."""


def fails() -> str:
    raise DependencyDown


def works() -> str:
    return "paid"


@pytest.fixture
def world() -> World:
    return World()


def open_and_wait(world: World, breaker: CircuitBreaker, seconds: float = 6) -> None:
    """Trip the circuit, and let the caches of the time before run out."""
    world.trip(breaker.name)
    world.clock.advance(seconds)


# --- Ways of calling -----------------------------------------------------------------------------


def by_call(breaker: CircuitBreaker, function: Callable[[], str]) -> str:
    return breaker.call(function)


def by_decorator(breaker: CircuitBreaker, function: Callable[[], str]) -> str:
    return breaker(function)()


def by_block(breaker: CircuitBreaker, function: Callable[[], str]) -> str:
    with breaker:
        return function()


WAYS = pytest.mark.parametrize("way", [by_call, by_decorator, by_block])
Way = Callable[[CircuitBreaker, Callable[[], str]], str]


@WAYS
def test_a_closed_circuit_lets_calls_through(world: World, way: Way) -> None:
    """The call's answer is the caller's, and one zero is published with its duration."""
    breaker = world.breaker(NAME)

    def slow() -> str:
        world.clock.advance(0.25)
        return "paid"

    assert way(breaker, slow) == "paid"
    assert world.metric("Failure") == [0]
    assert world.metric("Duration") == [pytest.approx(250)]


@WAYS
def test_a_failure_is_the_callers_and_is_counted(world: World, way: Way) -> None:
    """The exception passes through unchanged, and one failure is published."""
    with pytest.raises(DependencyDown):
        way(world.breaker(NAME), fails)
    assert world.metric("Failure") == [1]


@WAYS
def test_an_open_circuit_refuses(world: World, way: Way) -> None:
    """CircuitOpen carries the snapshot and the seconds to wait; only a refusal is published."""
    breaker = world.breaker(NAME)
    open_and_wait(world, breaker)
    with pytest.raises(CircuitOpen) as refusal:
        way(breaker, works)
    assert refusal.value.circuit.state is State.OPEN
    assert refusal.value.retry_after == pytest.approx(4)
    assert (world.metric("Rejected"), world.metric("Failure")) == ([1], [])


@WAYS
def test_from_retry_at_on_a_call_is_a_probe(world: World, way: Way) -> None:
    """Recovery needs no scheduler: a caller claims the canary's permit, and its success admits the others."""
    breaker = world.breaker(NAME)
    open_and_wait(world, breaker, 11)
    assert way(breaker, works) == "paid"
    circuit = world.tables.read(NAME)
    assert (circuit.state, circuit.permits) == (State.HALF_OPEN, 10)
    assert (world.metric("ProbeFailure"), world.metric("Failure")) == ([0], [])


@WAYS
def test_a_failed_probe_trips_again(world: World, way: Way) -> None:
    """The prober gets its exception; the circuit waits again, in a new generation."""
    breaker = world.breaker(NAME)
    open_and_wait(world, breaker, 11)
    with pytest.raises(DependencyDown):
        way(breaker, fails)
    circuit = world.tables.read(NAME)
    assert (circuit.state, circuit.generation, circuit.trips) == (State.OPEN, 2, 2)
    assert (world.metric("ProbeFailure"), world.metric("Failure")) == ([1], [])


def test_enough_probes_close_the_circuit(world: World) -> None:
    """One claim on each reading of the flag: after five successes it is closed."""
    breaker = world.breaker(NAME)
    open_and_wait(world, breaker, 11)
    for _ in range(5):
        assert breaker.call(works) == "paid"
        world.clock.advance(1.2)
    assert world.tables.read(NAME).state is State.CLOSED
    breaker.call(works)
    assert (world.metric("ProbeFailure"), world.metric("Failure")) == ([0] * 5, [0])


def test_a_process_asks_once_on_each_reading_of_the_flag(world: World) -> None:
    """Between two readings there is at most one claim, so a fleet does not storm the table."""
    breaker = world.breaker(NAME)
    open_and_wait(world, breaker, 11)
    breaker.call(works)
    with pytest.raises(CircuitOpen):
        breaker.call(works)


def test_a_process_that_is_refused_permits_asks_less_and_less(world: World) -> None:
    """With the canary out and nothing new in the flag, ten minutes of readings cost few claims."""
    breaker = world.breaker(NAME)
    open_and_wait(world, breaker, 11)
    assert world.tables.claim(NAME, 1, world.clock.now_ms()) == 1
    claims = []
    claim = world.tables.claim
    world.tables.claim = lambda *args: claims.append(args) or claim(*args)  # type: ignore[method-assign,func-returns-value]
    for _ in range(500):
        world.clock.advance(1.2)
        with pytest.raises(CircuitOpen):
            breaker.call(works)
    assert 500 / 8 <= len(claims) <= 70


def test_each_process_waits_a_random_part_of_its_cache_time(world: World) -> None:
    """A process that drew 0.9 s claims nothing before retry_at + 0.9 s."""
    breaker = world.breaker(NAME, uniform=lambda low, high: low + 0.9 * (high - low))
    open_and_wait(world, breaker, 10.85)
    with pytest.raises(CircuitOpen):
        breaker.call(works)
    world.clock.advance(0.1)
    assert breaker.call(works) == "paid"


def test_a_call_that_says_nothing_gives_its_permit_back(world: World) -> None:
    """An exception that is not the dependency's fault frees the permit for the next call."""
    breaker = world.breaker(NAME, handled_exceptions=DependencyDown)
    open_and_wait(world, breaker, 11)
    with pytest.raises(KeyError):
        breaker.call(lambda: dict[str, str]()["missing"])
    probes = world.tables.read_probes(NAME, 1)
    assert probes is not None
    assert (probes.available, probes.out) == (1, 0)
    world.clock.advance(1.2)
    assert breaker.call(works) == "paid"


# --- What is a failure ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "error", "published"),
    [
        ({}, DependencyDown(), [1]),
        ({}, KeyboardInterrupt(), []),
        ({"handled_exceptions": DependencyDown}, DependencyDown(), [1]),
        ({"handled_exceptions": (OSError, DependencyDown)}, TimeoutError(), [1]),
        ({"handled_exceptions": OSError}, DependencyDown(), []),
        ({"ignored_exceptions": KeyError}, KeyError(), []),
        ({"ignored_exceptions": KeyError}, DependencyDown(), [1]),
    ],
)
def test_what_counts(world: World, settings: Any, error: BaseException, published: list[int]) -> None:
    """Handled exceptions are failures; all others say nothing about the dependency and are not counted."""
    breaker = world.breaker(NAME, **settings)

    def raises() -> None:
        raise error

    with pytest.raises(type(error)):
        breaker.call(raises)
    assert world.metric("Failure") == published


# --- Fallbacks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["sorry", None, 0, {"status": 503}])
def test_a_fallback_value_answers_a_refused_call(world: World, answer: Any) -> None:
    """Any value will do, None too."""
    breaker = world.breaker(NAME, fallback=value(answer))
    open_and_wait(world, breaker)
    assert breaker.call(works) == answer


def test_a_fallback_function_gets_the_arguments(world: World) -> None:
    """It is called like the function it stands for."""
    breaker = world.breaker(
        NAME, fallback=function(lambda amount, currency="EUR": f"later: {amount} {currency}")
    )
    open_and_wait(world, breaker)

    @breaker
    def pay(amount: int, currency: str = "EUR") -> str:
        return f"paid {amount} {currency}"

    assert pay(3, currency="USD") == "later: 3 USD"


def test_a_fallback_function_gets_the_refusal_if_it_asks(world: World) -> None:
    """A parameter named circuit_open is the CircuitOpen."""
    breaker = world.breaker(NAME, fallback=function(lambda circuit_open: circuit_open.retry_after))
    open_and_wait(world, breaker)
    assert breaker.call(works) == pytest.approx(4)


def test_a_fallbacks_own_error_names_its_cause(world: World) -> None:
    """The fallback's error is the fallback's, with the refusal as its cause."""
    breaker = world.breaker(NAME, fallback=function(fails))
    open_and_wait(world, breaker)
    with pytest.raises(DependencyDown) as error:
        breaker.call(works)
    assert isinstance(error.value.__cause__, CircuitOpen)


def test_a_fallback_does_not_hide_a_failure(world: World) -> None:
    """A call that was made and failed raises: the fallback is for calls that were not made."""
    with pytest.raises(DependencyDown):
        world.breaker(NAME, fallback=value("sorry")).call(fails)


# --- The flag ------------------------------------------------------------------------------------


class CountingTables(MemoryTables):
    """Tables that count their reads and can be out of reach."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.is_down = False

    def read(self, name: str, *, consistent: bool = False) -> Circuit:
        self.reads += 1
        if self.is_down:
            raise StoreError("DynamoDB get_item: timed out")
        return super().read(name, consistent=consistent)


def test_a_healthy_circuit_is_read_every_five_seconds(world: World) -> None:
    """A thousand calls in ten seconds read the flag twice and write nothing."""
    tables = CountingTables()
    breaker = world.breaker(NAME, tables=tables)
    for _ in range(1000):
        breaker.call(works)
        world.clock.advance(0.01)
    assert tables.reads == 2
    assert list(tables.scan()) == []


def test_a_failed_call_makes_the_flag_due_after_a_second(world: World) -> None:
    """So a process learns of a trip when it matters."""
    tables = CountingTables()
    breaker = world.breaker(NAME, tables=tables)
    with pytest.raises(DependencyDown):
        breaker.call(fails)
    world.clock.advance(1.1)
    breaker.call(works)
    assert tables.reads == 2


def test_a_clock_set_back_does_not_keep_a_flag(world: World) -> None:
    """A flag from the future is read again."""
    tables = CountingTables()
    now = [1_000.0]
    breaker = world.breaker(NAME, tables=tables, clock=lambda: now[0])
    breaker.call(works)
    now[0] = 10.0
    breaker.call(works)
    assert tables.reads == 2


def test_without_an_answer_calls_are_let_through(world: World) -> None:
    """The breaker is never the outage: the call is made, and counted as unprotected."""
    tables = CountingTables()
    tables.is_down = True
    breaker = world.breaker(NAME, tables=tables)
    assert breaker.call(works) == "paid"
    assert (world.metric("Unprotected"), world.metric("Failure")) == ([1], [0])


def test_the_last_known_state_holds_while_the_table_is_out_of_reach(world: World) -> None:
    """An open circuit stays open to a process that cannot read."""
    tables = CountingTables()
    world.tables = world.control.tables = tables
    breaker = world.breaker(NAME, tables=tables)
    open_and_wait(world, breaker)
    with pytest.raises(CircuitOpen):
        breaker.call(works)
    tables.is_down = True
    world.clock.advance(2)
    with pytest.raises(CircuitOpen):
        breaker.call(works)


def test_an_unreachable_table_is_tried_once_a_second(world: World) -> None:
    """Its timeout is not paid by every call."""
    tables = CountingTables()
    tables.is_down = True
    breaker = world.breaker(NAME, tables=tables)
    for _ in range(100):
        breaker.call(works)
        world.clock.advance(0.1)
    assert 9 <= tables.reads <= 11


def test_a_probe_that_cannot_be_reported_does_not_spoil_the_answer(world: World) -> None:
    """The permit counts as lost; the caller gets what the dependency said."""
    breaker = world.breaker(NAME)
    open_and_wait(world, breaker, 11)

    def unreachable(*_: object, **__: object) -> None:
        raise StoreError("DynamoDB update_item: timed out")

    world.tables.report = unreachable  # type: ignore[method-assign]
    assert breaker.call(works) == "paid"


def test_a_claim_that_fails_is_a_refusal(world: World) -> None:
    """Without an answer from the probe table nobody probes."""
    breaker = world.breaker(NAME)
    open_and_wait(world, breaker, 11)

    def unreachable(*_: object) -> None:
        raise StoreError("DynamoDB update_item: timed out")

    world.tables.claim = unreachable  # type: ignore[method-assign,assignment]
    with pytest.raises(CircuitOpen):
        breaker.call(works)


def test_metrics_that_cannot_be_written_do_not_spoil_the_answer(world: World) -> None:
    """A closed standard output is no reason to fail a call."""

    def broken(_line: str) -> None:
        raise BrokenPipeError

    assert world.breaker(NAME, publisher=EmfPublisher(broken)).call(works) == "paid"


# --- The local trip ------------------------------------------------------------------------------


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(DependencyDown):
            breaker.call(fails)


def test_failures_in_a_row_are_refused_locally(world: World) -> None:
    """Five in a row: refused for 0.6 seconds, and the refusal is a failure for the alarm."""
    breaker = world.breaker(NAME)
    fail(breaker, 5)
    with pytest.raises(CircuitOpen, match="local trip") as refusal:
        breaker.call(works)
    assert refusal.value.retry_after == pytest.approx(0.6)
    assert (world.metric("Failure"), world.metric("Rejected")) == ([1] * 6, [1])
    world.clock.advance(0.6)
    assert breaker.call(works) == "paid"


def test_a_hold_does_not_outlive_the_generation(world: World) -> None:
    """After the fleet has tripped and closed, a process whose local trip goes on counts no failures again."""
    breaker = world.breaker(NAME, local_trip=LocalTrip(hold_seconds=300))
    fail(breaker, 5)
    world.trip(NAME)
    world.control.apply(NAME, Reset("ann", "all is well"))
    world.clock.advance(2)
    assert breaker.call(works) == "paid"


# --- Operators -----------------------------------------------------------------------------------


def test_held_open_everyone_is_refused(world: World) -> None:
    """No probe goes out, however long it lasts; and nobody can say when to come back."""
    breaker = world.breaker(NAME)
    world.force_open(NAME)
    world.clock.advance(100_000)
    with pytest.raises(CircuitOpen) as refusal:
        breaker.call(works)
    assert refusal.value.retry_after is None
    assert "operator" in str(refusal.value)


def test_held_closed_everyone_is_let_through(world: World) -> None:
    """Though it is open underneath; and the calls count."""
    breaker = world.breaker(NAME)
    world.trip(NAME)
    world.force_closed(NAME)
    assert breaker.call(works) == "paid"
    assert world.metric("Failure") == [0]


def test_released_from_held_open_it_probes_at_once(world: World) -> None:
    """The circuit proves itself before traffic returns."""
    breaker = world.breaker(NAME)
    world.force_open(NAME)
    world.release(NAME)
    world.clock.advance(1)
    assert breaker.call(works) == "paid"
    assert world.metric("ProbeFailure") == [0]


def test_shadow_mode_counts_what_it_would_have_refused(world: World) -> None:
    """enforce false: the call is made, Rejected counts it, and the failure rate does not."""
    breaker = world.breaker(NAME)
    world.control.apply(NAME, PolicySet({"enforce": False}, by="ann"))
    open_and_wait(world, breaker)
    assert breaker.call(works) == "paid"
    assert (world.metric("Rejected"), world.metric("Failure")) == ([1], [])


# --- Threads and blocks --------------------------------------------------------------------------


def test_blocks_nest_and_threads_share_a_breaker(world: World) -> None:
    """Each thread leaves the blocks that it entered, and every call is counted once."""
    breaker = world.breaker(NAME)
    together = threading.Barrier(4)

    def nested() -> None:
        with breaker:
            together.wait(timeout=10)
            with breaker:
                together.wait(timeout=10)

    threads = [threading.Thread(target=nested) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert world.metric("Failure") == [0] * 8


def test_no_lock_is_held_while_the_call_runs(world: World) -> None:
    """A call that hangs holds nobody else up."""
    breaker = world.breaker(NAME)
    started, release = threading.Event(), threading.Event()

    def hangs() -> None:
        started.set()
        release.wait(timeout=10)

    thread = threading.Thread(target=breaker.call, args=(hangs,))
    thread.start()
    started.wait(timeout=10)
    world.clock.advance(60)
    assert breaker.call(works) == "paid"
    release.set()
    thread.join(timeout=10)


# --- Bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "payments api"}, "circuit name 'payments api' is not allowed"),
        ({"name": ""}, "circuit name '' is not allowed"),
        ({"name": "x" * 65}, "1 to 64"),
        ({"closed_cache_seconds": 0}, "closed_cache_seconds = 0 is not allowed"),
        ({"open_cache_seconds": -1}, "open_cache_seconds = -1 is not allowed"),
        ({"handled_exceptions": OSError, "ignored_exceptions": KeyError}, "only one is allowed"),
        ({"handled_exceptions": "OSError"}, "handled_exceptions has 'OSError'"),
        ({"ignored_exceptions": (OSError, 3)}, "ignored_exceptions has 3"),
    ],
)
def test_bad_settings_are_refused_by_name(settings: dict[str, Any], message: str) -> None:
    """The error names the argument, the value and what is allowed."""
    with pytest.raises((ValueError, TypeError), match="allowed") as error:
        CircuitBreaker(**({"name": NAME} | settings))
    assert message in str(error.value)


def test_the_refusal_survives_pickling() -> None:
    """CircuitOpen crosses process borders with its facts."""
    refusal = CircuitOpen(Circuit(NAME, State.OPEN, reason="alarm raised"), 3.5)
    copy = pickle.loads(pickle.dumps(refusal))
    assert (copy.circuit, copy.retry_after, str(copy)) == (refusal.circuit, 3.5, str(refusal))


# --- Policy --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"recovery_timeout_seconds": 0}, "recovery_timeout_seconds = 0"),
        ({"recovery_timeout_seconds": float("nan")}, "recovery_timeout_seconds = nan"),
        ({"backoff": "2"}, "backoff = '2'"),
        ({"permits": 2.5}, "permits = 2.5"),
        ({"permits": 3}, "successes_to_close = 5"),
        ({"enforce": 1}, "enforce = 1"),
        ({"jitter": True}, "jitter = True"),
        ({"recovery": 3}, "recovery is unknown"),
    ],
)
def test_bad_policies_are_refused_by_name(overrides: dict[str, Any], message: str) -> None:
    """The error names the setting, the value and what is allowed."""
    with pytest.raises(ValueError, match="allowed") as error:
        RecoveryPolicy().with_overrides(overrides)
    assert message in str(error.value)


# --- Calls that outlast their generation ---------------------------------------------------------


@pytest.mark.parametrize("ends", [works, fails])
def test_the_end_of_a_call_from_before_the_outage_is_no_news(world: World, ends: Callable[[], str]) -> None:
    """A call that hung from before the trip until after the close is not counted: it would trip again."""
    breaker = world.breaker(NAME)
    breaker.call(works)

    def hangs_through_the_outage() -> str:
        world.clock.advance(1)
        world.trip(NAME)
        world.clock.advance(20)
        world.control.apply(NAME, Reset("ann", "all is well"))
        world.clock.advance(1)
        return ends()

    with contextlib.suppress(DependencyDown):
        breaker.call(hangs_through_the_outage)
    assert world.metric("Failure") == [0]


def test_a_long_call_of_this_generation_counts(world: World) -> None:
    """A call that hangs while nothing trips is a failure like any other."""
    breaker = world.breaker(NAME)

    def hangs() -> str:
        world.clock.advance(25)
        raise DependencyDown

    with pytest.raises(DependencyDown):
        breaker.call(hangs)
    assert world.metric("Failure") == [1]
