"""flip_state, told of failures that environments report: the fleet trips before its alarm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from deployed_functions import NAME, Region, golden

from recloser.circuit import Cause, State
from recloser.errors import StoreError
from recloser.signals import AlarmRaised
from recloser.store.report_rows import FIRST_LATER_SHARD, SECONDS_PER_ITEM, Counted

ALARM = f"recloser:{NAME}:failure-rate-steady"
CALLS_PER_SECOND = 50
SHARD = FIRST_LATER_SHARD + 2


@pytest.fixture
def now(region: Region, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let the functions' clock show a moment, epoch seconds."""
    seconds = round(datetime.now(UTC).timestamp())
    region.clock.now_ms = 1000 * seconds
    early_trip = region.functions.flip_state.EARLY_TRIP
    monkeypatch.setattr(early_trip, "_now_ms", region.clock)
    early_trip._usual._kept_alarms._known.clear()
    early_trip._usual._kept_calls._known.clear()
    return seconds


def put_usual_calls(region: Region, now: int) -> None:
    """Let CloudWatch know two minutes of calls."""
    begun = datetime.fromtimestamp(now - now % 10, UTC)
    for ago in range(150, 10, -10):
        datum = {
            "MetricName": "Failure",
            "Dimensions": [{"Name": "Circuit", "Value": NAME}],
            "Timestamp": begun - timedelta(seconds=ago),
            "Values": [0.0],
            "Counts": [10.0 * CALLS_PER_SECOND],
            "StorageResolution": 1,
        }
        region.cloudwatch.put_metric_data(Namespace="Recloser", MetricData=[datum])


def put_alarm(region: Region, name: str = ALARM, **settings: Any) -> None:
    region.put_alarm(name, **settings)
    region.set_alarm(name, "OK")


def report(region: Region, now: int, failures: int, calls: int | None = None) -> Any:
    """Write what environments counted a second ago, and let the stream tell the function."""
    counted = Counted(failures if calls is None else calls, failures)
    region.stored.tables().report_failures(NAME, 0, SHARD, {now - 1: counted})
    return region.flip_state({"Records": [record(region, now - 1)]})


