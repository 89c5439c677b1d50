"""The table in `docs/callers.md` comes from a command; here it runs in small."""

from __future__ import annotations

from pathlib import Path

import pytest

from recloser.lab.simulation.local_trip_saving import main, saving
from recloser.lab.simulation.scenario import Health, Scenario


def test_the_local_trip_saves_failed_calls(outage: Scenario) -> None:
    """With it far fewer calls fail before the fleet trips, and the trip comes no later than a period."""
    found = saving(outage, 1)
    assert found.failed_with < found.failed_without / 2
    assert found.seconds_to_trip_with <= found.seconds_to_trip_without + 10
    assert found.saved_percent == pytest.approx(100 - 100 * found.failed_with / found.failed_without)


def test_a_scenario_that_does_not_trip_has_nothing_to_tell(outage: Scenario) -> None:
    """Without an outage there is an error, not a number."""
    healthy = Scenario(duration_seconds=60, dependency=(Health(),), calls=outage.calls)
    with pytest.raises(ValueError, match="does not trip"):
        saving(healthy, 1)


def test_the_command_prints_the_table_of_the_documentation(
    scenarios: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The numbers in the documentation are those that the command prints."""
    main([str(scenarios / "hard-outage.yaml"), "1"])
    printed = capsys.readouterr().out.splitlines()
    told = (Path(__file__).parents[2] / "docs" / "callers.md").read_text(encoding="utf-8")
    assert all(line in told for line in printed)
