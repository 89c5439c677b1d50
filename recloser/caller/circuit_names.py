"""How many circuits a process names, and a warning where their names look like a tenant's or a user's."""

from __future__ import annotations

import logging

logger = logging.getLogger(__name__)

# More dependencies than a program has, fewer than it has customers.
MANY_CIRCUITS = 50


class CircuitNames:
    """Counts different names until there are too many, then says so, once."""

    def __init__(self) -> None:
        self._names: set[str] | None = set()

    def see(self, name: str) -> None:
        """Take one more breaker's name into account. To be called under a lock."""
        if self._names is None:
            return
        self._names.add(name)
        if len(self._names) >= MANY_CIRCUITS:
            self._names = None
            logger.warning(
                "this process names %d circuits, the newest %s: a circuit is a dependency, not a tenant or a "
                "user. CloudWatch charges the metrics of each, and an alarm over every circuit sees 500",
                MANY_CIRCUITS,
                name,
            )
