"""Making a breaker: what is refused, what it costs, and where it may go."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import subprocess
import sys
import threading
from enum import Enum
from typing import Any

import pytest

from recloser import Circuit, CircuitBreaker, CircuitOpen, State
from recloser.caller.process import Process
from recloser.store.memory import MemoryTables
from recloser.testing import World

NAME = "payments-api"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"name": "payments api"},
            "circuit name 'payments api' is not allowed: 1 to 64 of A-Z a-z 0-9 - _ .",
        ),
        ({"name": ""}, "circuit name '' is not allowed"),
        ({"name": "x" * 65}, "is not allowed: 1 to 64"),
        ({"name": "payments\n"}, "circuit name 'payments\\n' is not allowed"),
        ({"name": None}, "circuit name None is not allowed"),
        ({"timeout_seconds": 0}, "timeout_seconds = 0 is not allowed: more than 0"),
        ({"timeout_seconds": -1}, "timeout_seconds = -1 is not allowed"),
        ({"timeout_seconds": float("nan")}, "timeout_seconds = nan is not allowed"),
        ({"timeout_seconds": float("inf")}, "timeout_seconds = inf is not allowed"),
        ({"timeout_seconds": True}, "timeout_seconds = True is not allowed"),
        ({"slow_after_seconds": -2}, "slow_after_seconds = -2 is not allowed"),
        ({"slow_after_seconds": "2"}, "slow_after_seconds = '2' is not allowed"),
        ({"closed_cache_seconds": 0}, "closed_cache_seconds = 0 is not allowed"),
        (
            {"open_cache_seconds": 3601},
            "open_cache_seconds = 3601 is not allowed: more than 0 and at most 3600",
        ),
        (
            {"handled_exceptions": OSError, "ignored_exceptions": KeyError},
            "handled_exceptions and ignored_exceptions are both given: only one is allowed",
        ),
        (
            {"handled_exceptions": "OSError"},
            "handled_exceptions has 'OSError': only exception types are allowed",
        ),
        ({"ignored_exceptions": (OSError, 3)}, "ignored_exceptions has 3: only exception types are allowed"),
        ({"ignored_exceptions": OSError()}, "ignored_exceptions has OSError(): only exception types"),
        (
            {"on_store_error": "ignore"},
            'on_store_error = \'ignore\' is not allowed: "last-known", "allow" or',
        ),
        ({"local_trip": 5}, "local_trip = 5 is not allowed: a LocalTrip, or None for none"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    """The error comes at construction and names the argument, the value and what is allowed."""
    with pytest.raises((ValueError, TypeError), match="allowed") as error:
        CircuitBreaker(**({"name": NAME} | settings))
    assert message in str(error.value)


class Dependency(str, Enum):  # noqa: UP042  (what people have written for years)
    """As many name their circuits."""

    PAYMENTS = "payments-api"


class Name(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "something else"


@pytest.mark.parametrize("name", [Dependency.PAYMENTS, Name("payments-api")])
def test_names_become_plain_text(world: World, name: str) -> None:
    """A member of an Enum names the same circuit and the same permits as its text does."""
    breaker = world.breaker(name)
    assert type(breaker.name) is str
    world.trip(NAME)
    world.clock.advance(11)
    assert breaker.call(lambda: "paid") == "paid"
    probes = world.tables.read_probes(NAME, 1)
    assert probes is not None
    assert probes.succeeded == {1}


@pytest.mark.parametrize("name", [".", ".."])
def test_names_of_folders(name: str) -> None:
    """What means a folder in a path is no name: addresses and consoles would swallow it."""
    with pytest.raises(ValueError, match="is not allowed"):
        CircuitBreaker(name)


AT_EXIT = """
from recloser import CircuitBreaker

class Connection:
    breaker = CircuitBreaker("at-exit")
    def __del__(self):
        self.breaker.call(print, "closed")

import sys
sys.modules["kept"] = Connection()
"""


def test_a_first_call_at_exit() -> None:
    """A call in a __del__ while the interpreter ends is let through, in silence."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", AT_EXIT],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "closed" in done.stdout
    assert done.stderr == ""


