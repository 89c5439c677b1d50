"""`recloser simulate`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from recloser.cli.main import app

RUN = "from recloser.cli.main import main; main()"

SMALL = """\
name: A small run
seed: 3
duration_seconds: 150
environments: {count: 5}
calls: {per_second: 10}
dependency:
  - {from_seconds: 0}
  - {from_seconds: 60, failure_rate: 1.0}
  - {from_seconds: 110}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def test_it_tells_people(small: Path) -> None:
    """The summary names what matters, one line each."""
    result = CliRunner().invoke(app, ["simulate", str(small)])
    assert result.exit_code == 0, result.output
    for word in (
        "A small run",
        "outage, 60 to 110 s",
        "tripped after",
        "probes",
        "DynamoDB",
        "a month like this",
    ):
        assert word in result.output


def test_it_tells_programs(small: Path) -> None:
    """With --json the same as a document, with the seed that was played."""
    result = CliRunner().invoke(app, ["simulate", str(small), "--json", "--seed", "7"])
    document = json.loads(result.output)
    assert document["seed"] == 7
    assert document["calls"]["succeeded"] > 500
    assert document["monthly_cost_usd"]["total"] > 0
    assert document["seconds_to_trip"] == document["outages"][0]["seconds_to_trip"]


def test_the_same_seed_gives_the_same_bytes(small: Path, tmp_path: Path) -> None:
    """Other processes, with other hashes, print and draw the very same."""
    outputs = []
    for number in ("1", "2"):
        picture = tmp_path / f"{number}.png"
        command = [sys.executable, "-c", RUN, "simulate", str(small), "--json", "--plot", str(picture)]
        environment = {**os.environ, "PYTHONHASHSEED": number}
        done = subprocess.run(command, capture_output=True, check=True, env=environment, timeout=120)
        outputs.append((done.stdout, picture.read_bytes()))
    assert outputs[0] == outputs[1]
    assert outputs[0][1].startswith(b"\x89PNG")


def test_a_bad_scenario(small: Path) -> None:
    """Exit code 2, and one line with the file, the line number and what is allowed."""
    small.write_text(SMALL.replace("count: 5", "count: many"), encoding="utf-8")
    result = CliRunner().invoke(app, ["simulate", str(small)])
    assert result.exit_code == 2
    assert f"{small}, line 4: environments.count: 'many' is not allowed: a whole number" in result.output


def test_a_picture_that_is_a_folder(small: Path, tmp_path: Path) -> None:
    """A folder of the picture's name is told before anything is played."""
    (tmp_path / "folder.png").mkdir()
    result = CliRunner().invoke(app, ["simulate", str(small), "--plot", str(tmp_path / "folder.png")])
    assert result.exit_code == 2
    assert "this is a folder" in result.output


def test_a_picture_that_cannot_be_written(small: Path) -> None:
    """A problem with writing the picture is one line, too."""
    result = CliRunner().invoke(app, ["simulate", str(small), "--plot", "/proc/run.png"])
    assert result.exit_code == 1
    assert "/proc/run.png cannot be drawn: " in result.output


def test_several_runs_give_ranges(small: Path) -> None:
    """One run has one choice of the alarms' phases: several show the median and the range."""
    result = CliRunner().invoke(app, ["simulate", str(small), "--json", "--runs", "4"])
    figure = json.loads(result.output)["figures"]["tripped after"]
    assert figure["runs"] == 4
    assert figure["minimum"] <= figure["median"] <= figure["maximum"]
    assert figure["minimum"] < figure["maximum"]
    told = CliRunner().invoke(app, ["simulate", str(small), "--runs", "4"]).output
    assert f"{figure['median']:,.10g} s ({figure['minimum']:,.10g} to {figure['maximum']:,.10g})" in told


def test_a_picture_in_no_folder(small: Path, tmp_path: Path) -> None:
    """A folder that does not exist is told before anything is played, and not made."""
    result = CliRunner().invoke(app, ["simulate", str(small), "--plot", str(tmp_path / "no" / "run.png")])
    assert result.exit_code == 2
    assert "a file in a folder that exists" in result.output
    assert not (tmp_path / "no").exists()


def test_a_picture_of_several_runs(small: Path, tmp_path: Path) -> None:
    """A picture shows one run."""
    picture = str(tmp_path / "run.png")
    result = CliRunner().invoke(app, ["simulate", str(small), "--runs", "2", "--plot", picture])
    assert result.exit_code == 2
    assert "leave out --runs" in result.output


def test_a_picture_of_another_kind(small: Path, tmp_path: Path) -> None:
    """Only PNG is drawn."""
    result = CliRunner().invoke(app, ["simulate", str(small), "--plot", str(tmp_path / "run.gif")])
    assert result.exit_code == 2
    assert "a file that ends in .png" in result.output
