"""The control side: races are decided again, deaf alarms re-armed, at CloudWatch's pace."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from decisions import ALARM, NOW_MS, POLICY, RETRY_AT_MS, tripped
from deployed_functions import Region

from recloser.circuit import Cause, Circuit, Probes, State
from recloser.control.alarms import CloudWatchAlarms, RaisedAlarm
from recloser.control.control import ATTEMPTS, Applied, Control
from recloser.control.minute import Minute, Report
from recloser.decide import Decision, decide
from recloser.errors import Conflict, StoreError
from recloser.policy import RecoveryPolicy
from recloser.signals import AlarmRaised, PolicySet, ProbesReported, Reset
from recloser.store.memory import MemoryTables

NAME = "payments-api"
BY_HAND = AlarmRaised(ALARM, "INC-4711", None)


def rearmed_by(control: Control) -> list[str]:
    """The alarms that a minute's look sets to OK; nothing may go wrong."""
    report = Report()
    Minute(control).look_at_alarms(report)
    report.raise_problems()
    return report.rearmed


class Raced(MemoryTables):
    """Tables in which another writer is first, the first so many times."""

    def __init__(self, races: int, other: Callable[[MemoryTables], object]) -> None:
        super().__init__()
        self.races = races
        self.commits = 0
        self._other = other

    def commit(self, before: Circuit, decision: Decision) -> None:
        self.commits += 1
        if self.races:
            self.races -= 1
            races, self.races = self.races, 0
            self._other(self)
            self.races = races
        super().commit(before, decision)


def set_permits(tables: MemoryTables) -> None:
    Control(tables, now_ms=lambda: NOW_MS).apply(NAME, PolicySet({"permits": 20}, by="maria"))


def test_a_lost_race_is_decided_again() -> None:
    """Who loses a race reads again and decides again: both writers' words are in the item."""
    tables = Raced(1, set_permits)
    applied = Control(tables, defaults=POLICY, now_ms=lambda: NOW_MS).apply(NAME, BY_HAND)
    assert applied.before.policy == {"permits": 20}
    assert tables.read(NAME) == applied.circuit
    assert (applied.circuit.state, applied.circuit.policy) == (State.OPEN, {"permits": 20})


def test_a_race_lost_to_the_same_alarm_trips_once() -> None:
    """Two alarms at once: the second finds the circuit open, and leaves it alone."""
    tables = Raced(1, lambda raced: Control(raced, now_ms=lambda: NOW_MS).apply(NAME, BY_HAND))
    applied = Control(tables, now_ms=lambda: NOW_MS + 5).apply(NAME, BY_HAND)
    assert applied.decision.circuit is None
    assert applied.decision.cause is Cause.ALREADY_OPEN
    assert (tables.read(NAME).generation, tables.read(NAME).opened_at_ms) == (1, NOW_MS)


def test_races_are_not_run_for_ever() -> None:
    """After twenty lost races the conflict is the caller's, and nothing of the decision is written."""
    tables = Raced(1_000, set_permits)
    paused: list[float] = []
    with pytest.raises(Conflict, match=f"circuit {NAME}: other writers were first, {ATTEMPTS} times"):
        Control(tables, now_ms=lambda: NOW_MS, sleep=paused.append).apply(NAME, BY_HAND)
    assert all(0 <= pause <= 1 for pause in paused)
    assert len(set(paused)) == ATTEMPTS
    assert tables.read(NAME).state is State.CLOSED
    assert tables.read(NAME).revision == ATTEMPTS


def test_two_writers_at_once_trip_once() -> None:
    """Eight alarms in as many threads: one generation, one trip, one canary."""
    tables = MemoryTables()
    control = Control(tables, now_ms=lambda: NOW_MS)
    with ThreadPoolExecutor(8) as pool:
        applied = list(pool.map(lambda _: control.apply(NAME, BY_HAND), range(8)))
    assert sum(one.decision.circuit is not None for one in applied) == 1
    assert (tables.read(NAME).generation, tables.read(NAME).trips) == (1, 1)


class Slow(MemoryTables):
    """Tables whose writes take some time, in which another writer may be first."""

    def commit(self, before: Circuit, decision: Decision) -> None:
        time.sleep(0.002)
        super().commit(before, decision)


def test_two_dozen_writers_at_once_all_come_through() -> None:
    """Writers that meet pause for a random time: all of 24 have written in the end, none gave up."""
    tables = Slow()
    control = Control(tables, now_ms=lambda: NOW_MS)
    with ThreadPoolExecutor(24) as pool:
        list(pool.map(lambda n: control.apply(NAME, PolicySet({"permits": 5 + n}, by="maria")), range(24)))
    assert tables.read(NAME).revision == 24


