"""`recloser backtest` as an operator runs it: on the shipped examples, and on bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from alarm_twin import math_alarm, rate_alarm, scalar_alarm
from typer.testing import CliRunner, Result

from recloser.cli.main import app

EXAMPLES = Path(__file__).parents[3] / "examples" / "backtest"
ALARMS = str(EXAMPLES / "alarms.json")
OUTAGE = str(EXAMPLES / "outage.jsonl")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["backtest", *map(str, arguments)])


def document(*arguments: object) -> list[dict[str, Any]]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    alarms: list[dict[str, Any]] = json.loads(result.stdout)["alarms"]
    return alarms


def changes(alarm: dict[str, Any]) -> list[tuple[str, str]]:
    return [(change["at"][11:19], change["to"]) for change in alarm["transitions"]]


def test_the_outage() -> None:
    """The shipped outage trips the fast alarm in 23 s, the steady one in 2 min, and slow calls the third."""
    fast, steady, slow, composite = document("--alarm", ALARMS, "--metrics", OUTAGE)
    assert changes(fast) == [("10:00:03", "OK"), ("10:08:23", "ALARM"), ("10:12:23", "OK")]
    assert changes(steady) == [("10:00:00", "OK"), ("10:10:00", "ALARM"), ("10:14:00", "OK")]
    assert changes(slow) == [("10:00:08", "OK"), ("10:15:28", "ALARM"), ("10:16:28", "OK")]
    assert [state for _, state in changes(composite)] == ["OK", "ALARM", "OK", "ALARM", "OK"]


def test_the_json_document() -> None:
    """A transition has its time in UTC with milliseconds, the states, the reason and its parsed data."""
    fast = document("--alarm", ALARMS, "--metrics", OUTAGE)[0]
    assert fast["alarmName"] == "recloser:payments-api:failure-rate-fast"
    trip = fast["transitions"][1]
    assert list(trip) == ["at", "from", "to", "reason", "reasonData"]
    assert (trip["at"], trip["from"], trip["to"]) == ("2026-09-14T10:08:23.465Z", "OK", "ALARM")
    assert trip["reason"].startswith("Threshold Crossed: 2 out of the last 3 datapoints [")
    assert trip["reasonData"]["queryDate"] == "2026-09-14T10:08:23.465+0000"
    assert len(trip["reasonData"]["evaluatedDatapoints"]) == 2


def test_the_table_compares_the_alarms() -> None:
    """Without --json there are tables: the transitions, and trips and time in ALARM side by side."""
    result = run("--alarm", ALARMS, "--metrics", OUTAGE)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    (fast,) = [line for line in lines if line.strip().startswith("recloser:payments-api:failure-rate-fast ")]
    assert fast.split() == [
        "recloser:payments-api:failure-rate-fast", "1", "240", "s", "2026-09-14T10:08:23.465Z", "OK",
    ]  # fmt: skip
    assert any("2026-09-14T10:15:28.908Z" in line and "OK" in line and "ALARM" in line for line in lines)


@pytest.mark.parametrize("name", ["outage.png", "outage.svg"])
def test_the_picture(tmp_path: Path, name: str) -> None:
    """--plot writes a picture; the same run gives the same bytes."""
    pictures = []
    for number in range(2):
        path = tmp_path / f"{number}-{name}"
        assert run("--alarm", ALARMS, "--metrics", OUTAGE, "--plot", path).exit_code == 0
        pictures.append(path.read_bytes())
    assert pictures[0] == pictures[1]
    assert len(pictures[0]) > 20_000


def test_four_ways_to_treat_missing_data() -> None:
    """The CSV example, after whose last sample nothing comes any more: each mode ends in its own way."""
    found = document(
        "--alarm", EXAMPLES / "missing-data.json",
        "--metrics", EXAMPLES / "nightly.csv",
        "--to", "2026-09-14T10:20:00Z", "--phase", "30",
    )  # fmt: skip
    assert {alarm["alarmName"]: changes(alarm)[-1] for alarm in found} == {
        "missing": ("10:18:30", "INSUFFICIENT_DATA"),
        "notBreaching": ("10:17:30", "OK"),
        "breaching": ("10:10:30", "ALARM"),
        "ignore": ("10:10:30", "ALARM"),
    }


def test_emf_lines() -> None:
    """The log of the outage's beginning trips the fast alarm."""
    found = document("--alarm", ALARMS, "--metrics", EXAMPLES / "outage.emf.log")
    assert changes(found[0])[1] == ("10:08:23", "ALARM")


def test_the_answer_of_get_metric_data(tmp_path: Path) -> None:
    """Finished datapoints of a minute feed the queries of the steady alarm by their Ids."""
    (tmp_path / "alarm.json").write_text(json.dumps(rate_alarm(period=60, minimum=3)))
    (steady,) = document("--alarm", tmp_path / "alarm.json", "--metrics", EXAMPLES / "get-metric-data.json")
    assert changes(steady) == [("10:00:00", "OK"), ("10:10:00", "ALARM"), ("10:14:00", "OK")]


