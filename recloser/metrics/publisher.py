"""What takes metrics away: the type that every publisher fits."""

from __future__ import annotations

from typing import Protocol

from recloser.metrics.emf import Value


class Publisher(Protocol):
    """Takes metrics away. What it raises is logged, and never reaches a caller."""

    def publish(self, circuit: str, values: dict[str, Value], at_ms: int) -> None:
        """Publish values of one circuit's metrics.

        Args:
            circuit: the dimension's value.
            values: metric name to a value or to several; Duration in milliseconds, all others counts.
            at_ms: when they were measured, epoch milliseconds.

        """