class Unanswered(MemoryTables):
    """Tables that write, but whose answer is lost: the request that is repeated meets its own doing."""

    def commit(self, before: Circuit, decision: Decision) -> None:
        super().commit(before, decision)
        raise Conflict("the condition does not hold")


def test_a_close_whose_answer_is_lost_re_arms_all_the_same() -> None:
    """A write that was made, and whose answer was lost, counts as made: its alarm is re-armed, once."""
    tables = Unanswered()
    MemoryTables.commit(tables, Circuit(NAME), decide(Circuit(NAME), BY_HAND, NOW_MS, POLICY))
    rearmed: list[str] = []

    class Alarms:
        def raised(self) -> Iterator[RaisedAlarm]:
            return iter(())

        def rearm(self, alarm: str, reason: str) -> bool:
            assert "circuit payments-api is closed" in reason
            rearmed.append(alarm)
            return True

    control = Control(tables, Alarms(), now_ms=lambda: NOW_MS + 1, sleep=lambda _: None)
    applied = control.apply(NAME, Reset("maria", "repaired"))
    assert applied.circuit == tables.read(NAME)
    assert rearmed == [ALARM]
    assert applied.circuit.generation == 2


@pytest.mark.parametrize("name", ["", "payments api", "x" * 65, "payments-api\n"])
def test_a_name_that_is_not_allowed_is_refused(name: str) -> None:
    """A name that is not allowed is an error that says what is, and nothing is written."""
    tables = MemoryTables()
    with pytest.raises(ValueError, match=r"circuit name .* is not allowed: 1 to 64 of"):
        Control(tables).apply(name, BY_HAND)
    assert list(tables.scan()) == []


def test_settings_that_the_defaults_contradict_do_not_hold(caplog: pytest.LogCaptureFixture) -> None:
    """A circuit's settings that do not fit the stack's defaults are named in the log; the defaults hold."""
    tables = MemoryTables()
    control = Control(tables, defaults=RecoveryPolicy(permits=3, successes_to_close=2), now_ms=lambda: NOW_MS)
    control.apply(NAME, PolicySet({"successes_to_close": 5}, by="maria"))
    with caplog.at_level(logging.ERROR):
        control.apply(NAME, BY_HAND)
    assert tables.read(NAME).state is State.OPEN
    assert "circuit payments-api: policy successes_to_close = 5 is not allowed" in caplog.text


def test_settings_that_fit_the_stacks_defaults_hold() -> None:
    """Three permits and two successes: a stack may have fewer than the library's five."""
    tables = MemoryTables()
    control = Control(tables, defaults=RecoveryPolicy(successes_to_close=2), now_ms=lambda: RETRY_AT_MS)
    control.apply(NAME, PolicySet({"permits": 3}, by="maria"))
    control.apply(NAME, BY_HAND)
    generation = tables.read(NAME).generation
    canary = Probes(generation, granted=1, allowed=1, succeeded=frozenset({1}))
    assert control.apply(NAME, ProbesReported(canary)).circuit.permits == 3


# --- Time ----------------------------------------------------------------------------------------


class Failing(MemoryTables):
    """Tables from which one circuit can no longer be read."""

    broken: str | None = None

    def read(self, name: str, *, consistent: bool = False) -> Circuit:
        if name == self.broken:
            raise StoreError("DynamoDB get_item: InternalServerError")
        return super().read(name, consistent=consistent)


def test_one_failing_circuit_does_not_hold_up_the_others() -> None:
    """Where one circuit fails, the others before and after it move all the same; the error names it."""
    tables = Failing()
    for name in ("a", "broken", "z"):
        tripped(tables, name)
    tables.broken = "broken"
    control = Control(tables, now_ms=lambda: RETRY_AT_MS)
    with pytest.raises(ExceptionGroup, match="1 circuits or alarms failed; the others were done") as raised:
        Minute(control).run().raise_problems()
    assert [error.__notes__ for error in raised.value.exceptions] == [["circuit broken"]]
    assert [tables.read(name).state for name in ("a", "z")] == [State.HALF_OPEN, State.HALF_OPEN]


class Busy(Control):
    """A control side whose clock goes forward with each circuit that it moves."""

    def __init__(self, tables: MemoryTables, clock: list[int], tick_ms: int) -> None:
        super().__init__(tables, now_ms=lambda: clock[0])
        self.looked: set[str] = set()
        self._clock = clock
        self._tick_ms = tick_ms

    def tick(self, name: str) -> Applied:
        self.looked.add(name)
        self._clock[0] += self._tick_ms
        return super().tick(name)


