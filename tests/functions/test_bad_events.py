"""Malformed events end in an error that says what is wrong with them, and change nothing."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from deployed_functions import Region, golden, image

from recloser.errors import EventError

GONE = object()
REASON_DATA = (
    '{{"version":"1.0","queryDate":"q","period":{period},"startDate":"2026-09-14T05:43:16.204+0000",'
    '"recentDatapoints":[1]}}'
)
NO_DATAPOINT = (
    "Threshold Crossed: 1 datapoint was received for 3 periods and 2 missing datapoints were treated as "
    "[Breaching]."
)
ALARM, MATH, COMPOSITE = "alarm-metric", "alarm-metric-math", "alarm-composite"
METRIC = "detail.configuration.metrics.0.metricStat.metric"
RECORD = "Records.0.dynamodb"
CONTRIBUTOR = "alarm-contributor"
QUERY, ATTRIBUTES = "detail.configuration.metrics.0.expression", "detail.alarmContributor.attributes"
SCHEMA = 'SCHEMA("Recloser", Circuit)'
RATE = "SELECT AVG(Failure) FROM {schema} GROUP BY Circuit ORDER BY MAX() DESC"
NOT_ALLOWED = ["payments api", "", "x" * 65, "payments-api\n", "päyments", "payments/api", 7, None]


def changed(event: Any, field: str, value: Any) -> Any:
    """The event with one field replaced, or without it."""
    event = copy.deepcopy(event)
    *parents, last = [int(step) if step.isdecimal() else step for step in field.split(".")]
    holder = event
    for step in parents:
        holder = holder[step]
    if value is GONE:
        del holder[last]
    else:
        holder[last] = value
    return event


@pytest.fixture
def untouched(region: Region) -> Iterator[Region]:
    """A Region in which the test may write nothing."""
    region.stored.put_circuit(image("circuit-stream", image="OldImage"))
    region.stored.put_probes(image("probe-stream-minted"))
    region.clock.now_ms = 1_789_364_587_912
    before = region.stored.everything()
    yield region
    assert region.stored.everything() == before


# golden, field, its wrong value, what the error says
BAD_ALARMS: list[tuple[str, str, Any, str]] = [
    *[(ALARM, field, GONE, rf"alarm-state-change at \$: .* must contain \['{field}'\] properties")
      for field in ("source", "detail-type", "detail", "time", "id")],
    *[(ALARM, f"detail.{field}", GONE, rf"at \$\.detail: .* must contain \['{field}'\] properties")
      for field in ("alarmName", "state", "previousState", "configuration")],
    (ALARM, "detail.state.value", GONE, r"at \$\.detail\.state: .* must contain \['value'\] properties"),
    (ALARM, "detail.state.value", "OPEN", r"at \$\.detail\.state\.value: 'OPEN' must be one of"),
    (ALARM, "detail.state", "ALARM", r"at \$\.detail\.state: 'ALARM' must be object"),
    (ALARM, "detail", None, r"at \$\.detail: None must be object"),
    (ALARM, "detail.alarmName", 7, r"at \$\.detail\.alarmName: 7 must be string"),
    (ALARM, "source", "aws.s3", r"at \$\.source: 'aws.s3' must be aws\.cloudwatch"),
    (ALARM, "detail-type", "CloudWatch Alarm Configuration Change",
     r"at \$\.detail-type: .* must be CloudWatch Alarm State Change"),
    *[(ALARM, f"{METRIC}.dimensions.Circuit", name, r"circuit name .* is not allowed: 1 to 64 of")
      for name in NOT_ALLOWED if isinstance(name, str)],
    *[(ALARM, f"{METRIC}.dimensions.Circuit", name, r"Circuit: .* must be string") for name in (7, None)],
    (ALARM, f"{METRIC}.dimensions", {}, "its metrics name 0 circuits in dimension Circuit"),
    (ALARM, f"{METRIC}.dimensions", {"Service": "payments-api"}, "its metrics name 0 circuits"),
    (MATH, "detail.configuration.metrics.2.metricStat.metric.dimensions.Circuit", "search-api",
     "its metrics name 2 circuits in dimension Circuit; every one must name the same"),
    (MATH, "detail.configuration.metrics.2.metricStat.metric.dimensions", {}, "must name the same"),
    (COMPOSITE, "detail.alarmName", "recloser:payments api:any", r"name 'payments api' is not allowed"),
    *[(COMPOSITE, "detail.alarmName", name,
       f"alarm {name}: a composite alarm must be named recloser:<circuit>:<anything>")
      for name in ("recloser:payments-api", "recloser:payments-api:")],
    *[(ALARM, "detail.state.reasonData",
       REASON_DATA.format(period=period),
       rf"state\.reasonData is not understood: .*period = {told} is not allowed: 1 to 604800 seconds")
      for period, told in (("Infinity", "inf"), ("-Infinity", "-inf"), ("NaN", "nan"), ("1e400", "inf"),
                           ("0", "0"), ("true", "True"), ('"60"', "'60'"), ("604801", "604801"),
                           ("9" * 400, "9+"), ("null", "None"))],
    (ALARM, "detail.state.reasonData",
     '{"version":"1.0","queryDate":"q","period":60,"startDate":"9999-12-31T23:59:59-14:00","recentDatapoints":7}',
     "state.reasonData is not understood"),
    (ALARM, "detail.state.reasonData", '{"version":"1.0","queryDate":"2026-09-14T05:43:16.204+0000"}',
     r"alarm recloser:payments-api:slow-calls: state\.reasonData is not understood"),
    (ALARM, "detail.state.reasonData",
     '{"version":"1","queryDate":"q","period":9,"evaluatedDatapoints":[{"timestamp":"monday","value":1}]}',
     r"state\.reasonData is not understood: .*monday"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "field", "value", "message"), BAD_ALARMS)
def test_a_malformed_alarm_is_discarded(
    untouched: Region, name: str, field: str, value: Any, message: str
) -> None:
    """A malformed alarm event is dropped; the log names the place and what is allowed; nothing is written."""
    answer = untouched.flip_state(changed(golden(name), field, value))
    assert re.search(message, answer["discarded"])
    assert len(answer["discarded"]) <= 1000


@pytest.mark.parametrize("depth", [100, 100_000])
def test_reason_data_that_is_nested_without_end_is_no_evaluation(region: Region, depth: int) -> None:
    """What SetAlarmState's caller passed as reasonData may be anything: the alarm was set manually."""
    region.clock.now_ms = 1_789_364_587_912
    answer = region.flip_state(changed(golden(ALARM), "detail.state.reasonData", "[" * depth))
    assert answer["state"] == "OPEN"
    assert "set manually" in answer["reason"]


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        (ALARM, {f"{METRIC}.namespace": "AWS/EC2"}, "none of its metrics is in namespace Recloser"),
        (ALARM, {f"{METRIC}.namespace": "Recloser2"}, "none of its metrics is in namespace Recloser"),
        (COMPOSITE, {"detail.alarmName": "nightly-backup"}, "composite, and not this stack's"),
        (COMPOSITE, {"detail.alarmName": "recloser2:payments-api:all"}, "composite, and not this stack's"),
        *[
            (name, {field: other}, f"the event is of {field} '{other}'; this stack's is")
            for name in (ALARM, MATH, COMPOSITE, CONTRIBUTOR)
            for field, other in (("account", "999999999999"), ("region", "us-east-1"))
        ],
        (ALARM, {"account": GONE}, "the event is of account None"),
        (
            ALARM,
            {"detail.configuration.metrics.0.accountId": "999999999999"},
            "none of its metrics is in namespace Recloser of this account",
        ),
        (
            CONTRIBUTOR,
            {QUERY: RATE.format(schema='SCHEMA("Recloser2", Circuit)')},
            "is on namespace Recloser2",
        ),
        (CONTRIBUTOR, {QUERY: RATE.format(schema='"AWS/EC2"')}, "is on namespace AWS/EC2"),
    ],
)
def test_what_belongs_to_others_moves_nothing(
    untouched: Region, name: str, changes: dict[str, Any], message: str
) -> None:
    """An event of another namespace, stack, account or Region is left alone, whatever its alarm is called."""
    event = golden(name)
    for field, value in changes.items():
        event = changed(event, field, value)
    assert message in untouched.flip_state(event)["ignored"]


