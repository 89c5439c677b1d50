"""A scenario played: everything wired together, under one clock, from one seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from recloser.circuit import Circuit
from recloser.decide import PolicySet
from recloser.lab.cloudwatch import CloudWatch
from recloser.lab.simulation.agenda import MS_PER_SECOND, Agenda
from recloser.lab.simulation.alarm_definitions import deployed_alarms
from recloser.lab.simulation.books import Books
from recloser.lab.simulation.caller_tables import CallerTables
from recloser.lab.simulation.chance import Chance
from recloser.lab.simulation.control_plane import ControlPlane
from recloser.lab.simulation.dependency import Dependency
from recloser.lab.simulation.environment import Environment
from recloser.lab.simulation.fleet import Fleet
from recloser.lab.simulation.misfortune import Misfortune
from recloser.lab.simulation.scenario import Scenario
from recloser.lab.simulation.shared_tables import SharedTables, Usage
from recloser.lab.simulation.surroundings import Surroundings
from recloser.lab.simulation.telemetry import EnvironmentPublisher, Telemetry, Written
from recloser.lab.simulation.witness import Witness
from recloser.metrics.recorder import batching, flush_all

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z: a whole minute, so that second 60 of a run begins one


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a simulation."""

    scenario: Scenario
    books: Books
    usage: Usage
    written: Written
    circuit: Circuit
    function_invocations: int
    dead_letters: int


class Simulation:
    """One run of a scenario.

    Args:
        scenario: what is played.
        witness: who is told of everything as it happens.

    """

    def __init__(self, scenario: Scenario, witness: Witness | None = None) -> None:
        self.scenario = scenario
        self._witness = witness
        self.agenda = Agenda(START_MS)
        self.books = Books(START_MS, int(scenario.duration_seconds))
        cloudwatch = CloudWatch()
        self._misfortune = Misfortune(scenario.faults, self.agenda, Chance(scenario.seed, "faults"))
        around = Surroundings(scenario, self.agenda, self._misfortune, self.books, witness)
        self._around = around
        self._plane = ControlPlane(around, cloudwatch)
        self.tables = SharedTables(self.agenda, self._wrote, self._plane.stream_probes)
        self._telemetry = Telemetry(around, cloudwatch)
        self._caller_chance = around.chance("callers")
        dependency = Dependency(scenario, START_MS, around.chance("dependency").numbers)
        self._fleet = Fleet(around, dependency, self._make_environment)

    def run(self) -> Run:
        """Play the whole scenario."""
        scenario = self.scenario
        self._plane.start(
            self.tables,
            scenario.circuit,
            scenario.policy,
            deployed_alarms(scenario.circuit, scenario.alarms),
        )
        if scenario.own_policy:
            self._plane.set_policy(PolicySet(scenario.own_policy, "the scenario"))
        for operation in scenario.operators:
            at_ms = START_MS + round(operation.at_seconds * MS_PER_SECOND)
            self.agenda.at(at_ms, partial(self._plane.operate, operation))
        self._play(START_MS + round(scenario.duration_seconds * MS_PER_SECOND))
        return Run(
            scenario,
            self.books,
            self.tables.usage,
            self._telemetry.written(),
            self.tables.memory.read(scenario.circuit),
            self._plane.invocations,
            self._plane.dead_letters,
        )

    def _play(self, end_ms: int) -> None:
        gathered, batching.is_on = batching.is_on, self.scenario.caller.handler
        try:
            self._play_until(end_ms)
        finally:
            batching.is_on = gathered
            # What environments still gather is kept alive until it is flushed; nobody reads it any more.
            self._telemetry.end()
            flush_all()

    def _play_until(self, end_ms: int) -> None:
        agenda, fleet = self.agenda, self._fleet
        while True:
            arrival_ms, action_ms = fleet.next_ms, agenda.next_ms()
            if action_ms is not None and action_ms <= arrival_ms:
                if action_ms >= end_ms:
                    break
                agenda.step()
            else:
                if arrival_ms >= end_ms:
                    break
                agenda.now_ms = arrival_ms
                fleet.arrive()

    def _make_environment(self, now_ms: int) -> Environment:
        self.books.cold_starts += 1
        scenario, chance = self.scenario, self._caller_chance
        skew = self._misfortune.now.clock_skew_seconds
        environment = Environment(
            self._around,
            now_ms,
            round(self._misfortune.chance.between((-skew, skew)) * MS_PER_SECOND) if skew else 0,
            CallerTables(self._around, self.tables, chance),
            chance.numbers.uniform,
        )
        lifetime = scenario.environments.lifetime_seconds
        if lifetime is not None:
            lives_ms = chance.numbers.uniform(0.5, 1.5) * lifetime * MS_PER_SECOND
            environment.ends_at_ms = now_ms + round(lives_ms)
        environment.start(EnvironmentPublisher(self._telemetry, environment))
        return environment

    def _wrote(self, before: Circuit, after: Circuit) -> None:
        self._plane.announce(before, after)
        if self._witness is not None:
            self._witness.wrote(before, after, self.agenda.now_ms)


def simulate(scenario: Scenario, seed: int | None = None) -> Run:
    """Play a scenario; with `seed`, other chances than its own."""
    return Simulation(scenario if seed is None else replace(scenario, seed=seed)).run()
