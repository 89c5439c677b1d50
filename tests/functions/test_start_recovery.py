"""start_recovery: every minute, time passes for the circuits that wait, and deaf alarms are re-armed."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from deployed_functions import NAME, Region, golden, image

from recloser.circuit import Cause, State
from recloser.store.dynamodb import DynamoDBTables

RETRY_AT_MS = 1_789_364_598_581
ALARM = "recloser:payments-api:failure-rate-fast"


@pytest.fixture
def opened(region: Region) -> Region:
    """The circuit of the story: open until `RETRY_AT_MS`, with one permit."""
    region.stored.put_circuit(golden("circuit-item"))
    region.stored.put_probes(image("probe-stream-minted"))
    return region


def test_nothing_happens_before_retry_at(opened: Region) -> None:
    """Before retry_at a circuit stays open, and its item as it is."""
    opened.clock.now_ms = RETRY_AT_MS - 1
    before = opened.stored.everything()
    assert opened.start_recovery(golden("scheduled-event")) == {
        "moved": [],
        "tripped": [],
        "rearmed": [],
        "left": 0,
    }
    assert opened.stored.everything() == before


def test_the_minute_moves_the_flag(opened: Region) -> None:
    """Once retry_at has come the circuit is half-open, of the same generation."""
    opened.clock.now_ms = RETRY_AT_MS
    assert opened.start_recovery(golden("scheduled-event"))["moved"] == [NAME]
    moved = opened.stored.tables().read(NAME, consistent=True)
    assert (moved.state, moved.generation) == (State.HALF_OPEN, 17)


def test_a_schedule_that_fires_twice_changes_nothing(opened: Region) -> None:
    """The second event of a minute finds nothing to do."""
    opened.clock.now_ms = RETRY_AT_MS
    opened.start_recovery(golden("scheduled-event"))
    before = opened.stored.everything()
    assert opened.start_recovery(golden("scheduled-event"))["moved"] == []
    assert opened.stored.everything() == before


def test_a_lost_probe_opens_again(opened: Region) -> None:
    """A canary that was claimed and never reported counts as failed at the deadline."""
    tables = opened.stored.tables()
    assert tables.claim(NAME, 17, RETRY_AT_MS) == 1
    opened.clock.now_ms = RETRY_AT_MS
    opened.start_recovery(golden("scheduled-event"))
    opened.clock.now_ms += 30_000
    opened.start_recovery(golden("scheduled-event"))
    again = tables.read(NAME, consistent=True)
    assert (again.state, again.generation) == (State.OPEN, 18)
    assert again.cause is Cause.PROBE_LOST


def test_a_lost_report_is_found(opened: Region) -> None:
    """A probe's report whose stream record was lost is found in the table, and counts."""
    tables = opened.stored.tables()
    tables.claim(NAME, 17, RETRY_AT_MS)
    tables.report(NAME, 17, 1, succeeded=True)
    opened.clock.now_ms = RETRY_AT_MS
    opened.start_recovery(golden("scheduled-event"))
    assert tables.read(NAME, consistent=True).permits == 10


def test_one_circuits_trouble_does_not_hold_up_the_others(
    opened: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one circuit fails the others move, deaf alarms are re-armed, and the error says which it was."""
    names = ["a", "broken", NAME, "z"]
    for name in names:
        opened.stored.put_circuit(golden("circuit-item") | {"circuit": {"S": name}})
        opened.stored.put_probes(image("probe-stream-minted") | {"permit": {"S": f"{name}#17"}})
    read_probes = DynamoDBTables.read_probes

    def failing(self: DynamoDBTables, name: str, generation: int) -> Any:
        if name == "broken":
            raise OSError("the disk is on fire")
        return read_probes(self, name, generation)

    monkeypatch.setattr(DynamoDBTables, "read_probes", failing)
    opened.put_alarm("recloser:search-api:any", circuit="search-api")
    opened.clock.now_ms = max(RETRY_AT_MS, round(time.time() * 1000) + 31_000)

    with pytest.raises(ExceptionGroup, match="1 circuits or alarms failed") as raised:
        opened.start_recovery(golden("scheduled-event"))

    [error] = raised.value.exceptions
    assert error.__notes__ == ["circuit broken"]
    tables = opened.stored.tables()
    states = {name: tables.read(name, consistent=True).state for name in names}
    assert states == {"a": "HALF_OPEN", "broken": "OPEN", NAME: "HALF_OPEN", "z": "HALF_OPEN"}
    assert opened.alarm("recloser:search-api:any")["StateValue"] == "OK"


def test_a_deaf_alarm_is_re_armed(region: Region) -> None:
    """An alarm that has stood in ALARM for half a minute over a closed circuit is set to OK, and says why."""
    region.put_alarm(ALARM)
    region.clock.now_ms = round(time.time() * 1000) + 31_000
    assert region.start_recovery(golden("scheduled-event"))["rearmed"] == [ALARM]
    assert region.alarm(ALARM)["StateValue"] == "OK"
    assert "circuit payments-api is closed" in region.alarm(ALARM)["StateReason"]


def test_an_event_that_was_lost_comes_back(region: Region) -> None:
    """An event that was lost costs a minute: the alarm, re-armed, raises again, and then it trips."""
    region.put_alarm(ALARM)
    region.clock.now_ms = round(time.time() * 1000) + 31_000
    region.start_recovery(golden("scheduled-event"))
    region.set_alarm(ALARM, "ALARM")
    region.flip_state(golden("alarm-metric-math"))
    assert region.stored.tables().read(NAME, consistent=True).state is State.OPEN
    assert region.start_recovery(golden("scheduled-event"))["rearmed"] == []


def test_the_state_of_what_is_not_closed_is_published(
    opened: Region, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each minute the metric State is written for circuits that are not closed, or have an override."""
    closed = golden("circuit-item") | {"circuit": {"S": "search-api"}, "state": {"S": "CLOSED"}}
    opened.stored.put_circuit(
        {name: value for name, value in closed.items() if name not in ("due", "due_at")}
    )
    opened.stored.put_circuit(golden("circuit-item-overridden") | {"circuit": {"S": "freed-api"}})
    opened.clock.now_ms = RETRY_AT_MS - 1
    opened.start_recovery(golden("scheduled-event"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert {line["Circuit"]: line["State"] for line in lines} == {NAME: 1, "freed-api": 0}
    assert {line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in lines} == {"Recloser"}


def test_an_item_of_no_circuit_stops_nothing(opened: Region) -> None:
    """An item written manually under a key that names no circuit is passed over, every minute."""
    opened.stored.put_circuit(golden("circuit-item") | {"circuit": {"S": "payments api"}})
    opened.clock.now_ms = RETRY_AT_MS // 300_000 * 300_000 + 300_000  # a minute that sweeps
    assert opened.start_recovery(golden("scheduled-event"))["moved"] == [NAME]
