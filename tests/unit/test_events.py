"""The golden events: each fulfills its schema, and each schema refuses what nobody could rely on."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from recloser.control.alarm_events import from_alarm_event
from recloser.control.announcement import announcement
from recloser.control.ignored import Ignored
from recloser.control.stream_records import from_circuit_record
from recloser.decide import decide
from recloser.metrics.emf import emf_document
from recloser.policy import RecoveryPolicy
from recloser.store.rows import decode_circuit, encode_circuit, encode_minted

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events"
SCHEMAS = {path.name.removesuffix(".schema.json"): path for path in (EVENTS / "schemas").iterdir()}
GOLDENS = {path.stem: path for path in EVENTS.glob("*.json")}
# A row of the table in the README: | [golden](golden.json) | … | [schema](schemas/schema.schema.json) |
ROW = re.compile(
    r"^\| \[([\w-]+)\]\(\1\.json\) .*\| \[([\w-]+)\]\(schemas/\2\.schema\.json\) \|$", re.MULTILINE
)
SCHEMA_OF: dict[str, str] = dict(ROW.findall((EVENTS / "README.md").read_text()))

OURS = ("circuit-item", "probe-item", "circuit-state-changed", "emf", "emf-function")


def load(path: Path) -> Any:
    return json.loads(path.read_text())


def refusal_by(schema: Any, document: Any) -> ValidationError | None:
    error: ValidationError | None = best_match(Draft202012Validator(schema).iter_errors(document))
    return error


def refusal(name: str, document: Any) -> ValidationError | None:
    return refusal_by(load(SCHEMAS[name]), document)


# --- Every golden, every schema ------------------------------------------------------------------


def test_the_table_names_every_golden_and_every_schema() -> None:
    """Every golden has a schema, and every schema has a golden."""
    assert set(SCHEMA_OF) == set(GOLDENS)
    assert set(SCHEMA_OF.values()) == set(SCHEMAS)


@pytest.mark.parametrize("golden", sorted(GOLDENS))
def test_every_golden_fulfills_its_schema(golden: str) -> None:
    """Every golden fulfills its schema."""
    error = refusal(SCHEMA_OF[golden], load(GOLDENS[golden]))
    assert error is None, f"{error.json_path}: {error.message}"


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_schema_is_a_schema(name: str) -> None:
    """Every schema is valid itself, and says what it is and where its form comes from."""
    schema = load(SCHEMAS[name])
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:recloser:schemas:{name}"
    assert schema["title"]
    assert "https://docs.aws.amazon.com/" in schema["description"]


def test_the_validation_shown_in_the_readme_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's example validates a golden as it says."""
    [snippet] = re.findall(r"```python\n(.*?)```", (EVENTS / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(ROOT)
    namespace: dict[str, Any] = {}
    exec(snippet, namespace)
    assert namespace["event"] == load(GOLDENS["probe-stream"])


def properties_of(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every property that a schema defines in its own words: conditions only repeat them."""
    if isinstance(schema, dict):
        for keyword, inner in schema.items():
            if keyword == "properties":
                yield from inner.items()
            if keyword not in ("if", "then", "else"):
                yield from properties_of(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from properties_of(inner)


ATTRIBUTE_TYPES = {"S", "N", "M", "L", "NS", "BOOL"}
ENVELOPE = {"version", "account", "region", "resources", "detail", "detail-type", "source"}


@pytest.mark.parametrize("name", OURS)
def test_every_field_of_ours_is_described(name: str) -> None:
    """Every field that Recloser emits is described in its schema, and shown by a golden."""
    schema = load(SCHEMAS[name])
    schema["$defs"] = {
        key: value for key, value in schema.get("$defs", {}).items() if not key.startswith("declares_")
    }
    shown = "".join(GOLDENS[golden].read_text() for golden, used in SCHEMA_OF.items() if used == name)
    for field, definition in properties_of(schema):
        if field not in ATTRIBUTE_TYPES | ENVELOPE:
            described = definition.get("description") or definition.get("$ref") == "#/$defs/override"
            assert described, f"{name}: {field} has no description"
            assert f'"{field}"' in shown, f"{name}: no golden has {field}"


# --- What is refused -----------------------------------------------------------------------------

GONE = object()
WRONG_NAMES = ("payments api", "", "x" * 65, "payments-api\n", "payments/api", 7)
ALARM, MATH, COMPOSITE, CHANGE, CONTRIBUTOR = (
    "alarm-metric",
    "alarm-metric-math",
    "alarm-composite",
    "alarm-configuration-change",
    "alarm-contributor",
)
DIMENSION = "detail.configuration.metrics.0.metricStat.metric.dimensions.Circuit"
RECORD, IMAGE = "Records.0.dynamodb", "Records.0.dynamodb.NewImage"
DIRECTIVE = "_aws.CloudWatchMetrics.0"

# golden, field, its wrong value (or that it is gone)
REFUSED: list[tuple[str, str, Any]] = [
    (ALARM, DIMENSION, 7),
    *[
        (ALARM, field, GONE)
        for field in ("id", "source", "detail-type", "time", "detail", "detail.alarmName")
    ],
    *[
        (ALARM, f"detail.{field}", GONE)
        for field in ("state", "state.value", "state.timestamp", "previousState")
    ],
    (ALARM, "detail.configuration.metrics", GONE),
    (ALARM, "detail.configuration.metrics", []),
    (ALARM, "detail.configuration.metrics.0.metricStat", GONE),
    (ALARM, "detail.configuration.metrics.0.metricStat.period", "10"),
    (ALARM, "detail.configuration.metrics.0.metricStat.metric.namespace", GONE),
    (ALARM, DIMENSION.removesuffix(".Circuit"), [{"Name": "Circuit", "Value": "payments-api"}]),
    (ALARM, "source", "recloser"),
    (ALARM, "detail-type", "CloudWatch Alarm Configuration Change"),
    (ALARM, "detail.state.value", "OPEN"),
    (ALARM, "detail.state.value", None),
    (ALARM, "detail.state.timestamp", "yesterday"),
    (ALARM, "detail.state.reasonData", {"version": "1.0"}),
    (ALARM, "detail", "ALARM"),
    (MATH, "detail.configuration.metrics.0.expression", 1),
    (MATH, "detail.configuration.metrics.1.id", GONE),
    (COMPOSITE, "detail.alarmName", ""),
    (COMPOSITE, "detail.configuration.alarmRule", 1),
    (CHANGE, "detail.operation", "rename"),
    *[
        (CHANGE, f"detail.{field}", GONE)
        for field in ("operation", "configuration", "previousConfiguration", "state.value")
    ],
    (CHANGE, "detail.configuration.metrics", GONE),
    (CHANGE, "detail.configuration.threshold", "40"),
    (CHANGE, "detail.configuration.treatMissingData", "breachin"),
    *[(CHANGE, DIMENSION.replace("0", "1"), name) for name in WRONG_NAMES],
    ("scheduled-event", "source", "aws.scheduler"),
    ("scheduled-event", "detail-type", GONE),
    ("scheduled-event", "time", "soon"),
    ("scheduled-event", "detail", None),
    ("probe-stream", "Records", GONE),
    ("probe-stream", "Records", []),
    *[
        ("probe-stream", f"Records.0.{field}", GONE)
        for field in ("eventID", "eventName", "eventSourceARN", "dynamodb")
    ],
    *[
        ("probe-stream", f"{RECORD}.{field}", GONE)
        for field in ("Keys", "Keys.permit", "NewImage", "SequenceNumber")
    ],
    *[("probe-stream", f"{IMAGE}.{field}", GONE) for field in ("permit", "granted", "allowed", "opens_at")],
    *[("probe-stream", f"{RECORD}.Keys.permit.S", f"{name}#17") for name in WRONG_NAMES[:3]],
    ("probe-stream", "Records.0.eventName", "UPSERT"),
    ("probe-stream", "Records.0.eventSource", "aws:kinesis"),
    ("probe-stream", f"{RECORD}.StreamViewType", "KEYS_ONLY"),
    ("probe-stream", f"{IMAGE}.permit.S", "payments-api"),
    ("probe-stream", f"{IMAGE}.permit.S", "payments-api#17\n"),
    ("probe-stream", f"{IMAGE}.granted", {"S": "1", "N": "1"}),
    ("probe-stream", f"{IMAGE}.granted.N", 1),
    ("probe-stream", f"{IMAGE}.granted.N", "-1"),
    ("probe-stream", f"{IMAGE}.opens_at.N", "1789364598"),
    ("probe-stream", f"{IMAGE}.succeeded.NS", []),
    *[("circuit-stream", f"{RECORD}.{field}", GONE) for field in ("NewImage", "OldImage", "Keys.circuit")],
    *[
        ("circuit-stream", f"{IMAGE}.{field}", GONE)
        for field in ("circuit", "state", "generation", "revision", "trips")
    ],
    *[("circuit-stream", f"{IMAGE}.circuit.S", name) for name in WRONG_NAMES],
    ("circuit-stream", f"{RECORD}.StreamViewType", "NEW_IMAGE"),
    ("circuit-stream", f"{IMAGE}.state.S", "HALF-OPEN"),
    ("circuit-stream", f"{IMAGE}.generation.N", "17.5"),
    ("circuit-stream", f"{IMAGE}.retry_at", {"NULL": True}),
    *[
        ("circuit-item", field, GONE)
        for field in ("circuit", "state", "revision", "policy", "history", "schema")
    ],
    *[("circuit-item", "circuit.S", name) for name in WRONG_NAMES],
    ("circuit-item", "state.S", "BROKEN"),
    ("circuit-item", "schema.N", "2"),
    ("circuit-item", "due.N", "8"),
    ("circuit-item", "due_at", GONE),
    ("circuit-item", "opened_at.N", "1789364587"),
    ("circuit-item", "history.L.0.M.to.S", "AJAR"),
    ("circuit-item", "history.L.0.M.at", GONE),
    ("circuit-item-overridden", "override.M.state.S", "HALF_OPEN"),
    ("circuit-item-overridden", "override.M.by", GONE),
    ("circuit-item-overridden", "policy.M.jitter.N", "10"),
    ("circuit-item-overridden", "policy.M.backoff.N", "0.5"),
    ("circuit-item-overridden", "policy.M.permits.N", "0"),
    ("circuit-item-overridden", "policy.M.enforce", {"S": "false"}),
    *[("probe-item", field, GONE) for field in ("permit", "granted", "allowed", "opens_at", "expires")],
    ("probe-item", "permit.S", "payments api#17"),
    ("probe-item", "expires.N", "1791956598000"),
    ("probe-item", "failed.NS", ["4", "4"]),
    ("probe-item", "failed", {"SS": ["4"]}),
    *[
        ("circuit-state-changed", f"detail.{field}", GONE)
        for field in load(GOLDENS["circuit-state-changed"])["detail"]
    ],
    *[("circuit-state-changed", "detail.circuit", name) for name in WRONG_NAMES],
    ("circuit-state-changed", "source", "aws.cloudwatch"),
    ("circuit-state-changed", "detail.schema", 2),
    ("circuit-state-changed", "detail.state", "half_open"),
    ("circuit-state-changed", "detail.previous_state", None),
    ("circuit-state-changed", "detail.generation", "17"),
    ("circuit-state-changed", "detail.at_ms", 1789364587),
    ("circuit-state-changed", "detail.retry_at_ms", "2026-09-14T05:43:18Z"),
    ("circuit-state-changed-overridden", "detail.override.state", "HALF_OPEN"),
    ("circuit-state-changed-overridden", "detail.override.until_ms", GONE),
    *[
        ("emf-call", field, GONE)
        for field in ("_aws", "_aws.Timestamp", f"{DIRECTIVE}.Dimensions", "Circuit", "Duration")
    ],
    *[("emf-call", "Circuit", name) for name in WRONG_NAMES],
    ("emf-call", f"{DIRECTIVE}.Namespace", "AWS/EC2"),
    ("emf-call", f"{DIRECTIVE}.Namespace", "Recloser\n"),
    ("emf-discarded", f"{DIRECTIVE}.Dimensions", [["Circuit"]]),
    ("emf-discarded", "Discarded", 0),
    ("emf-discarded", "Function", GONE),
    *[
        (CONTRIBUTOR, f"detail.{field}", GONE)
        for field in ("alarmName", "alarmContributor", "alarmContributor.attributes", "state", "state.value")
    ],
    (CONTRIBUTOR, "detail-type", "CloudWatch Alarm State Change"),
    (CONTRIBUTOR, "detail.configuration.metrics", []),
    (CONTRIBUTOR, "detail.configuration.metrics.0.period", 10),
    (CONTRIBUTOR, "detail.alarmContributor.attributes.Circuit", 7),
    (CONTRIBUTOR, "detail.state.value", "INSUFFICIENT_DATA"),
    ("emf-call", f"{DIRECTIVE}.Dimensions", [["Circuit", "function_name"]]),
    ("emf-call", f"{DIRECTIVE}.Metrics.0.StorageResolution", GONE),
    ("emf-call", f"{DIRECTIVE}.Metrics.0.StorageResolution", 60),
    ("emf-call", f"{DIRECTIVE}.Metrics.1.Unit", "Seconds"),
    ("emf-call", "_aws.Timestamp", 1789364561.327),
    ("emf-call", "_aws.Timestamp", 1789364561),
    ("emf-call", "Failure", 0.5),
    ("emf-call", "Failure", True),
    ("emf-call", "Duration", -1),
    ("emf-batch", "Failure", []),
    ("emf-batch", "Duration", [1.0] * 101),
    ("emf-batch", "Failure.2", 2),
    ("emf-probe", "ProbeFailure", "0"),
    ("emf-rejected", "Rejected", 1.5),
    ("emf-state", "State", 0.7),
    ("emf-state", "Trips", "1"),
    ("emf-state", f"{DIRECTIVE}.Dimensions", [["Circuit", "service"]]),
]


@pytest.mark.parametrize(("golden", "field", "wrong"), REFUSED)
def test_what_is_wrong_is_refused_by_its_place(golden: str, field: str, wrong: Any) -> None:
    """A field that is missing or wrong is refused, and the error names the field."""
    document = copy.deepcopy(load(GOLDENS[golden]))
    path = [int(step) if step.isdecimal() else step for step in field.split(".")]
    *parents, last = path
    holder = document
    for step in parents:
        holder = holder[step]
    if wrong is GONE:
        del holder[last]
    else:
        holder[last] = wrong

    error = refusal(SCHEMA_OF[golden], document)

    assert error is not None
    if wrong is GONE:
        assert list(error.absolute_path) == parents
        assert f"{last!r} is a " in error.message
    else:
        assert list(error.absolute_path) == path


def test_every_schema_refuses_something() -> None:
    """No schema is without its table of refusals."""
    assert {SCHEMA_OF[golden] for golden, _, _ in REFUSED} == set(SCHEMAS)


def test_a_metric_without_its_declaration_is_refused() -> None:
    """A value that no declaration names would be lost in silence: it is refused."""
    error = refusal("emf", load(GOLDENS["emf-call"]) | {"Rejected": 1})
    assert error is not None
    assert list(error.absolute_path) == ["_aws", "CloudWatchMetrics", 0, "Metrics"]
    assert "Rejected" in str(error.schema)


@pytest.mark.parametrize("golden", sorted(GOLDENS))
def test_a_new_field_is_welcome_from_aws_and_refused_from_us(golden: str) -> None:
    """AWS may add fields at any time; Recloser's own formats are closed."""
    document = load(GOLDENS[golden])
    ours = document["detail"] if SCHEMA_OF[golden] == "circuit-state-changed" else document
    ours["novelty"] = {"S": "new"}
    error = refusal(SCHEMA_OF[golden], document)
    assert (error is not None) == (SCHEMA_OF[golden] in OURS)
    if error is not None:
        assert "novelty" in error.message


def add_everywhere(document: Any) -> None:
    if isinstance(document, list):
        for inner in document:
            add_everywhere(inner)
    elif isinstance(document, dict):
        for inner in document.values():
            add_everywhere(inner)
        document["novelty"] = "new"


@pytest.mark.parametrize(
    "golden", sorted(name for name in GOLDENS if name.startswith(("alarm", "scheduled")))
)
def test_aws_may_add_fields_anywhere(golden: str) -> None:
    """No object of an AWS event is closed, however deep."""
    document = load(GOLDENS[golden])
    add_everywhere(document)
    assert refusal(SCHEMA_OF[golden], document) is None


def test_an_attribute_added_by_hand_does_not_silence_the_stream() -> None:
    """A stream record whose item has an unknown attribute is still understood."""
    for golden in ("circuit-stream", "probe-stream"):
        event = load(GOLDENS[golden])
        event["Records"][0]["dynamodb"]["NewImage"]["team"] = {"S": "checkout"}
        assert refusal(SCHEMA_OF[golden], event) is None


@pytest.mark.parametrize(
    ("stream", "item"), [("circuit-stream", "circuit-item"), ("probe-stream", "probe-item")]
)
def test_an_image_in_a_stream_is_checked_as_the_item_is(stream: str, item: str) -> None:
    """What the schema of a stream says of an image is what the schema of the item says."""
    of_the_item = load(SCHEMAS[item])["$defs"]
    of_the_image = {name: rule for name, rule in load(SCHEMAS[stream])["$defs"].items() if name != "record"}
    assert of_the_image == {name: of_the_item[name] for name in of_the_image}


# --- Reason data ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("golden", "evaluated"),
    [(ALARM, True), (MATH, True), ("alarm-ok", True), ("alarm-by-hand-with-data", False), (COMPOSITE, False)],
)
def test_evaluated_reason_data_has_its_own_form(golden: str, *, evaluated: bool) -> None:
    """The reasonData of an evaluation can be told from what somebody passed to SetAlarmState."""
    reason_data = json.loads(load(GOLDENS[golden])["detail"]["state"]["reasonData"])
    definitions = load(SCHEMAS["alarm-state-change"])["$defs"]
    assert (refusal_by(definitions["evaluated_reason_data"], reason_data) is None) == evaluated


# --- One story, told by the library itself -------------------------------------------------------


def test_the_alarm_causes_the_stream_record() -> None:
    """The circuit's stream record is exactly what the metric-math alarm causes."""
    [record] = load(GOLDENS["circuit-stream"])["Records"]
    before, after = from_circuit_record(record)
    signal = from_alarm_event(load(GOLDENS[MATH]))
    assert not isinstance(signal, Ignored)

    decision = decide(before, signal[1], after.changed_at_ms, RecoveryPolicy().with_overrides(before.policy))

    assert decision.circuit is not None
    written = {name: value for name, value in encode_circuit(decision.circuit).items() if value is not None}
    unchanging = {name: record["dynamodb"]["NewImage"][name] for name in ("circuit", "schema")}
    assert record["dynamodb"]["NewImage"] == load(GOLDENS["circuit-item"]) == written | unchanging
    minted = load(GOLDENS["probe-stream-minted"])["Records"][0]["dynamodb"]["NewImage"]
    assert decision.mint is not None
    assert decision.mint.opens_at_ms is not None
    assert minted == encode_minted("payments-api", 17, decision.mint.permits, decision.mint.opens_at_ms)


def test_the_stream_record_causes_the_announcement() -> None:
    """The announced event is exactly what the circuit's stream record causes."""
    [record] = load(GOLDENS["circuit-stream"])["Records"]
    told = announcement(*from_circuit_record(record))
    assert told is not None
    golden = load(GOLDENS["circuit-state-changed"])
    assert (told.detail_type, told.detail) == (golden["detail-type"], golden["detail"])


def test_the_stream_of_permits_is_one_chain() -> None:
    """Each image of a permit begins where the record before it ended, and the last is the item."""
    names = ("probe-stream-minted", "probe-stream-canary", "probe-stream")
    changes = [record["dynamodb"] for name in names for record in load(GOLDENS[name])["Records"]]
    for earlier, later in pairwise(changes):
        assert later["OldImage"] == earlier["NewImage"]
        assert int(later["SequenceNumber"]) > int(earlier["SequenceNumber"])
    assert changes[-1]["NewImage"] == load(GOLDENS["probe-item"])


@pytest.mark.parametrize(
    "golden", ["emf-call", "emf-batch", "emf-probe", "emf-rejected", "emf-unprotected", "emf-slow"]
)
def test_metric_lines_are_what_the_library_writes(golden: str) -> None:
    """The golden metric lines of callers are what the library builds from the same values."""
    line = load(GOLDENS[golden])
    names = [metric["Name"] for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
    properties = {name: line[name] for name in ("function_name", "function_version", "request_id")}
    values = {name: line[name] for name in names}
    assert emf_document(line["Circuit"], values, line["_aws"]["Timestamp"], properties) == line


@pytest.mark.parametrize("golden", ["circuit-item", "circuit-item-overridden"])
def test_items_are_understood_whole(golden: str) -> None:
    """Reading an item and writing it again changes nothing."""
    item = load(GOLDENS[golden])
    circuit, problems = decode_circuit("payments-api", item)
    assert problems == []
    written = {name: value for name, value in encode_circuit(circuit).items() if value is not None}
    assert written == {name: value for name, value in item.items() if name not in ("circuit", "schema")}