def record(region: Region, second: int, key: str | None = None) -> dict[str, Any]:
    key = key or f"{NAME}#0#failures-{SHARD}-{second // SECONDS_PER_ITEM}"
    image = region.stored.probes(key) or {"permit": {"S": key}}
    change = {
        "Keys": {"permit": {"S": key}},
        "NewImage": image,
        "SequenceNumber": "1",
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    return {"eventID": "1", "eventName": "MODIFY", "dynamodb": change}


def test_an_outage_trips_in_seconds(region: Region, now: int) -> None:
    """More failures than the threshold allows of the usual calls: the circuit opens, with the figures."""
    put_usual_calls(region, now)
    put_alarm(region)
    report(region, now, CALLS_PER_SECOND)
    circuit = region.stored.tables().read(NAME)
    assert (circuit.state, circuit.cause, circuit.alarm) == (State.OPEN, Cause.FAILURES_REPORTED, ALARM)
    assert "50 of 50 calls failed" in circuit.reason


def test_failures_of_a_few_trip_nothing(region: Region, now: int) -> None:
    """A third of the usual calls is below the threshold, though all that was reported failed."""
    put_usual_calls(region, now)
    put_alarm(region)
    answer = report(region, now, CALLS_PER_SECOND // 3)
    assert region.stored.tables().read(NAME).state is State.CLOSED
    assert "too few failures" in answer[NAME]


def test_the_threshold_is_the_operators(region: Region, now: int) -> None:
    """The alarm counts as it stands in CloudWatch now."""
    put_usual_calls(region, now)
    put_alarm(region, Threshold=0.3)
    report(region, now, 2 * CALLS_PER_SECOND // 5)
    put_alarm(region)
    assert region.stored.tables().read(NAME).state is State.OPEN


@pytest.mark.parametrize("settings", [None, {"ComparisonOperator": "LessThanThreshold"}])
def test_without_an_alarm_that_is_understood(region: Region, now: int, settings: Any) -> None:
    """None, or one of another expression: no early trip, and the answer says so."""
    put_usual_calls(region, now)
    if settings is not None:
        put_alarm(region, **settings)
    answer = report(region, now, CALLS_PER_SECOND)
    assert region.stored.tables().read(NAME).state is State.CLOSED
    assert "no failure-rate alarm" in answer[NAME]


def test_without_a_baseline(region: Region, now: int) -> None:
    """Where it is not known how many calls are usual, the alarm decides alone."""
    put_alarm(region)
    answer = report(region, now, CALLS_PER_SECOND)
    assert region.stored.tables().read(NAME).state is State.CLOSED
    assert "how many calls are usual" in answer[NAME]


@pytest.mark.parametrize("key", [f"{NAME}#0#failures-x-1", "a b#0#failures-1-1", "#failures-1-1"])
def test_a_key_that_nobody_writes_is_dropped(
    region: Region, now: int, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A caller may write what it likes there: it is logged and counted, and holds up nothing."""
    assert region.flip_state({"Records": [record(region, now, key)]}) == {}
    assert "Discarded" in capsys.readouterr().out


PERMIT = f"{NAME}#1"


@pytest.mark.parametrize("keys", [(PERMIT, "report"), ("report", PERMIT), ("other#0#failures-0-1", PERMIT)])
def test_a_forged_item_hides_no_other_records(region: Region, now: int, keys: tuple[str, str]) -> None:
    """A caller may give a permit the form of a report, or the other way round: other records count."""
    put_usual_calls(region, now)
    put_alarm(region)
    counted = Counted(CALLS_PER_SECOND, CALLS_PER_SECOND)
    region.stored.tables().report_failures(NAME, 0, SHARD, {now - 1: counted})
    if "report" not in keys:
        trip_with_a_failed_probe(region)
    records = [record(region, now - 1, None if key == "report" else key) for key in keys]
    region.flip_state({"Records": [each | golden_head() for each in records]})
    circuit = region.stored.tables().read(NAME)
    assert circuit.cause is (Cause.FAILURES_REPORTED if "report" in keys else Cause.PROBE_FAILED)


def trip_with_a_failed_probe(region: Region) -> None:
    """Let the circuit be open, and its canary have failed, unheard of."""
    tables = region.stored.tables()
    tripped = region.functions.flip_state.CONTROL.apply(NAME, AlarmRaised("an alarm", "for the test", None))
    later_ms = tripped.circuit.retry_at_ms or 0
    number = tables.claim(NAME, 1, later_ms)
    assert number == 1
    tables.report(NAME, 1, number, succeeded=False)


def golden_head() -> dict[str, Any]:
    """Return what every record of a table's stream has next to the change."""
    first = golden("probe-stream")["Records"][0]
    return {name: first[name] for name in ("eventID", "eventName", "eventSource", "eventSourceARN")}


def test_one_circuits_trouble_stops_no_other(
    region: Region, now: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one circuit's reports cannot be read, the others trip, and the batch comes again."""
    put_usual_calls(region, now)
    put_alarm(region)
    counted = Counted(CALLS_PER_SECOND, CALLS_PER_SECOND)
    region.stored.tables().report_failures(NAME, 0, SHARD, {now - 1: counted})
    early_trip = region.functions.flip_state.EARLY_TRIP
    signal = early_trip.signal

    def trouble(name: str, generation: int) -> Any:
        if name != NAME:
            raise StoreError("throttled")
        return signal(name, generation)

    monkeypatch.setattr(early_trip, "signal", trouble)
    keys = ("a#0#failures-0-1", None)
    with pytest.raises(ExceptionGroup, match="1 circuits failed; the others were done"):
        region.flip_state({"Records": [record(region, now - 1, key) for key in keys]})
    assert region.stored.tables().read(NAME).state is State.OPEN
