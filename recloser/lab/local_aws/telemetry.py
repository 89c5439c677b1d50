"""From the functions' logs to metrics: what CloudWatch does with the embedded metric format."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from recloser.lab.cloudwatch import CloudWatch, Sample
from recloser.lab.local_aws.logs import LogFollower, LogLine

logger = logging.getLogger(__name__)

SampleListener = Callable[[Sample], object]


@dataclass(frozen=True, slots=True)
class Malformed:
    """A log line that was meant to be metrics, and what was dropped of it."""

    line: LogLine
    problems: tuple[str, ...]


class Telemetry:
    """Extracts the metrics of every new log line into CloudWatch; other lines are left alone.

    Args:
        follower: reads the logs.
        cloudwatch: takes the metrics.
        listener: is told of every extracted sample, in the order of extraction.

    Attributes:
        malformed: lines that were dropped, or parts of them.

    """

    def __init__(
        self, follower: LogFollower, cloudwatch: CloudWatch, listener: SampleListener = lambda _: None
    ) -> None:
        self._follower = follower
        self._cloudwatch = cloudwatch
        self._listener = listener
        self.malformed: list[Malformed] = []

    def collect(self, now_ms: int) -> None:
        """Take in all lines written since the last call; their metrics can be queried from `now_ms` on."""
        for line in self._follower.new_lines():
            self._extract(line, now_ms)

    def _extract(self, line: LogLine, now_ms: int) -> None:
        extraction = self._cloudwatch.put_emf(line.message, now_ms)
        if extraction.dropped:
            self.malformed.append(Malformed(line, tuple(extraction.dropped)))
            logger.warning("metrics of %s dropped: %s", line.group, "; ".join(extraction.dropped))
        for sample in extraction.samples:
            self._listener(sample)
