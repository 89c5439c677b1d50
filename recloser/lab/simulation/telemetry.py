"""From the callers' metrics to CloudWatch: counted as EMF, and readable some seconds later.

The publisher takes what the library hands to every publisher. It writes no text: it counts the bytes that
`EmfPublisher` would write, and gathers equal values that become readable in the same second, which CloudWatch
keeps as a value and a count. Tests hold both against the text.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import partial

from recloser.lab.cloudwatch import CloudWatch, Metric
from recloser.lab.prices import BYTES_PER_LOG_EVENT
from recloser.lab.simulation.context import Context
from recloser.lab.simulation.event_queue import MS_PER_SECOND
from recloser.lab.simulation.machine import Machine
from recloser.metrics.emf import DIMENSION, DURATION, NAMESPACE, Value, emf_document

Batch = defaultdict[tuple[str, int], list[float]]
"""Metric name and second of its time, to the values."""


@dataclass(slots=True)
class Written:
    """What the callers wrote to their logs."""

    documents: int = 0
    bytes: int = 0

    @property
    def billed_bytes(self) -> int:
        """As CloudWatch Logs weighs them: each document is an event."""
        return self.bytes + self.documents * BYTES_PER_LOG_EVENT


class Telemetry:
    """Carries metrics to CloudWatch. What can be done for many values at once is, when they arrive."""

    def __init__(self, context: Context, cloudwatch: CloudWatch) -> None:
        self._circuit = context.scenario.circuit
        self._queue = context.queue
        self._cloudwatch = cloudwatch
        shortest, longest = context.scenario.delays.metric_seconds
        self._shortest_ms = shortest * MS_PER_SECOND
        self._spread_ms = (longest - shortest) * MS_PER_SECOND
        self._random = context.random("metrics").numbers.random
        self._faults = context.faults
        self._batches: dict[int, Batch] = {}
        self._head_bytes: dict[tuple[str, ...], int] = {}
        self._metrics: dict[str, Metric] = {}
        self._written = Written()
        self._has_ended = False

    def publish(self, values: dict[str, Value], at_ms: int, now_ms: int) -> None:
        """Take what one document holds.

        Args:
            values: as for `Publisher.publish`.
            at_ms: the document's time.
            now_ms: when it is written.

        """
        if self._has_ended:
            return
        written = self._written
        written.documents += 1
        written.bytes += self._head_bytes.get(tuple(values)) or self._head(values)
        readable_ms = now_ms + self._shortest_ms + self._spread_ms * self._random()
        if self._faults.is_possible:
            readable_ms += MS_PER_SECOND * self._faults.random.lateness_seconds(self._faults.now.late_metrics)
            if self._faults.random.happens(self._faults.now.duplicated_metrics):
                self._show(values, at_ms, int(readable_ms))
        second = int(readable_ms) // MS_PER_SECOND + 1
        batch = self._batches.get(second)
        if batch is None:
            batch = self._open_batch(second)
        measured = at_ms // MS_PER_SECOND
        for name, value in values.items():
            if isinstance(value, int | float):
                batch[name, measured].append(value)
            else:
                batch[name, measured] += value
                written.bytes += len(value) + 1  # brackets and commas

    def end(self) -> None:
        """Take no more: the run is over."""
        self._has_ended = True

    def written(self) -> Written:
        """Count what was written so far."""
        waiting = sum(_digits(values) for batch in self._batches.values() for values in batch.values())
        return Written(self._written.documents, self._written.bytes + waiting)

    def _open_batch(self, second: int) -> Batch:
        batch = self._batches[second] = defaultdict(list)
        self._queue.at(second * MS_PER_SECOND, partial(self._arrive, second))
        return batch

    def _arrive(self, second: int) -> None:
        for (name, measured), values in self._batches.pop(second).items():
            self._written.bytes += _digits(values)
            for value, count in Counter(values).items():
                self._add(name, measured * MS_PER_SECOND, value, count, second * MS_PER_SECOND)

    def _show(self, values: dict[str, Value], at_ms: int, readable_ms: int) -> None:
        for name, value in values.items():
            for each in [value] if isinstance(value, int | float) else value:
                self._add(name, at_ms, each, 1, readable_ms)

    def _add(self, name: str, at_ms: int, value: float, count: float, readable_ms: int) -> None:
        metric = self._metrics.get(name)
        if metric is None:
            metric = self._metrics[name] = Metric.of(NAMESPACE, name, {DIMENSION: self._circuit})
        self._cloudwatch.metrics.add(
            metric,
            at_ms,
            value,
            count,
            available_at_ms=readable_ms,
            unit="Milliseconds" if name == DURATION else "Count",
            storage_resolution_seconds=1,
        )

    def _head(self, values: dict[str, Value]) -> int:
        """Count a document's bytes without its numbers: its head, and a line feed."""
        empty = emf_document(self._circuit, dict.fromkeys(values, 0), 10**12, {})
        size = len(json.dumps(empty, separators=(",", ":"))) + 1 - len(values)
        self._head_bytes[tuple(values)] = size
        return size


def _digits(values: list[float]) -> int:
    return sum(map(len, map(repr, values)))


class EnvironmentPublisher:
    """The publisher of one environment."""

    __slots__ = ("_machine", "_telemetry")

    def __init__(self, telemetry: Telemetry, machine: Machine) -> None:
        self._telemetry = telemetry
        self._machine = machine

    def publish(self, circuit: str, values: dict[str, Value], at_ms: int) -> None:  # noqa: ARG002  (there is one)
        if not self._machine.is_dead:
            self._telemetry.publish(values, at_ms, self._machine.at_ms)
