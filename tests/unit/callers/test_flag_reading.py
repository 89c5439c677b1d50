"""Reading the flag: in the background, rarely, several at once, and never a reason to fail."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from recloser import CircuitBreaker, CircuitOpen, State
from recloser.caller.background import BackgroundThreads, at_once
from recloser.caller.flag_cache import FlagCache, KnownFlag
from recloser.caller.local_circuit import LocalCircuit
from recloser.caller.options import Options
from recloser.caller.process import Process
from recloser.circuit import Circuit
from recloser.errors import StoreError
from recloser.store.dynamodb import DynamoDBTables
from recloser.store.memory import MemoryTables
from recloser.testing import Clock, World, halfway

NAME = "payments-api"


class CountingTables(MemoryTables):
    """Tables that note what is read, can be out of reach, and can keep a reader waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[list[str]] = []
        self.threads: list[str] = []
        self.trouble: Exception | None = None
        self.open_gate = threading.Event()
        self.open_gate.set()

    def read_many(self, names: Iterable[str]) -> dict[str, Circuit]:
        wanted = list(names)
        self.requests.append(wanted)
        self.threads.append(threading.current_thread().name)
        assert self.open_gate.wait(timeout=10)
        if self.trouble is not None:
            raise self.trouble
        return {name: self.read(name) for name in wanted}


@pytest.fixture
def tables() -> CountingTables:
    return CountingTables()


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def cache(tables: MemoryTables, clock: Clock) -> FlagCache:
    return FlagCache(lambda: tables, clock, random.Random(7).uniform, at_once)


def really_beside(world: World, tables: CountingTables, **settings: Any) -> CircuitBreaker:
    """A breaker in a world that reads flags in real threads."""
    return world.breaker(NAME, tables=tables, in_background=BackgroundThreads(), **settings)


# --- When ----------------------------------------------------------------------------------------


def test_the_first_reading_is_before_the_call(world: World, tables: CountingTables) -> None:
    """With no flag known a call waits for one."""
    really_beside(world, tables).call(lambda: None)
    assert tables.threads == [threading.current_thread().name]


def test_a_known_flag_is_read_beside_the_call(world: World, tables: CountingTables) -> None:
    """A flag that is due is read in another thread, while the call goes by the one that is known."""
    breaker = really_beside(world, tables)
    breaker.call(lambda: None)
    world.clock.advance(5.5)
    tables.open_gate.clear()
    assert breaker.call(lambda: "paid") == "paid"
    eventually(lambda: len(tables.requests) == 2)
    for _ in range(20):
        breaker.call(lambda: None)
    tables.open_gate.set()
    assert tables.threads == [threading.current_thread().name, "recloser_0"]


def test_never_older_than_twice_the_cache_time(world: World, tables: CountingTables) -> None:
    """When the background read does not come back, the call waits for a read of its own."""
    breaker = really_beside(world, tables)
    breaker.call(lambda: None)
    world.clock.advance(5.5)
    tables.open_gate.clear()
    breaker.call(lambda: None)
    eventually(lambda: len(tables.requests) == 2)
    world.clock.advance(4.6)
    world.control.tables = tables
    world.trip(NAME)

    def refused() -> None:
        with pytest.raises(CircuitOpen):
            breaker.call(lambda: None)

    waiting = threading.Thread(target=refused)
    waiting.start()
    eventually(lambda: len(tables.requests) == 3)
    assert waiting.is_alive()
    tables.open_gate.set()
    waiting.join(timeout=10)
    assert tables.threads[2] == waiting.name
    assert breaker.snapshot().state is State.OPEN


def test_an_old_reading_does_not_replace_a_newer_one(tables: CountingTables) -> None:
    """A thread that was frozen with an answer in its hands brings it too late."""
    clock = Clock()
    flags, known = cache(tables, clock), KnownFlag(NAME, 5, 1)
    early = flags.read(known, clock())
    clock.advance(60)
    late = flags.read(known, clock())
    known.adopt(early, clock())
    assert known.flag is late


@pytest.mark.parametrize("seconds", [0, 3600, 86400])
def test_a_clock_set_back(tables: CountingTables, seconds: float) -> None:
    """A flag from the future is read anew, once: the reading counts from then on."""
    now = [100_000.0]
    world = World()
    breaker = world.breaker(NAME, tables=tables, clock=lambda: now[0])
    breaker.call(lambda: None)
    now[0] -= 60 + seconds
    for _ in range(10):
        breaker.call(lambda: None)
    assert len(tables.requests) == 2