def test_phase_and_initial_state() -> None:
    """The instant of evaluation and the state at the start can be given."""
    found = document(
        "--alarm", ALARMS, "--metrics", OUTAGE, "--phase", "7.5", "--initial-state", "OK",
        "--from", "2026-09-14T10:07:00Z", "--to", "1789380600",
    )  # fmt: skip
    fast = found[0]
    assert [(change["at"], change["from"]) for change in fast["transitions"]] == [
        ("2026-09-14T10:08:27.500Z", "OK")
    ]


def test_an_operator_sees_the_state_before_the_first_change() -> None:
    """An alarm that never changes is shown with the state that it stays in."""
    result = run(
        "--alarm", ALARMS, "--metrics", OUTAGE, "--initial-state", "OK", "--to", "2026-09-14T10:05:00Z"
    )
    assert "stays OK" in result.stdout


# --- Bad input -----------------------------------------------------------------------------------


def line(second: int, value: object = 1, **changes: object) -> str:
    return json.dumps(
        {
            "timestamp": f"2026-09-14T10:00:{second:02d}Z",
            "namespace": "Test",
            "metric": "Signal",
            "dimensions": {},
            "value": value,
            **changes,
        }
    )


GOOD_ALARM = json.dumps(scalar_alarm(), indent=2)
GOOD_METRICS = f"{line(0)}\n{line(10)}\n"


def pretty(definition: dict[str, Any]) -> str:
    return json.dumps([scalar_alarm(AlarmName="first"), definition], indent=2)


def line_with(text: str, part: str) -> int:
    """The last line of a text with a part, counted from 1."""
    return max(number for number, one in enumerate(text.splitlines(), 1) if part in one)


BAD_ALARMS = [
    ("{", 1, "is not JSON"),
    ('[{"AlarmName": "a"},\n\n oops]', 3, "is not JSON"),
    ("[]", 1, "holds no alarm"),
    ('"text"', 1, "holds no alarm"),
    ("[5]", 1, "alarm 1 is no object"),
    ("{}", 1, "holds no alarm: it must be one alarm, a list of alarms"),
    *(
        (pretty(definition), line_with(pretty(definition), part), reason)
        for definition, part, reason in (
            (scalar_alarm(Statistic=None, ExtendedStatistic="p101"), '"p101"', "unknown statistic 'p101'"),
            (scalar_alarm(Statistic="Mean"), '"Statistic"', "Statistic must be one of"),
            (scalar_alarm(Period=7), '"Period"', "Period must be 10, 20, 30 or a multiple of 60 s, not 7"),
            (scalar_alarm(Threshold=None), '"AlarmName": "signal"', "Threshold must be a number"),
            (math_alarm("m1 + STDDEV(m1)", "m1"), '"m1 + STDDEV(m1)"', "column 6: function STDDEV"),
            (scalar_alarm(AlarmName="first"), '"AlarmName": "first"', "AlarmName occurs twice"),
            (
                {"AlarmName": "all", "AlarmRule": "ALARM(second)"},
                '"AlarmName": "all"',
                "refers to 'second', which is not among the alarms",
            ),
            ({"AlarmName": "all", "AlarmRule": "TRUE AND"}, '"AlarmRule"', "AlarmRule ends too early"),
        )
    ),
]


