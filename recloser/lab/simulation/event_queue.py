"""Virtual time: a queue of actions, each at its time.

A plain heap, not simpy: everything here is a message that arrives at a time ("at this instant, do that"),
and no part of the simulation waits in the middle of what it does. Processes as generators would add a
scheduler of their own, cost several times as much per event, and could not suspend the library's synchronous
code anyway.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

Action = Callable[[], object]

MS_PER_SECOND = 1000


class EventQueue:
    """Actions in the order of their times; of two at the same instant, the one that was added first.

    Args:
        start_ms: where time begins, epoch milliseconds.

    Attributes:
        now_ms: the present. It only goes forward.

    """

    def __init__(self, start_ms: int) -> None:
        self.now_ms = start_ms
        self._heap: list[tuple[int, int, Action]] = []
        self._numbers = itertools.count()

    def at(self, at_ms: int, action: Action) -> None:
        """Add an action; one whose time is over runs next."""
        heapq.heappush(self._heap, (max(at_ms, self.now_ms), next(self._numbers), action))

    def after(self, seconds: float, action: Action) -> None:
        self.at(self.now_ms + round(seconds * MS_PER_SECOND), action)

    def next_ms(self) -> int | None:
        return self._heap[0][0] if self._heap else None

    def step(self) -> None:
        """Run the next action."""
        self.now_ms, _, action = heapq.heappop(self._heap)
        action()
