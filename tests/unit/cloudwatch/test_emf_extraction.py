"""What CloudWatch takes out of an EMF log line, and what it drops.

Source: "Specification: Embedded metric format" in the CloudWatch user guide.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from alarm_twin import at
from hypothesis import given
from hypothesis import strategies as st

from recloser.lab.cloudwatch import Metric, Sample, extract

NOW = at("10:00:00")
EVENTS = Path(__file__).parents[3] / "events"
DOCUMENT: dict[str, Any] = {
    "_aws": {
        "Timestamp": NOW - 5,
        "CloudWatchMetrics": [
            {
                "Namespace": "Recloser",
                "Dimensions": [["Circuit"]],
                "Metrics": [
                    {"Name": "Failure", "Unit": "Count", "StorageResolution": 1},
                    {"Name": "Duration", "Unit": "Milliseconds"},
                ],
            }
        ],
    },
    "Circuit": "payments-api",
    "Failure": 1,
    "Duration": 12.5,
    "request_id": "c0ffee",
}
FAILURE = Metric("Recloser", "Failure", (("Circuit", "payments-api"),))
DURATION = Metric("Recloser", "Duration", (("Circuit", "payments-api"),))


def changed(path: str, value: Any) -> str:
    """The document with one member set (`...` deletes it); the path is of keys and indices joined by dots."""
    document = copy.deepcopy(DOCUMENT)
    *parents, last = path.split(".")
    target: Any = document
    for key in parents:
        target = target[int(key)] if isinstance(target, list) else target[key]
    if value is ...:
        del target[last]
    elif isinstance(target, list):
        target[int(last)] = value
    else:
        target[last] = value
    return json.dumps(document)


DIRECTIVE = "_aws.CloudWatchMetrics.0"


def test_every_metric_becomes_a_sample() -> None:
    """Each metric gives a sample with its unit and resolution, visible when extraction says so."""
    found = extract(json.dumps(DOCUMENT), NOW, NOW + 3000)
    assert found.dropped == []
    assert found.samples == [
        Sample(FAILURE, NOW - 5, 1.0, 1.0, NOW + 3000, "Count", 1),
        Sample(DURATION, NOW - 5, 12.5, 1.0, NOW + 3000, "Milliseconds", 60),
    ]


def test_an_array_gives_a_sample_for_each_value() -> None:
    """A list of numbers is as many samples."""
    found = extract(changed("Failure", [0, 0, 1]), NOW)
    assert [sample.value for sample in found.samples if sample.metric == FAILURE] == [0.0, 0.0, 1.0]


def test_each_dimension_set_makes_a_metric_of_its_own() -> None:
    """Two sets publish twice; an empty set is the metric without dimensions."""
    found = extract(changed(f"{DIRECTIVE}.Dimensions", [["Circuit"], []]), NOW)
    assert {sample.metric for sample in found.samples} == {
        FAILURE,
        DURATION,
        Metric("Recloser", "Failure"),
        Metric("Recloser", "Duration"),
    }


def test_lambda_may_write_before_the_document() -> None:
    """Metadata that Lambda puts before a document does not spoil it."""
    line = f"2026-09-14T10:00:00.000Z c0ffee INFO {json.dumps(DOCUMENT)}"
    assert len(extract(line, NOW).samples) == 2


@pytest.mark.parametrize(
    "line", ["START RequestId: 1", "", '{"level": "INFO"}', '{"message": "\\"_aws\\""}', "[1]"]
)
def test_other_log_lines_are_none_of_its_business(line: str) -> None:
    """A line that is no EMF document gives neither samples nor complaints."""
    assert extract(line, NOW) == ([], [])


@pytest.mark.parametrize(
    ("line", "kept", "why"),
    [
        (json.dumps(DOCUMENT) + " and more", 0, "not valid JSON"),
        (changed("_aws", []), 0, "_aws must be an object"),
        (changed("_aws.Timestamp", ...), 0, "_aws.Timestamp must be milliseconds"),
        (changed("_aws.Timestamp", "now"), 0, "_aws.Timestamp must be milliseconds"),
        *[
            (changed("_aws.Timestamp", at), 0, "_aws.Timestamp must be milliseconds")
            for at in (float("inf"), float("nan"), 10**400, -(10**400), 0, True, None)
        ],
        ('{"_aws": ' + "[" * 100_000, 0, "not valid JSON"),
        (changed("_aws.Timestamp", NOW - 15 * 86_400_000), 0, "of the last two weeks"),
        (changed("_aws.Timestamp", NOW + 3 * 3_600_000), 0, "the next two hours"),
        (changed("_aws.CloudWatchMetrics", {}), 0, "_aws.CloudWatchMetrics must be a list"),
        (changed(DIRECTIVE, 7), 0, "a metric directive must be an object, not 7"),
        (changed(f"{DIRECTIVE}.Namespace", ""), 0, "Namespace must be a text of 1 to 1024 characters"),
        (
            changed(f"{DIRECTIVE}.Namespace", "n" * 1025),
            0,
            "Namespace must be a text of 1 to 1024 characters",
        ),
        (changed(f"{DIRECTIVE}.Dimensions", []), 0, "must have at least one set"),
        (changed(f"{DIRECTIVE}.Dimensions", [["Circuit", "Region"]]), 0, "'Region' is no member at the root"),
        (
            changed(f"{DIRECTIVE}.Dimensions", [["Circuit"], ["Region"]]),
            2,
            "'Region' is no member at the root",
        ),
        (changed(f"{DIRECTIVE}.Dimensions", ["Circuit"]), 0, "a dimension set must be a list"),
        (changed(f"{DIRECTIVE}.Dimensions", [["Circuit"] * 31]), 0, "a dimension set holds 31 entries; 30"),
        (changed("Circuit", 5), 0, "dimension 'Circuit' must be a text"),
        (changed("Circuit", "c" * 1025), 0, "dimension 'Circuit' must be a text"),
        (changed(f"{DIRECTIVE}.Metrics", {}), 0, "Metrics of 'Recloser' must be a list"),
        (
            changed(f"{DIRECTIVE}.Metrics", [{"Name": "Failure"}] * 101),
            0,
            "holds 101 entries; 100 are allowed",
        ),
        (changed(f"{DIRECTIVE}.Metrics.0", "Failure"), 1, "a metric definition must be an object"),
        (changed(f"{DIRECTIVE}.Metrics.0.Name", ...), 1, "the Name of a metric must be a text"),
        (changed(f"{DIRECTIVE}.Metrics.0.Name", "Missing"), 1, "'Missing' is no member at the root"),
        (changed(f"{DIRECTIVE}.Metrics.0.Unit", "Furlongs"), 1, "unknown Unit 'Furlongs'"),
        (changed(f"{DIRECTIVE}.Metrics.0.StorageResolution", 10), 1, "StorageResolution 10; 1 and 60"),
        (changed("Failure", "many"), 1, "must be a number or a list of numbers, not 'many'"),
        (changed("Failure", True), 1, "must be a number or a list of numbers, not True"),
        (changed("Failure", {"a": 1}), 1, "must be a number or a list of numbers"),
        (changed("Failure", [1, None, 0]), 3, "must be a number or a list of numbers, not None"),
        (changed("Failure", [0] * 101), 1, "metric 'Failure' holds 101 entries; 100 are allowed"),
        (changed("Failure", 1e200), 1, "must be a number"),
        (changed("request_id", "x" * 1_048_577), 0, "bytes; at most 1048576 are allowed"),
    ],
)
def test_what_is_dropped_is_reported(line: str, kept: int, why: str) -> None:
    """What CloudWatch would drop is dropped, said once, and spoils nothing else."""
    found = extract(line, NOW)
    assert len(found.samples) == kept
    assert len(found.dropped) == 1
    assert why in found.dropped[0]


junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 2**70), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
PATHS = (
    "_aws", "_aws.Timestamp", "_aws.CloudWatchMetrics", DIRECTIVE, f"{DIRECTIVE}.Namespace",
    f"{DIRECTIVE}.Dimensions", f"{DIRECTIVE}.Dimensions.0", f"{DIRECTIVE}.Dimensions.0.0",
    f"{DIRECTIVE}.Metrics", f"{DIRECTIVE}.Metrics.0", f"{DIRECTIVE}.Metrics.0.Name",
    f"{DIRECTIVE}.Metrics.0.Unit", f"{DIRECTIVE}.Metrics.0.StorageResolution", "Circuit", "Failure",
)  # fmt: skip


@given(st.sampled_from(PATHS), junk)
def test_no_document_breaks_it(path: str, value: Any) -> None:
    """Whatever stands anywhere in a document is taken or dropped, and what is taken is finite."""
    found = extract(changed(path, value), NOW)
    assert all(abs(sample.value) <= 2.0**360 for sample in found.samples)
    assert found.dropped or found.samples or value == {} or not value


@pytest.mark.parametrize("path", sorted(EVENTS.glob("emf-*.json")), ids=lambda path: path.stem)
def test_the_golden_lines_lose_nothing(path: Path) -> None:
    """Every line that Recloser writes is taken over whole."""
    document = json.loads(path.read_text())
    found = extract(json.dumps(document), document["_aws"]["Timestamp"])
    assert found.dropped == []
    assert found.samples
