"""Metrics as CloudWatch stores them: an identity, samples, and sums of samples per period.

A sample is invisible to every query made before it became available; that is how publication lag,
log extraction and injected delays are modelled without any clock in here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from recloser.lab.cloudwatch.series import Aggregate, Series

NO_UNIT = "None"


class Metric(NamedTuple):
    """What makes a metric one metric: namespace, name and the exact set of dimensions.

    Dimension order does not matter, so dimensions are kept sorted by name.
    """

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str] | None = None) -> "Metric":
        return cls(namespace, name, tuple(sorted((dimensions or {}).items())))

    def __str__(self) -> str:
        dimensions = ", ".join(f"{name}={value}" for name, value in self.dimensions)
        return f"{self.namespace}/{self.name}" + (f" {{{dimensions}}}" if dimensions else "")


@dataclass(frozen=True, slots=True)
class Sample:
    """One published value, `count` times.

    `storage_resolution_seconds` is 1 (kept by the second) or 60 (kept by the minute).
    `available_at_ms` is when a query can first see it; None means at its own timestamp.
    """

    metric: Metric
    timestamp_ms: int
    value: float
    count: float = 1.0
    available_at_ms: int | None = None
    unit: str = NO_UNIT
    storage_resolution_seconds: int = 60


class MetricStore:
    """Every metric of a region.

    Queries of one metric go forward in time: asking about an instant before an earlier query raises
    ValueError, because samples that have become visible are summed up for good.
    """

    def __init__(self) -> None:
        self._series: dict[Metric, dict[str, Series]] = {}

    def add(
        self,
        metric: Metric,
        timestamp_ms: int,
        value: float,
        count: float = 1.0,
        available_at_ms: int | None = None,
        unit: str = NO_UNIT,
        storage_resolution_seconds: int = 60,
    ) -> None:
        """Stores `value` (`count` times), which queries see from `available_at_ms` on.

        Standard resolution (60) keeps the minute, high resolution (1) the second of the timestamp
        (AWS: "Publishing custom metrics", high-resolution metrics).
        """
        if available_at_ms is None:
            available_at_ms = timestamp_ms
        self.series(metric, unit).add(timestamp_ms, value, count, available_at_ms, storage_resolution_seconds)

    def add_samples(self, samples: Iterable[Sample]) -> None:
        for sample in samples:
            self.add(
                sample.metric,
                sample.timestamp_ms,
                sample.value,
                sample.count,
                sample.available_at_ms,
                sample.unit,
                sample.storage_resolution_seconds,
            )

    def series(self, metric: Metric, unit: str = NO_UNIT) -> Series:
        """The samples of one metric in one unit; made when first asked for."""
        units = self._series.get(metric)
        if units is None:
            units = self._series[metric] = {}
        found = units.get(unit)
        if found is None:
            found = units[unit] = Series()
        return found

    def metrics(self) -> list[Metric]:
        """Every metric that was ever published here, sorted."""
        return sorted(self._series)

    def units(self, metric: Metric) -> list[str]:
        return sorted(self._series.get(metric, ()))

    def aggregates(
        self,
        metric: Metric,
        unit: str | None,
        start_ms: int,
        period_seconds: int,
        buckets: int,
        at_ms: int,
        *,
        with_values: bool = False,
    ) -> "list[Aggregate | None]":
        """What a query at `at_ms` sees in `buckets` periods from `start_ms` on; None where nothing was published.

        `start_ms` is a whole second. `unit` None accepts any unit. Units are never added up: where a period
        holds several, the alphabetically first one answers. AWS calls that case undefined
        (PutMetricAlarm, `Unit`), so this choice is only a deterministic one.
        """
        units = self._series.get(metric)
        if units is None:
            return [None] * buckets
        if unit is not None:
            series = units.get(unit)
            wanted = [] if series is None else [series]
        else:
            wanted = [units[name] for name in sorted(units)] if len(units) > 1 else list(units.values())
        if not wanted:
            return [None] * buckets
        found = wanted[0].aggregates(start_ms, period_seconds, buckets, at_ms, with_values=with_values)
        for other in wanted[1:]:
            more = other.aggregates(start_ms, period_seconds, buckets, at_ms, with_values=with_values)
            found = [
                first if first is not None else second for first, second in zip(found, more, strict=True)
            ]
        return found

    def prune(self, before_ms: int) -> None:
        """Forgets visible samples older than `before_ms`."""
        for units in self._series.values():
            for series in units.values():
                series.prune(before_ms)
