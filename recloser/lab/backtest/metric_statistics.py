"""What `aws cloudwatch get-metric-statistics` prints, as results: one for each statistic in each unit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recloser.lab.backtest.input_files import InputFileError, time_ms
from recloser.lab.backtest.query_results import QueryResult, QueryResults, datapoint_value

NO_STATISTICS = ("Timestamp", "Unit", "ExtendedStatistics")


def read_statistics(path: Path, text: str) -> QueryResults:
    """The results, each with its statistic and the metric's name as label. Raises InputFileError."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputFileError(path, error.lineno, f"is not JSON: {error.msg}") from error
    entries, label = document.get("Datapoints"), str(document.get("Label", ""))
    if not isinstance(entries, list):
        raise InputFileError(path, 1, "Datapoints must be a list")
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for number, entry in enumerate(entries, start=1):
        try:
            at_ms, values = _datapoint(entry)
        except ValueError as error:
            raise InputFileError(path, _line(text, number), f"datapoint {number}: {error}") from error
        for statistic, value in values.items():
            found.setdefault((statistic, str(entry.get("Unit") or "")), []).append((at_ms, value))
    return [
        QueryResult(statistic, label, sorted(points), 1, statistic, unit)
        for (statistic, unit), points in found.items()
    ]


def _datapoint(entry: Any) -> tuple[int, dict[str, float]]:
    if not isinstance(entry, Mapping) or "Timestamp" not in entry:
        raise ValueError("lacks a Timestamp")
    values = {name: value for name, value in entry.items() if name not in NO_STATISTICS}
    values |= entry.get("ExtendedStatistics") or {}
    return time_ms(entry["Timestamp"]), {name: datapoint_value(name, value) for name, value in values.items()}


def _line(text: str, number: int) -> int:
    """The line of the `number`th datapoint."""
    at = -1
    for _ in range(number):
        at = text.find('"Timestamp"', at + 1)
    return text.count("\n", 0, max(0, at)) + 1
