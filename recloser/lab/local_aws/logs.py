"""Following the log groups of a region: every line once, soon after it was written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# Two writers may store lines in another order than their timestamps say; a line this late is still read.
OVERLAP_MS = 2_000


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log event."""

    group: str
    stream: str
    at_ms: int
    message: str


class LogFollower:
    """Reads what was added to all log groups since the last call."""

    def __init__(self, logs: Any) -> None:
        """Take the boto3 client of CloudWatch Logs."""
        self._logs = logs
        self._groups: dict[str, _Group] = {}

    def new_lines(self) -> Iterator[LogLine]:
        """Every line that was not returned before, group by group, in the order of their timestamps."""
        for page in self._logs.get_paginator("describe_log_groups").paginate():
            for found in page["logGroups"]:
                name = found["logGroupName"]
                try:
                    yield from self._groups.setdefault(name, _Group(name)).new_lines(self._logs)
                except self._logs.exceptions.ResourceNotFoundException:
                    del self._groups[name]  # deleted meanwhile, as with its stack


class _Group:
    """How far one group has been read.

    The emulator gives log events no id. Lines of one stream with one timestamp are only ever appended to, so
    their number tells which of them are new.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._since_ms = 0
        self._read: Counter[tuple[str, int]] = Counter()

    def new_lines(self, logs: Any) -> list[LogLine]:
        lines: list[LogLine] = []
        seen: Counter[tuple[str, int]] = Counter()
        for page in logs.get_paginator("filter_log_events").paginate(
            logGroupName=self.name, startTime=self._since_ms
        ):
            for event in page["events"]:
                place = (event["logStreamName"], event["timestamp"])
                seen[place] += 1
                if seen[place] > self._read[place]:
                    lines.append(LogLine(self.name, *place, event["message"]))
        newest_ms = max((at_ms for _, at_ms in seen), default=self._since_ms)
        self._since_ms = max(self._since_ms, newest_ms - OVERLAP_MS)
        self._read = Counter({place: count for place, count in seen.items() if place[1] >= self._since_ms})
        return lines
