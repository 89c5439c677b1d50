"""What is done, and when: healthy, an outage, healthy again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from recloser import State
from recloser.lab.demo.observer import Observer, Phase
from recloser.lab.local_aws.dependency import FAILING, HEALTHY, Behavior

POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Timing:
    """How long each part takes, in seconds.

    Health lasts until the circuit's usual calls are known. The outage is long enough for the fleet to trip
    and for one probe to fail after that. The recovery ends a while after the circuit has closed, or when
    there is no hope left.
    """

    healthy_seconds: float = 50  # so long that the circuit's usual calls are known
    outage_seconds: float = 45
    recovery_at_most_seconds: float = 60
    after_close_seconds: float = 12


def play(
    timing: Timing,
    observer: Observer,
    tell: Callable[[Behavior], object],
    meanwhile: Iterable[Callable[[], object]],
) -> None:
    """Play the scenario from beginning to end.

    Args:
        timing: how long each part takes.
        observer: what it sees ends the recovery.
        tell: changes the dependency's behavior.
        meanwhile: what to do again and again: look, show, and raise what went wrong elsewhere.

    """

    def begin(name: str, behavior: Behavior) -> None:
        observer.see_phase(Phase(time.time_ns() // 1_000_000, name, is_outage=behavior is not HEALTHY))
        tell(behavior)

    def wait(seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not until():
            for each in meanwhile:
                each()
            time.sleep(POLL_SECONDS)

    begin("healthy", HEALTHY)
    wait(timing.healthy_seconds)
    begin("failing", FAILING)
    wait(timing.outage_seconds)
    begin("healthy again", HEALTHY)
    wait(timing.recovery_at_most_seconds, until=lambda: observer.circuit.state is State.CLOSED)
    wait(timing.after_close_seconds)
