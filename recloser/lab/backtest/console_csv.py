"""The CSV that the CloudWatch console exports from a graph.

Some rows that name the columns (`Full label`, `Label` and more), then a row for each instant: its time, and a
value for each column or an empty cell. Which rows come first is not documented: every row before the first
time is taken as one of names.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from recloser.lab.backtest.input_files import InputFileError, time_ms
from recloser.lab.backtest.query_results import QueryResult, QueryResults, datapoint_value

NAME_ROWS = ("full label", "label", "id")
_SLASHES = re.compile(r"(\d{4})/(\d{2})/(\d{2})")

Row = tuple[int, list[str]]


def is_console_csv(text: str) -> bool:
    """Whether the file begins with a row that names the console's columns."""
    first = text.lstrip().partition(",")[0].strip().strip('"').lower()
    return first in NAME_ROWS


def read_console_csv(path: Path, text: str) -> QueryResults:
    """A result for each column. Raises InputFileError."""
    reader = csv.reader(io.StringIO(text, newline=""))
    rows = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    names = _names(rows)
    data = [row for row in rows if _time(row[1][0]) is not None]
    if not data:
        raise InputFileError(path, None, "has no row that begins with a time such as 2026/09/14 10:00:00")
    begin = rows.index(data[0])
    width = max(len(cells) for _, cells in data)
    points: list[list[tuple[int, float]]] = [[] for _ in range(width - 1)]
    for line, cells in rows[begin:]:
        at_ms = _time(cells[0])
        if at_ms is None:
            raise InputFileError(path, line, f"{cells[0]!r} is no time such as 2026/09/14 10:00:00")
        for column, cell in enumerate(cells[1:]):
            if cell.strip():
                points[column].append((at_ms, _value(path, line, cell)))
    return [
        QueryResult(
            _cell(names.get("id"), column) or f"column {column + 2}",
            _cell(names.get("label"), column) or _cell(names.get("full label"), column),
            sorted(found),
            data[0][0],
            statistic=_cell(names.get("statistic"), column),
        )
        for column, found in enumerate(points)
    ]


def _names(rows: list[Row]) -> dict[str, list[str]]:
    """The rows before the first time, by their first cell in lower case."""
    names: dict[str, list[str]] = {}
    for _, cells in rows:
        if _time(cells[0]) is not None:
            break
        names[cells[0].strip().lower()] = [cell.strip() for cell in cells[1:]]
    return names


def _cell(cells: list[str] | None, column: int) -> str:
    return cells[column] if cells is not None and column < len(cells) else ""


def _time(cell: str) -> int | None:
    text = _SLASHES.sub(r"\1-\2-\3", cell.strip())
    if not re.match(r"\d{4}-\d{2}-\d{2}[ T]\d", text):
        return None
    try:
        return time_ms(text)
    except ValueError:
        return None


def _value(path: Path, line: int, cell: str) -> float:
    try:
        return datapoint_value("a value", float(cell))
    except ValueError:
        raise InputFileError(path, line, f"a value must be a finite number, not {cell!r}") from None
