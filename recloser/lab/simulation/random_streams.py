"""Random numbers, all of them from one seed: each purpose has a stream of its own.

A change in one part of a scenario thus leaves the random numbers of the others as they were, and two runs
that differ in one setting meet the same calls.
"""

from __future__ import annotations

from random import Random

from recloser.lab.simulation.scenario import Lateness, Range


class RandomStream:
    """The random numbers of one purpose."""

    def __init__(self, seed: int, purpose: str) -> None:
        self.numbers = Random(f"{seed}/{purpose}")  # noqa: S311  (it is meant to repeat)

    def happens(self, probability: float) -> bool:
        """Tell whether something of this probability happens; 0 and 1 take no number from the stream."""
        return probability > 0 and (probability >= 1 or self.numbers.random() < probability)

    def between(self, bounds: Range) -> float:
        return self.numbers.uniform(*bounds)

    def lateness_seconds(self, lateness: Lateness) -> float:
        """Return how much longer it takes; mostly 0."""
        return self.numbers.uniform(0, lateness.seconds) if self.happens(lateness.probability) else 0.0
