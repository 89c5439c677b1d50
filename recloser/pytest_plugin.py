"""The fixtures that pytest finds by itself where Recloser is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

# Imported by the fixtures: a test run that uses none of them pays nothing.
if TYPE_CHECKING:
    from recloser.breaker import CircuitBreaker
    from recloser.testing import World


@pytest.fixture
def recloser_world() -> Iterator[World]:
    """A `recloser.testing.World` of the test's own; breakers that it adopts are let go afterwards."""
    from recloser.testing import World  # noqa: PLC0415

    world = World()
    yield world
    world.let_go()


@pytest.fixture
def recloser_breaker(recloser_world: World) -> Callable[..., CircuitBreaker]:
    """Makes breakers in `recloser_world`: called with a name, and settings as for CircuitBreaker."""
    return recloser_world.breaker