def test_a_run_ends_in_time_and_the_next_goes_on() -> None:
    """Ten thousand circuits due at once: no run goes on over its time, and the runs together move all."""
    tables = MemoryTables()
    for number in range(10_000):
        tripped(tables, f"api-{number}")
    clock = [RETRY_AT_MS]
    moved: list[int] = []
    while sum(moved) < 10_000:
        begins_ms = clock[0]
        report = Minute(Busy(tables, clock, tick_ms=5)).run(begins_ms + 45_000)
        report.raise_problems()
        assert clock[0] - begins_ms <= 45_000
        moved.append(len(report.moved))
        clock[0] = begins_ms + 60_000
    assert moved[0] == 6_000
    assert len(moved) <= 6


def test_no_circuit_is_always_the_last() -> None:
    """Where there is never time for all, each circuit has its turn within some minutes."""
    tables = MemoryTables()
    for number in range(40):
        tripped(tables, f"api-{number}")
    clock = [RETRY_AT_MS]
    half_open = Control(tables, now_ms=lambda: clock[0])
    Minute(half_open).run()  # half-open without traffic: due every minute from now on
    looked: set[str] = set()
    for _ in range(60):
        control = Busy(tables, clock, tick_ms=1_000)
        Minute(control).run(clock[0] + 15_000)
        looked |= control.looked
        clock[0] += 60_000
    assert len(looked) == 40


# --- Deaf alarms, over CloudWatch ----------------------------------------------------------------


@pytest.fixture
def seconds_slept() -> list[float]:
    return []


@pytest.fixture
def control(region: Region, seconds_slept: list[float]) -> Control:
    """A control side some time from now, when the alarms that a test sets are old enough."""
    began_ms = round(time.time() * 1000) + 90_000

    def now_ms() -> int:
        return began_ms + round(1000 * sum(seconds_slept))

    alarms = CloudWatchAlarms(region.cloudwatch, now_ms=now_ms, sleep=seconds_slept.append)
    return Control(region.stored.tables(), alarms, POLICY, now_ms)


def names(count: int) -> list[str]:
    return [f"recloser:dependency-{number}:any" for number in range(count)]


def test_only_closed_circuits_alarms_are_re_armed(region: Region, control: Control) -> None:
    """An alarm over a circuit that is open or half-open stays as it is: it is not deaf."""
    tables = region.stored.tables()
    for name in ("open", "closed"):
        region.put_alarm(f"recloser:{name}:any", circuit=name)
    tripped(tables, "open")
    assert rearmed_by(control) == ["recloser:closed:any"]
    assert region.alarm("recloser:open:any")["StateValue"] == "ALARM"
    assert region.alarm("recloser:closed:any")["StateValue"] == "OK"


@pytest.mark.parametrize(("age_ms", "rearmed"), [(29_000, []), (31_000, [ALARM])])
def test_a_young_alarm_is_left_alone(region: Region, age_ms: int, rearmed: list[str]) -> None:
    """An alarm younger than 30 s may have its event on the way: it is left alone."""
    region.put_alarm(ALARM)
    since_ms = round(region.alarm(ALARM)["StateUpdatedTimestamp"].timestamp() * 1000)
    control = Control(
        region.stored.tables(), CloudWatchAlarms(region.cloudwatch), now_ms=lambda: since_ms + age_ms
    )
    assert rearmed_by(control) == rearmed


def test_alarms_are_re_armed_at_cloudwatchs_pace(
    region: Region, control: Control, seconds_slept: list[float]
) -> None:
    """SetAlarmState is called at most three times a second."""
    for number, alarm in enumerate(names(7)):
        region.put_alarm(alarm, circuit=f"dependency-{number}")
    assert sorted(rearmed_by(control)) == names(7)
    assert seconds_slept == [0.334] * 6


def test_other_peoples_alarms_are_left_alone(region: Region, control: Control) -> None:
    """Alarms on other namespaces, on metrics that do not trip, or of no circuit stay as they are."""
    others: dict[str, dict[str, Any]] = {
        "disk-full": {"Namespace": "AWS/EC2"},
        "told-of-state": {"metric": "State"},
        "told-of-refusals": {"metric": "Rejected"},
        "no-dimension": {"Dimensions": []},
        "not-allowed": {"circuit": "payments api"},
    }
    for name, settings in others.items():
        region.put_alarm(name, **settings)
    assert rearmed_by(control) == []
    assert {region.alarm(name)["StateValue"] for name in others} == {"ALARM"}


