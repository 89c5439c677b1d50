"""A scenario played: everything wired together, under one clock, from one seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from recloser.circuit import Circuit
from recloser.lab.cloudwatch import CloudWatch
from recloser.lab.simulation.alarm_definitions import STEADY_SECONDS, deployed_alarms
from recloser.lab.simulation.alarm_edits import AlarmEdits
from recloser.lab.simulation.context import Context
from recloser.lab.simulation.control_plane import ControlPlane
from recloser.lab.simulation.dependency import Dependency
from recloser.lab.simulation.environment import Environment
from recloser.lab.simulation.event_queue import MS_PER_SECOND, EventQueue
from recloser.lab.simulation.fault_injection import FaultInjector
from recloser.lab.simulation.fleet import Fleet
from recloser.lab.simulation.hand_edits import HandEdits
from recloser.lab.simulation.observer import Observer
from recloser.lab.simulation.random_streams import RandomStream
from recloser.lab.simulation.recording import Recording
from recloser.lab.simulation.scenario import Scenario
from recloser.lab.simulation.shared_tables import SharedTables, Usage
from recloser.lab.simulation.telemetry import EnvironmentPublisher, Telemetry, Written
from recloser.signals import PolicySet

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z: a whole minute, so that second 60 of a run begins one


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a simulation."""

    scenario: Scenario
    recording: Recording
    usage: Usage
    written: Written
    circuit: Circuit
    function_invocations: int
    dead_letters: int


class Simulation:
    """One run of a scenario.

    Args:
        scenario: what is played.
        observer: is told of everything as it happens.

    """

    def __init__(self, scenario: Scenario, observer: Observer | None = None) -> None:
        self.scenario = scenario
        self._observer = observer
        self.queue = EventQueue(START_MS)
        self.recording = Recording(START_MS, int(scenario.duration_seconds))
        self._alarms = deployed_alarms(scenario.circuit, scenario.alarms)
        self._faults = FaultInjector(scenario.faults, self.queue, RandomStream(scenario.seed, "faults"))
        context = Context(scenario, self.queue, self._faults, self.recording, observer)
        self._context = context
        cloudwatch = CloudWatch(phases_ms=self._alarm_phases_ms())
        self._plane = ControlPlane(context, cloudwatch)
        self.tables = SharedTables(
            self.queue, self._wrote, self._plane.stream_probes, self._plane.stream_failures
        )
        self._telemetry = Telemetry(context, cloudwatch)
        self._caller_random = context.random("callers")
        dependency = Dependency(scenario, START_MS, context.random("dependency").numbers)
        self._fleet = Fleet(context, dependency, self._make_environment)

    def run(self) -> Run:
        """Play the whole scenario."""
        scenario = self.scenario
        self._plane.start(
            self.tables,
            scenario.circuit,
            scenario.policy,
            self._alarms,
        )
        if scenario.own_policy:
            self._plane.set_policy(PolicySet(scenario.own_policy, "the scenario"))
        HandEdits(self._context, self.tables).start()
        AlarmEdits(self._context, self._plane, self._alarms).start()
        if scenario.faults.until_seconds is not None:
            end_ms = START_MS + round(scenario.faults.until_seconds * MS_PER_SECOND)
            self.queue.at(end_ms, self._fleet.set_clocks_right)
        for operation in scenario.operators:
            at_ms = START_MS + round(operation.at_seconds * MS_PER_SECOND)
            self.queue.at(at_ms, partial(self._plane.operate, operation))
        self._play(START_MS + round(scenario.duration_seconds * MS_PER_SECOND))
        return Run(
            scenario,
            self.recording,
            self.tables.usage,
            self._telemetry.written(),
            self.tables.memory.read(scenario.circuit),
            self._plane.invocations,
            self._plane.dead_letters,
        )

    def _alarm_phases_ms(self) -> dict[str, int]:
        """Choose at random when in its period each alarm is evaluated, as CloudWatch does."""
        random = self._context.random("alarm phases")
        longest_ms = STEADY_SECONDS * MS_PER_SECOND
        return {alarm["AlarmName"]: int(random.between((0, longest_ms))) for alarm in self._alarms}

    def _play(self, end_ms: int) -> None:
        try:
            self._play_until(end_ms)
        finally:
            self._telemetry.end()

    def _play_until(self, end_ms: int) -> None:
        queue, fleet = self.queue, self._fleet
        while True:
            arrival_ms, action_ms = fleet.next_ms, queue.next_ms()
            if action_ms is not None and action_ms <= arrival_ms:
                if action_ms >= end_ms:
                    break
                queue.step()
            else:
                if arrival_ms >= end_ms:
                    break
                queue.now_ms = arrival_ms
                fleet.arrive()

    def _make_environment(self, now_ms: int) -> Environment:
        self.recording.cold_starts += 1
        scenario, random = self.scenario, self._caller_random
        skew = self._faults.now.clock_skew_seconds
        wrong = self._faults.now.wrong_clocks
        if self._faults.random.happens(wrong.probability):
            skew += wrong.seconds
        environment = Environment(
            self._context,
            now_ms,
            round(self._faults.random.between((-skew, skew)) * MS_PER_SECOND) if skew else 0,
            self.tables,
            random,
        )
        lifetime = scenario.environments.lifetime_seconds
        if lifetime is not None:
            lives_ms = random.numbers.uniform(0.5, 1.5) * lifetime * MS_PER_SECOND
            environment.ends_at_ms = now_ms + round(lives_ms)
        environment.start(EnvironmentPublisher(self._telemetry, environment))
        return environment

    def _wrote(self, before: Circuit, after: Circuit) -> None:
        self._plane.announce(before, after)
        if self._observer is not None:
            self._observer.wrote(before, after, self.queue.now_ms)


def simulate(scenario: Scenario, seed: int | None = None) -> Run:
    """Play a scenario; with `seed`, another seed than its own."""
    return Simulation(scenario if seed is None else replace(scenario, seed=seed)).run()
