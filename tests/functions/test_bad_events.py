"""Malformed events end in an error that says what is wrong with them, and change nothing."""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError, UnexpectedBatchTypeError
from deployed_functions import Region, golden, image

from recloser.errors import EventError

GONE = object()
ALARM, MATH, COMPOSITE = "alarm-metric", "alarm-metric-math", "alarm-composite"
METRIC = "detail.configuration.metrics.0.metricStat.metric"
RECORD = "Records.0.dynamodb"
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
    *[(ALARM, field, GONE, rf"alarm-state-change at \$: '{field}' is a required property")
      for field in ("source", "detail-type", "detail", "time", "id")],
    *[(ALARM, f"detail.{field}", GONE, rf"at \$\.detail: '{field}' is a required property")
      for field in ("alarmName", "state", "previousState", "configuration")],
    (ALARM, "detail.state.value", GONE, r"at \$\.detail\.state: 'value' is a required property"),
    (ALARM, "detail.state.value", "OPEN", r"at \$\.detail\.state\.value: 'OPEN' is not one of"),
    (ALARM, "detail.state", "ALARM", r"at \$\.detail\.state: 'ALARM' is not of type 'object'"),
    (ALARM, "detail", None, r"at \$\.detail: None is not of type 'object'"),
    (ALARM, "detail.alarmName", 7, r"at \$\.detail\.alarmName: 7 is not of type 'string'"),
    (ALARM, "source", "aws.s3", r"at \$\.source: 'aws\.cloudwatch' was expected"),
    (ALARM, "detail-type", "CloudWatch Alarm Configuration Change",
     r"at \$\['detail-type'\]: 'CloudWatch Alarm State Change' was expected"),
    *[(ALARM, f"{METRIC}.dimensions.Circuit", name, r"Circuit: .* (does not match|is not of type)")
      for name in NOT_ALLOWED],
    (ALARM, f"{METRIC}.dimensions", {}, "its metrics name 0 circuits in dimension Circuit"),
    (ALARM, f"{METRIC}.dimensions", {"Service": "payments-api"}, "its metrics name 0 circuits"),
    (MATH, "detail.configuration.metrics.2.metricStat.metric.dimensions.Circuit", "search-api",
     "its metrics name 2 circuits in dimension Circuit; every one must name the same"),
    (MATH, "detail.configuration.metrics.2.metricStat.metric.dimensions", {}, "must name the same"),
    (COMPOSITE, "detail.alarmName", "recloser:payments api:any", "alarmName: .* does not match"),
    (COMPOSITE, "detail.alarmName", "recloser:payments-api", "alarmName: .* does not match"),
    (COMPOSITE, "detail.alarmName", "nightly-backup",
     "alarm nightly-backup: a composite alarm must be named recloser:<circuit>:<anything>"),
    (ALARM, "detail.state.reasonData", '{"version":"1.0","queryDate":"2026-09-14T05:43:16.204+0000"}',
     r"alarm recloser:payments-api:slow-calls: state\.reasonData is not understood"),
    (ALARM, "detail.state.reasonData",
     '{"version":"1","queryDate":"q","period":9,"evaluatedDatapoints":[{"timestamp":"monday","value":1}]}',
     r"state\.reasonData is not understood: .*monday"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "field", "value", "message"), BAD_ALARMS)
def test_a_malformed_alarm_is_an_error(
    untouched: Region, name: str, field: str, value: Any, message: str
) -> None:
    """A malformed alarm event is an error that names the place and what is allowed; nothing is written."""
    with pytest.raises(EventError, match=message):
        untouched.flip_state(changed(golden(name), field, value))


def test_an_alarm_on_another_namespace_is_an_error(untouched: Region) -> None:
    """An alarm on somebody else's metrics trips nothing, whatever its name."""
    event = changed(golden(ALARM), f"{METRIC}.namespace", "AWS/EC2")
    event["detail"]["alarmName"] = "recloser:payments-api:disk-full"
    with pytest.raises(EventError, match="none of its metrics is in namespace Recloser"):
        untouched.flip_state(event)


@pytest.mark.parametrize(
    "event",
    [{}, [], "ALARM", 7, golden("alarm-configuration-change"), golden("scheduled-event")],
    ids=["empty", "a list", "a text", "a number", "alarm-configuration-change", "scheduled-event"],
)
def test_what_is_no_alarm_is_an_error(untouched: Region, event: Any) -> None:
    """What is no alarm's state change at all is an error, never a silent return."""
    with pytest.raises((EventError, TypeError)):
        untouched.flip_state(event)