@pytest.mark.parametrize(
    "event",
    [{}, [], "ALARM", 7, None, golden("alarm-configuration-change"), golden("scheduled-event")],
    ids=["empty", "a list", "a text", "a number", "null", "alarm-configuration-change", "scheduled-event"],
)
def test_what_is_no_alarm_is_discarded(untouched: Region, event: Any) -> None:
    """What is no alarm's state change at all is dropped with its reason, never in silence."""
    assert "event does not fit alarm-state-change" in untouched.flip_state(event)["discarded"]


def test_what_is_discarded_is_counted(untouched: Region, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever can never be understood is a metric, which an alarm watches, and one line in the log."""
    untouched.flip_state({})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    [counted] = [line for line in lines if "_aws" in line]
    assert (counted["Function"], counted["Discarded"]) == ("flip_state", 1)
    assert set(counted) == set(golden("emf-discarded"))


# field, its wrong value, why it is discarded
BAD_CONTRIBUTORS: list[tuple[str, Any, str]] = [
    (ATTRIBUTES, {}, "names no Circuit"),
    (ATTRIBUTES, {"Team": "a"}, r"contributor \{'Team': 'a'\} names no Circuit"),
    *[(ATTRIBUTES, {"Circuit": name}, "circuit name .* is not allowed: 1 to 64 of")
      for name in NOT_ALLOWED if isinstance(name, str)],
    (ATTRIBUTES, {"Circuit": 7}, r"Circuit: 7 must be string"),
    (QUERY, RATE.format(schema='"Recloser"'), r'must read FROM SCHEMA\("Recloser", Circuit\) and GROUP BY'),
    (QUERY, RATE.format(schema='SCHEMA("Recloser", Circuit, Tenant)'), "must read FROM SCHEMA"),
    (QUERY, RATE.format(schema=SCHEMA).replace("BY Circuit", "BY Circuit, Tenant"),
     "must read FROM SCHEMA"),
    (QUERY, RATE.format(schema='SCHEMA("Recloser", Tenant)').replace("BY Circuit", "BY Tenant"),
     "must read FROM SCHEMA"),
    (QUERY, 'SELECT AVG(Failure) FROM SCHEMA("Recloser", Circuit)', "names no circuit: it needs GROUP BY"),
    (QUERY, "SELECT AVG Failure", r"query .* is not understood: \( expected, not Failure"),
    ("detail.configuration.metrics.0.period", 14400, "period = 14400 is not allowed: 60 to 10800 seconds"),
    ("detail.configuration.metrics.0.period", 10, "period: 10 must be bigger than or equal to 60"),
    ("detail.configuration.metrics.0.period", GONE, "period = None is not allowed: 60 to 10800 seconds"),
    ("detail.state.reason", "Threshold Crossed: [1.0 (31/02/26 05:42:00)]", "state.reason is not understood"),
    ("detail.alarmContributor", GONE, r"must contain \['alarmContributor'\] properties"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "message"), BAD_CONTRIBUTORS)
def test_a_malformed_contributor_is_discarded(
    untouched: Region, field: str, value: Any, message: str
) -> None:
    """A contributor that guards no circuit is dropped; the log names the alarm and what is allowed."""
    answer = untouched.flip_state(changed(golden(CONTRIBUTOR), field, value))
    assert re.search(message, answer["discarded"])


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (ATTRIBUTES, {"Circuit": "Other"}, "contributor Other stands for metrics without a Circuit"),
        ("detail.state.value", "OK", "search-api went to OK; only ALARM trips"),
        (
            "detail.state.reason",
            NO_DATAPOINT,
            "search-api rests on no datapoint",
        ),
        (
            QUERY,
            RATE.format(schema=SCHEMA).replace("Failure", "State"),
            "only Duration",
        ),
    ],
)
def test_a_contributor_that_says_nothing_is_ignored(
    untouched: Region, field: str, value: Any, message: str
) -> None:
    """Metrics without a circuit, an end of an ALARM, filled gaps and other metrics trip nothing."""
    assert message in untouched.flip_state(changed(golden(CONTRIBUTOR), field, value))["ignored"]


def test_the_alarm_over_all_circuits_trips_none(untouched: Region) -> None:
    """The event of the alarm as a whole, with whatever state, names no circuit, and moves none."""
    answer = untouched.flip_state(golden("alarm-contributor-parent"))
    assert "its contributors trip, each with an event" in answer["ignored"]


# field, its wrong value, what the error says
BAD_PROBES: list[tuple[str, Any, str]] = [
    *[(f"Records.0.{field}", GONE, rf"must contain \['{field}'\] properties")
      for field in ("eventID", "eventName", "eventSource", "eventSourceARN")],
    (f"{RECORD}.NewImage", GONE, r"must contain \['NewImage'\] properties"),
    (f"{RECORD}.Keys", GONE, r"must contain \['Keys'\] properties"),
    *[(f"{RECORD}.NewImage.{field}", GONE, rf"must contain \['{field}'\] properties")
      for field in ("permit", "granted", "allowed", "opens_at")],
    ("Records.0.eventSource", "aws:kinesis", "'aws:kinesis' must be aws:dynamodb"),
    (f"{RECORD}.NewImage.granted", {"S": "1"}, "granted"),
    (f"{RECORD}.NewImage.granted", {"N": "1.5"}, "granted.*'1.5' must match"),
    (f"{RECORD}.NewImage.succeeded", {"SS": ["1"]}, "succeeded"),
    *[(f"{RECORD}.NewImage.permit.S", key, "permit.S: .* must match")
      for key in ("payments api#17", "payments-api", "payments-api#-1", f"{'x' * 65}#17", "#17")],
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "message"), BAD_PROBES)
def test_a_malformed_probe_record_is_discarded(
    untouched: Region, field: str, value: Any, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A malformed record is dropped at once, so that those after it do not wait; the log names the place."""
    event = golden("probe-stream")
    event["Records"] = event["Records"][-1:]
    assert untouched.flip_state(changed(event, field, value)) == {"batchItemFailures": []}
    told = [line for line in discards(caplog) if "event does not fit probe-stream" in line]
    assert len(told) == 1
    assert re.search(message, told[0])


SQS_RECORD = {"messageId": "19dd0b57", "body": "{}", "eventSource": "aws:sqs"}


def discards(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Why something was discarded, as the log tells it."""
    return [vars(record)["reason"] for record in caplog.records if record.getMessage() == "discarded"]


@pytest.mark.parametrize("function", ["flip_state", "announce"])
@pytest.mark.parametrize("record", [SQS_RECORD, {}], ids=["of a queue", "empty"])
def test_what_is_no_stream_record_is_discarded(
    untouched: Region, function: str, record: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Records of anything but a table's stream are dropped, and said so."""
    assert getattr(untouched, function)({"Records": [record]}) == {"batchItemFailures": []}
    assert re.match(r"event does not fit (probe|circuit)-stream", discards(caplog)[0])


@pytest.mark.parametrize("records", [None, 7, "text", {}, []])
@pytest.mark.parametrize("function", ["flip_state", "announce"])
def test_what_is_no_batch_is_an_error(untouched: Region, function: str, records: Any) -> None:
    """A batch that is no list of records, or an empty one, is an error."""
    with pytest.raises(EventError, match="event is no batch of a stream: Records must be a list of records"):
        getattr(untouched, function)({"Records": records})


@pytest.mark.parametrize(
    "item",
    [
        {"permit": {"S": "junk"}, "granted": {"N": "1"}},
        {"permit": {"S": "payments-api#18"}, "granted": {"N": "1"}},
        {"permit": {"S": "payments-api#18"}, "granted": {"N": "1"}, "junk": {"S": "x" * 300_000}},
    ],
)
def test_a_forged_item_holds_up_nobody(
    untouched: Region, item: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Callers may write any key of the permit table: such a record is dropped, in a short log line."""
    event = golden("probe-stream-expired")
    forged = golden("probe-stream")["Records"][0]
    forged["dynamodb"] |= {"NewImage": item, "Keys": {"permit": item["permit"]}}
    event["Records"].append(forged)
    assert untouched.flip_state(event) == {"batchItemFailures": []}
    [reason] = discards(caplog)
    assert len(reason) <= 1000


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("source", "aws.scheduler", r"at \$\.source: 'aws.scheduler' must be aws\.events"),
        ("detail-type", GONE, r"must contain \['detail-type'\] properties"),
        ("time", "soon", r"at \$\.time: 'soon' must match"),
        ("detail", [], r"at \$\.detail: \[\] must be object"),
    ],
)
def test_a_malformed_schedule_is_an_error(untouched: Region, field: str, value: Any, message: str) -> None:
    """start_recovery runs on the scheduled event, and on nothing else."""
    with pytest.raises(EventError, match=message):
        untouched.start_recovery(changed(golden("scheduled-event"), field, value))


BAD_CIRCUITS: list[tuple[str, Any, str]] = [
    (f"{RECORD}.Keys.circuit.S", "payments api", "circuit.S: 'payments api' must match"),
    (f"{RECORD}.NewImage.circuit.S", "payments api", "circuit.S: 'payments api' must match"),
    (f"{RECORD}.NewImage.state.S", "AJAR", "'AJAR' must be one of"),
    (f"{RECORD}.NewImage.generation", GONE, "must contain ['generation'] properties"),
    (f"{RECORD}.NewImage", GONE, "must contain ['NewImage'] properties"),
    (f"{RECORD}.OldImage", GONE, "must contain ['OldImage'] properties"),
    (f"{RECORD}.StreamViewType", "KEYS_ONLY", "'KEYS_ONLY' must be NEW_AND_OLD_IMAGES"),
]


@pytest.mark.parametrize(("field", "value", "message"), BAD_CIRCUITS)
def test_a_malformed_circuit_record_is_discarded(
    untouched: Region, field: str, value: Any, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A malformed record of the circuit table is dropped, and nothing is announced."""
    assert untouched.announce(changed(golden("circuit-stream"), field, value)) == {"batchItemFailures": []}
    [reason] = discards(caplog)
    assert reason.startswith("event does not fit circuit-stream")
    assert message in reason
