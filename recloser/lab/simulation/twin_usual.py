"""What the twin of CloudWatch knows of a circuit: `recloser.control.early_trip.Usual`."""

from __future__ import annotations

from recloser.circuit import Circuit
from recloser.control.early_trip import FailureRateAlarm
from recloser.control.usual_calls import PERIOD_MS, closed_calls_per_second, periods
from recloser.decide import Limits
from recloser.lab.cloudwatch import CloudWatch, Metric
from recloser.lab.cloudwatch.series import Span
from recloser.lab.simulation.scenario import AlarmSettings
from recloser.metrics.emf import DIMENSION, FAILURE, NAMESPACE

KEPT_MS = 30_000


class TwinUsual:
    """Reads the twin, and keeps what it read for half a minute, as the function does."""

    def __init__(self, cloudwatch: CloudWatch, settings: AlarmSettings, alarm: str) -> None:
        self._cloudwatch = cloudwatch
        self._alarm = FailureRateAlarm(
            alarm, Limits(settings.failure_threshold_percent, settings.minimum_calls_steady)
        )
        self._read_ms = 0
        self._generation = -1
        self._known: float | None = None

    def alarm(self, circuit: Circuit, now_ms: int) -> FailureRateAlarm | None:  # noqa: ARG002
        return self._alarm

    def calls_per_second(self, circuit: Circuit, now_ms: int) -> float | None:
        is_old = not 0 <= now_ms - self._read_ms < KEPT_MS
        if is_old or self._generation != circuit.generation or self._known is None:
            self._read_ms, self._generation = now_ms, circuit.generation
            self._known = self._read(circuit, now_ms)
        return self._known

    def _read(self, circuit: Circuit, now_ms: int) -> float | None:
        metric = Metric.of(NAMESPACE, FAILURE, {DIMENSION: circuit.name})
        begins = periods(now_ms)
        span = Span(begins.start, PERIOD_MS // 1000, len(begins))
        found = self._cloudwatch.metrics.aggregates(metric, None, span, now_ms)
        calls = {at: each.count for at, each in zip(begins, found, strict=True) if each is not None}
        return closed_calls_per_second(circuit, calls, now_ms)
