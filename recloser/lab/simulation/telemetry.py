"""From the callers' metrics to CloudWatch: counted as EMF, and readable some seconds later.

The publisher takes what the library hands to every publisher. It writes no text: it counts the bytes that
`EmfPublisher` would write, and gathers equal values that become readable in the same second, which CloudWatch
keeps as a value and a count. Tests hold both against the text.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from recloser.lab.cloudwatch import CloudWatch, Metric
from recloser.lab.simulation.agenda import MS_PER_SECOND, Agenda
from recloser.lab.simulation.chance import Chance
from recloser.lab.simulation.misfortune import Misfortune
from recloser.lab.simulation.scenario import Range
from recloser.metrics import DIMENSION, DURATION, NAMESPACE, Value, emf_document

if TYPE_CHECKING:
    from recloser.lab.simulation.environment import Environment

Batch = dict[tuple[str, int], dict[float, int]]
"""Metric name and second of its time, to values and how often each was published."""


@dataclass(slots=True)
class Written:
    """What the callers wrote to their logs."""

    documents: int = 0
    bytes: int = 0


class Telemetry:
    """Carries metrics to CloudWatch."""

    def __init__(
        self,
        circuit: str,
        agenda: Agenda,
        cloudwatch: CloudWatch,
        delay_seconds: Range,
        chance: Chance,
        misfortune: Misfortune,
    ) -> None:
        self._circuit = circuit
        self._agenda = agenda
        self._cloudwatch = cloudwatch
        self._shortest_ms = delay_seconds[0] * MS_PER_SECOND
        self._spread_ms = (delay_seconds[1] - delay_seconds[0]) * MS_PER_SECOND
        self._random = chance.numbers.random
        self._misfortune = misfortune
        self._batches: dict[int, Batch] = {}
        self._head_bytes: dict[tuple[str, ...], int] = {}
        self._metrics: dict[str, Metric] = {}
        self.written = Written()

    def publish(self, values: dict[str, Value], at_ms: int, now_ms: int) -> None:
        """Take what one document holds.

        Args:
            values: as for `Publisher.publish`.
            at_ms: the document's time.
            now_ms: when it is written.

        """
        self.written.documents += 1
        self.written.bytes += self._size(values)
        readable_ms = now_ms + self._shortest_ms + self._spread_ms * self._random()
        faults = self._misfortune.now
        copies = 1
        if faults.late_metrics.probability or faults.duplicated_metrics:
            late_seconds = self._misfortune.chance.lateness_seconds(faults.late_metrics)
            readable_ms += MS_PER_SECOND * late_seconds
            copies += self._misfortune.chance.happens(faults.duplicated_metrics)
        batch = self._batch(int(readable_ms) // MS_PER_SECOND + 1)
        second = at_ms // MS_PER_SECOND
        for name, value in values.items():
            counts = batch[name, second]
            if isinstance(value, int | float):
                counts[value] += copies
            else:
                for each in value:
                    counts[each] += copies

    def _batch(self, second: int) -> Batch:
        batch = self._batches.get(second)
        if batch is None:
            batch = self._batches[second] = defaultdict(lambda: defaultdict(int))
            self._agenda.at(second * MS_PER_SECOND, partial(self._arrive, second))
        return batch

    def _arrive(self, second: int) -> None:
        """Sums of floats depend on their order; sorted, a run repeats to the byte however it was gathered."""
        for (name, measured), counts in self._batches.pop(second).items():
            series = self._cloudwatch.metrics.series(self._metric(name), _unit(name))
            for value, count in counts.items():
                series.add(measured * MS_PER_SECOND, value, count, second * MS_PER_SECOND, 1)

    def _metric(self, name: str) -> Metric:
        metric = self._metrics.get(name)
        if metric is None:
            metric = self._metrics[name] = Metric.of(NAMESPACE, name, {DIMENSION: self._circuit})
        return metric

    def _size(self, values: dict[str, Value]) -> int:
        names = tuple(values)
        size = self._head_bytes.get(names)
        if size is None:
            empty = emf_document(self._circuit, dict.fromkeys(names, 0), 10**12, {})
            # A line has a line feed, and one digit stands where the values go.
            size = self._head_bytes[names] = len(json.dumps(empty, separators=(",", ":"))) + 1 - len(names)
        for value in values.values():
            if isinstance(value, int | float):
                size += len(repr(value))
            else:
                size += sum(map(len, map(repr, value))) + len(value) + 1
        return size


class EnvironmentPublisher:
    """The publisher of one environment."""

    __slots__ = ("_environment", "_telemetry")

    def __init__(self, telemetry: Telemetry, environment: Environment) -> None:
        self._telemetry = telemetry
        self._environment = environment

    def publish(self, circuit: str, values: dict[str, Value], at_ms: int) -> None:  # noqa: ARG002  (there is one)
        if not self._environment.is_dead:
            self._telemetry.publish(values, at_ms, self._environment.at_ms)


def _unit(name: str) -> str:
    return "Milliseconds" if name == DURATION else "Count"