def test_jitter() -> None:
    """Each reading is good for its cache time, plus or minus a fifth, at random each time."""
    clock = Clock()
    flags, known = cache(MemoryTables(), clock), KnownFlag(NAME, 5, 1)
    spans = []
    for _ in range(200):
        clock.advance(100)
        spans.append(flags.read(known, clock()).fresh_until - clock())
    assert 4 <= min(spans) < 4.1
    assert 5.9 < max(spans) <= 6


def test_an_open_flag_is_read_every_second(world: World) -> None:
    """While a circuit is not closed its flag is good for a second, so that a close is soon known."""
    tables = CountingTables()
    world.tables = world.control.tables = tables
    breaker = world.breaker(NAME, tables=tables)
    world.force_open(NAME)
    for _ in range(100):
        with pytest.raises(CircuitOpen):
            breaker.call(lambda: None)
        world.clock.advance(0.1)
    assert 9 <= len(tables.requests) <= 11


# --- How many ------------------------------------------------------------------------------------


def test_several_that_are_due_are_read_at_once(world: World, tables: CountingTables) -> None:
    """One request brings the flags of every circuit that is due and was lately asked for."""
    process = Process(tables=tables, clock=world.clock, uniform=halfway, in_background=at_once)
    names = ["one", "two", "three"]
    breakers = [CircuitBreaker(name, process=process) for name in names]
    CircuitBreaker("idle", process=process).call(lambda: None)
    world.clock.advance(60)
    for breaker in breakers:
        breaker.call(lambda: None)
    tables.requests.clear()
    for _ in range(10):
        world.clock.advance(2)
        for breaker in breakers:
            breaker.call(lambda: None)
    assert [sorted(names)] * len(tables.requests) == tables.requests
    assert len(tables.requests) <= 4


