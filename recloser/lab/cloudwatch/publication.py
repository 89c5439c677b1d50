"""PutMetricData: what a caller may publish, and the samples it becomes (API reference, PutMetricData)."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from recloser.lab.cloudwatch.metrics import NO_UNIT, Metric, Sample
from recloser.lab.cloudwatch.units import UNITS

MAXIMUM_VALUES = 150
MAXIMUM_DIMENSIONS = 30
MAXIMUM_VALUE = 2.0**360
MS_PER_SECOND = 1000


def samples_of(
    namespace: str, data: Iterable[Mapping[str, Any]], now_ms: int, available_at_ms: int | None = None
) -> list[Sample]:
    """The samples of a PutMetricData call at `now_ms`, visible from `available_at_ms` (default `now_ms`) on.

    Raises ValueError, naming the metric, the member and its value.
    """
    seen_ms = now_ms if available_at_ms is None else available_at_ms
    return [sample for datum in data for sample in _samples(namespace, datum, now_ms, seen_ms)]


def _samples(namespace: str, datum: Mapping[str, Any], now_ms: int, available_at_ms: int) -> list[Sample]:
    name = datum.get("MetricName")
    if not isinstance(name, str) or not name:
        raise ValueError(f"MetricName must be a text, not {name!r}")
    metric = Metric.of(namespace, name, _dimensions(name, datum.get("Dimensions", ())))
    unit = datum.get("Unit", NO_UNIT)
    if unit not in UNITS:
        raise ValueError(f"metric {name!r}: unknown Unit {unit!r}")
    resolution = datum.get("StorageResolution", 60)
    if resolution not in (1, 60):
        raise ValueError(f"metric {name!r}: StorageResolution must be 1 or 60, not {resolution!r}")
    timestamp_ms = _timestamp_ms(datum.get("Timestamp"), now_ms)
    return [
        Sample(metric, timestamp_ms, value, count, available_at_ms, unit, resolution)
        for value, count in _values(name, datum)
    ]


def _values(name: str, datum: Mapping[str, Any]) -> list[tuple[float, float]]:
    if "Value" in datum:
        return [(_number(name, "Value", datum["Value"]), 1.0)]
    values = datum.get("Values")
    if not isinstance(values, Sequence) or not values or len(values) > MAXIMUM_VALUES:
        raise ValueError(
            f"metric {name!r}: Value, or Values with 1 to {MAXIMUM_VALUES} numbers, must be given"
        )
    counts = datum.get("Counts", [1.0] * len(values))
    if len(counts) != len(values):
        raise ValueError(f"metric {name!r}: {len(values)} Values but {len(counts)} Counts")
    pairs = [
        (_number(name, "Values", value), _number(name, "Counts", count))
        for value, count in zip(values, counts, strict=True)
    ]
    if any(count < 0 for _, count in pairs):
        raise ValueError(f"metric {name!r}: Counts must not be negative")
    return pairs


def _number(name: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"metric {name!r}: {key} must hold numbers, not {value!r}")
    if not math.isfinite(value) or abs(value) > MAXIMUM_VALUE:
        raise ValueError(f"metric {name!r}: {key} must lie within 2^360, not {value!r}")
    return float(value)


def _dimensions(name: str, entries: Sequence[Mapping[str, str]]) -> dict[str, str]:
    if len(entries) > MAXIMUM_DIMENSIONS:
        raise ValueError(f"metric {name!r}: at most {MAXIMUM_DIMENSIONS} dimensions, not {len(entries)}")
    return {entry["Name"]: entry["Value"] for entry in entries}


def _timestamp_ms(value: Any, now_ms: int) -> int:
    if value is None:
        return now_ms
    if isinstance(value, datetime):
        return int(value.timestamp() * MS_PER_SECOND)
    if isinstance(value, str):
        return int(datetime.fromisoformat(value).timestamp() * MS_PER_SECOND)
    return int(float(value) * MS_PER_SECOND)