def test_no_side_effects(capsys: pytest.CaptureFixture[str]) -> None:
    """Making a breaker and decorating reads nothing, writes nothing and starts no thread."""
    before = threading.active_count()

    class Untouchable:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    process = Process(tables=Untouchable(), publisher=Untouchable())
    CircuitBreaker(NAME, process=process, timeout_seconds=1)(lambda: None)
    assert threading.active_count() == before
    assert capsys.readouterr() == ("", "")


def test_threads_make_one_guard() -> None:
    """The parts that the first call makes are made once, whatever the interpreter locks."""
    breaker = CircuitBreaker(NAME, process=Process(tables=MemoryTables()))
    together = threading.Barrier(8)
    made: list[Any] = []

    def first_call() -> None:
        together.wait(timeout=10)
        made.append(breaker._guard)

    threads = [threading.Thread(target=first_call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert len(set(map(id, made))) == 1


guarded_at_import = CircuitBreaker(NAME, process=Process(tables=MemoryTables()))


@guarded_at_import
def double(number: int) -> int:
    return 2 * number


def test_a_guarded_function_can_be_pickled() -> None:
    """It goes to another process by its name, as any function does."""
    assert pickle.loads(pickle.dumps(double)) is double


def test_a_breaker_cannot_be_pickled() -> None:
    """The error says what to do instead."""
    with pytest.raises(TypeError, match=r"breaker 'payments-api' cannot be pickled.*in each process"):
        pickle.dumps(guarded_at_import)


def test_a_refusal_can_be_pickled() -> None:
    """CircuitOpen crosses processes with its facts."""
    refusal = CircuitOpen(Circuit(NAME, State.OPEN, reason="alarm raised"), 3.5)
    copy = pickle.loads(pickle.dumps(refusal))
    assert (copy.circuit, copy.retry_after, str(copy)) == (refusal.circuit, 3.5, str(refusal))


def call_in_child(connection: Any) -> None:
    connection.send(double(21))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_breaker_made_before_the_child(method: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A breaker that was used before a process was started works in that process."""
    assert double(1) == 2
    context: Any = multiprocessing.get_context(method)
    mine, its = context.Pipe()
    process = context.Process(target=call_in_child, args=(its,))
    process.start()
    assert mine.poll(timeout=30)
    assert mine.recv() == 42
    process.join(timeout=30)
    assert process.exitcode == 0


FORKING = """
import os, threading, time
from recloser import CircuitBreaker, LocalTrip
from recloser.testing import World
world = World()
breaker = world.breaker("payments-api", timeout_seconds=0.5)
release = threading.Event()
hanging = threading.Thread(target=lambda: breaker.call(release.wait))
hanging.start()
time.sleep(0.1)
child = os.fork()
if child == 0:
    world.clock.advance(5)
    print("child", world.metric("Failure"), len(breaker._guard.running), flush=True)
    breaker.call(lambda: None)
    print("child", world.metric("Failure"), flush=True)
    os._exit(0)
os.waitpid(child, 0)
world.clock.advance(5)
print("parent", world.metric("Failure"), flush=True)
release.set()
hanging.join()
"""


def test_a_call_that_runs_while_forking_is_the_parents() -> None:
    """The child neither counts it as hanging nor waits for it."""
    done = subprocess.run(
        [sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["child [] 0", "child [0]", "parent [1]"]


def test_lines_of_many_threads_are_whole() -> None:
    """Lines on standard output are never torn, however many threads write."""
    program = """
import threading
from recloser import CircuitBreaker
from recloser.caller.process import Process
from recloser.testing import MemoryTables
pay = CircuitBreaker("payments-api", process=Process(tables=MemoryTables()))(lambda: None)
def work():
    for _ in range(500): pay()
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["Failure"] for line in lines] == [0] * 4000


def test_no_lock_is_held_while_a_call_runs(world: World) -> None:
    """A call that hangs holds up no other call, no reading of the flag, and no flush."""
    breaker = world.breaker(NAME)
    release, started = threading.Event(), threading.Event()

    def hangs() -> None:
        started.set()
        release.wait(timeout=30)

    threads = [threading.Thread(target=breaker.call, args=(hangs,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert started.wait(timeout=10)
    for _ in range(20):
        world.clock.advance(60)
        assert breaker.call(lambda: "paid") == "paid"
    release.set()
    for thread in threads:
        thread.join(timeout=10)
