"""Messages between services: each has a delay, and some are lost, doubled or very late."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from recloser.errors import StoreError
from recloser.lab.simulation.event_queue import Action, EventQueue
from recloser.lab.simulation.fault_injection import FaultInjector
from recloser.lab.simulation.random_streams import RandomStream
from recloser.lab.simulation.scenario import Range


class Messages:
    """Everything that is on its way to a function.

    Attributes:
        dead_letters: messages that a function gave up after all its attempts.

    """

    def __init__(self, queue: EventQueue, random: RandomStream, faults: FaultInjector) -> None:
        self._queue = queue
        self._random = random
        self._faults = faults
        self._on_their_way: dict[int, Action] = {}
        self._number = 0
        self.dead_letters = 0

    def send(self, delay_seconds: Range, retries_seconds: Sequence[float], work: Action) -> None:
        """Send a message.

        Args:
            delay_seconds: how long it takes.
            retries_seconds: the pauses between a function's attempts, when a table fails it.
            work: what the function does with it.

        """
        faults, random = self._faults.now, self._faults.random
        if random.happens(faults.lost_messages):
            return
        for _ in range(1 + random.happens(faults.duplicated_messages)):
            seconds = self._random.between(delay_seconds) + random.lateness_seconds(faults.late_messages)
            self._send(seconds, partial(self._attempt, work, tuple(retries_seconds)))

    def deliver_one_early(self) -> None:
        """Let one of the messages arrive now, if there is one: two writers at the same moment."""
        if self._on_their_way:
            number = self._faults.random.numbers.choice(list(self._on_their_way))
            self._arrive(number)

    def _send(self, seconds: float, action: Action) -> None:
        self._number += 1
        self._on_their_way[self._number] = action
        self._queue.after(seconds, partial(self._arrive, self._number))

    def _arrive(self, number: int) -> None:
        action = self._on_their_way.pop(number, None)
        if action is not None:
            action()

    def _attempt(self, work: Action, retries_seconds: tuple[float, ...]) -> None:
        try:
            work()
        except StoreError:
            if retries_seconds:
                self._send(retries_seconds[0], partial(self._attempt, work, retries_seconds[1:]))
            else:
                self.dead_letters += 1
