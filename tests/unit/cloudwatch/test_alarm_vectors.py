"""Evaluations that AWS made, replayed: see tests/vectors/README.md.

With RECLOSER_VECTORS=FOLDER every *.json of that folder is replayed instead of the project's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from vectors import EVALUATIONS, OWN, vectors

from recloser.lab.cloudwatch import CloudWatch, Metric, MetricAlarm, Sample, metric_alarm
from recloser.lab.cloudwatch.aggregate import Aggregate
from recloser.lab.cloudwatch.metrics import MetricStore
from recloser.lab.cloudwatch.series import Span
from recloser.lab.cloudwatch.statistics import parse_statistic

READ = vectors("alarms")
VECTORS = READ.of_kind[EVALUATIONS]
TRANSITIONS = {name: vector for name, vector in VECTORS.items() if "kind" not in vector}


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def samples(alarm: MetricAlarm, points: list[Any]) -> Iterator[Sample]:
    metric = alarm.metrics[0]
    unit = alarm.definition.get("Unit", "None")
    for begin, value, count in points:
        several = value if isinstance(value, dict) else {"value": [value], "counts": [count or 1]}
        for one, times in zip(several["value"], several["counts"], strict=True):
            yield Sample(metric, ms(begin), one, times, unit=unit, storage_resolution_seconds=1)


def replay(vector: dict[str, Any]) -> list[dict[str, Any]]:
    """The state changes at the very instant at which AWS looked."""
    alarm = metric_alarm({**vector["alarm"], "AlarmName": "v"})
    query_ms = ms(vector["query"])
    region = CloudWatch(phases_ms={"v": query_ms})
    region.put_samples(samples(alarm, vector["points"]))
    region.put_metric_alarm(alarm, query_ms - 1)
    region.set_alarm_state("v", vector["prior"], "given", None, query_ms - 1)
    return [event["detail"]["state"] for event in region.advance(query_ms)]


def test_every_file_is_a_vector() -> None:
    """What is in the folder is replayed, or the test says which file is none and why."""
    READ.check(EVALUATIONS)


def test_there_are_enough() -> None:
    """The captures are there."""
    assert len(list((OWN / "alarms").glob("*.json"))) >= 50


@pytest.mark.parametrize("name", TRANSITIONS)
def test_the_state_is_that_of_aws(name: str) -> None:
    """The alarm takes the state that it took on AWS, or keeps it."""
    vector = TRANSITIONS[name]
    changes = replay(vector)
    assert (changes[-1]["value"] if changes else vector["prior"]) == vector["expect"]["state"]


@pytest.mark.parametrize(
    "name", [name for name, vector in TRANSITIONS.items() if vector["expect"]["state"] != vector["prior"]]
)
def test_reason_and_reason_data_are_those_of_aws(name: str) -> None:
    """Text, start, recent and evaluated datapoints are those that AWS gave."""
    expected = TRANSITIONS[name]["expect"]
    (state,) = replay(TRANSITIONS[name])
    data = json.loads(state["reasonData"])
    if "reason" in expected:
        assert state["reason"] == expected["reason"]
    if "startDate" in expected:
        assert ms(data["startDate"]) == ms(expected["startDate"])
    if "recentDatapoints" in expected:
        assert data["recentDatapoints"] == expected["recentDatapoints"]
    if "evaluatedDatapoints" in expected:
        found = [(ms(point["timestamp"]), point.get("value")) for point in data["evaluatedDatapoints"]]
        assert found == [
            (ms(point[0]), point[1] if len(point) > 1 else None) for point in expected["evaluatedDatapoints"]
        ]


@pytest.mark.parametrize("name", [name for name, one in VECTORS.items() if one.get("kind") == "statistic"])
def test_statistics_are_those_of_aws(name: str) -> None:
    """Every captured statistic of the samples comes out."""
    aggregate = Aggregate()
    for value, count in VECTORS[name]["samples"]:
        aggregate.add_with_value(value, count)
    for statistic, value in VECTORS[name]["expect"].items():
        assert parse_statistic(statistic).compute(aggregate) == pytest.approx(value), statistic


@pytest.mark.parametrize("name", [name for name, one in VECTORS.items() if one.get("kind") == "units"])
def test_without_a_unit_the_alphabetically_first_is_read(name: str) -> None:
    """A metric in several units, read without one, answers in the alphabetically first."""
    store, metric = MetricStore(), Metric("T", "M")
    for unit, values in VECTORS[name]["units"].items():
        for value in values:
            store.add(metric, 0, value, unit=unit)
    (found,) = store.aggregates(metric, None, Span(0, 60, 1), 60_000)
    assert found is not None
    assert parse_statistic(VECTORS[name]["stat"]).compute(found) == VECTORS[name]["expect"]
