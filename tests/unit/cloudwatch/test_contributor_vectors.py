"""Timelines of contributor alarms, as AWS evaluated them: see tests/vectors/contributors/FORMAT.md.

With RECLOSER_VECTORS=FOLDER every *.json of that folder is replayed instead of the project's own; what is no
vector fails, with its file and why.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from vectors import EVALUATIONS, OWN, TIMELINES, VARIABLE, Vectors, vectors

from recloser.lab.cloudwatch import CloudWatch, Event, InvalidAlarmError, Metric, Place, metric_alarm
from recloser.lab.cloudwatch.events import CONTRIBUTOR_STATE_CHANGE, STATE_CHANGE
from recloser.lab.cloudwatch.insights import answer, describe, is_query, parse_query
from recloser.lab.cloudwatch.series import Span

READ = vectors("contributors")
VECTORS = READ.of_kind[TIMELINES]
# AWS's evaluations of one phase lie some milliseconds apart, and a state bears the time of its writing.
JITTER_MS = 20
MINUTE_MS = 60_000
NAME = "alarm"

Step = dict[str, Any]


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def steps(vector: Step, *kinds: str) -> list[Step]:
    return [step for step in vector.get("steps", ()) if step["do"] in kinds]


EVALUATED = [name for name, vector in VECTORS.items() if steps(vector, "evaluate")]
ADMITTED = [
    pytest.param(step, id=f"{name}-{step['label']}")
    for name, vector in VECTORS.items()
    for step in steps(vector, "admit")
]


class Replay:
    """One timeline: what AWS was given goes in at its time, and each evaluation is compared."""

    def __init__(self, vector: Step) -> None:
        self.vector = vector
        self.region = CloudWatch(Place(vector["account"], vector["region"]), retention_seconds=7200)
        self.metrics = self._metrics()
        self.name = self._alarm_name()
        self.events: list[Event] = []
        self._compared = 0

    def _alarm_name(self) -> str:
        bodies = self.vector.get("events") or []
        return str(bodies[0]["event"]["detail"]["alarmName"]) if bodies else NAME

    def _metrics(self) -> dict[str, Metric]:
        texts = [
            metric["Expression"]
            for step in steps(self.vector, "put_metric_alarm", "given")
            for metric in step["settings"].get("Metrics", ())
        ]
        select = parse_query(next(text for text in texts if is_query(text)))
        return {
            name: Metric.of(select.namespace, select.metric_name, dimensions)
            for name, dimensions in self.vector["series"].items()
        }

    def run(self) -> None:
        for index, step in enumerate(self.vector["steps"]):
            getattr(self, step["do"])(step, index)

    def put_metric_data(self, step: Step, index: int) -> None:
        # What is there when a timeline begins was published before, when it was due.
        is_before = any(later["do"] == "given" for later in self.vector["steps"][index:])
        for point in step["points"]:
            begin_ms = ms(point["bucket"])
            self.region.metrics.add(
                self.metrics[point["series"]],
                begin_ms,
                point["value"],
                point.get("count", 1),
                available_at_ms=begin_ms if is_before else ms(step["at"]),
            )

    def _settings(self, step: Step) -> Step:
        settings = dict(step["settings"])
        if "Metrics" not in settings:
            metric = next(iter(self.metrics.values()))
            settings |= {"Namespace": metric.namespace, "ComparisonOperator": "GreaterThanThreshold"}
            settings["Dimensions"] = [{"Name": name, "Value": value} for name, value in metric.dimensions]
        return settings | {"AlarmName": self.name}

    def put_metric_alarm(self, step: Step, index: int) -> None:
        at_ms = ms(step["at"])
        self._nothing_until(at_ms)
        self.events += self.region.put_metric_alarm(
            self._settings(step), at_ms, first_evaluation_ms=self._next_evaluation_ms(index)
        )
        self._compared = len(self.events)

    def _next_evaluation_ms(self, index: int) -> int:
        """The first one known under these settings; where none is, a minute after they were put."""
        for later in self.vector["steps"][index + 1 :]:
            if later["do"] in {"evaluate", "evaluate_single"}:
                return ms(later["query_date"])
            if later["do"] == "put_metric_alarm":
                break
        return ms(self.vector["steps"][index]["at"]) + MINUTE_MS

    def given(self, step: Step, _index: int) -> None:
        at_ms = ms(step["at"])
        self.region.put_metric_alarm(self._settings(step), at_ms - 1, first_evaluation_ms=at_ms)
        self.region.advance(at_ms)
        self._compare_standing(step)

    def evaluate(self, step: Step, _index: int) -> None:
        query_ms = ms(step["query_date"])
        self._nothing_until(query_ms - JITTER_MS)
        before = self.region.state(self.name)
        sent = self.region.advance(query_ms + JITTER_MS)
        self.events += sent
        self._compared = len(self.events)
        self._compare_changes(step, sent)
        self._compare_parent(step["parent"], before.value.value, sent)
        self._compare_in_alarm(step)

    def evaluate_single(self, step: Step, _index: int) -> None:
        self.events += self.region.advance(ms(step["query_date"]) + JITTER_MS)
        self._compared = len(self.events)
        assert self.region.state(self.name).value == step["state"]
        with pytest.raises(ValueError, match=f"^Alarm {self.name} is not a multi time series alarm$"):
            self.region.describe_alarm_contributors(self.name)

    def observe(self, step: Step, _index: int) -> None:
        at_ms = ms(step["at"])
        if "query" in step:
            self._compare_rows(step, at_ms)
        if not self.region.describe_alarms([self.name])["MetricAlarms"]:
            return  # the settings that were observed are not told
        self._nothing_until(at_ms)
        self._compare_standing(step)

    def _nothing_until(self, at_ms: int) -> None:
        """Nothing visible changes between two known evaluations."""
        sent = self.region.advance(at_ms)
        assert sent == []

    def _compare_changes(self, step: Step, sent: list[Event]) -> None:
        found = {
            tuple(detail["alarmContributor"]["attributes"].items()): detail
            for event in sent
            if event["detail-type"] == CONTRIBUTOR_STATE_CHANGE
            for detail in [event["detail"]]
        }
        expected = {tuple(change["attributes"].items()): change for change in step["changed"]}
        assert set(found) == set(expected)
        for attributes, change in expected.items():
            state = found[attributes]["state"]
            assert (state["value"], state["reason"]) == (change["state"], change["reason"])
            assert abs(ms(state["timestamp"]) - ms(change["state_timestamp"])) <= JITTER_MS

    def _compare_parent(self, expected: Step | None, before: str, sent: list[Event]) -> None:
        if expected is None:
            return
        changes = [event["detail"] for event in sent if event["detail-type"] == STATE_CHANGE]
        state = self.region.state(self.name)
        assert (before, state.value, state.reason) == (
            expected["before"],
            expected["state"],
            expected["reason"],
        )
        assert len(changes) == (1 if expected["change"] == "state" else 0)
        assert abs(state.updated_ms - ms(expected["state_timestamp"])) <= JITTER_MS
        newest = self.region.describe_alarm_history(self.name, "StateUpdate")[0]
        assert json.loads(newest["HistoryData"])["newState"]["stateReason"] == expected["reason"]

    def _compare_standing(self, step: Step) -> None:
        self._compare_in_alarm(step)
        parent = step.get("parent") or {}
        state = self.region.state(self.name)
        assert state.value == parent.get("state", state.value)
        assert state.reason == (parent.get("reason") or state.reason)

    def _compare_in_alarm(self, step: Step) -> None:
        standing = self.region.describe_alarm_contributors(self.name)
        names = ["/".join(one["ContributorAttributes"].values()) for one in standing]
        assert sorted(names) == sorted(step["in_alarm"])

    def _compare_rows(self, step: Step, at_ms: int) -> None:
        newest_ms = at_ms // MINUTE_MS * MINUTE_MS - MINUTE_MS
        select = parse_query(step["query"])
        rows = answer(select, self.region.metrics, Span(newest_ms, 60, 1), at_ms)
        found = [{"label": label, "value": row.values[0]} for label, row in describe(rows)]
        assert found == step["rows"]


def test_every_file_is_a_vector() -> None:
    """What is in the folder is replayed, or the test says which file is none and why."""
    READ.check(TIMELINES)


@pytest.mark.parametrize("name", EVALUATED)
def test_a_timeline_goes_as_on_aws(name: str) -> None:
    """Each contributor and its parent change when, to what, and with the words that AWS had."""
    Replay(VECTORS[name]).run()


@pytest.mark.parametrize("name", [name for name, vector in VECTORS.items() if vector.get("events")])
def test_events_are_those_of_aws(name: str) -> None:
    """Every body is delivered, and no other; ids and the last milliseconds are AWS's choice."""
    replay = Replay(VECTORS[name])
    replay.run()
    expected = [one["event"] for one in VECTORS[name]["events"]]
    assert comparable(replay.events) == comparable(expected)


