"""What the index of due circuits does not list is found all the same."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from recloser.control.control import Control
from recloser.control.minute import Minute
from recloser.signals import AlarmRaised
from recloser.store.memory import MemoryTables

SECOND_MS, HOUR_MS = 1000, 3_600_000
MIDNIGHT_MS = 1_795_046_400_000
WITHIN_SECONDS = 6 * 60

NAME = "payments-api"

# When the runs of some minutes come, in seconds.
ON_TIME = [60 * minute for minute in range(12)]
EVERY_FIFTH_IS_EARLY = [60 * minute + (-1 if minute % 5 == 0 else 1) for minute in range(12)]
EARLY_AND_LATE_IN_TURN = [60 * minute + (-10 if minute % 2 else 10) for minute in range(12)]


@pytest.mark.parametrize("runs", [ON_TIME, EVERY_FIFTH_IS_EARLY, EARLY_AND_LATE_IN_TURN])
@pytest.mark.parametrize("after_midnight_seconds", [0, 17, 59, 61, 299])
def test_a_time_that_a_wrong_clock_wrote(runs: Sequence[int], after_midnight_seconds: int) -> None:
    """A circuit that a clock an hour ahead has opened is looked at within six minutes, whenever runs come."""
    tables = MemoryTables()
    begins_ms = MIDNIGHT_MS + after_midnight_seconds * SECOND_MS
    opened_by = Control(tables, now_ms=lambda: begins_ms + HOUR_MS)
    opened_by.apply(NAME, AlarmRaised("recloser:payments-api:fast", "it fails", begins_ms))
    for at in runs:
        control = Control(tables, now_ms=lambda at=at: begins_ms + at * SECOND_MS)  # type: ignore[misc]
        if at <= WITHIN_SECONDS:
            Minute(control).run()
    assert tables.read(NAME).generation > 1
