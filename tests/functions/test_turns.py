"""Turns for SetAlarmState: three a second for the whole account, whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from deployed_functions import Region

from recloser.control.alarms import SET_ALARM_STATE_INTERVAL_MS
from recloser.store.turns import TURNS_KEY, DynamoDBTurns, LocalTurns, Turns

NOW_MS = 1_789_364_587_912
PATIENCE_MS = 2_000


@pytest.fixture(params=["local", "dynamodb"])
def make(request: pytest.FixtureRequest, region: Region) -> Callable[[], Turns]:
    """Make the turns of one more process."""
    if request.param == "local":
        alone = LocalTurns(SET_ALARM_STATE_INTERVAL_MS)
        return lambda: alone
    stored = region.stored
    return lambda: DynamoDBTurns(stored.client, stored.probe_table, SET_ALARM_STATE_INTERVAL_MS)


def test_turns_are_a_third_of_a_second_apart(make: Callable[[], Turns]) -> None:
    """Whichever process asks, turns come one after the other; who would wait too long gets none."""
    takers = [make() for _ in range(9)]
    waits = [taker.take(NOW_MS, PATIENCE_MS) for taker in takers]
    assert waits == [0, 334, 668, 1002, 1336, 1670, None, None, None]


def test_time_gives_turns_back(make: Callable[[], Turns]) -> None:
    """When the queue has passed the next turn is at once."""
    turns = make()
    for _ in range(7):
        turns.take(NOW_MS, PATIENCE_MS)
    assert turns.take(NOW_MS + 1_000, PATIENCE_MS) == 1004
    assert turns.take(NOW_MS + 10_000, PATIENCE_MS) == 0


def test_a_turn_of_a_wrong_clock_stops_nobody(make: Callable[[], Turns]) -> None:
    """A turn that lies an hour ahead was taken by a clock that is wrong: it is passed over."""
    turns = make()
    assert turns.take(NOW_MS + 3_600_000, PATIENCE_MS) == 0
    assert turns.take(NOW_MS, PATIENCE_MS) == 0
    assert turns.take(NOW_MS, PATIENCE_MS) == 334


@pytest.mark.parametrize("written", [{"S": "soon"}, {"NULL": True}, {"N": "1E+30"}, {"N": "-1"}, {"L": []}])
def test_a_turn_that_was_written_manually_stops_nobody(region: Region, written: dict[str, Any]) -> None:
    """Whatever somebody wrote in the place of the next turn, alarms are set again."""
    stored = region.stored
    stored.put_probes({"permit": {"S": TURNS_KEY}, "next_at": written})
    turns = DynamoDBTurns(stored.client, stored.probe_table, SET_ALARM_STATE_INTERVAL_MS)
    assert [turns.take(NOW_MS, PATIENCE_MS) for _ in range(2)] == [0, 334]


def test_turns_are_no_permits(region: Region) -> None:
    """The item of turns in the table of permits holds the next turn, and expires."""
    stored = region.stored
    DynamoDBTurns(stored.client, stored.probe_table, 334).take(NOW_MS, PATIENCE_MS)
    item = stored.probes("turns")
    assert item is not None
    assert set(item) == {"permit", "next_at", "expires"}
