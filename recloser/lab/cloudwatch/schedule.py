"""When which alarm is due."""

import heapq
import zlib
from collections.abc import Mapping

MS_PER_SECOND = 1000
FIRST_EVALUATION_MS = (22_000, 117_000)


def phase_ms(name: str, cadence_seconds: int) -> int:
    """The constant instant within its cadence at which an alarm is evaluated.

    AWS gives every alarm one of its own; here it comes from the name, so that runs repeat.
    """
    return zlib.crc32(name.encode()) % (cadence_seconds * MS_PER_SECOND)


class Schedule:
    """One pending instant per key, the earliest first; setting a key again replaces its instant."""

    def __init__(self) -> None:
        self._queue: list[tuple[int, str]] = []
        self._due: dict[str, int] = {}

    def set(self, key: str, at_ms: int | None) -> None:
        """Makes `key` due at `at_ms`; None: not at all."""
        if at_ms is None:
            self._due.pop(key, None)
        else:
            self._due[key] = at_ms
            heapq.heappush(self._queue, (at_ms, key))

    def next_ms(self) -> int | None:
        queue = self._queue
        while queue and self._due.get(queue[0][1]) != queue[0][0]:
            heapq.heappop(queue)
        return queue[0][0] if queue else None

    def pop(self) -> str:
        """The key that is due next. Raises IndexError if there is none."""
        self.next_ms()
        _, key = heapq.heappop(self._queue)
        del self._due[key]
        return key


class Cadence:
    """The instants at which alarms are evaluated; `phases_ms` overrides those of some alarms by name."""

    def __init__(self, phases_ms: Mapping[str, int] | None = None) -> None:
        self._given_ms = dict(phases_ms or {})
        self._phases_ms = dict(self._given_ms)
        self._restarts: dict[str, int] = {}

    def first_ms(self, name: str, cadence_seconds: int, after_ms: int) -> int:
        """Choose a new phase; return its first instant, 22 to 117 s after `after_ms` (captured)."""
        if name in self._given_ms:
            return self.next_ms(name, cadence_seconds, after_ms)
        restart = self._restarts[name] = self._restarts.get(name, 0) + 1
        shortest, longest = FIRST_EVALUATION_MS
        first_ms = after_ms + shortest + zlib.crc32(f"{name}/{restart}".encode()) % (longest - shortest)
        self.start(name, first_ms)
        return first_ms

    def start(self, name: str, first_ms: int) -> None:
        """From now on the phase is that of `first_ms`."""
        self._phases_ms[name] = first_ms

    def next_ms(self, name: str, cadence_seconds: int, after_ms: int) -> int:
        """The first instant of the alarm after `after_ms`."""
        cadence_ms = cadence_seconds * MS_PER_SECOND
        phase = self._phases_ms.get(name, phase_ms(name, cadence_seconds)) % cadence_ms
        return after_ms - (after_ms - phase) % cadence_ms + cadence_ms
