"""Data that span an outage are stale: a datapoint may hold the failures from before the trip."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recloser.circuit import Circuit, State
from recloser.control.alarm_events import from_alarm_event
from recloser.control.ignored import Ignored
from recloser.decide import decide
from recloser.policy import RecoveryPolicy
from recloser.signals import AlarmRaised

MINUTE_MS = 60_000
# Opened 24 s into a minute, and closed 24 s later, within the same one.
OPENED_MS, CLOSED_MS = 10 * MINUTE_MS + 24_000, 10 * MINUTE_MS + 48_000
CLOSED = Circuit(
    "payments-api", State.CLOSED, generation=2, revision=5, opened_at_ms=OPENED_MS, closed_at_ms=CLOSED_MS
)


def raised(begins_ms: int | None, ends_ms: int) -> AlarmRaised:
    return AlarmRaised("steady", "too many failures", ends_ms, begins_ms)


def test_a_minute_that_spans_the_outage_is_stale() -> None:
    """A period that began before the trip and ends after the close trips nothing, and re-arms."""
    decision = decide(CLOSED, raised(10 * MINUTE_MS, 11 * MINUTE_MS), 11 * MINUTE_MS, RecoveryPolicy())
    assert (decision.circuit, decision.rearm) == (None, "steady")


@pytest.mark.parametrize("begins_ms", [OPENED_MS, CLOSED_MS, None])
def test_what_began_after_the_trip_is_fresh(begins_ms: int | None) -> None:
    """While the circuit was open there were only probes: what a period holds is from after the close."""
    decision = decide(CLOSED, raised(begins_ms, CLOSED_MS + 1), 11 * MINUTE_MS, RecoveryPolicy())
    assert decision.circuit is not None
    assert decision.circuit.state is State.OPEN


def test_an_outage_after_a_reset_is_news() -> None:
    """A circuit that was closed without ever having been open has no outage to span."""
    never_open = Circuit("payments-api", State.CLOSED, generation=1, revision=1, closed_at_ms=CLOSED_MS)
    decision = decide(never_open, raised(10 * MINUTE_MS, 11 * MINUTE_MS), 11 * MINUTE_MS, RecoveryPolicy())
    assert decision.circuit is not None


def test_the_event_says_when_its_newest_datapoint_began() -> None:
    """The newest breaching datapoint spans one period, from its own time on."""
    data = {
        "version": "1.0",
        "queryDate": "2026-01-01T00:05:01.483+0000",
        "period": 60,
        "evaluatedDatapoints": [
            {"timestamp": "2026-01-01T00:04:00.000+0000", "value": 75.0},
            {"timestamp": "2026-01-01T00:02:00.000+0000", "value": 80.0},
        ],
    }
    assert times(json.dumps(data)) == (1_767_225_840_000, 1_767_225_900_000)


def test_an_alarm_set_by_hand_has_no_datapoint() -> None:
    """SetAlarmState brings no data of an evaluation."""
    assert times(None) == (None, None)


def times(reason_data: str | None) -> tuple[int | None, int | None]:
    state: dict[str, Any] = {"value": "ALARM", "reason": "a test", "reasonData": reason_data}
    metric = {"namespace": "Recloser", "name": "Failure", "dimensions": {"Circuit": "payments-api"}}
    configuration = {"metrics": [{"metricStat": {"metric": metric}}]}
    event = {"detail": {"alarmName": "steady", "configuration": configuration, "state": state}}
    read = from_alarm_event(event)
    assert not isinstance(read, Ignored)
    return read[1].newest_data_begins_ms, read[1].newest_data_ends_ms
