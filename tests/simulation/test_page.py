"""`docs/simulation.md` shows what is there."""

from __future__ import annotations

import re
from pathlib import Path

from recloser.lab.simulation.scenario_file import parse_scenario

PAGE = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text(encoding="utf-8")


def test_its_scenario_is_one() -> None:
    """The scenario on the page is read without complaint."""
    found = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    assert parse_scenario(found.group(1), "the page").operators[0].until_seconds == 500


def test_it_names_every_shipped_scenario(scenarios: Path) -> None:
    """The table lists the scenarios that are shipped, and no others."""
    listed = re.findall(r"^\| `([a-z-]+\.yaml)` \|", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in scenarios.glob("*.yaml"))
