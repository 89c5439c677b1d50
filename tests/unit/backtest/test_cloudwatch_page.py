"""docs/cloudwatch.md and the examples: every command runs, and gives what the page says."""

from __future__ import annotations

import json
import re
import runpy
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from recloser.cli.main import app
from recloser.lab.backtest.metric_files import read_metrics

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "cloudwatch.md").read_text()
COMMANDS = [
    shlex.split(block.replace("\\\n", " "))
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    if block.startswith("recloser backtest")
]
PICTURES = re.findall(r"\((images/[\w-]+\.png)\)", PAGE)


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's commands name files of the repository."""
    monkeypatch.chdir(ROOT)


def run(command: list[str], *more: str) -> str:
    result = CliRunner().invoke(app, [*command[1:], *more])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: Path(command[-1]).stem)
def test_every_command_draws_its_picture(command: list[str], tmp_path: Path) -> None:
    """Each command of the page runs and draws; the picture that it names is there and shown."""
    assert command[-2] == "--plot"
    picture = Path(command[-1])
    assert picture.is_file()
    assert str(picture.relative_to("docs")) in PICTURES
    run([*command[:-1], str(tmp_path / "picture.png")])
    assert (tmp_path / "picture.png").stat().st_size > 20_000


def test_the_page_shows_three_pictures() -> None:
    """There is a command for every picture."""
    assert len(COMMANDS) == len(PICTURES) == 3


def seconds_to_see_the_outage(command: list[str]) -> dict[str, tuple[int, int]]:
    """By alarm: how often it trips, and seconds from 10:10:00 to the trip after it."""
    alarms = json.loads(run([*command[:-2], "--json"]))["alarms"]
    found = {}
    for alarm in alarms:
        trips = [change["at"] for change in alarm["transitions"] if change["to"] == "ALARM"]
        outage = next(at for at in trips if at >= "2026-09-14T10:10:00")
        found[alarm["alarmName"]] = (len(trips), int(outage[14:16]) * 60 + int(outage[17:19]) - 600)
    return found


def test_the_settings_compared() -> None:
    """1 of 1 trips on every blip, 3 of 3 on none, 2 of 3 on one; each takes as long as the page says."""
    (command,) = [one for one in COMMANDS if "settings" in one[-1]]
    assert seconds_to_see_the_outage(command) == {
        "1 of 1 x 10 s": (4, 25),
        "2 of 3 x 10 s": (2, 35),
        "3 of 3 x 10 s": (1, 45),
        "1 of 1 x 60 s": (1, 65),
    }


def test_all_four_modes_are_raised_by_the_same_two_datapoints() -> None:
    """The job's two failures raise all four alarms at once; two of them never come back."""
    (command,) = [one for one in COMMANDS if "missing-data" in one[-1]]
    alarms = json.loads(run([*command[:-2], "--json"]))["alarms"]
    assert {alarm["transitions"][0]["at"] for alarm in alarms} == {"2026-09-14T10:10:30.000Z"}
    ends = {alarm["alarmName"]: alarm["transitions"][-1]["to"] for alarm in alarms}
    assert ends == {
        "missing": "INSUFFICIENT_DATA",
        "notBreaching": "OK",
        "breaching": "ALARM",
        "ignore": "ALARM",
    }


def test_the_json_line_of_the_page_is_read(tmp_path: Path) -> None:
    """The sample that the page shows is one."""
    (line,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "sample.jsonl").write_text(line)
    assert len(read_metrics(tmp_path / "sample.jsonl").samples) == 1


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("write_json_lines", "outage.jsonl"),
        ("write_emf_lines", "outage.emf.log"),
        ("write_csv", "nightly.csv"),
        ("write_blips", "blips.csv"),
        ("write_get_metric_data", "get-metric-data.json"),
    ],
)
def test_the_examples_are_what_their_script_makes(function: str, name: str, tmp_path: Path) -> None:
    """Nobody edits example data by hand: the script makes the same files again."""
    script = runpy.run_path(str(ROOT / "examples" / "backtest" / "make.py"))
    script[function](tmp_path / name)
    assert (tmp_path / name).read_text() == (ROOT / "examples" / "backtest" / name).read_text()
