"""The samples of one metric in one unit, summed up by ten seconds and by the minute."""

import heapq
from typing import NamedTuple

from recloser.lab.cloudwatch.aggregate import Aggregate

MS_PER_SECOND = 1000
CELL_SECONDS = 10
SECONDS_PER_MINUTE = 60
CELLS_PER_MINUTE = SECONDS_PER_MINUTE // CELL_SECONDS

Set = tuple[float, float, float, float]
"""A statistic set: how many samples, their sum, the smallest, the largest."""


class Span(NamedTuple):
    """`buckets` periods from `start_ms` on. Alarms have periods of 10, 20, 30 or k times 60 s."""

    start_ms: int
    period_seconds: int
    buckets: int


class Series:
    """Samples that wait for their time, and cells of what is visible.

    No alarm looks closer than ten seconds, so that is the finest cell, and the one that keeps single values.
    Basic statistics of whole minutes come from cells of a minute. A sample thus costs two sums and a
    dictionary entry, and reading the periods of a 10 s alarm costs nothing but finding them.
    """

    __slots__ = ("_cells", "_distributions", "_minutes", "_pending", "_sequence", "_visible_until_ms")

    def __init__(self) -> None:
        self._cells: dict[int, Aggregate] = {}
        self._minutes: dict[int, Aggregate] = {}
        self._distributions: dict[tuple[int, int], Aggregate] = {}
        self._pending: list[tuple[int, int, int, float, float, Set | None]] = []
        self._sequence = 0
        self._visible_until_ms = -(2**63)

    def add(
        self, timestamp_ms: int, value: float, count: float, available_at_ms: int, resolution_seconds: int
    ) -> None:
        cell = _cell(timestamp_ms, resolution_seconds)
        if available_at_ms <= self._visible_until_ms:
            self._show(cell, value, count)
        else:
            # The sequence keeps the heap from comparing what does not order samples.
            self._sequence += 1
            heapq.heappush(self._pending, (available_at_ms, self._sequence, cell, value, count, None))

    def add_set(
        self, timestamp_ms: int, statistics: Set, available_at_ms: int, resolution_seconds: int
    ) -> None:
        cell = _cell(timestamp_ms, resolution_seconds)
        self._sequence += 1
        heapq.heappush(self._pending, (available_at_ms, self._sequence, cell, 0.0, 0.0, statistics))

    def aggregates(self, span: Span, at_ms: int, *, with_values: bool) -> list[Aggregate | None]:
        """What is visible at `at_ms`, by period; None where nothing was published.

        Raises ValueError for a span that does not lie on whole cells, and for going back in time.
        """
        start_seconds, rest = divmod(span.start_ms, MS_PER_SECOND)
        if rest or start_seconds % CELL_SECONDS or span.period_seconds % CELL_SECONDS:
            raise ValueError(f"{span} does not lie on multiples of {CELL_SECONDS} s")
        self._advance(at_ms)
        first, width = start_seconds // CELL_SECONDS, span.period_seconds // CELL_SECONDS
        if width == 1:
            return [self._cells.get(slot) for slot in range(first, first + span.buckets)]
        if with_values:
            return self._with_values(first, width, span.buckets)
        if first % CELLS_PER_MINUTE == 0 and width % CELLS_PER_MINUTE == 0:
            first, width = first // CELLS_PER_MINUTE, width // CELLS_PER_MINUTE
            return _sums(self._minutes, first, width, span.buckets)
        return _sums(self._cells, first, width, span.buckets)

    def prune(self, before_ms: int) -> None:
        before = before_ms // (MS_PER_SECOND * CELL_SECONDS)
        for slot in [slot for slot in self._cells if slot < before]:
            del self._cells[slot]
        for slot in [slot for slot in self._minutes if slot < before // CELLS_PER_MINUTE]:
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
            _, _, slot, value, count, statistics = heapq.heappop(pending)
            if statistics is None:
                self._show(slot, value, count)
            else:
                _at(self._cells, slot).add_set(*statistics)
                _at(self._minutes, slot // CELLS_PER_MINUTE).add_set(*statistics)

    def _show(self, slot: int, value: float, count: float) -> None:
        _at(self._cells, slot).add_with_value(value, count)
        _at(self._minutes, slot // CELLS_PER_MINUTE).add(value, count)

    def _with_values(self, first: int, width: int, buckets: int) -> list[Aggregate | None]:
        """Sums that keep single values. They are dear, so each is kept until one of its cells changes."""
        found: list[Aggregate | None] = []
        for start in range(first, first + width * buckets, width):
            cells = [cell for slot in range(start, start + width) if (cell := self._cells.get(slot))]
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


def _cell(timestamp_ms: int, resolution_seconds: int) -> int:
    if resolution_seconds == 1:
        return timestamp_ms // (MS_PER_SECOND * CELL_SECONDS)
    # A standard-resolution sample belongs to its minute, so a 10 s alarm finds it in one period of six.
    return timestamp_ms // (MS_PER_SECOND * SECONDS_PER_MINUTE) * CELLS_PER_MINUTE


def _at(cells: dict[int, Aggregate], slot: int) -> Aggregate:
    cell = cells.get(slot)
    if cell is None:
        cell = cells[slot] = Aggregate()
    return cell


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
