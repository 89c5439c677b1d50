"""How many random scenarios are played, and how to play a single one again."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

DEFAULT_SCENARIOS = 60  # `make soak` plays thousands


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, help="play this random scenario only")
    parser.addoption("--first-seed", type=int, default=0, help="the first of the random scenarios")
    parser.addoption("--scenarios", type=int, default=DEFAULT_SCENARIOS, help="how many random scenarios")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "random_seed" in metafunc.fixturenames:
        only = metafunc.config.getoption("--seed", default=None)
        first = metafunc.config.getoption("--first-seed", default=0)
        count = metafunc.config.getoption("--scenarios", default=DEFAULT_SCENARIOS)
        metafunc.parametrize("random_seed", range(first, first + count) if only is None else [only])


@pytest.fixture(autouse=True)
def quiet_library() -> Iterator[None]:
    """Thousands of faults are meant to happen; what the library says of them is not worth formatting."""
    library = logging.getLogger("recloser")
    level = library.level
    library.setLevel(logging.CRITICAL)
    yield
    library.setLevel(level)
