"""What docs/deploying.md says of the price of alarms, computed from the template and the table of prices."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import pytest
from transformed_template import ROOT, deployed

from recloser.lab.prices import ALARM_METRICS, FAST_ALARM_METRICS

PAGE = (ROOT / "docs" / "deploying.md").read_text()
DEFAULT_MINUTE_SECONDS = 60
PERIODS_PER_DAY = 24 * 3600 // 10


def alarms() -> dict[str, list[dict[str, Any]]]:
    """The metrics of each alarm of one circuit, by the alarm's last name."""
    resources = deployed(Circuits="payments-api")["Resources"]
    found = {
        entry["Properties"]["AlarmName"]: entry["Properties"]["Metrics"]
        for name, entry in resources.items()
        if name.endswith("paymentsapi") and entry["Type"] == "AWS::CloudWatch::Alarm"
    }
    return {
        str(name).rpartition(":")[2].rstrip("'}"): [m["MetricStat"] for m in metrics if "MetricStat" in m]
        for name, metrics in found.items()
    }


def dollars(metrics: list[dict[str, Any]]) -> float:
    """What an alarm over these costs in a month."""
    return sum(
        (FAST_ALARM_METRICS if each["Period"] < DEFAULT_MINUTE_SECONDS else ALARM_METRICS).dollars
        for each in metrics
    )


def rises_per_day(calls: float, failing: float, minimum: int) -> float:
    """How often an alarm (10 s, 2 of 3, half the calls) rises by chance alone.

    Args:
        calls: in a period, on average; they come at random.
        failing: the share of the calls that fails, independently of each other.
        minimum: of calls, that a period needs.

    """
    bad = sum(
        math.exp(-calls) * calls**made / math.factorial(made) * at_least_half(made, failing)
        for made in range(max(1, minimum), 60)
    )
    rises = 0.0
    for periods in itertools.product((0, 1), repeat=4):
        if sum(periods[1:]) >= 2 > sum(periods[:3]):
            rises += math.prod(bad if each else 1 - bad for each in periods)
    return PERIODS_PER_DAY * rises


def at_least_half(made: int, failing: float) -> float:
    return sum(
        math.comb(made, failed) * failing**failed * (1 - failing) ** (made - failed)
        for failed in range((made + 1) // 2, made + 1)
    )


@pytest.mark.parametrize("alarm", ["failure-rate-fast", "failure-rate-steady", "slow-calls"])
def test_the_price_of_an_alarm(alarm: str) -> None:
    """The table has what each alarm costs now, and what it would with one metric."""
    metrics = alarms()[alarm]
    row = f"| `{alarm}` | ${dollars(metrics):.2f} | ${dollars(metrics[:1]):.2f} |"
    assert row in PAGE


def test_the_price_of_a_circuit() -> None:
    """The sums are those of the three alarms."""
    together = sum(map(dollars, alarms().values()))
    single = sum(dollars(metrics[:1]) for metrics in alarms().values())
    assert f"| together | ${together:.2f} | ${single:.2f} |" in PAGE


@pytest.mark.parametrize("failing", [0.01, 0.05])
def test_rises_by_chance(failing: float) -> None:
    """The page says how often an alarm without a floor would rise over a healthy circuit of few calls."""
    without, with_floor = rises_per_day(1, failing, 0), rises_per_day(1, failing, 10)
    stated = re.search(rf"of which {100 * failing:.0f} % fail[^.]*?(\d+(?:\.\d)?) times a day", PAGE)
    assert stated is not None
    assert float(stated[1]) == pytest.approx(without, rel=0.1)
    assert with_floor < 1e-6
