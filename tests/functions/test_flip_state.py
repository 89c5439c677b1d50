"""flip_state, told by the golden events: what each makes of a circuit, and what each makes of none."""

from __future__ import annotations

from typing import Any

import pytest
from deployed_functions import NAME, Region, golden, image

from recloser.circuit import Cause, Circuit, State

ALARM = "recloser:payments-api:failure-rate-fast"
TRIPPED_AT_MS = 1_789_364_587_912
RETRY_AT_MS = 1_789_364_598_581
ALARMS = ["alarm-metric-math", "alarm-metric", "alarm-composite", "alarm-by-hand", "alarm-by-hand-with-data"]
BY_HAND = ["alarm-by-hand", "alarm-by-hand-with-data"]


def circuit(region: Region) -> Circuit:
    return region.stored.tables().read(NAME, consistent=True)


@pytest.fixture
def closed(region: Region) -> Region:
    """The circuit before the story: closed, of generation 16."""
    region.stored.put_circuit(image("circuit-stream", image="OldImage"))
    region.clock.now_ms = TRIPPED_AT_MS
    return region


@pytest.fixture
def opened(closed: Region) -> Region:
    """The circuit as the alarm leaves it: open, of generation 17, with one permit."""
    closed.flip_state(golden("alarm-metric-math"))
    closed.clock.now_ms = RETRY_AT_MS
    return closed


@pytest.fixture
def half_open(opened: Region) -> Region:
    """The circuit after its canary: half-open, with ten permits."""
    opened.stored.put_probes(image("probe-stream-canary"))
    opened.flip_state(golden("probe-stream-canary"))
    return opened


# --- Alarms --------------------------------------------------------------------------------------


def test_the_alarm_opens_the_circuit(closed: Region) -> None:
    """The metric-math alarm opens the circuit, and both items are those of the story, to the last digit."""
    answer = closed.flip_state(golden("alarm-metric-math"))

    assert closed.stored.circuit(NAME) == golden("circuit-item")
    assert closed.stored.probes(f"{NAME}#17") == image("probe-stream-minted")
    assert (answer["circuit"], answer["state"]) == (NAME, "OPEN")


@pytest.mark.parametrize("name", ALARMS)
def test_every_kind_of_alarm_opens_the_circuit(closed: Region, name: str) -> None:
    """A metric alarm, metric math, a composite alarm, and an alarm set manually all trip."""
    event = golden(name)
    closed.flip_state(event)
    tripped = circuit(closed)
    assert (tripped.state, tripped.generation) == (State.OPEN, 17)
    assert tripped.alarm == event["detail"]["alarmName"]
    assert event["detail"]["state"]["reason"][:60] in tripped.reason


@pytest.mark.parametrize("name", ALARMS)
def test_a_circuit_that_was_never_written_opens(region: Region, name: str) -> None:
    """The first alarm of all finds no item, and trips."""
    region.clock.now_ms = TRIPPED_AT_MS
    region.flip_state(golden(name))
    assert (circuit(region).state, circuit(region).generation, circuit(region).trips) == (State.OPEN, 1, 1)


@pytest.mark.parametrize("name", ALARMS)
def test_a_duplicate_alarm_changes_nothing(closed: Region, name: str) -> None:
    """A duplicate alarm event changes nothing, even much later."""
    closed.flip_state(golden(name))
    before = closed.stored.everything()
    closed.clock.now_ms += 60_000
    assert closed.flip_state(golden(name))["reason"] == "already open"
    assert closed.stored.everything() == before


@pytest.mark.parametrize("name", ALARMS)
def test_an_open_circuit_stays_as_it_is(opened: Region, name: str) -> None:
    """Further alarms never move an open circuit's opened_at."""
    before = opened.stored.everything()
    opened.flip_state(golden(name))
    assert opened.stored.everything() == before


@pytest.mark.parametrize("name", ALARMS)
def test_half_open_trips_only_on_alarms_set_manually(half_open: Region, name: str) -> None:
    """Half-open, the probes decide, not old data; an operator's alarm trips all the same."""
    before = half_open.stored.everything()
    half_open.flip_state(golden(name))
    if name in BY_HAND:
        assert (circuit(half_open).state, circuit(half_open).generation) == (State.OPEN, 18)
    else:
        assert half_open.stored.everything() == before


@pytest.mark.parametrize("name", ["alarm-metric-math", "alarm-metric", "alarm-composite"])
def test_stale_data_re_arms_the_alarm(closed: Region, name: str) -> None:
    """An alarm on data from before the close does not trip: it is set to OK, so that it can raise again."""
    event = golden(name)
    alarm = event["detail"]["alarmName"]
    closed.put_alarm(alarm)
    item = image("circuit-stream", image="OldImage") | {"closed_at": {"N": str(TRIPPED_AT_MS)}}
    closed.stored.put_circuit(item)

    answer = closed.flip_state(event)

    assert answer["reason"] == "stale: no datapoint is newer than the last close"
    assert closed.stored.circuit(NAME) == item
    assert closed.alarm(alarm)["StateValue"] == "OK"
    assert "circuit payments-api is closed" in closed.alarm(alarm)["StateReason"]


def test_an_alarm_that_cannot_be_re_armed_is_no_error(closed: Region) -> None:
    """An alarm that is gone by now cannot be set to OK, and nothing is lost by it."""
    item = image("circuit-stream", image="OldImage") | {"closed_at": {"N": str(TRIPPED_AT_MS)}}
    closed.stored.put_circuit(item)
    assert closed.flip_state(golden("alarm-metric-math"))["state"] == "CLOSED"


