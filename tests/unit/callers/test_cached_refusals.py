"""A cached refusal: the calls after it are refused without a read of the table, and all are counted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from recloser import CircuitOpen, LocalTrip, State, function
from recloser.metrics.recorder import EmfPublisher
from recloser.store.memory import MemoryTables
from recloser.testing import Clock, World


class Asked(MemoryTables):
    """Tables that count how often they are asked."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.claims = 0

    def read(self, name: str, *, consistent: bool = False) -> Any:
        self.reads += 1
        return super().read(name, consistent=consistent)

    def claim(self, name: str, generation: int, now_ms: int) -> int | None:
        self.claims += 1
        return super().claim(name, generation, now_ms)


class Caller:
    """A breaker over a world's circuit, and what it has published."""

    def __init__(self, **settings: Any) -> None:
        self.world = World()
        self.clock: Clock = self.world.clock
        self.lines: list[dict[str, Any]] = []
        publisher = EmfPublisher(lambda line: self.lines.append(json.loads(line)))
        self.breaker = self.world.breaker("payments-api", publisher=publisher, **settings)
        self.calls = 0
        self.fails = False
        self.guarded: Callable[[], None] = self.breaker(self._dependency)

    def _dependency(self) -> None:
        self.calls += 1
        if self.fails:
            raise ConnectionError

    def refused(self) -> CircuitOpen:
        with pytest.raises(CircuitOpen) as refusal:
            self.guarded()
        return refusal.value

    def total(self, metric: str) -> float:
        values = [line[metric] for line in self.lines if metric in line]
        return sum(sum(value) if isinstance(value, list) else value for value in values)


def test_every_refused_call_is_counted() -> None:
    """Each refused call writes its line, also when the refusal is cached."""
    caller = Caller()
    caller.world.force_open("payments-api")
    for _ in range(20):
        caller.refused()
    assert (caller.total("Rejected"), caller.calls) == (20, 0)


def test_a_batch_counts_every_refused_call() -> None:
    """While batching no refused call is lost, over many readings of the flag and many batches."""
    caller = Caller()
    caller.breaker._process.batching.is_on = True
    caller.world.force_open("payments-api")
    for _ in range(100):
        caller.refused()
        caller.clock.advance(0.1)
    caller.breaker._process.batching.flush()
    assert caller.total("Rejected") == 100
    assert len(caller.lines) < 20


def test_a_held_call_counts_as_a_refusal() -> None:
    """What the local trip refuses is counted as refused, call by call, and twice a second as failed."""
    caller = Caller(local_trip=LocalTrip(failures=2, hold_seconds=20))
    caller.breaker._process.batching.is_on = True
    caller.fails = True
    for _ in range(2):
        with pytest.raises(ConnectionError):
            caller.guarded()
    for _ in range(150):
        caller.refused()
        caller.clock.advance(0.1)
    caller.breaker._process.batching.flush()
    assert (caller.total("Rejected"), caller.calls) == (150, 2)
    assert 24 <= caller.total("Failure") <= 32
    newest = max(line["_aws"]["Timestamp"] for line in caller.lines)
    assert newest <= caller.clock.now_ms()


def test_the_refusal_tells_how_long_from_now() -> None:
    """`retry_after` of each refusal counts from its own call, to the hold's end."""
    caller = Caller(local_trip=LocalTrip(failures=1, hold_seconds=4))
    caller.fails = True
    with pytest.raises(ConnectionError):
        caller.guarded()
    told = []
    for _ in range(4):
        told.append(caller.refused().retry_after)
        caller.clock.advance(0.5)
    assert told == pytest.approx([4.0, 3.5, 3.0, 2.5])


def test_the_hold_ends_on_time() -> None:
    """When the hold is over the next call goes through, within the same reading of the flag."""
    caller = Caller(local_trip=LocalTrip(failures=1, hold_seconds=2), closed_cache_seconds=60)
    caller.fails = True
    with pytest.raises(ConnectionError):
        caller.guarded()
    caller.refused()
    caller.clock.advance(2.001)
    caller.fails = False
    caller.guarded()
    assert caller.calls == 2


def test_a_probe_is_made_when_its_time_comes() -> None:
    """A cached refusal ends when a permit may be claimed, not only when the flag is read again."""
    caller = Caller(open_cache_seconds=60, local_trip=None)
    circuit = caller.world.trip("payments-api")
    caller.refused()
    assert circuit.retry_at_ms is not None
    caller.clock.advance(circuit.retry_at_ms / 1000 - caller.clock() + 31)
    caller.guarded()
    assert caller.calls == 1


def test_a_close_is_seen_at_the_next_reading() -> None:
    """A refusal is cached for as long as the flag, and no longer."""
    caller = Caller()
    caller.world.force_open("payments-api")
    caller.refused()
    caller.world.force_closed("payments-api")
    caller.clock.advance(1.5)
    caller.guarded()
    assert caller.calls == 1


def test_hooks_hear_of_every_refusal() -> None:
    """`on_refused` is called for each call that is refused."""
    heard: list[CircuitOpen] = []
    caller = Caller(on_refused=heard.append)
    caller.world.force_open("payments-api")
    refusals = [caller.refused() for _ in range(5)]
    assert heard == refusals


def test_a_fallback_answers_every_refused_call() -> None:
    """A fallback gets each refused call, and the refusal of that call."""
    heard: list[CircuitOpen] = []

    def fallback(circuit_open: CircuitOpen) -> None:
        heard.append(circuit_open)

    caller = Caller(fallback=function(fallback))
    caller.world.force_open("payments-api")
    for _ in range(3):
        caller.guarded()
    assert len({id(refusal) for refusal in heard}) == 3
    assert caller.total("Rejected") == 3


def test_async_calls_are_refused_alike() -> None:
    """An async caller is refused without a thread being asked, and counted."""
    caller = Caller()
    caller.world.force_open("payments-api")

    @caller.breaker
    async def dependency() -> None:
        caller.calls += 1

    async def refuse() -> None:
        for _ in range(10):
            with pytest.raises(CircuitOpen) as refusal:
                await dependency()
            assert refusal.value.circuit.state is State.OPEN

    asyncio.run(refuse())
    assert (caller.total("Rejected"), caller.calls) == (10, 0)


def test_the_tables_are_asked_once_a_reading() -> None:
    """However many calls are refused, the flag is read about once a second, and permits are not asked for."""
    tables = Asked()
    caller = Caller()
    caller.world.force_open("payments-api")
    tables._circuits.update(caller.world.tables._circuits)
    clock = caller.clock
    breaker = caller.world.breaker("payments-api", tables=tables)
    for _ in range(100):
        with pytest.raises(CircuitOpen):
            breaker.call(lambda: None)
        clock.advance(0.05)
    assert 4 <= tables.reads <= 7
    assert tables.claims == 0