def test_an_alarm_on_metric_math_is_re_armed(region: Region, control: Control) -> None:
    """Every alarm that can trip is re-armed, also one on metric math."""
    metric = {
        "Namespace": "Recloser",
        "MetricName": "Failure",
        "Dimensions": [{"Name": "Circuit", "Value": NAME}],
    }
    queries: list[dict[str, Any]] = [
        {"Id": name, "MetricStat": {"Metric": metric, "Period": 10, "Stat": stat}, "ReturnData": False}
        for name, stat in (("failures", "Sum"), ("calls", "SampleCount"))
    ]
    region.cloudwatch.put_metric_alarm(
        AlarmName="by-hand-in-the-console",
        Metrics=[{"Id": "rate", "Expression": "100 * failures / calls", "ReturnData": True}, *queries],
        EvaluationPeriods=3,
        Threshold=50.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    region.set_alarm("by-hand-in-the-console", "ALARM")
    assert rearmed_by(control) == ["by-hand-in-the-console"]


@pytest.mark.parametrize("closed_at_ms", [None, NOW_MS - 1, NOW_MS])
def test_a_composite_alarm_is_never_set(closed_at_ms: int | None) -> None:
    """It would be deaf until a child changes. One raised after the last close lost its event: it trips."""
    since = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    client = boto3.client(
        "cloudwatch", region_name="eu-west-1", aws_access_key_id="123456789012", aws_secret_access_key="none"
    )
    alarms = [
        {
            "AlarmName": name,
            "AlarmRule": "ALARM(x)",
            "StateValue": "ALARM",
            "StateReason": "x is in ALARM",
            "StateUpdatedTimestamp": since,
        }
        for name in (f"recloser:{NAME}:all", "nightly-backup")
    ]
    tables = MemoryTables()
    if closed_at_ms is not None:
        Control(tables, now_ms=lambda: closed_at_ms).apply(NAME, Reset("maria", "repaired"))
    with Stubber(client) as stub:
        wanted = {"StateValue": "ALARM", "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100}
        stub.add_response("describe_alarms", {"CompositeAlarms": alarms[1:], "NextToken": "more"}, wanted)
        stub.add_response("describe_alarms", {"CompositeAlarms": alarms[:1]}, wanted | {"NextToken": "more"})
        control = Control(tables, CloudWatchAlarms(client), now_ms=lambda: NOW_MS + 31_000)
        assert rearmed_by(control) == []
        stub.assert_no_pending_responses()
    assert tables.read(NAME).state is (State.CLOSED if closed_at_ms == NOW_MS else State.OPEN)


def test_a_close_leaves_its_composite_alarm_alone() -> None:
    """Whoever closes a circuit re-arms the alarm that opened it, but for a composite one."""
    client = boto3.client(
        "cloudwatch", region_name="eu-west-1", aws_access_key_id="123456789012", aws_secret_access_key="none"
    )
    alarm = f"recloser:{NAME}:all"
    with Stubber(client) as stub:
        asked = {"AlarmNames": [alarm], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100}
        composite = {"AlarmName": alarm, "AlarmRule": "ALARM(x)"}
        stub.add_response("describe_alarms", {"CompositeAlarms": [composite]}, asked)
        control = Control(MemoryTables(), CloudWatchAlarms(client), now_ms=lambda: NOW_MS)
        control.apply(NAME, AlarmRaised(alarm, "x is in ALARM", NOW_MS))
        assert control.apply(NAME, Reset("maria", "repaired")).decision.rearm == alarm
        stub.assert_no_pending_responses()


def test_an_alarm_that_cannot_be_set_does_not_hold_up_the_others(
    region: Region, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One alarm that CloudWatch refuses is a problem of the report; the others are re-armed."""
    for number, alarm in enumerate(names(3)):
        region.put_alarm(alarm, circuit=f"dependency-{number}")
    set_alarm_state = region.cloudwatch.set_alarm_state

    def refusing(**request: Any) -> Any:
        if request["AlarmName"] == names(3)[1]:
            raise RuntimeError("InternalServiceFault")
        return set_alarm_state(**request)

    monkeypatch.setattr(region.cloudwatch, "set_alarm_state", refusing)
    report = Minute(control).run()
    assert sorted(report.rearmed) == [names(3)[0], names(3)[2]]
    with pytest.raises(ExceptionGroup) as raised:
        report.raise_problems()
    assert [error.__notes__ for error in raised.value.exceptions] == [[f"alarm {names(3)[1]}"]]


def test_without_cloudwatch_nothing_is_re_armed() -> None:
    """A process without CloudWatch has no alarms to re-arm."""
    assert rearmed_by(Control(MemoryTables())) == []
