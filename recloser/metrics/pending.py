"""Values of metrics that wait to be sent: counted rather than listed, and never more than a bound."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from recloser.metrics.emf import Value

UNIQUE_VALUES_PER_METRIC = 150  # "PutMetricData", CloudWatch API reference: the longest array of values


class Part:
    """What happened to one circuit within one second: how often each metric had which value.

    No metric has more than 150 unique values, so each fits one datum, and the values of one call, which are
    added together, are sent together.

    Attributes:
        circuit: the dimension's value.
        at_seconds: the second, epoch.
        counts: metric name to its values, and how often each came.

    """

    __slots__ = ("at_seconds", "circuit", "counts")

    def __init__(self, circuit: str, at_seconds: int) -> None:
        self.circuit = circuit
        self.at_seconds = at_seconds
        self.counts: dict[str, dict[float, int]] = {}

    @property
    def unique_values(self) -> int:
        return sum(map(len, self.counts.values()))

    @property
    def values(self) -> int:
        return sum(sum(counts.values()) for counts in self.counts.values())

    def has_room_for(self, values: Mapping[str, Sequence[float]]) -> bool:
        return all(
            len(self.counts.get(metric, ())) + len(column) <= UNIQUE_VALUES_PER_METRIC
            for metric, column in values.items()
        )

    def add(self, values: Mapping[str, Sequence[float]]) -> None:
        for metric, column in values.items():
            counts = self.counts.setdefault(metric, {})
            for value in column:
                counts[value] = counts.get(value, 0) + 1


class PendingMetrics:
    """Parts in the order of their coming; the oldest are given up where there are too many. No lock.

    Args:
        max_pending: the most unique values that are kept.

    Attributes:
        dropped: how many values were given up.
        unique_values: how many are kept.

    """

    def __init__(self, max_pending: int) -> None:
        self._max_pending = max_pending
        self._parts: deque[Part] = deque()
        self._open: dict[tuple[str, int], Part] = {}
        self.unique_values = 0
        self.dropped = 0

    def add(self, circuit: str, values: Mapping[str, Value], at_seconds: int) -> None:
        """Take values that belong together; arrays too long for a datum piece by piece."""
        for piece in _pieces(values):
            part = self._open.get((circuit, at_seconds))
            if part is None or not part.has_room_for(piece):
                part = self._open[circuit, at_seconds] = Part(circuit, at_seconds)
                self._parts.append(part)
            before = part.unique_values
            part.add(piece)
            self.unique_values += part.unique_values - before
        self._give_up_what_is_too_much()

    def take(self) -> list[Part]:
        """Take everything away."""
        taken = list(self._parts)
        self._parts.clear()
        self._open.clear()
        self.unique_values = 0
        return taken

    def put_back(self, parts: Sequence[Part]) -> None:
        """Put back what could not be sent, before what has come meanwhile."""
        self._parts.extendleft(reversed(parts))
        self.unique_values += sum(part.unique_values for part in parts)
        self._give_up_what_is_too_much()

    def refuse(self, values: Mapping[str, Value]) -> None:
        """Count values that come too late."""
        self.dropped += sum(len(column) for piece in _pieces(values) for column in piece.values())

    def give_up(self, parts: Sequence[Part]) -> None:
        """Count parts that will not be sent."""
        self.dropped += sum(part.values for part in parts)

    def _give_up_what_is_too_much(self) -> None:
        # The oldest first: alarms look at what is new.
        while self.unique_values > self._max_pending:
            part = self._parts.popleft()
            self.unique_values -= part.unique_values
            self.give_up([part])
            if self._open.get((part.circuit, part.at_seconds)) is part:
                del self._open[part.circuit, part.at_seconds]


def _pieces(values: Mapping[str, Value]) -> Iterator[dict[str, Sequence[float]]]:
    columns = {
        metric: [value] if isinstance(value, int | float) else value for metric, value in values.items()
    }
    longest = max(map(len, columns.values()), default=0)
    for start in range(0, longest, UNIQUE_VALUES_PER_METRIC):
        end = start + UNIQUE_VALUES_PER_METRIC
        yield {metric: column[start:end] for metric, column in columns.items() if column[start:end]}
