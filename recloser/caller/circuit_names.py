"""A warning where a process names so many circuits that their names look like a tenant's or a user's."""

from __future__ import annotations

import logging

logger = logging.getLogger(__name__)

# More dependencies than a program has, fewer than it has customers.
MANY_CIRCUITS = 50


def warn_of_many(newest: str) -> None:
    """Say that a process names so many circuits."""
    logger.warning(
        "this process names %d circuits, the newest %s: a circuit is a dependency, not a tenant or a "
        "user. CloudWatch charges the metrics of each, and an alarm over every circuit sees 500",
        MANY_CIRCUITS,
        newest,
    )
