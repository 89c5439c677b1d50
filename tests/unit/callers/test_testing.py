"""What users get for their own tests: a world, its clock and states, what was refused, and fixtures."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from recloser import Circuit, CircuitBreaker, CircuitOpen, LocalTrip, State, value
from recloser.policy import PolicyError
from recloser.testing import Clock, World

pytest_plugins = ["pytester"]
NAME = "payments-api"


def test_forced_states_are_seen_at_once(world: World) -> None:
    """Open, closed, released: the next call goes by it, whatever the flag's cache."""
    pay = world.breaker(NAME)(lambda: "paid")
    assert pay() == "paid"
    world.force_open(NAME)
    with pytest.raises(CircuitOpen):
        pay()
    world.force_closed(NAME)
    assert pay() == "paid"
    world.force_open(NAME)
    world.release(NAME)
    world.clock.advance(1)
    assert pay() == "paid"
    assert world.metric("ProbeFailure") == [0]


def test_refused_counts_by_circuit(world: World) -> None:
    """`refused` counts the refused calls of one circuit, also in batches and where a fallback answers."""
    pay = world.breaker(NAME, fallback=value("later"))(lambda: "paid")
    ship = world.breaker("shipping")(lambda: "sent")
    world.force_open(NAME)
    assert [pay(), pay(), ship()] == ["later", "later", "sent"]
    assert (world.refused(NAME), world.refused("shipping")) == (2, 0)
    assert world.metric("Failure", "shipping") == [0]


def test_a_policy_is_seen_at_once(world: World) -> None:
    """`configure` sets a circuit's policy, and refuses one that does not validate."""
    pay = world.breaker(NAME)(lambda: "paid")
    world.force_open(NAME)
    world.configure(NAME, enforce=False)
    assert pay() == "paid"
    with pytest.raises(PolicyError, match="ramp_seconds = -1"):
        world.configure(NAME, ramp_seconds=-1)


def test_the_clock_only_goes_forward() -> None:
    """Time passes as it is told to, and what is due in it happens in order."""
    clock = Clock(100.0)
    came: list[tuple[str, float]] = []
    for name, at in (("late", 130.0), ("early", 110.0), ("never", 200.0)):
        clock.watch(at, lambda name=name: came.append((name, clock())))  # type: ignore[misc]
    clock.advance(50)
    assert (came, clock()) == ([("early", 110.0), ("late", 130.0)], 150.0)
    for seconds in (-1, float("nan"), float("inf")):
        with pytest.raises(
            ValueError, match=rf"seconds = {seconds} is not allowed: a clock only goes forward"
        ):
            clock.advance(seconds)


made_by_the_application = CircuitBreaker(NAME)


@made_by_the_application
def pay() -> str:
    return "paid"


