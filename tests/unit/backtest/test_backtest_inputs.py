"""What people hand in: forms of metrics, alarms that cannot be evaluated, and data that say little."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from recloser.cli.main import app

ALARM = {
    "AlarmName": "a",
    "Namespace": "T",
    "MetricName": "M",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 4,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}
QUERY = 'SELECT AVG(Failure) FROM SCHEMA("Recloser", Circuit) GROUP BY Circuit ORDER BY MAX() DESC'
STATISTICS: dict[str, Any] = {
    "Label": "M",
    "Datapoints": [
        {"Timestamp": "2026-09-14T10:01:00Z", "Sum": 9.0, "Average": 1.0, "Unit": "Count"},
        {"Timestamp": "2026-09-14T10:00:00Z", "Sum": 2.0, "Average": 1.0, "Unit": "Count"},
        {
            "Timestamp": "2026-09-14T10:02:00Z",
            "Sum": 3.0,
            "Average": 1.0,
            "ExtendedStatistics": {"p99": 7.0},
            "Unit": "Count",
        },
    ],
}
CONSOLE = """Full label,"M - a","N - a"
Label,M,N
Statistic,Sum,Sum
2026/09/14 10:00:00,2,100
2026/09/14 10:01:00,9,
2026/09/14 10:02:00,3,100
"""
MATH = [
    {
        "Id": "f",
        "MetricStat": {"Metric": {"Namespace": "T", "MetricName": "M"}, "Period": 60, "Stat": "Sum"},
        "ReturnData": False,
    }
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(*samples: dict[str, Any]) -> str:
    base = {"namespace": "T", "metric": "M", "dimensions": {}}
    return "".join(json.dumps({**base, **sample}) + "\n" for sample in samples)


def run(alarm: object, metrics: str, *more: str) -> Result:
    Path("alarm.json").write_text(alarm if isinstance(alarm, str) else json.dumps(alarm))
    Path("metrics").write_text(metrics)
    command = ["backtest", "--alarm", "alarm.json", "--metrics", "metrics", "--json", *more]
    return CliRunner().invoke(app, command)


def document(alarm: object, metrics: str, *more: str) -> dict[str, Any]:
    result = run(alarm, metrics, *more)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def states(found: dict[str, Any]) -> list[str]:
    return [change["to"] for change in found["alarms"][0]["transitions"]]


MINUTES = [
    {"timestamp": f"2026-09-14T10:0{minute}:00Z", "value": value} for minute, value in enumerate((2, 9, 3))
]


@pytest.mark.parametrize(
    "metrics",
    [json.dumps(STATISTICS, indent=1), CONSOLE, lines(*MINUTES)],
    ids=["get-metric-statistics", "console", "lines"],
)
def test_what_cloudwatch_prints_and_exports_is_read(folder: Path, metrics: str) -> None:
    """The same datapoints give the same transitions in every form."""
    del folder
    assert states(document(ALARM, metrics, "--phase", "30")) == ["OK", "ALARM", "OK"]


def test_a_statistic_that_the_file_has_not_is_named(folder: Path) -> None:
    """An alarm on another statistic than those of the file is told what there is."""
    del folder
    result = run({**ALARM, "Statistic": "Minimum"}, json.dumps(STATISTICS))
    assert result.exit_code == 2
    assert "needs Minimum of T/M" in result.stderr
    assert "Sum (M), Average (M), p99 (M)" in result.stderr


def test_an_alarm_that_cannot_be_evaluated_leaves_the_others(folder: Path) -> None:
    """The others run; it is named with why, and so is a composite alarm that refers to it."""
    del folder
    band = {**ALARM, "AlarmName": "band", "ThresholdMetricId": "ad1"}
    described = {
        "MetricAlarms": [band, {**ALARM, "EvaluationWindow": "SlidingWindow"}],
        "CompositeAlarms": [{"AlarmName": "both", "AlarmRule": "ALARM(band) OR ALARM(a)"}],
    }
    found = document(described, lines(*MINUTES))
    assert [alarm["alarmName"] for alarm in found["alarms"]] == ["a"]
    assert [one["alarmName"] for one in found["leftOut"]] == ["band", "both"]
    assert "ThresholdMetricId" in found["leftOut"][0]["problem"]
    assert "alarm 'band' is left out" in run(described, lines(*MINUTES)).stderr


def test_a_list_out_of_what_describe_alarms_printed(folder: Path) -> None:
    """So it is with the list that --query makes, and with a composite alarm whose child was not printed."""
    del folder
    band = {**ALARM, "AlarmName": "band", "ThresholdMetricId": "ad1"}
    both = {"AlarmName": "both", "AlarmRule": "ALARM(elsewhere) OR ALARM(a)"}
    given: list[dict[str, Any]] = [band, ALARM, both]
    listed = [one | {"AlarmArn": "arn:aws:cloudwatch:eu-west-1:1:alarm:x"} for one in given]
    found = document(listed, lines(*MINUTES))
    assert [alarm["alarmName"] for alarm in found["alarms"]] == ["a"]
    assert [one["alarmName"] for one in found["leftOut"]] == ["band", "both"]
    assert found["leftOut"][1]["problem"] == "AlarmRule refers to 'elsewhere', which is not among the alarms"
    alone = run({"CompositeAlarms": [both]}, lines(*MINUTES))
    assert "alarm 'both': AlarmRule refers to 'elsewhere'" in alone.stderr.replace("\n", " ")


def test_of_several_units_the_alarms_own_is_read(folder: Path) -> None:
    """Units are not mixed: an alarm reads its own, and without one the alphabetically first, as on AWS."""
    del folder
    bits = [{**one, "Sum": 100.0, "Unit": "Bits"} for one in STATISTICS["Datapoints"]]
    mixed = json.dumps({"Label": "M", "Datapoints": [*STATISTICS["Datapoints"], *bits]})
    assert states(document({**ALARM, "Unit": "Count"}, mixed, "--phase", "30")) == ["OK", "ALARM", "OK"]
    assert states(document(ALARM, mixed, "--phase", "30")) == ["OK", "ALARM"]


@pytest.mark.parametrize(
    ("alarm", "metrics", "warning"),
    [
        (
            {**ALARM, "Unit": "Seconds"},
            lines(*MINUTES),
            "in the unit Seconds, and the data have it in None only",
        ),
        ({**ALARM, "Period": 10}, lines(*MINUTES), "data of T/M are of 60 s: one period in 6 has data"),
        (
            {**ALARM, "Period": 60},
            lines(
                *(
                    {**one, "timestamp": f"2026-09-14T10:{minute}:00Z"}
                    for one, minute in zip(MINUTES, (10, 15, 20), strict=True)
                )
            ),
            "data of T/M are of 300 s: one period in 5 has data",
        ),
        (
            {**ALARM, "Period": 10},
            json.dumps({**STATISTICS, "Datapoints": STATISTICS["Datapoints"][:2]}),
            "data of T/M are of 60 s: one period in 6 has data",
        ),
        (
            {**ALARM, "Unit": "Seconds"},
            json.dumps(STATISTICS),
            "reads T/M in the unit Seconds, and the data have it in Count only",
        ),
    ],
)
def test_data_that_say_little_are_a_warning(
    folder: Path, alarm: dict[str, Any], metrics: str, warning: str
) -> None:
    """A unit that no data has, and minutes under an alarm of seconds, are told beside the result."""
    del folder
    assert warning in document(alarm, metrics)["warnings"][0]
    assert warning in run(alarm, metrics).stderr.replace("\n", " ")


def test_a_span_without_data_is_a_warning(folder: Path) -> None:
    """So is a time in which there is none."""
    del folder
    span = ("--from", "2026-09-20T10:00:00Z", "--to", "2026-09-20T11:00:00Z")
    (warning,) = document(ALARM, lines(*MINUTES), *span)["warnings"]
    assert (
        "has no data between 2026-09-20T10:00:00.000Z and 2026-09-20T11:00:00.000Z: they are from" in warning
    )


def test_good_data_are_no_warning(folder: Path) -> None:
    """Data that fit the alarm cause no warning."""
    del folder
    assert document(ALARM, lines(*MINUTES))["warnings"] == []


@pytest.mark.parametrize(
    ("alarm", "metrics", "problem"),
    [
        ("{}", lines(*MINUTES), "alarm.json:1: holds no alarm: it must be one alarm, a list of alarms"),
        (
            json.dumps({**ALARM, "Threshold": float("nan")}),
            lines(*MINUTES),
            "Threshold must be finite, not nan",
        ),
        (json.dumps({**ALARM, "Period": float("nan")}), lines(*MINUTES), "Period must be 10, 20, 30"),
        (ALARM, "{}", "metrics:1: lacks timestamp, namespace, metric, value"),
        (
            ALARM,
            lines({"timestamp": "2026-09-14T10:00:00Z", "value": float("nan")}),
            "metrics:1: value must be finite",
        ),
        (ALARM, CONSOLE.replace("9,", "NaN,"), "metrics:5: a value must be a finite number, not 'NaN'"),
        (
            ALARM,
            CONSOLE.replace("2026/09/14 10:01", "yesterday 10:01"),
            "metrics:5: 'yesterday 10:01:00' is no time",
        ),
        (
            ALARM,
            json.dumps(STATISTICS, indent=1).replace("9.0", "NaN"),
            "metrics:5: datapoint 1: Sum must hold finite numbers, not nan",
        ),
        (
            ALARM,
            '{"MetricDataResults": [{"Id": "m", "Timestamps": ["2026-09-14T10:00:00Z"], "Values": [NaN]}]}',
            "metrics:1: 'm': Values must hold finite numbers, not nan",
        ),
        *[
            (
                ALARM,
                '{"_aws": {"Timestamp": ' + stamp + "}}",
                "metrics:1: _aws.Timestamp must be epoch milliseconds, from 1970 to 2100, not",
            )
            for stamp in ("1e400", "-1", "1" + "0" * 400, '"now"', "null", "[1]", "4102444800001")
        ],
        *[
            (
                ALARM,
                lines(*MINUTES)
                + f'2026-09-14T10:05:00Z {{"_aws": {{"Timestamp": 1789380000000}}, "M": {value}}}',
                f"metrics:4: {value} is no number of JSON: CloudWatch would take nothing from this line",
            )
            for value in ("NaN", "Infinity", "-Infinity")
        ],
        (ALARM, '{"_aws": [0]}', "metrics:1: is no EMF document with _aws.Timestamp"),
        (
            ALARM,
            lines({**MINUTES[0], "timestamp": 0}, *MINUTES),
            "from 1970-01-01T00:00:00.000Z to 2026-09-14",
        ),
        (
            ALARM,
            lines(*MINUTES, {**MINUTES[0], "timestamp": "2099-12-31"}),
            "is longer than 455 days, for which CloudWatch keeps metrics: is a timestamp wrong?",
        ),
        (
            {
                **{
                    key: ALARM[key]
                    for key in ("AlarmName", "EvaluationPeriods", "Threshold", "ComparisonOperator")
                },
                "Metrics": [*MATH, {"Id": "e", "Expression": "+".join(["f"] * 500)}],
            },
            lines(*MINUTES),
            "more than 100 operations hang on each other",
        ),
        (
            [ALARM, {"AlarmName": "c", "AlarmRule": "NOT (" * 1000 + "ALARM(a)" + ")" * 1000}],
            lines(*MINUTES),
            "AlarmRule has more than 250 operations that hang on each other",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    folder: Path, alarm: object, metrics: str, problem: str
) -> None:
    """A file that cannot be used is named with the line and the value; nothing ends in a traceback."""
    del folder
    result = run(alarm, metrics)
    assert problem in result.stderr.replace("\n", " ").replace("  ", " ")
    assert isinstance(result.exception, SystemExit | None)


@pytest.mark.parametrize("phase", ["60", "600", "1e9"])
def test_a_phase_that_no_alarm_has_is_refused(folder: Path, phase: str) -> None:
    """The instant lies within the time between two evaluations."""
    del folder
    result = run(ALARM, lines(*MINUTES), "--phase", phase)
    assert result.exit_code == 2
    assert "must be below 60 s: that often the alarms are evaluated" in result.stderr.replace("\n", " ")


def test_the_alarm_for_any_circuit(folder: Path) -> None:
    """The alarm and each circuit that changes are shown, with their own times and reasons."""
    del folder
    samples = [
        {
            "timestamp": f"2026-09-14T10:0{minute}:{second:02}Z",
            "namespace": "Recloser",
            "metric": "Failure",
            "dimensions": {"Circuit": circuit},
            "value": 1 if circuit == "bad" and 2 <= minute <= 4 else 0,
        }
        for circuit in ("good", "bad")
        for minute in range(8)
        for second in (5, 35)
    ]
    alarm = {
        **{key: ALARM[key] for key in ("ComparisonOperator", "EvaluationPeriods", "TreatMissingData")},
        "AlarmName": "any",
        "DatapointsToAlarm": 1,
        "Threshold": 0.5,
        "Metrics": [{"Id": "q", "Expression": QUERY, "Period": 60}],
    }
    found = document(alarm, lines(*samples), "--phase", "20")
    assert states(found) == ["OK", "ALARM", "OK"]
    (contributor,) = found["alarms"][0]["contributors"]
    assert contributor["attributes"] == {"Circuit": "bad"}
    assert [(change["at"][11:19], change["to"]) for change in contributor["transitions"]] == [
        ("10:03:20", "ALARM"),
        ("10:06:20", "OK"),
    ]
    shown = CliRunner().invoke(
        app, ["backtest", "--alarm", "alarm.json", "--metrics", "metrics", "--phase", "20"]
    )
    assert "bad" in shown.stdout
    other = run(
        {**alarm, "Metrics": [{"Id": "q", "Expression": QUERY.replace("Failure", "Slow"), "Period": 60}]},
        lines(*samples),
    )
    assert other.exit_code == 2
    assert "SELECT AVG(Slow)" in other.stderr


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [("p50", ["OK", "ALARM", "OK"]), ("p90", ["OK", "ALARM", "OK"]), ("p10", ["OK"])],
)
def test_percentile_alarms(folder: Path, statistic: str, expected: list[str]) -> None:
    """An alarm on a percentile is decided by that of each period."""
    del folder
    samples = [
        {"timestamp": f"2026-09-14T10:0{minute}:{second:02}Z", "value": value}
        for minute in range(3)
        for second, value in ((1, 1), (2, 10 if minute == 1 else 2), (3, 10 if minute == 1 else 3))
    ]
    alarm = {key: value for key, value in ALARM.items() if key != "Statistic"}
    found = document(
        {**alarm, "ExtendedStatistic": statistic, "Threshold": 5}, lines(*samples), "--phase", "30"
    )
    assert states(found) == expected
