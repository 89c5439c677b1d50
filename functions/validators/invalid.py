"""What a validator raises."""

from __future__ import annotations

from typing import Any


class Invalid(ValueError):  # noqa: N818  (an event that is invalid)
    """An event does not fit its schema.

    Attributes:
        name: the place, from `data` on: `data.detail.state.value`.
        value: what stands there.

    """

    def __init__(self, message: str, value: Any = None, name: str = "data") -> None:
        super().__init__(message)
        self.name = name
        self.value = value