@pytest.mark.filterwarnings("ignore:RECLOSER_CIRCUIT_TABLE")
def test_a_breaker_that_is_made_already(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """An adopted breaker's states and metrics are the world's; let go, it is as it was."""
    world.adopt(made_by_the_application)
    world.force_open(NAME)
    with pytest.raises(CircuitOpen):
        pay()
    world.force_closed(NAME)
    assert pay() == "paid"
    assert (world.refused(NAME), world.metric("Failure")) == (1, [0])
    assert capsys.readouterr().out == ""
    world.let_go()
    world.force_open(NAME)
    assert pay() == "paid"
    assert '"Failure":0' in capsys.readouterr().out


def test_an_adopted_breaker_begins_without_failures(world: World) -> None:
    """What one test's failures did to its local trip is gone in the next."""
    breaker = CircuitBreaker(NAME)

    @breaker
    def fails() -> None:
        raise OSError

    world.adopt(breaker)
    for _ in range(5):
        with pytest.raises(OSError):  # noqa: PT011
            fails()
    with pytest.raises(CircuitOpen):
        fails()
    other = World()
    other.adopt(breaker)
    with pytest.raises(OSError):  # noqa: PT011
        fails()
    other.let_go()
    world.let_go()


def test_fixtures(recloser_world: World, recloser_breaker: Callable[..., CircuitBreaker]) -> None:
    """`recloser_breaker` makes breakers in `recloser_world`, a world of the test's own."""
    breaker = recloser_breaker(NAME, timeout_seconds=2)
    recloser_world.trip(NAME)
    assert breaker.snapshot().state is State.OPEN
    with pytest.raises(CircuitOpen):
        breaker.call(time.sleep, 3)
    assert recloser_world.refused(NAME) == 1


def test_in_a_project_of_its_own(pytester: pytest.Pytester) -> None:
    """The fixtures are found by their entry point, and breakers that a test adopted are let go after it."""
    pytester.makepyfile(
        shop="""
            from recloser import CircuitBreaker, value
            payments = CircuitBreaker("payments-api", fallback=value("later"))

            @payments
            def pay():
                return "paid"
        """,
        test_shop="""
            import shop

            def test_while_payments_are_down(recloser_world):
                recloser_world.adopt(shop.payments)
                recloser_world.force_open("payments-api")
                assert shop.pay() == "later"
                assert recloser_world.refused("payments-api") == 1

            def test_another_world(recloser_world):
                recloser_world.adopt(shop.payments)
                assert shop.pay() == "paid"
                assert recloser_world.refused("payments-api") == 0
        """,
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)
    pytester.runpytest_subprocess("--fixtures").stdout.fnmatch_lines(["recloser_world*", "recloser_breaker*"])


def test_a_run_that_uses_no_fixture_imports_nothing(pytester: pytest.Pytester) -> None:
    """The plugin costs other people's test runs no import of breakers."""
    pytester.makepyfile("import sys\ndef test_it():\n    assert 'recloser.testing' not in sys.modules")
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


# --- Reset, and strict worlds -------------------------------------------------------------------


def test_reset(world: World) -> None:
    """Every circuit is as if it had never been opened; breakers go on, and so does time."""
    breaker = world.breaker("payments-api", local_trip=LocalTrip(failures=1))
    with pytest.raises(ZeroDivisionError):
        breaker.call(lambda: 1 / 0)
    world.force_open("search")
    before = world.clock()
    world.reset()
    assert breaker.call(lambda: "paid") == "paid"
    assert world.tables.read("search") == Circuit("search")
    assert (world.metric("Failure"), world.refused("payments-api"), world.clock()) == ([0], 0, before)


stray = CircuitBreaker("stray")


@pytest.mark.filterwarnings("ignore:RECLOSER_CIRCUIT_TABLE and RECLOSER_PROBE_TABLE:RuntimeWarning")
@pytest.mark.usefixtures("fresh_process")
def test_a_strict_world(capsys: pytest.CaptureFixture[str]) -> None:
    """A breaker that nobody adopted fails the test that uses it, instead of counting somewhere else."""
    stray.call(lambda: "unseen")
    world = World(strict=True)
    try:
        with pytest.raises(RuntimeError, match=r"make it by World\.breaker, or World\.adopt it"):
            stray.call(lambda: "paid")
        world.adopt(stray)
        assert stray.call(lambda: "paid") == "paid"
        assert world.metric("Failure", "stray") == [0]
    finally:
        world.let_go()
    assert stray.call(lambda: "paid") == "paid"
    assert capsys.readouterr().out.count('"Circuit":"stray"') == 2


def test_a_setting_that_is_none(world: World) -> None:
    """A name that is misspelt is refused, at the call and by a type checker."""
    with pytest.raises(TypeError, match="falback"):
        world.breaker("payments-api", falback=None)  # type: ignore[call-arg]


def test_a_clock_of_ones_own(world: World) -> None:
    """A test may put another clock into the world: breakers that it makes from then on go by that."""
    now = [1_000.0]
    world.clock = lambda: now[0]  # type: ignore[assignment]
    breaker = world.breaker("payments-api", watchdog=Clock())
    breaker.call(lambda: now.__setitem__(0, 1_002.0))
    assert world.metric("Duration") == [2000]