@pytest.mark.parametrize(("text", "number", "reason"), BAD_ALARMS)
def test_bad_alarms(tmp_path: Path, text: str, number: int, reason: str) -> None:
    """An alarm that cannot be used is refused with the file, the line and the reason: exit code 2."""
    alarm, metrics = tmp_path / "alarm.json", tmp_path / "metrics.jsonl"
    alarm.write_text(text)
    metrics.write_text(GOOD_METRICS)
    result = run("--alarm", alarm, "--metrics", metrics)
    assert result.exit_code == 2
    assert result.stdout == ""
    # The second of two alarms stands lower down; for "occurs twice" the later one is meant.
    assert result.stderr.startswith(f"recloser: {alarm}:{number}: ")
    assert reason in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "number", "reason"),
    [
        (f"{line(0)}\nnot json\n", 2, "is not JSON: Expecting value at column 1"),
        (f"{line(0)}\n{line(1)[:-1]}\n", 2, "is not JSON"),
        (f"{line(0)}\n\n[1]\n", 3, "must be an object, not [1]"),
        (f"{line(0)}\n{line(1, value=None)}\n", 2, "lacks value"),
        (f"{line(0)}\n{line(1, value='many')}\n", 2, "value must be a number, not 'many'"),
        (f"{line(0)}\n{line(1, value=[1, 2], counts=[1])}\n", 2, "there are 2 values but 1 counts"),
        (f"{line(0)}\n{line(1, counts=0)}\n", 2, "counts must be positive"),
        (f"{line(0)}\n{line(1, colour='red')}\n", 2, "unknown colour: allowed are timestamp"),
        (f"{line(0)}\n{line(1, unit='Apples')}\n", 2, "unknown unit 'Apples'"),
        (f"{line(0)}\n{line(1, dimensions={'a': 1})}\n", 2, "dimensions must be an object of texts"),
        (f"{line(0)}\n{line(1, storage_resolution=5)}\n", 2, "storage_resolution must be 1 or 60, not 5"),
        (f"{line(0)}\n{line(1, timestamp='noon')}\n", 2, "'noon' is no time from 1970 to 2100"),
        (f"{line(0)}\n{line(1, timestamp=1789380000000)}\n", 2, "is no time from 1970 to 2100"),
        (f"{line(0)}\n{line(9, available_at='2026-09-14T10:00:05Z')}\n", 2, "is before timestamp"),
        (
            f"{line(5)}\n{line(4)}\n",
            2,
            "times out of order: Test/Signal at 2026-09-14T10:00:04.000Z comes after",
        ),
        ("", 1, "is empty"),
        ("hello\n", 1, "is neither JSON"),
        ("timestamp,namespace,value\n", 1, "the header lacks metric"),
        ("timestamp,namespace,metric,value\n2026-09-14T10:00:00Z,Test,Signal\n", 2, "has 3 cells"),
        (
            "timestamp,namespace,metric,value\n2026-09-14T10:00:00Z,Test,Signal,x\n",
            2,
            "value must be a number",
        ),
        ('{"_aws": {}}\n', 1, "is no EMF document"),
        ('{"MetricDataResults": [\n{"Id": "m1", "Timestamps": [1], "Values": []}]}', 2, "as many Timestamps"),
        ('{"MetricDataResults": [\n{"Id": "m1"\n', 3, "is not JSON"),
    ],
)
def test_bad_metrics(tmp_path: Path, text: str, number: int, reason: str) -> None:
    """Metrics that cannot be used are refused with the file, the line and the reason: exit code 2."""
    alarm, metrics = tmp_path / "alarm.json", tmp_path / "metrics.jsonl"
    alarm.write_text(GOOD_ALARM)
    metrics.write_text(text)
    result = run("--alarm", alarm, "--metrics", metrics)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"recloser: {metrics}:{number}: ")
    assert reason in result.stderr


def test_a_metric_that_the_data_lacks(tmp_path: Path) -> None:
    """An alarm whose metric is in no file is refused: which metric, and what the file has instead."""
    alarm, metrics = tmp_path / "alarm.json", tmp_path / "metrics.jsonl"
    alarm.write_text(json.dumps(scalar_alarm(MetricName="Other")))
    metrics.write_text(GOOD_METRICS)
    result = run("--alarm", alarm, "--metrics", metrics)
    assert result.exit_code == 2
    assert result.stderr == (
        f"recloser: {metrics}: alarm 'signal' needs Test/Other; the data has Test/Signal\n"
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--from", "noon"), "--from 'noon' is not allowed: a time from 1970 to 2100"),
        (("--from", "2026-09-14T11:00:00Z", "--to", "2026-09-14T10:00:00Z"), "a time after --from"),
        (("--from", "2026-09-15T00:00:00Z"), "must be after --from"),
        (("--initial-state", "FINE"), "one of OK, ALARM, INSUFFICIENT_DATA"),
        (("--phase", "-1"), "Invalid value for '--phase'"),
        (
            ("--plot", "/nowhere/picture.png"),
            "--plot '/nowhere/picture.png' is not allowed: a file in a folder",
        ),
        (
            ("--plot", "picture.docx"),
            "--plot 'picture.docx' is not allowed: a file that ends in .png or .svg",
        ),
        (("--plot", "picture"), "--plot 'picture' is not allowed: a file that ends in .png or .svg"),
        (("--plot", "/"), "--plot '/' is not allowed: a file, and this is a folder"),
    ],
)
def test_bad_options(arguments: tuple[str, ...], reason: str) -> None:
    """Options that make no sense are refused by name: exit code 2."""
    result = run("--alarm", ALARMS, "--metrics", OUTAGE, *arguments)
    assert result.exit_code == 2
    assert reason in result.stderr


def test_files_that_are_not_there(tmp_path: Path) -> None:
    """A missing file is named."""
    assert (
        "nothing.json: No such file" in run("--alarm", tmp_path / "nothing.json", "--metrics", OUTAGE).stderr
    )
    assert "nothing.csv: No such file" in run("--alarm", ALARMS, "--metrics", tmp_path / "nothing.csv").stderr
    result = run("--alarm", ALARMS)
    assert (result.exit_code, result.stderr) == (2, "recloser: --metrics FILE is needed, or --from-aws\n")


def test_what_cloudwatch_would_drop_is_told(tmp_path: Path) -> None:
    """A log line with a part that CloudWatch drops is run without it, and the part is told on stderr."""
    logs = tmp_path / "calls.log"
    example = (EXAMPLES / "outage.emf.log").read_text().splitlines()
    logs.write_text("\n".join([*example, example[-1].replace('"Duration": ', '"Duration": "x", "Other": ')]))
    result = run("--alarm", ALARMS, "--metrics", logs, "--json")
    assert result.exit_code == 0
    assert f"{logs}:181: metric 'Duration' must be a number" in result.stderr
    assert json.loads(result.stdout)["alarms"]
