"""The samples of one metric in one unit, summed up by the second and by the minute."""

import heapq
from dataclasses import dataclass, field

MS_PER_SECOND = 1000
SECONDS_PER_MINUTE = 60


@dataclass(slots=True)
class Aggregate:
    """Samples summed up: enough for the basic statistics, and for the others if `values` is kept.

    `values` maps each value to how often it was published. `has_distribution` is False when a statistic
    set went in whose single values are unknown.
    """

    count: float = 0.0
    total: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")
    values: dict[float, float] = field(default_factory=dict)
    has_distribution: bool = True

    def add(self, value: float, count: float) -> None:
        self.count += count
        self.total += value * count
        if value < self.minimum:
            self.minimum = value
        if value > self.maximum:
            self.maximum = value

    def add_with_value(self, value: float, count: float) -> None:
        self.add(value, count)
        self.values[value] = self.values.get(value, 0.0) + count

    def add_statistics(self, count: float, total: float, minimum: float, maximum: float) -> None:
        self.count += count
        self.total += total
        self.minimum = min(self.minimum, minimum)
        self.maximum = max(self.maximum, maximum)

    def merge(self, other: "Aggregate") -> None:
        self.add_statistics(other.count, other.total, other.minimum, other.maximum)
        self.has_distribution = self.has_distribution and other.has_distribution

    def merge_with_values(self, other: "Aggregate") -> None:
        self.merge(other)
        values = self.values
        for value, count in other.values.items():
            values[value] = values.get(value, 0.0) + count


class Series:
    """Samples that wait for their time, and cells of what is visible.

    Basic statistics of whole minutes come from cells of a minute, everything else from cells of a second;
    only the latter keep single values, so that a sample costs two sums and one dictionary entry.
    """

    __slots__ = ("_minutes", "_pending", "_seconds", "_sequence", "_visible_until_ms")

    def __init__(self) -> None:
        self._seconds: dict[int, Aggregate] = {}
        self._minutes: dict[int, Aggregate] = {}
        self._pending: list[tuple[int, int, int, float, float]] = []
        self._sequence = 0
        self._visible_until_ms = -(2**63)

    def add(
        self,
        timestamp_ms: int,
        value: float,
        count: float,
        available_at_ms: int,
        storage_resolution_seconds: int,
    ) -> None:
        if storage_resolution_seconds == 1:
            second = timestamp_ms // MS_PER_SECOND
        else:
            # A standard-resolution sample belongs to its minute, so a 10 s alarm finds it in one bucket of six.
            second = timestamp_ms // (MS_PER_SECOND * SECONDS_PER_MINUTE) * SECONDS_PER_MINUTE
        if available_at_ms <= self._visible_until_ms:
            self._show(second, value, count)
        else:
            self._sequence += 1
            heapq.heappush(self._pending, (available_at_ms, self._sequence, second, value, count))

    def aggregates(
        self, start_ms: int, period_seconds: int, buckets: int, at_ms: int, *, with_values: bool
    ) -> list[Aggregate | None]:
        self._advance(at_ms)
        start_second = start_ms // MS_PER_SECOND
        whole_minutes = start_second % SECONDS_PER_MINUTE == 0 and period_seconds % SECONDS_PER_MINUTE == 0
        if whole_minutes and not with_values:
            first = start_second // SECONDS_PER_MINUTE
            width = period_seconds // SECONDS_PER_MINUTE
            return _basic(self._minutes, first, width, buckets)
        if with_values:
            return _distributions(self._seconds, start_second, period_seconds, buckets)
        return _basic(self._seconds, start_second, period_seconds, buckets)

    def prune(self, before_ms: int) -> None:
        before_second = before_ms // MS_PER_SECOND
        for slot in [slot for slot in self._seconds if slot < before_second]:
            del self._seconds[slot]
        before_minute = before_second // SECONDS_PER_MINUTE
        for slot in [slot for slot in self._minutes if slot < before_minute]:
            del self._minutes[slot]

    def _advance(self, at_ms: int) -> None:
        if at_ms < self._visible_until_ms:
            raise ValueError(
                f"queries go forward in time: asked about {at_ms} ms after {self._visible_until_ms} ms"
            )
        self._visible_until_ms = at_ms
        pending = self._pending
        while pending and pending[0][0] <= at_ms:
            _, _, second, value, count = heapq.heappop(pending)
            self._show(second, value, count)

    def _show(self, second: int, value: float, count: float) -> None:
        cell = self._seconds.get(second)
        if cell is None:
            cell = self._seconds[second] = Aggregate()
        cell.add_with_value(value, count)
        minute = second // SECONDS_PER_MINUTE
        cell = self._minutes.get(minute)
        if cell is None:
            cell = self._minutes[minute] = Aggregate()
        cell.add(value, count)


def _basic(cells: dict[int, Aggregate], first: int, width: int, buckets: int) -> list[Aggregate | None]:
    get = cells.get
    found: list[Aggregate | None] = []
    for start in range(first, first + width * buckets, width):
        whole: Aggregate | None = None
        for slot in range(start, start + width):
            cell = get(slot)
            if cell is None:
                continue
            if whole is None:
                whole = Aggregate(cell.count, cell.total, cell.minimum, cell.maximum)
            else:
                whole.merge(cell)
        found.append(whole)
    return found


def _distributions(
    cells: dict[int, Aggregate], first: int, width: int, buckets: int
) -> list[Aggregate | None]:
    found: list[Aggregate | None] = []
    for start in range(first, first + width * buckets, width):
        parts = [cell for slot in range(start, start + width) if (cell := cells.get(slot)) is not None]
        if not parts:
            found.append(None)
            continue
        whole = Aggregate()
        for part in parts:
            whole.merge_with_values(part)
        found.append(whole)
    return found