def test_an_alarm_back_to_ok_is_no_recovery(opened: Region) -> None:
    """An alarm going back to OK changes nothing: an open circuit makes no traffic."""
    before = opened.stored.everything()
    assert opened.flip_state(golden("alarm-ok")) == {"ignored": f"alarm {ALARM} went to OK; only ALARM trips"}
    assert opened.stored.everything() == before


@pytest.mark.parametrize("metric", ["State", "Rejected", "ProbeFailure", "Unprotected", "Trips"])
def test_an_alarm_on_another_metric_does_not_trip(closed: Region, metric: str) -> None:
    """Whoever is notified of refusals or of the state does not trip the circuit."""
    event = golden("alarm-metric")
    event["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"]["name"] = metric
    before = closed.stored.everything()
    assert f"is on {metric}; only " in closed.flip_state(event)["ignored"]
    assert closed.stored.everything() == before


def test_a_repeated_alarm_of_a_composite_is_no_news(closed: Region) -> None:
    """A composite alarm whose suppression changes says ALARM again: that trips nothing."""
    event = golden("alarm-composite")
    event["detail"]["previousState"]["value"] = "ALARM"
    before = closed.stored.everything()
    assert "nothing changed" in closed.flip_state(event)["ignored"]
    assert closed.stored.everything() == before


# --- Probes --------------------------------------------------------------------------------------


def test_minted_permits_are_no_news(opened: Region) -> None:
    """The record of our own minting changes nothing."""
    before = opened.stored.everything()
    assert opened.flip_state(golden("probe-stream-minted")) == {"batchItemFailures": []}
    assert opened.stored.everything() == before


def test_a_claim_moves_the_flag(opened: Region) -> None:
    """The canary's claim makes the circuit half-open, and starts the probe's clock."""
    event = golden("probe-stream-canary")
    event["Records"] = event["Records"][:1]
    opened.flip_state(event)
    moved = circuit(opened)
    assert (moved.state, moved.generation, moved.permits) == (State.HALF_OPEN, 17, 1)
    assert moved.deadline_at_ms == RETRY_AT_MS + 30_000


def test_the_canary_lets_the_others_follow(half_open: Region) -> None:
    """The canary's success adds the other permits, in both tables."""
    moved = circuit(half_open)
    assert (moved.state, moved.generation, moved.permits) == (State.HALF_OPEN, 17, 10)
    minted = half_open.stored.probes(f"{NAME}#17")
    assert minted is not None
    assert minted["allowed"] == {"N": "10"}


def test_a_failed_probe_opens_again(half_open: Region) -> None:
    """The story's end: the fourth probe fails, and the circuit is open again, in a new generation."""
    assert half_open.flip_state(golden("probe-stream")) == {"batchItemFailures": []}
    again = circuit(half_open)
    assert (again.state, again.generation, again.trips) == (State.OPEN, 18, 2)
    assert again.cause is Cause.PROBE_FAILED
    minted = half_open.stored.probes(f"{NAME}#18")
    assert minted is not None
    assert (minted["allowed"], minted["granted"]) == ({"N": "1"}, {"N": "0"})


def test_enough_successes_close_and_re_arm(half_open: Region) -> None:
    """Five successes close the circuit, in a new generation, and set its alarm to OK."""
    half_open.put_alarm(ALARM)
    event = golden("probe-stream")
    event["Records"] = event["Records"][:1]
    row = event["Records"][0]["dynamodb"]["NewImage"]
    row.update(granted={"N": "6"}, succeeded={"NS": ["1", "2", "3", "4", "6"]})

    half_open.flip_state(event)

    closed = circuit(half_open)
    assert (closed.state, closed.generation, closed.closed_at_ms) == (State.CLOSED, 18, RETRY_AT_MS)
    assert half_open.alarm(ALARM)["StateValue"] == "OK"


@pytest.mark.parametrize("name", ["probe-stream-canary", "probe-stream"])
def test_duplicate_records_change_nothing(half_open: Region, name: str) -> None:
    """A batch of the stream that is delivered twice changes nothing the second time."""
    half_open.flip_state(golden(name))
    before = half_open.stored.everything()
    half_open.clock.now_ms += 5_000
    assert half_open.flip_state(golden(name)) == {"batchItemFailures": []}
    assert half_open.stored.everything() == before


def test_records_of_an_older_generation_change_nothing(half_open: Region) -> None:
    """What belongs to an older generation changes nothing."""
    event = golden("probe-stream")
    for record in event["Records"]:
        for row in (record["dynamodb"]["Keys"], record["dynamodb"]["NewImage"]):
            row["permit"] = {"S": f"{NAME}#15"}
    before = half_open.stored.everything()
    half_open.flip_state(event)
    assert half_open.stored.everything() == before


def test_expired_permits_are_left_alone(half_open: Region) -> None:
    """Permits that DynamoDB deletes by TTL ask for nothing."""
    before = half_open.stored.everything()
    assert half_open.flip_state(golden("probe-stream-expired")) == {"batchItemFailures": []}
    assert half_open.stored.everything() == before


def test_a_bad_record_does_not_hold_up_the_others(half_open: Region) -> None:
    """A record that can never be understood is dropped; those around it are handled."""
    event = golden("probe-stream")
    records: list[Any] = event["Records"]
    records[2]["dynamodb"]["NewImage"]["granted"] = {"S": "three"}

    answer = half_open.flip_state(event)

    assert answer == {"batchItemFailures": []}
    assert (circuit(half_open).state, circuit(half_open).generation) == (State.OPEN, 18)
