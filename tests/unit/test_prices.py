"""The table of prices: what each is for, and tiers that begin where the last one ends."""

from __future__ import annotations

import math

import pytest

from recloser.lab import prices
from recloser.lab.prices import LOG_GB, METRIC_MONTHS, READ_UNITS, Price

ALL = [each for each in vars(prices).values() if isinstance(each, Price)]


def test_every_price_says_where_it_is_listed() -> None:
    """Each price names what it is for and the page of AWS that has it."""
    assert len(ALL) >= 12
    for price in ALL:
        assert price.what
        assert price.source.startswith("https://aws.amazon.com/")
        assert price.tiers[-1][0] == math.inf


@pytest.mark.parametrize(
    ("price", "amount", "dollars"),
    [
        (READ_UNITS, 1_000_000, 0.125),
        (READ_UNITS, 0, 0),
        (METRIC_MONTHS, 10, 3),
        (METRIC_MONTHS, 20_000, 4_000),
        (LOG_GB, 60 * 1024, 12_800),
    ],
)
def test_tiers(price: Price, amount: float, dollars: float) -> None:
    """A dearer tier is paid for what lies in it, and the next one only for what is above."""
    assert price.of(amount) == pytest.approx(dollars)
