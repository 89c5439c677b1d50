"""Validates incoming events, by code made from the JSON Schemas in events/schemas."""

from __future__ import annotations

import reprlib
from typing import Any, Protocol

from validators.invalid import Invalid

from recloser.errors import EventError

_shown = reprlib.Repr()
_shown.maxstring = _shown.maxother = 100  # an item may hold 400 KB
_shown.maxlevel = 2


class Validator(Protocol):
    """A module of `validators`."""

    __name__: str

    def validate(self, data: Any) -> Any: ...


def validate(event: Any, validator: Validator) -> None:
    """Check an event.

    Args:
        event: as it came.
        validator: the module of `validators` that is made from the event's schema.

    Raises:
        EventError: it does not fit; the message names the place, the value and what is allowed.

    """
    try:
        validator.validate(event)
    except Invalid as error:
        schema = validator.__name__.rpartition(".")[2].replace("_", "-")
        rule = str(error).removeprefix(error.name).strip()
        place = "$" + error.name.removeprefix("data")
        raise EventError(
            f"event does not fit {schema} at {place}: {_shown.repr(error.value)} {rule}"
        ) from None
