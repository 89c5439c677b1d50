"""How fast the fleet in virtual time is, on one core.

Run it with `python benchmarks/simulation.py`. Processor time of this process, so that other work on the
machine disturbs it less; the best of a few rounds. Healthy loads of ten virtual minutes, the shipped
scenarios as they are, and a day with hardly a call, which is mostly evaluations of alarms.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from recloser.lab.simulation.recording import FAILED, HELD, REFUSED, SUCCEEDED
from recloser.lab.simulation.scenario import Caller, Calls, Environments, Scenario
from recloser.lab.simulation.scenario_file import load_scenario
from recloser.lab.simulation.simulation import Run, simulate

ROUNDS = 3
SCENARIOS = Path(__file__).parents[1] / "examples" / "scenarios"
FLEET = Scenario(duration_seconds=600, environments=Environments(100))
LOADS = {
    "healthy, a line per call": (1, False),
    "healthy, 10 calls an invocation, a line per call": (10, False),
    "healthy, 10 calls an invocation, gathered": (10, True),
    "healthy, 100 calls an invocation, gathered": (100, True),
    "healthy, 1 call an invocation, gathered": (1, True),
}
DAY_SECONDS = 86_400

Counter = Callable[[Run], int]


def main() -> None:
    logging.getLogger("recloser").setLevel(logging.CRITICAL)
    for name, (per_invocation, handler) in LOADS.items():
        calls, caller = Calls(500, per_invocation), Caller(handler=handler)
        scenario = Scenario(duration_seconds=600, environments=FLEET.environments, calls=calls, caller=caller)
        report(name, best(scenario, calls_of), "calls/s")
    for path in sorted(SCENARIOS.glob("*.yaml")):
        report(f"scenario {path.stem}", best(load_scenario(path), calls_of), "calls/s")
    quiet = Scenario(duration_seconds=DAY_SECONDS, environments=Environments(1), calls=Calls(0.01))
    report("a quiet day, three alarms", best(quiet, evaluations_of), "evaluations/s")


def report(what: str, per_second: float, unit: str) -> None:
    print(f"{what:50} {per_second:>10,.0f} {unit}")


def best(scenario: Scenario, count: Counter) -> float:
    return max(measured(scenario, count) for _ in range(ROUNDS))


def measured(scenario: Scenario, count: Counter) -> float:
    began = time.process_time()
    run = simulate(scenario)
    return count(run) / (time.process_time() - began)


def calls_of(run: Run) -> int:
    return sum(run.recording.total(column) for column in (SUCCEEDED, FAILED, REFUSED, HELD))


def evaluations_of(run: Run) -> int:
    """Two alarms are evaluated every ten seconds, one every minute."""
    seconds = int(run.scenario.duration_seconds)
    return 2 * seconds // 10 + seconds // 60


if __name__ == "__main__":
    main()
