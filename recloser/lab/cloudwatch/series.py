"""The samples of one metric in one unit, summed up by the second and by the minute."""

import heapq
from typing import NamedTuple

from recloser.lab.cloudwatch.aggregate import Aggregate

MS_PER_SECOND = 1000
SECONDS_PER_MINUTE = 60

Set = tuple[float, float, float, float]
"""A statistic set: how many samples, their sum, the smallest, the largest."""


class Span(NamedTuple):
    """`buckets` periods of whole seconds from `start_ms` on."""

    start_ms: int
    period_seconds: int
    buckets: int


class Series:
    """Samples that wait for their time, and cells of what is visible.

    Basic statistics of whole minutes come from cells of a minute, everything else from cells of a second;
    only the latter keep single values, so that a sample costs two sums and one dictionary entry.
    """

    __slots__ = ("_distributions", "_minutes", "_pending", "_seconds", "_sequence", "_visible_until_ms")

    def __init__(self) -> None:
        self._seconds: dict[int, Aggregate] = {}
        self._minutes: dict[int, Aggregate] = {}
        self._distributions: dict[tuple[int, int], Aggregate] = {}
        self._pending: list[tuple[int, int, int, float, float, Set | None]] = []
        self._sequence = 0
        self._visible_until_ms = -(2**63)

    def add(
        self, timestamp_ms: int, value: float, count: float, available_at_ms: int, resolution_seconds: int
    ) -> None:
        second = _second(timestamp_ms, resolution_seconds)
        if available_at_ms <= self._visible_until_ms:
            self._show(second, value, count)
        else:
            # The sequence keeps the heap from comparing what does not order samples.
            self._sequence += 1
            heapq.heappush(self._pending, (available_at_ms, self._sequence, second, value, count, None))

    def add_set(
        self, timestamp_ms: int, statistics: Set, available_at_ms: int, resolution_seconds: int
    ) -> None:
        second = _second(timestamp_ms, resolution_seconds)
        self._sequence += 1
        heapq.heappush(self._pending, (available_at_ms, self._sequence, second, 0.0, 0.0, statistics))

    def aggregates(self, span: Span, at_ms: int, *, with_values: bool) -> list[Aggregate | None]:
        """What is visible at `at_ms`, by period; None where nothing was published."""
        self._advance(at_ms)
        start = span.start_ms // MS_PER_SECOND
        if with_values:
            return self._with_values(start, span.period_seconds, span.buckets)
        if start % SECONDS_PER_MINUTE == 0 and span.period_seconds % SECONDS_PER_MINUTE == 0:
            width = span.period_seconds // SECONDS_PER_MINUTE
            return _sums(self._minutes, start // SECONDS_PER_MINUTE, width, span.buckets)
        return _sums(self._seconds, start, span.period_seconds, span.buckets)

    def prune(self, before_ms: int) -> None:
        before = before_ms // MS_PER_SECOND
        for slot in [slot for slot in self._seconds if slot < before]:
            del self._seconds[slot]
        for slot in [slot for slot in self._minutes if slot < before // SECONDS_PER_MINUTE]:
            del self._minutes[slot]
        for key in [key for key in self._distributions if key[0] < before]:
            del self._distributions[key]

    def _advance(self, at_ms: int) -> None:
        if at_ms < self._visible_until_ms:
            raise ValueError(
                f"queries go forward in time: asked about {at_ms} ms after {self._visible_until_ms} ms"
            )
        self._visible_until_ms = at_ms
        pending = self._pending
        while pending and pending[0][0] <= at_ms:
            _, _, second, value, count, statistics = heapq.heappop(pending)
            if statistics is None:
                self._show(second, value, count)
            else:
                self._second(second).add_set(*statistics)
                self._minute(second).add_set(*statistics)

    def _show(self, second: int, value: float, count: float) -> None:
        self._second(second).add_with_value(value, count)
        self._minute(second).add(value, count)

    def _second(self, second: int) -> Aggregate:
        cell = self._seconds.get(second)
        if cell is None:
            cell = self._seconds[second] = Aggregate()
        return cell

    def _minute(self, second: int) -> Aggregate:
        minute = second // SECONDS_PER_MINUTE
        cell = self._minutes.get(minute)
        if cell is None:
            cell = self._minutes[minute] = Aggregate()
        return cell

    def _with_values(self, first: int, width: int, buckets: int) -> list[Aggregate | None]:
        """Sums that keep single values. They are dear, so each is kept until one of its cells changes."""
        get = self._seconds.get
        found: list[Aggregate | None] = []
        for start in range(first, first + width * buckets, width):
            cells = [cell for slot in range(start, start + width) if (cell := get(slot)) is not None]
            if not cells:
                found.append(None)
                continue
            whole = self._distributions.get((start, width))
            if whole is None or whole.writes != sum(cell.writes for cell in cells):
                whole = self._distributions[start, width] = Aggregate()
                for cell in cells:
                    whole.merge_with_values(cell)
            found.append(whole)
        return found


def _second(timestamp_ms: int, resolution_seconds: int) -> int:
    if resolution_seconds == 1:
        return timestamp_ms // MS_PER_SECOND
    # A standard-resolution sample belongs to its minute, so a 10 s alarm finds it in one period of six.
    return timestamp_ms // (MS_PER_SECOND * SECONDS_PER_MINUTE) * SECONDS_PER_MINUTE


def _sums(cells: dict[int, Aggregate], first: int, width: int, buckets: int) -> list[Aggregate | None]:
    get = cells.get
    if width == 1:
        return [get(slot) for slot in range(first, first + buckets)]
    found: list[Aggregate | None] = []
    for start in range(first, first + width * buckets, width):
        whole: Aggregate | None = None
        for slot in range(start, start + width):
            cell = get(slot)
            if cell is None:
                continue
            if whole is None:
                whole = Aggregate()
            whole.merge(cell)
        found.append(whole)
    return found