def test_of_many_threads_one_reads(world: World, tables: CountingTables) -> None:
    """Threads that need the same first flag wait for one reading of it."""
    breaker = really_beside(world, tables)
    tables.open_gate.clear()
    threads = [threading.Thread(target=breaker.call, args=(lambda: None,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(tables.requests) == 1)
    time.sleep(0.05)
    tables.open_gate.set()
    for thread in threads:
        thread.join(timeout=10)
    assert len(tables.requests) == 1


def test_breakers_may_be_made_while_flags_are_read(tables: CountingTables) -> None:
    """A thousand breakers made in other threads disturb no reading."""
    clock = Clock()
    process = Process(tables=tables, clock=clock)
    known = process.circuit(NAME, Options()).known
    kept: list[LocalCircuit] = []
    making = threading.Thread(
        target=lambda: kept.extend(process.circuit(f"c{number}", Options()) for number in range(20_000))
    )
    making.start()
    while making.is_alive():
        clock.advance(100)
        process.flags.read(known, clock())
    making.join()
    assert len(kept) == 20_000


# --- When it cannot be read ----------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [StoreError("timed out"), KeyError("Responses"), ValueError("no region")])
@pytest.mark.parametrize("mode", ["last-known", "allow"])
def test_with_nothing_known_calls_are_let_through(
    world: World, tables: CountingTables, trouble: Exception, mode: Any
) -> None:
    """Whatever the tables raise: the call is made, counted, and counted as unprotected."""
    tables.trouble = trouble
    assert world.breaker(NAME, tables=tables, on_store_error=mode).call(lambda: "paid") == "paid"
    assert (world.metric("Unprotected"), world.metric("Failure")) == ([1], [0])


@pytest.mark.parametrize("known", [None, State.CLOSED, State.OPEN])
@pytest.mark.parametrize("mode", ["last-known", "allow", "refuse"])
def test_on_store_error(world: World, mode: Any, known: State | None) -> None:
    """last-known goes by what was read last; allow lets every call through; refuse lets none."""
    tables = CountingTables()
    world.control.tables = tables
    breaker = world.breaker(NAME, tables=tables, on_store_error=mode)
    if known is not None:
        breaker.call(lambda: None)
    if known is State.OPEN:
        world.force_open(NAME)
        world.clock.advance(6)
        with pytest.raises(CircuitOpen):
            breaker.call(lambda: None)
    tables.trouble = StoreError("timed out")
    world.clock.advance(60)
    world.metrics.clear()
    is_refused = mode == "refuse" or (mode == "last-known" and known is State.OPEN)
    if is_refused:
        with pytest.raises(CircuitOpen):
            breaker.call(lambda: None)
    else:
        breaker.call(lambda: None)
    assert world.metric("Rejected") == ([1] if is_refused else [])
    assert world.metric("Unprotected") == ([] if is_refused else [1])


def test_a_table_out_of_reach_is_asked_once_a_second(world: World, tables: CountingTables) -> None:
    """Its timeouts are not paid by every call."""
    tables.trouble = StoreError("timed out")
    breaker = world.breaker(NAME, tables=tables)
    for _ in range(100):
        breaker.call(lambda: None)
        world.clock.advance(0.1)
    assert 9 <= len(tables.requests) <= 11


# --- The client ----------------------------------------------------------------------------------


def test_a_given_client_is_used() -> None:
    """Tables take a client that is made already, of botocore or of boto3."""

    class Client:
        def get_item(self, **_: Any) -> dict[str, Any]:
            return {"Item": {"circuit": {"S": NAME}, "state": {"S": "OPEN"}, "generation": {"N": "3"}}}

    assert DynamoDBTables("circuits", "probes", Client()).read(NAME).generation == 3


LAZY = """
import sys, os
import recloser
seen = lambda: sorted({"boto3", "botocore"} & {name.split(".")[0] for name in sys.modules})
breaker = recloser.CircuitBreaker("payments-api")
pay = breaker(lambda: "paid")
print("made:", seen())
pay()
print("called:", seen())
from recloser.caller.process import this_process
tables = this_process().tables
config = tables._client.meta.config
print(config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"])
print(this_process().tables is tables, tables._client is tables._client)
"""


def test_the_client_is_made_by_the_first_call(no_real_aws: Any) -> None:
    """Once, with short timeouts; importing and decorating load no botocore, nothing boto3."""
    environment = {
        **no_real_aws,
        "RECLOSER_CIRCUIT_TABLE": "circuits",
        "RECLOSER_PROBE_TABLE": "probes",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    }
    done = subprocess.run(
        [sys.executable, "-c", LAZY], capture_output=True, text=True, timeout=60, check=True, env=environment
    )
    lines = [line for line in done.stdout.splitlines() if not line.startswith("{")]
    assert lines == ["made: []", "called: ['botocore']", "0.3 0.5 1", "True True"]


@pytest.mark.usefixtures("fresh_process")
def test_without_tables_one_warning_says_so() -> None:
    """Circuits then live in this process, and calls pass."""
    one, other = CircuitBreaker("one"), CircuitBreaker("other")
    with pytest.warns(RuntimeWarning, match="RECLOSER_CIRCUIT_TABLE and RECLOSER_PROBE_TABLE") as warned:
        assert (one.call(lambda: 1), other.call(lambda: 2)) == (1, 2)
    assert len(warned) == 1


WITHOUT_TABLES = """
import sys
from recloser import CircuitBreaker, CircuitOpen
if "silent" in sys.argv:
    sys.stdout = None
guarded = CircuitBreaker("payments-api", handled_exceptions=OSError)
refused = 0
for _ in range(20):
    try:
        guarded.call(open, "/no/such/file")
    except CircuitOpen:
        refused += 1
    except FileNotFoundError:
        pass
sys.stderr.write(f"refused {refused} of 20, {guarded.snapshot().state.name}\\n")
"""


@pytest.mark.parametrize("arguments", [[], ["silent"]])
@pytest.mark.parametrize("warnings_are", ["default", "error"])
def test_without_tables_they_are_made_all_the_same(
    no_real_aws: Mapping[str, str], warnings_are: str, arguments: list[str]
) -> None:
    """Where warnings are errors or nothing can be printed, a process has tables, and says so once."""
    done = subprocess.run(
        [sys.executable, "-W", warnings_are, "-c", WITHOUT_TABLES, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**no_real_aws, "AWS_LAMBDA_FUNCTION_NAME": "checkout"},
    )
    assert done.stderr.count("are not set: circuits live in this process alone") == 1
    assert done.stderr.endswith("refused 15 of 20, CLOSED\n")
