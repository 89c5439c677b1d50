"""The fixtures that pytest finds by itself where Recloser is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

# Nothing is imported before pytest asks: this module is part of the layer, which has no pytest, and a test
# run that uses no fixture pays for no breaker.
if TYPE_CHECKING:
    import pytest

    from recloser.caller.breaker import CircuitBreaker
    from recloser.testing import World


def pytest_configure(config: pytest.Config) -> None:
    """Register the fixtures."""
    config.pluginmanager.register(_fixtures(), "recloser-fixtures")


def _fixtures() -> object:
    import pytest  # noqa: PLC0415

    class Fixtures:
        @pytest.fixture
        def recloser_world(self) -> Iterator[World]:
            """A `recloser.testing.World` of the test's own; breakers that it adopts are let go afterwards."""
            from recloser.testing import World  # noqa: PLC0415

            world = World()
            yield world
            world.let_go()

        @pytest.fixture
        def recloser_breaker(self, recloser_world: World) -> Callable[..., CircuitBreaker]:
            """Makes breakers in `recloser_world`: called with a name, and settings as for CircuitBreaker."""
            return recloser_world.breaker

    return Fixtures()