# field, its wrong value, what the error says
BAD_PROBES: list[tuple[str, Any, str]] = [
    *[(f"Records.0.{field}", GONE, f"'{field}' is a required property")
      for field in ("eventID", "eventName", "eventSource", "eventSourceARN")],
    (f"{RECORD}.NewImage", GONE, "'NewImage' is a required property"),
    (f"{RECORD}.Keys", GONE, "'Keys' is a required property"),
    *[(f"{RECORD}.NewImage.{field}", GONE, f"'{field}' is a required property")
      for field in ("permit", "granted", "allowed", "opens_at")],
    ("Records.0.eventSource", "aws:kinesis", "'aws:dynamodb' was expected"),
    (f"{RECORD}.NewImage.granted", {"S": "1"}, "granted"),
    (f"{RECORD}.NewImage.granted", {"N": "1.5"}, "granted.*'1.5' does not match"),
    (f"{RECORD}.NewImage.succeeded", {"SS": ["1"]}, "succeeded"),
    *[(f"{RECORD}.NewImage.permit.S", key, "permit.S: .* does not match")
      for key in ("payments api#17", "payments-api", "payments-api#-1", f"{'x' * 65}#17", "#17")],
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "message"), BAD_PROBES)
def test_a_malformed_probe_record_is_an_error(
    untouched: Region, field: str, value: Any, message: str
) -> None:
    """A batch of nothing but malformed records is an error that names each place; nothing is written."""
    event = golden("probe-stream")
    event["Records"] = event["Records"][-1:]
    with pytest.raises(BatchProcessingError) as raised:
        untouched.flip_state(changed(event, field, value))
    assert "event does not fit probe-stream" in str(raised.value)
    assert re.search(message, str(raised.value))


SQS_RECORD = {"messageId": "19dd0b57", "body": "{}", "eventSource": "aws:sqs"}


@pytest.mark.parametrize("function", ["flip_state", "announce"])
@pytest.mark.parametrize("record", [SQS_RECORD, {}], ids=["of a queue", "empty"])
def test_what_is_no_stream_record_is_an_error(untouched: Region, function: str, record: Any) -> None:
    """Records of anything but a table's stream are an error."""
    with pytest.raises(BatchProcessingError, match=r"does not fit (probe|circuit)-stream"):
        getattr(untouched, function)({"Records": [record]})


@pytest.mark.parametrize("records", [None, 7, "text", {}, []])
@pytest.mark.parametrize("function", ["flip_state", "announce"])
def test_what_is_no_batch_is_an_error(untouched: Region, function: str, records: Any) -> None:
    """A batch that is no list of records, or an empty one, is an error."""
    with pytest.raises(UnexpectedBatchTypeError, match="Unexpected batch event type"):
        getattr(untouched, function)({"Records": records})


def test_a_bad_record_among_good_ones_is_logged(untouched: Region, caplog: pytest.LogCaptureFixture) -> None:
    """What is wrong with a record of a batch is in the log, for no caller ever sees its error."""
    event = golden("probe-stream-expired")
    event["Records"].append(changed(event, f"{RECORD}.Keys.permit.S", "payments api#17")["Records"][0])
    with caplog.at_level(logging.WARNING):
        answer = untouched.flip_state(event)
    assert len(answer["batchItemFailures"]) == 1
    assert "does not fit probe-stream" in caplog.text


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("source", "aws.scheduler", r"at \$\.source: 'aws\.events' was expected"),
        ("detail-type", GONE, "'detail-type' is a required property"),
        ("time", "soon", r"at \$\.time: 'soon' does not match"),
        ("detail", [], r"at \$\.detail: \[\] is not of type 'object'"),
    ],
)
def test_a_malformed_schedule_is_an_error(untouched: Region, field: str, value: Any, message: str) -> None:
    """start_recovery runs on the scheduled event, and on nothing else."""
    with pytest.raises(EventError, match=message):
        untouched.start_recovery(changed(golden("scheduled-event"), field, value))


BAD_CIRCUITS: list[tuple[str, Any, str]] = [
    (f"{RECORD}.Keys.circuit.S", "payments api", "circuit.S: 'payments api' does not match"),
    (f"{RECORD}.NewImage.circuit.S", "payments api", "circuit.S: 'payments api' does not match"),
    (f"{RECORD}.NewImage.state.S", "AJAR", "'AJAR' is not one of"),
    (f"{RECORD}.NewImage.generation", GONE, "'generation' is a required property"),
    (f"{RECORD}.NewImage", GONE, "'NewImage' is a required property"),
    (f"{RECORD}.OldImage", GONE, "'OldImage' is a required property"),
    (f"{RECORD}.StreamViewType", "KEYS_ONLY", "'NEW_AND_OLD_IMAGES' was expected"),
]


@pytest.mark.parametrize(("field", "value", "message"), BAD_CIRCUITS)
def test_a_malformed_circuit_record_is_an_error(
    untouched: Region, field: str, value: Any, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A malformed record of the circuit table is an error, and nothing is announced."""
    with pytest.raises(BatchProcessingError) as raised:
        untouched.announce(changed(golden("circuit-stream"), field, value))
    assert "event does not fit circuit-stream" in str(raised.value)
    assert message in str(raised.value)
    assert "CloudWatchMetrics" not in capsys.readouterr().out
