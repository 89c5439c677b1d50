"""PutMetricData: what a caller may publish, and the samples it becomes (API reference, PutMetricData)."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from recloser.lab.cloudwatch.metrics import NO_UNIT, Metric, Sample, StatisticSet
from recloser.lab.cloudwatch.units import UNITS

MAXIMUM_VALUES = 150
MAXIMUM_DIMENSIONS = 30
MAXIMUM_VALUE = 2.0**360
MS_PER_SECOND = 1000
MS_PER_HOUR = 3_600_000
OLDEST_MS = 14 * 24 * MS_PER_HOUR
NEWEST_MS = 2 * MS_PER_HOUR


class InvalidDatumError(ValueError):
    """What PutMetricData refuses, naming the metric, the member and its value."""


def samples_of(
    namespace: str, data: Iterable[Mapping[str, Any]], now_ms: int, available_at_ms: int | None = None
) -> list[Sample | StatisticSet]:
    """The samples of a PutMetricData call at `now_ms`, visible from `available_at_ms` (default `now_ms`) on.

    Raises InvalidDatumError.
    """
    if namespace.startswith("AWS/") or not namespace:
        raise InvalidDatumError(f"Namespace must not be empty or start with AWS/, not {namespace!r}")
    seen_ms = now_ms if available_at_ms is None else available_at_ms
    return [sample for datum in data for sample in _Datum(namespace, datum).samples(now_ms, seen_ms)]


def is_timely(timestamp_ms: float, now_ms: int) -> bool:
    """CloudWatch takes samples of the last two weeks and of the next two hours."""
    return now_ms - OLDEST_MS <= timestamp_ms <= now_ms + NEWEST_MS


class _Datum:
    def __init__(self, namespace: str, datum: Mapping[str, Any]) -> None:
        self.datum = datum
        self.name = datum.get("MetricName")
        if not isinstance(self.name, str) or not self.name:
            raise InvalidDatumError(f"MetricName must be a text, not {self.name!r}")
        self.metric = Metric.of(namespace, self.name, self._dimensions(datum.get("Dimensions", ())))

    def samples(self, now_ms: int, available_at_ms: int) -> list[Sample | StatisticSet]:
        unit = self.datum.get("Unit", NO_UNIT)
        if not isinstance(unit, str) or unit not in UNITS:
            raise self._error(f"unknown Unit {unit!r}")
        resolution = self.datum.get("StorageResolution", 60)
        if not isinstance(resolution, int) or resolution not in {1, 60}:
            raise self._error(f"StorageResolution must be 1 or 60, not {resolution!r}")
        at_ms = self._timestamp_ms(now_ms)
        if "StatisticValues" in self.datum:
            count, total, minimum, maximum = self._statistics()
            return [
                StatisticSet(
                    self.metric, at_ms, count, total, minimum, maximum, available_at_ms, unit, resolution
                )
            ]
        return [
            Sample(self.metric, at_ms, value, count, available_at_ms, unit, resolution)
            for value, count in self._values()
        ]

    def _values(self) -> list[tuple[float, float]]:
        if "Value" in self.datum:
            return [(self._number("Value", self.datum["Value"]), 1.0)]
        values = self.datum.get("Values")
        if not isinstance(values, Sequence) or not 1 <= len(values) <= MAXIMUM_VALUES:
            raise self._error(
                f"Value, StatisticValues, or Values with 1 to {MAXIMUM_VALUES} numbers, must be given"
            )
        counts = self.datum.get("Counts", [1.0] * len(values))
        if len(counts) != len(values):
            raise self._error(f"there are {len(values)} Values but {len(counts)} Counts")
        pairs = [
            (self._number("Values", value), self._number("Counts", count))
            for value, count in zip(values, counts, strict=True)
        ]
        if any(count < 0 for _, count in pairs):
            raise self._error("Counts must not be negative")
        return pairs

    def _statistics(self) -> tuple[float, float, float, float]:
        given = self.datum["StatisticValues"]
        count, total, minimum, maximum = (
            self._number(key, given.get(key)) for key in ("SampleCount", "Sum", "Minimum", "Maximum")
        )
        if count <= 0 or minimum > maximum:
            raise self._error("StatisticValues needs a positive SampleCount and Minimum not above Maximum")
        return count, total, minimum, maximum

    def _number(self, key: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._error(f"{key} must hold numbers, not {value!r}")
        if not math.isfinite(value) or abs(value) > MAXIMUM_VALUE:
            raise self._error(f"{key} must lie within 2^360, not {value!r}")
        return float(value)

    def _dimensions(self, entries: Sequence[Mapping[str, str]]) -> dict[str, str]:
        if len(entries) > MAXIMUM_DIMENSIONS:
            raise self._error(f"at most {MAXIMUM_DIMENSIONS} dimensions are allowed, not {len(entries)}")
        return {entry["Name"]: entry["Value"] for entry in entries}

    def _timestamp_ms(self, now_ms: int) -> int:
        value = self.datum.get("Timestamp")
        if value is None:
            return now_ms
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(at, datetime):
            at = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        at_ms = round(float(at) * MS_PER_SECOND)
        if not is_timely(at_ms, now_ms):
            raise self._error(f"Timestamp {value} is older than two weeks or more than two hours ahead")
        return at_ms

    def _error(self, problem: str) -> InvalidDatumError:
        return InvalidDatumError(f"metric {self.name!r}: {problem}")
