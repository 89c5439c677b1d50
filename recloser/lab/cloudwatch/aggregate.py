"""Samples of one metric summed up."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Aggregate:
    """Samples summed up: enough for the basic statistics, and for the others if `values` is kept.

    `values` maps each value to how often it was published. `has_distribution` is False once a statistic set
    has gone in whose single values are unknown. `writes` counts additions, so that what was worked out from
    an aggregate can tell whether it still holds.
    """

    count: float = 0.0
    total: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")
    has_distribution: bool = True
    writes: int = 0
    values: dict[float, float] = field(default_factory=dict)
    computed: dict[str, tuple[int, float | None]] = field(default_factory=dict)
    """Statistics worked out so far, by name, each with the `writes` that it knew."""
    _sorted: tuple[int, list[tuple[float, float]]] = (0, [])

    def add(self, value: float, count: float) -> None:
        self.count += count
        self.total += value * count
        if value < self.minimum:  # noqa: PLR1730 - min() takes three times as long, per sample
            self.minimum = value
        if value > self.maximum:  # noqa: PLR1730 - the same
            self.maximum = value
        self.writes += 1

    def add_with_value(self, value: float, count: float) -> None:
        self.add(value, count)
        self.values[value] = self.values.get(value, 0.0) + count

    def add_set(self, count: float, total: float, minimum: float, maximum: float) -> None:
        """Adds a sum of samples whose single values are not known."""
        self.count += count
        self.total += total
        self.minimum = min(self.minimum, minimum)
        self.maximum = max(self.maximum, maximum)
        self.has_distribution = False
        self.writes += 1

    def merge(self, other: "Aggregate") -> None:
        self.count += other.count
        self.total += other.total
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        self.has_distribution = self.has_distribution and other.has_distribution
        self.writes += other.writes

    def merge_with_values(self, other: "Aggregate") -> None:
        self.merge(other)
        values = self.values
        for value, count in other.values.items():
            values[value] = values.get(value, 0.0) + count

    def sorted_values(self) -> list[tuple[float, float]]:
        """The values with their counts, smallest first."""
        if self._sorted[0] != self.writes:
            self._sorted = (self.writes, sorted(self.values.items()))
        return self._sorted[1]
