"""The same metrics in every format that `recloser backtest` reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recloser.lab.backtest.input_files import InputFileError, time_ms
from recloser.lab.backtest.metric_files import read_metrics
from recloser.lab.backtest.query_results import read_results
from recloser.lab.cloudwatch import Metric, Sample

T0 = 1_789_380_000_000
METRIC = Metric("Recloser", "Failure", (("Circuit", "payments-api"),))


def read(tmp_path: Path, text: str) -> list[Sample]:
    path = tmp_path / "data"
    path.write_text(text)
    return read_metrics(path).samples


def test_json_lines(tmp_path: Path) -> None:
    """Values with counts become samples; the resolution is a second unless said otherwise."""
    rows = [
        {
            "timestamp": "2026-09-14T10:00:00Z",
            "namespace": "Recloser",
            "metric": "Failure",
            "dimensions": {"Circuit": "payments-api"},
            "value": [0, 1],
            "counts": [9, 1],
            "available_at": 1789380002.5,
            "unit": "Count",
        },
        {
            "timestamp": 1789380005,
            "namespace": "Recloser",
            "metric": "Failure",
            "dimensions": {"Circuit": "payments-api"},
            "value": 1,
            "storage_resolution": 60,
        },
    ]
    assert read(tmp_path, "\n".join(map(json.dumps, rows))) == [
        Sample(METRIC, T0, 0.0, 9.0, T0 + 2500, "Count", 1),
        Sample(METRIC, T0, 1.0, 1.0, T0 + 2500, "Count", 1),
        Sample(METRIC, T0 + 5000, 1.0, 1.0, T0 + 5000, "None", 60),
    ]


CSV = (
    """timestamp,namespace,metric,Circuit,value,counts
2026-09-14T10:00:00Z,Recloser,Failure,payments-api,1,3
""",
    """\ufefftimestamp,namespace,metric,dimensions,value,counts
1789380000,Recloser,Failure,Circuit=payments-api,1,3
""",
    """timestamp,namespace,metric,dimensions,value,counts,available_at
1789380000.0,Recloser,Failure,"{""Circuit"": ""payments-api""}",1,3,

""",
    """namespace,metric,Circuit,Region,value,counts,timestamp
Recloser,Failure,payments-api,,1,3,2026-09-14T12:00:00+02:00
""".replace("\n", "\r\n"),
)


@pytest.mark.parametrize("text", CSV)
def test_csv(tmp_path: Path, text: str) -> None:
    """In CSV other columns are dimensions, or one column holds them all; empty cells are left out."""
    assert read(tmp_path, text) == [Sample(METRIC, T0, 1.0, 3.0, T0, "None", 1)]


def test_emf_lines_need_no_order(tmp_path: Path) -> None:
    """Log lines of many environments are merged as they arrive: their times may go back."""
    lines = [
        json.dumps(
            {
                "_aws": {
                    "Timestamp": T0 + offset,
                    "CloudWatchMetrics": [
                        {
                            "Namespace": "Recloser",
                            "Dimensions": [["Circuit"]],
                            "Metrics": [{"Name": "Failure"}],
                        }
                    ],
                },
                "Circuit": "payments-api",
                "Failure": 1,
            }
        )
        for offset in (500, 0)
    ]
    found = read(tmp_path, "\n".join(lines))
    assert [(sample.timestamp_ms, sample.available_at_ms) for sample in found] == [
        (T0 + 500, T0 + 500),
        (T0, T0),
    ]


def test_formats_may_be_mixed_line_by_line(tmp_path: Path) -> None:
    """A file of JSON lines may hold EMF lines too."""
    emf = {
        "_aws": {
            "Timestamp": T0,
            "CloudWatchMetrics": [
                {"Namespace": "Recloser", "Dimensions": [["Circuit"]], "Metrics": [{"Name": "Failure"}]}
            ],
        },
        "Circuit": "payments-api",
        "Failure": 1,
    }
    row = {"timestamp": T0 / 1000, "namespace": "Test", "metric": "Signal", "value": 2}
    assert [sample.metric.name for sample in read(tmp_path, f"{json.dumps(row)}\n{json.dumps(emf)}")] == [
        "Signal",
        "Failure",
    ]


def test_each_metric_has_its_own_order(tmp_path: Path) -> None:
    """A file may hold one metric after the other."""
    rows = [
        {"timestamp": T0 / 1000 + second, "namespace": "Test", "metric": name, "value": 1}
        for name in ("a", "b")
        for second in (0, 1)
    ]
    assert len(read(tmp_path, "\n".join(map(json.dumps, rows)))) == 4


def test_get_metric_data(tmp_path: Path) -> None:
    """Results come in any order of time, and in several pages."""
    document = {
        "MetricDataResults": [
            {
                "Id": "m1",
                "Label": "Failure",
                "Timestamps": ["2026-09-14T10:01:00+00:00", "2026-09-14T10:00:00+00:00"],
                "Values": [2.0, 1.0],
            },
            {"Id": "m1", "Label": "Failure", "Timestamps": [1789380120], "Values": [3]},
        ]
    }
    (result,) = read_results(tmp_path / "data.json", json.dumps(document))
    assert result.points == [(T0, 1.0), (T0 + 60_000, 2.0), (T0 + 120_000, 3.0)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-09-14T10:00:00Z", T0),
        ("2026-09-14T10:00:00", T0),
        ("2026-09-14 12:00:00.250+02:00", T0 + 250),
        ("1789380000", T0),
        (1789380000, T0),
        (1789380000.25, T0 + 250),
    ],
)
def test_times(value: object, expected: int) -> None:
    """ISO 8601 without an offset is UTC; numbers are epoch seconds."""
    assert time_ms(value) == expected


@pytest.mark.parametrize(
    "value", ["", "soon", None, True, -1, 1789380000000, float("inf"), float("nan"), [1]]
)
def test_no_times(value: object) -> None:
    """Milliseconds, and what is no time at all, are refused."""
    with pytest.raises(ValueError, match="is no time from 1970 to 2100"):
        time_ms(value)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are refused."""
    path = tmp_path / "data"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputFileError, match="is no UTF-8 text"):
        read_metrics(path)