def comparable(events: list[Event]) -> list[Any]:
    return sorted(strip(json.loads(json.dumps(event))) for event in events)


def strip(event: Any) -> str:
    """The body without its id; contributors by their attributes, times to the second."""
    del event["id"]
    event["detail"].get("alarmContributor", {}).pop("id", None)
    for name in ("state", "previousState"):
        state = event["detail"].get(name, {})
        if "timestamp" in state:
            state["timestamp"] = state["timestamp"][:19]
        if "reasonData" in state:
            state["reasonData"] = {**json.loads(state["reasonData"]), "queryDate": None}
    return json.dumps(event, sort_keys=True)


def test_an_id_belongs_to_the_attributes_alone() -> None:
    """In every timeline the same attributes have the same id, and different ones another."""
    ours: dict[str, set[str]] = {}
    for name in EVALUATED:
        replay = Replay(VECTORS[name])
        replay.run()
        for item in replay.region.describe_alarm_history(kind="AlarmContributorStateUpdate"):
            attributes = json.dumps(item["AlarmContributorAttributes"], sort_keys=True)
            ours.setdefault(attributes, set()).add(item["AlarmContributorId"])
    ids = [one for found in ours.values() for one in found]
    assert all(len(found) == 1 for found in ours.values())
    assert len(set(ids)) == len(ids)
    assert all(len(one) <= 16 for one in ids)


