"""A fleet with the circuit breaker of Powertools for AWS Lambda, in the same virtual time.

The library itself runs, set up as its documentation shows: five failures in a row, thirty seconds, three
probes, a cache of five seconds. What belongs to one process (its counters, who probes, its cache) is put
in place before each call. The table is a dict with the conditions of its DynamoDB layer; it answers at
once, and everybody sees a write when the call that made it has ended.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from unittest.mock import patch

from aws_lambda_powertools.utilities.circuit_breaker import base, circuit_breaker
from aws_lambda_powertools.utilities.circuit_breaker.exceptions import CircuitBreakerOpenError
from aws_lambda_powertools.utilities.circuit_breaker.persistence import base as persistence
from aws_lambda_powertools.utilities.circuit_breaker.persistence.record import CircuitStateRecord
from aws_lambda_powertools.utilities.circuit_breaker.states import CircuitState

from recloser.circuit import Cause, Circuit, State
from recloser.errors import CircuitOpen
from recloser.lab.simulation.environment import Environment
from recloser.lab.simulation.event_queue import MS_PER_SECOND
from recloser.lab.simulation.recording import StateChange
from recloser.lab.simulation.scenario import Scenario
from recloser.lab.simulation.simulation import Run, Simulation


def simulate_powertools(scenario: Scenario, seed: int) -> Run:
    """Play a scenario whose callers use Powertools."""
    played = PowertoolsSimulation(replace(scenario, seed=seed))
    with _its_time(played.clock):
        return played.run()


class PowertoolsSimulation(Simulation):
    """A simulation whose environments have that breaker. There are alarms, and nobody publishes metrics."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self.clock = Clock()
        self.row: CircuitStateRecord | None = None

    def _make_environment(self, now_ms: int) -> Environment:
        return PowertoolsEnvironment(self, now_ms)

    def put(self, record: CircuitStateRecord) -> None:
        """Write the item, and write the change down."""
        before = State.CLOSED if self.row is None else State[self.row.state.name]
        self.row, after = record, State[record.state.name]
        self.tables.usage.permit_writes += 1
        if before is not after:
            change = StateChange(self.queue.now_ms, before, after, 0, "Powertools")
            self.recording.states.append(change)


class Clock:
    """The module `datetime` as Powertools asks it: `dt.datetime.now().timestamp()`."""

    def __init__(self) -> None:
        self.environment: Environment | None = None

    @property
    def datetime(self) -> Clock:
        return self

    def now(self) -> Clock:
        return self

    def timestamp(self) -> float:
        assert self.environment is not None
        return self.environment.clock()


@contextmanager
def _its_time(clock: Clock) -> Iterator[None]:
    with patch.object(base, "dt", clock), patch.object(persistence, "dt", clock):
        yield


class PowertoolsEnvironment(Environment):
    """An environment whose function is guarded by Powertools."""

    def __init__(self, simulation: PowertoolsSimulation, now_ms: int) -> None:
        context, random = simulation._context, simulation._caller_random  # noqa: SLF001  (a kind of it)
        super().__init__(context, now_ms, 0, simulation.tables, random)
        self._clock_of_all = simulation.clock
        self._counters: tuple[dict[str, Any], ...] = ({}, {}, {})
        store = Store(simulation, self)
        self._guarded = circuit_breaker(name=self._circuit, persistence_store=store)(self._call_dependency)
        self.call = self._call

    def begin_invocation(self, at_ms: int) -> None:
        self.come_to(at_ms)
        self._killed_at_ms = self._warned_at_ms = at_ms + self._timeout_ms

    def end_invocation(self) -> None:
        self.free_at_ms = self.at_ms

    def is_short(self) -> bool:
        return True  # the flag is not looked at when a call ends

    def _call(self) -> None:
        self._clock_of_all.environment = self
        base._LOCAL_FAILURES, base._LOCAL_SUCCESSES, base._LAST_OBSERVED_STATE = self._counters  # noqa: SLF001
        base._PROBE_OWNER.pid, base._PROBE_OWNER.id = os.getpid(), str(id(self))  # noqa: SLF001
        try:
            self._guarded()
        except CircuitBreakerOpenError:
            raise CircuitOpen(Circuit(self._circuit), None, Cause.ALARM) from None


class Store(persistence.CircuitBreakerPersistenceLayer):
    """One environment's way to the table, with the conditions of the DynamoDB layer."""

    def __init__(self, simulation: PowertoolsSimulation, environment: Environment) -> None:
        super().__init__()
        self._simulation = simulation
        self._environment = environment

    def _get_record(self, name: str) -> CircuitStateRecord | None:  # noqa: ARG002  (there is one)
        self._simulation.tables.usage.eventual_reads += 1
        return self._simulation.row

    def _put_record(
        self,
        record: CircuitStateRecord,
        condition: str | None = None,
        expected_opened_at: int | None = None,
    ) -> None:
        if condition is None:
            self._update_record(record)
            return
        row, now = self._simulation.row, int(self._environment.clock())
        is_free = (
            row is not None
            and row.state == CircuitState.OPEN
            and row.half_open_owner is None
            and row.opened_at == expected_opened_at
        )
        has_lapsed = (
            row is not None
            and row.state == CircuitState.HALF_OPEN
            and row.probe_lease_expiry is not None
            and row.probe_lease_expiry <= now
        )
        if not (is_free or has_lapsed):
            raise persistence.CircuitBreakerExistingLockError
        self._simulation.put(record)

    def _update_record(self, record: CircuitStateRecord) -> None:
        at_ms = round(self._environment.clock() * MS_PER_SECOND)
        self._simulation.queue.at(at_ms, partial(self._simulation.put, record))
