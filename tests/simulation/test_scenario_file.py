"""A scenario is read whole, or refused with the file, the line and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from recloser.lab.simulation.scenario import Faults, Lateness, Span, TrafficChange
from recloser.lab.simulation.scenario_file import ScenarioError, load_scenario, parse_scenario

GOOD = """\
name: A run
duration_seconds: 120
environments: {count: 3}
calls: {per_second: 5}
dependency:
  - {from_seconds: 0}
"""


def refusal(text: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "run.yaml")
    return str(caught.value)


def test_what_is_not_said_takes_its_default() -> None:
    """Five settings make a scenario."""
    scenario = parse_scenario(GOOD, "run.yaml")
    assert (scenario.seed, scenario.circuit, scenario.faults) == (1, "payments-api", Faults())
    assert scenario.caller.local_trip is not None


def test_everything_that_can_be_said_is_taken_over() -> None:
    """Nested settings arrive where they belong."""
    text = GOOD + (
        "policy: {permits: 3, successes_to_close: 2}\n"
        "caller: {local_trip: null, handler: false}\n"
        "faults:\n"
        "  late_messages: {probability: 0.5, seconds: 9}\n"
        "  dead_scheduler: [{from_seconds: 1, until_seconds: 2}]\n"
        "operators: [{at_seconds: 5, action: open, until_seconds: 50}]\n"
    )
    text = text.replace("per_second: 5", "per_second: 5, changes: [{from_seconds: 60, per_second: 20}]")
    scenario = parse_scenario(text, "run.yaml")
    assert scenario.calls.changes == (TrafficChange(60, 20),)
    assert scenario.policy.permits == 3
    assert scenario.caller.local_trip is None
    assert scenario.faults.late_messages == Lateness(0.5, 9)
    assert scenario.faults.dead_scheduler == (Span(1, 2),)
    assert scenario.operators[0].until_seconds == 50


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("count: 3", "count: 0", 3, "environments.count: 0 is not allowed: at least 1, at most 20000"),
        (
            "count: 3",
            "cout: 3",
            3,
            "cout is unknown; allowed are arrive_over_seconds, count, lifetime_seconds",
        ),
        ("name: A run\n", "", 1, "name is missing"),
        ("per_second: 5", "per_second: fast", 4, "'fast' is not allowed: a number"),
        ("per_second: 5", "per_second: 0", 4, "calls.per_second: 0 is not allowed: more than 0"),
        ("from_seconds: 0", "from_seconds: 9", 6, "9 is not allowed: the first begins at 0"),
        (
            "per_second: 5",
            "per_second: 5, changes: [{from_seconds: 9, per_second: 1}, {from_seconds: 8, per_second: 1}]",
            4,
            "calls.changes.1.from_seconds: 8 is not allowed: more than 9",
        ),
        (
            "per_second: 5",
            "per_second: 5, changes: [{from_seconds: 120, per_second: 1}]",
            4,
            "calls.changes.0.from_seconds: 120 is not allowed: less than duration_seconds = 120",
        ),
        (
            "{from_seconds: 0}",
            "{from_seconds: 0, failure_rate: 1.5}",
            6,
            "1.5 is not allowed: at least 0, at most 1",
        ),
        (
            "{from_seconds: 0}",
            "{from_seconds: 0, failure_rate: 0.7, hang_rate: 0.7}",
            6,
            "failure_rate and hang_rate together are at most 1",
        ),
        (
            "{from_seconds: 0}",
            "{from_seconds: 0}\n  - {from_seconds: 50}\n  - {from_seconds: 40}",
            8,
            "40 is not allowed: more than 50",
        ),
        ("seconds: 120", "seconds: 120\nseed: 1\nseed: 2", 4, "seed stands here twice"),
        (
            "seconds: 120",
            "seconds: 120\npolicy: {permits: 2}",
            3,
            "policy successes_to_close = 5 is not allowed",
        ),
        ("seconds: 120", "seconds: 120\ncalls: [", 5, "not YAML"),
        (
            "seconds: 120",
            "seconds: 120\noperators:\n  - {at_seconds: 1, action: reset, until_seconds: 2}",
            4,
            "only an open or a close can expire",
        ),
        ("seconds: 120", "seconds: 120\ndelays: {event_seconds: [3, 1]}", 3, "the smaller first"),
        (
            "seconds: 120",
            "seconds: 120\ncaller: {on_store_error: panic}",
            3,
            "one of last-known, allow, refuse",
        ),
        ("seconds: 120", "seconds: .nan", 2, "duration_seconds: nan is not allowed: a finite number"),
        ("seconds: 120", "seconds: .inf", 2, "duration_seconds: inf is not allowed: a finite number"),
        (
            "{from_seconds: 0}",
            "{from_seconds: 0, failure_rate: .nan}",
            6,
            "dependency.0.failure_rate: nan is not allowed: a finite number",
        ),
        (
            "{from_seconds: 0}",
            "{from_seconds: 0}\n  - {from_seconds: 120}",
            7,
            "120 is not allowed: less than duration_seconds = 120",
        ),
        (
            "seconds: 120",
            "seconds: 120\noperators:\n  - {at_seconds: 500, action: open}",
            4,
            "500 is not allowed: less than duration_seconds = 120",
        ),
        (
            "seconds: 120",
            "seconds: 120\nfaults: {dead_scheduler: [{from_seconds: 120, until_seconds: 130}]}",
            3,
            "120 is not allowed: less than duration_seconds = 120",
        ),
        ("seconds: 120", "seconds: 120\npolicy: {enforce: false}", 3, "enforce is unknown"),
        ("seconds: 120", "seconds: 120\npolicy: {ramp_seconds: 9}", 3, "ramp_seconds is unknown"),
    ],
)
def test_bad_input(old: str, new: str, line: int, said: str) -> None:
    """A mistake is told with its line, its name, its value and what is allowed."""
    told = refusal(GOOD.replace(old, new, 1))
    assert told.startswith(f"run.yaml, line {line}: ")
    assert said in told


@pytest.mark.parametrize("text", ["", "just a word", "- a\n- list"])
def test_what_is_no_scenario_at_all(text: str) -> None:
    """Something else in YAML is refused, too."""
    assert "settings by name" in refusal(text)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file is told by its name."""
    with pytest.raises(ScenarioError, match=r"nothing\.yaml: cannot be read"):
        load_scenario(tmp_path / "nothing.yaml")
