"""Metrics out of a file: JSON lines, EMF log lines, CSV, or what CloudWatch answers and exports.

JSON lines and CSV have one sample a line: `timestamp`, `namespace`, `metric`, `dimensions`, `value`, and if
wanted `counts` (how often the value was published), `available_at` (when a query could first see it), `unit`
and `storage_resolution` (1, the default, or 60 seconds). `value` and `counts` of a JSON line may be lists. In
CSV every other column is a dimension.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recloser.lab.backtest.console_csv import is_console_csv, read_console_csv
from recloser.lab.backtest.input_files import MS_PER_SECOND, InputFileError, read_text, time_ms
from recloser.lab.backtest.metric_statistics import read_statistics
from recloser.lab.backtest.query_results import QueryResults, read_results
from recloser.lab.cloudwatch import Metric, Sample, extract
from recloser.lab.cloudwatch.metrics import NO_UNIT
from recloser.lab.cloudwatch.times import iso_utc
from recloser.lab.cloudwatch.units import UNITS

REQUIRED = ("timestamp", "namespace", "metric", "value")
OPTIONAL = ("dimensions", "counts", "available_at", "unit", "storage_resolution")


@dataclass(slots=True)
class MetricData:
    """What one file holds: samples, or results of GetMetricData, and what was dropped of its lines."""

    path: Path
    samples: list[Sample] = field(default_factory=list)
    results: QueryResults | None = None
    dropped: list[str] = field(default_factory=list)

    @property
    def metrics(self) -> set[Metric]:
        return {sample.metric for sample in self.samples}


def read_metrics(path: Path) -> MetricData:
    """The metrics of a file, whose format is seen from its beginning. Raises InputFileError."""
    text = read_text(path)
    data = MetricData(path)
    start = text.lstrip()
    if not start:
        raise InputFileError(path, 1, "is empty")
    if '"MetricDataResults"' in text and start.startswith("{"):
        data.results = read_results(path, text)
    elif '"Datapoints"' in text and start.startswith("{") and '"_aws"' not in text:
        data.results = read_statistics(path, text)
    elif is_console_csv(text):
        data.results = read_console_csv(path, text)
    elif "{" in start.splitlines()[0]:
        _read_json_lines(data, text)
    elif "timestamp" in start.splitlines()[0]:
        _read_csv(data, text)
    else:
        raise InputFileError(
            path,
            1,
            "is neither JSON (lines, EMF, GetMetricData, GetMetricStatistics) nor CSV (with a timestamp in "
            "its header, or the console's)",
        )
    return data


class RowError(ValueError):
    """What is wrong with a line."""


class _Order:
    """Refuses samples of a metric that go back in time: a mistake in the file is likelier than a delay."""

    def __init__(self) -> None:
        self._last: dict[Metric, tuple[int, int]] = {}

    def check(self, sample: Sample, line: int) -> None:
        at_ms, before = self._last.get(sample.metric, (sample.timestamp_ms, line))
        if sample.timestamp_ms < at_ms:
            raise RowError(
                f"times out of order: {sample.metric} at {iso_utc(sample.timestamp_ms)} comes after "
                f"{iso_utc(at_ms)} in line {before}; a sample that arrived late has an available_at"
            )
        self._last[sample.metric] = (sample.timestamp_ms, line)


def _read_json_lines(data: MetricData, text: str) -> None:
    order = _Order()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            for sample in _samples_of_line(data, line, number):
                order.check(sample, number)
                data.samples.append(sample)
        except ValueError as error:
            raise InputFileError(data.path, number, str(error)) from error


def _samples_of_line(data: MetricData, line: str, number: int) -> list[Sample]:
    if '"_aws"' in line:
        return _emf(data, line, number)
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise RowError(f"is not JSON: {error.msg} at column {error.colno}") from error
    if not isinstance(row, Mapping):
        raise RowError(f"must be an object, not {line.strip()[:40]}")
    return list(_samples_of_row(row))


def _emf(data: MetricData, line: str, number: int) -> list[Sample]:
    # The lines of many environments are merged as they arrive, so their order is nothing to check: they go
    # straight into the data. Each is read as if at its own time, so that old logs are not too old.
    start = line.find("{")
    try:
        stamp = json.loads(line[start:], parse_constant=_no_number)["_aws"]["Timestamp"]
    except RowError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise RowError(f"is no EMF document with _aws.Timestamp: {error}") from error
    taken_ms = _milliseconds(stamp)
    extraction = extract(line, taken_ms)
    data.dropped += [f"{data.path}:{number}: {why}" for why in extraction.dropped]
    data.samples += extraction.samples
    return []


def _no_number(constant: str) -> float:
    """Refuse NaN and Infinity: JSON has none, and CloudWatch would take no metric from such a line."""
    raise RowError(f"{constant} is no number of JSON: CloudWatch would take nothing from this line")


def _milliseconds(stamp: Any) -> int:
    """Read the time of an EMF document, epoch milliseconds."""
    try:
        return time_ms(stamp / MS_PER_SECOND)
    except (TypeError, ValueError, OverflowError):
        raise RowError(
            f"_aws.Timestamp must be epoch milliseconds, from 1970 to 2100, not {stamp!r:.60}"
        ) from None


def _samples_of_row(row: Mapping[str, Any]) -> Iterator[Sample]:
    missing = [key for key in REQUIRED if _is_absent(row.get(key))]
    if missing:
        raise RowError(f"lacks {', '.join(missing)}")
    unknown = sorted(set(row) - {*REQUIRED, *OPTIONAL})
    if unknown:
        raise RowError(f"unknown {', '.join(unknown)}: allowed are {', '.join((*REQUIRED, *OPTIONAL))}")
    metric = Metric.of(_name(row, "namespace"), _name(row, "metric"), _dimensions(row.get("dimensions")))
    at_ms = time_ms(row["timestamp"])
    available = row.get("available_at")
    seen_ms = at_ms if _is_absent(available) else time_ms(available)
    if seen_ms < at_ms:
        raise RowError(f"available_at {available!r} is before timestamp {row['timestamp']!r}")
    unit = row.get("unit") or NO_UNIT
    if not isinstance(unit, str) or unit not in UNITS:
        raise RowError(f"unknown unit {unit!r}: allowed are {', '.join(sorted(UNITS))}")
    resolution = int(_number("storage_resolution", row.get("storage_resolution") or 1))
    if resolution not in {1, 60}:
        raise RowError(f"storage_resolution must be 1 or 60, not {resolution}")
    for value, count in _values(row["value"], row.get("counts")):
        yield Sample(metric, at_ms, value, count, seen_ms, unit, resolution)


def _is_absent(value: Any) -> bool:
    """Left out, or an empty cell."""
    return value is None or (isinstance(value, str) and not value.strip())


def _values(values: Any, counts: Any) -> list[tuple[float, float]]:
    value_list = values if isinstance(values, list) else [values]
    if _is_absent(counts):
        counts = [1.0] * len(value_list)
    count_list = counts if isinstance(counts, list) else [counts]
    if len(value_list) != len(count_list):
        raise RowError(f"there are {len(value_list)} values but {len(count_list)} counts")
    pairs = [
        (_number("value", value), _number("counts", count))
        for value, count in zip(value_list, count_list, strict=True)
    ]
    if any(count <= 0 for _, count in pairs):
        raise RowError(f"counts must be positive, not {counts!r}")
    return pairs


def _number(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RowError(f"{key} must be a number, not {value!r}")
    try:
        number = float(value)
    except ValueError:
        raise RowError(f"{key} must be a number, not {value!r}") from None
    if not math.isfinite(number):
        raise RowError(f"{key} must be finite, not {value!r}")
    return number


def _name(row: Mapping[str, Any], key: str) -> str:
    if not isinstance(row[key], str):
        raise RowError(f"{key} must be a text, not {row[key]!r}")
    return str(row[key])


def _dimensions(value: Any) -> dict[str, str]:
    if _is_absent(value):
        return {}
    if not isinstance(value, Mapping) or not all(
        isinstance(one, str) for pair in value.items() for one in pair
    ):
        raise RowError(f"dimensions must be an object of texts, not {value!r}")
    return dict(value)


def _read_csv(data: MetricData, text: str) -> None:
    order = _Order()
    reader = csv.reader(io.StringIO(text, newline=""))
    header = [name.strip() for name in next(reader)]
    missing = [name for name in REQUIRED if name not in header]
    if missing or len(set(header)) != len(header):
        reason = f"the header lacks {', '.join(missing)}" if missing else "the header names a column twice"
        raise InputFileError(data.path, 1, reason)
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        try:
            if len(cells) != len(header):
                raise RowError(f"has {len(cells)} cells, and the header {len(header)}")
            for sample in _samples_of_row(_row(header, cells)):
                order.check(sample, reader.line_num)
                data.samples.append(sample)
        except ValueError as error:
            raise InputFileError(data.path, reader.line_num, str(error)) from error


def _row(header: list[str], cells: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    dimensions: dict[str, str] = {}
    for name, cell in zip(header, cells, strict=True):
        if name in {*REQUIRED, *OPTIONAL} - {"dimensions"}:
            row[name] = cell.strip()
        elif name == "dimensions":
            dimensions |= _pairs(cell)
        elif cell.strip():
            dimensions[name] = cell.strip()
    return {**row, "dimensions": dimensions}


def _pairs(cell: str) -> dict[str, str]:
    """`Circuit=payments-api;Region=eu-west-1`, or a JSON object."""
    if cell.strip().startswith("{"):
        try:
            return _dimensions(json.loads(cell))
        except json.JSONDecodeError as error:
            raise RowError(f"dimensions {cell!r} are not JSON: {error.msg}") from error
    pairs = [part.partition("=") for part in cell.split(";") if part.strip()]
    if not all(sign and name.strip() for name, sign, _ in pairs):
        raise RowError(f"dimensions {cell!r} must be name=value, joined by ;")
    return {name.strip(): value.strip() for name, _, value in pairs}
