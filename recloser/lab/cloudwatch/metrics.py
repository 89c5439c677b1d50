"""Metrics as CloudWatch stores them: an identity, samples, and sums of samples per period.

A sample is invisible to every query made before it became available; that is how publication lag,
log extraction and injected delays are modelled without any clock in here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from recloser.lab.cloudwatch.aggregate import Aggregate
from recloser.lab.cloudwatch.series import Series, Set, Span

NO_UNIT = "None"
STANDARD_RESOLUTION_SECONDS = 60


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
    storage_resolution_seconds: int = STANDARD_RESOLUTION_SECONDS


@dataclass(frozen=True, slots=True)
class StatisticSet:
    """Samples published as a sum: how many, their sum, the smallest and the largest.

    Percentiles and their kin need single values, which such a set has only if all of them must be equal.
    """

    metric: Metric
    timestamp_ms: int
    count: float
    total: float
    minimum: float
    maximum: float
    available_at_ms: int | None = None
    unit: str = NO_UNIT
    storage_resolution_seconds: int = STANDARD_RESOLUTION_SECONDS

    @property
    def single_value(self) -> float | None:
        """The value of every sample, if only one fits (user guide, requirements for percentiles)."""
        is_flat = self.minimum == self.maximum and self.total == self.minimum * self.count
        return self.minimum if is_flat else None


class MetricStore:
    """Every metric of a region.

    Queries of one metric go forward in time: asking about an instant before an earlier query raises
    ValueError, because samples that have become visible are summed up for good.
    """

    def __init__(self) -> None:
        self._series: dict[Metric, dict[str, Series]] = {}
        self._first_seen_ms: dict[Metric, int] = {}

    def add(
        self,
        metric: Metric,
        timestamp_ms: int,
        value: float,
        count: float = 1.0,
        *,
        available_at_ms: int | None = None,
        unit: str = NO_UNIT,
        storage_resolution_seconds: int = STANDARD_RESOLUTION_SECONDS,
    ) -> None:
        """Stores `value` (`count` times), which queries see from `available_at_ms` on.

        Standard resolution (60) keeps the minute, high resolution (1) the second of the timestamp
        (AWS: "Publishing custom metrics", high-resolution metrics).
        """
        seen_ms = timestamp_ms if available_at_ms is None else available_at_ms
        self._saw(metric, seen_ms)
        self.series(metric, unit).add(timestamp_ms, value, count, seen_ms, storage_resolution_seconds)

    def add_all(self, samples: Iterable[Sample | StatisticSet]) -> None:
        for sample in samples:
            seen_ms = sample.timestamp_ms if sample.available_at_ms is None else sample.available_at_ms
            self._saw(sample.metric, seen_ms)
            series = self.series(sample.metric, sample.unit)
            value = sample.value if isinstance(sample, Sample) else sample.single_value
            if value is not None:
                series.add(
                    sample.timestamp_ms, value, sample.count, seen_ms, sample.storage_resolution_seconds
                )
            elif isinstance(sample, StatisticSet):
                statistics: Set = (sample.count, sample.total, sample.minimum, sample.maximum)
                series.add_set(sample.timestamp_ms, statistics, seen_ms, sample.storage_resolution_seconds)

    def _saw(self, metric: Metric, seen_ms: int) -> None:
        first_ms = self._first_seen_ms.get(metric)
        if first_ms is None or seen_ms < first_ms:
            self._first_seen_ms[metric] = seen_ms

    def first_seen_ms(self, metric: Metric) -> int | None:
        """When the first sample of a metric became available; None if there is none."""
        return self._first_seen_ms.get(metric)

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

    def aggregates(
        self, metric: Metric, unit: str | None, span: Span, at_ms: int, *, with_values: bool = False
    ) -> list[Aggregate | None]:
        """What a query at `at_ms` sees, by period; None where nothing was published.

        `unit` None accepts any unit. Units are never added up: where a period holds several, the
        alphabetically first one answers, as captured on AWS, which calls that case undefined (PutMetricAlarm,
        `Unit`).
        """
        units = self._series.get(metric, {})
        wanted = sorted(units) if unit is None else [unit] if unit in units else []
        found: list[Aggregate | None] | None = None
        for name in wanted:
            seen = units[name].aggregates(span, at_ms, with_values=with_values)
            found = (
                seen
                if found is None
                else [a if a is not None else b for a, b in zip(found, seen, strict=True)]
            )
        return [None] * span.buckets if found is None else found

    def prune(self, before_ms: int) -> None:
        """Forgets visible samples older than `before_ms`."""
        for units in self._series.values():
            for series in units.values():
                series.prune(before_ms)