@pytest.mark.parametrize("step", ADMITTED)
def test_what_is_admitted(step: Step) -> None:
    """PutMetricAlarm takes and refuses what AWS does, in its words."""
    settings = {**step["settings"], "AlarmName": NAME}
    if step["code"] == "Success":
        metric_alarm(settings)
        return
    with pytest.raises(InvalidAlarmError) as refusal:
        metric_alarm(settings)
    assert refusal.value.problem == step["message"]


@pytest.mark.parametrize(
    "bounds",
    [
        vector["new_series_visible_after"]
        for vector in VECTORS.values()
        if "new_series_visible_after" in vector
    ],
)
def test_a_new_series_is_seen_late(bounds: dict[str, float]) -> None:
    """A series never published before is not in the answer at the first bound, and is at the second."""
    region, begin_ms = CloudWatch(), ms("2026-09-23T20:55:00Z")
    region.metrics.add(Metric.of("N", "Load", {"Team": "a"}), begin_ms, 1.0)
    select = parse_query("SELECT MAX(Load) FROM N GROUP BY Team")
    span = Span(begin_ms, 60, 1)
    assert not answer(select, region.metrics, span, begin_ms + round(bounds["more_than_s"] * 1000))
    assert answer(select, region.metrics, span, begin_ms + round(bounds["at_most_s"] * 1000))


def told(folder: Path, kind: str = TIMELINES) -> str:
    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception)) as outcome:
        Vectors(folder).read().check(kind)
    return str(outcome.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{not json", "Expecting property name"),
        ("[1, 2]", "neither a timeline of a contributor alarm"),
        ('{"hello": 1}', "its members are hello"),
        ("{}", "its members are none"),
        ('{"series": {}, "steps": [{"do": "dance"}]}', "step 1 does 'dance'; known are admit, evaluate,"),
        ('{"steps": []}', "member series is missing"),
    ],
)
def test_what_is_no_vector_is_named(tmp_path: Path, text: str, why: str) -> None:
    """A file that is no vector fails with its name and why, and the others are replayed."""
    (tmp_path / "good.json").write_text('{"series": {}, "steps": []}')
    (tmp_path / "odd.json").write_text(text)
    assert f"{VARIABLE}: {tmp_path / 'odd.json'}: " in told(tmp_path)
    assert why in told(tmp_path)
    assert list(Vectors(tmp_path).read().of_kind[TIMELINES]) == ["good"]


def test_a_folder_without_vectors_is_named(tmp_path: Path) -> None:
    """A folder that is missing, empty, a file, or holds folders alone is an error that says so."""
    (tmp_path / "deeper").mkdir()
    (tmp_path / "file").touch()
    assert f"{tmp_path / 'none'} does not exist" in told(tmp_path / "none")
    assert f"{tmp_path / 'file'} is no folder" in told(tmp_path / "file")
    assert f"{tmp_path} holds no *.json; its folders are deeper" in told(tmp_path)


def test_the_other_kind_is_left_to_its_own_test() -> None:
    """A folder that holds the other kind alone has nothing to replay, and says which test replays it."""
    assert "which tests/unit/cloudwatch/test_alarm_vectors.py replays" in told(OWN / "alarms")
    assert "which tests/unit/cloudwatch/test_contributor_vectors.py replays" in told(
        OWN / "contributors", EVALUATIONS
    )


def test_a_relative_folder_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is one from the working directory; an empty one means the project's own."""
    monkeypatch.chdir(OWN)
    for named in ("contributors", ""):
        monkeypatch.setenv(VARIABLE, named)
        assert len(vectors("contributors").of_kind[TIMELINES]) >= 10
