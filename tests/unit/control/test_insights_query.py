"""Metrics Insights queries: what an alarm over all circuits may ask, and how it is read."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloser.control.alarm_circuit import EveryCircuit, circuit_of_alarm
from recloser.control.contributor_events import newest_datapoint_ms
from recloser.control.ignored import Ignored
from recloser.control.insights_query import InsightsQuery, is_insights_query, read_insights_query
from recloser.control.stack import Stack
from recloser.errors import EventError

RATE = 'SELECT AVG(Failure) FROM SCHEMA("Recloser", Circuit) GROUP BY Circuit ORDER BY MAX() DESC'


@pytest.mark.parametrize(
    "expression",
    [
        RATE,
        'select avg(Failure) from schema("Recloser", Circuit) group by Circuit order by max() desc',
        f"\n  {RATE.replace(' ', chr(10) + '   ')}  ",
        'SELECT AVG("Failure") FROM SCHEMA("Recloser", "Circuit") GROUP BY "Circuit" ORDER BY MAX()',
        'SELECT AVG(Failure)FROM SCHEMA("Recloser",Circuit)GROUP BY Circuit ORDER BY AVG() ASC',
    ],
)
def test_the_alarm_over_all_circuits_is_understood(expression: str) -> None:
    """Quotes, case of keywords, line breaks and ORDER BY change nothing of what is watched."""
    assert is_insights_query(expression)
    query = read_insights_query(expression)
    assert query == InsightsQuery("AVG", "Failure", "Recloser", ("Circuit",), (), ("Circuit",))
    assert circuit_of_alarm("any", (), [expression], Stack()) == EveryCircuit("AVG", "Failure")


@pytest.mark.parametrize(("clause", "limit"), [("LIMIT 9", 9), ("limit 500", 500), ("", None)])
def test_a_limit_is_read(clause: str, limit: int | None) -> None:
    """LIMIT says how many circuits are watched at a time; the alarm still is one over circuits."""
    assert read_insights_query(f"{RATE} {clause}").limit == limit
    assert circuit_of_alarm("any", (), [f"{RATE} {clause}"], Stack()) == EveryCircuit("AVG", "Failure")


def test_math_over_a_query_of_all_circuits_names_none() -> None:
    """MAX(q) over the circuits of a query is one series without contributors; over one circuit it is fine."""
    with pytest.raises(EventError, match="alarm worst: metric math joins the circuits of its query"):
        circuit_of_alarm("worst", (), [RATE, "MAX(q)"], Stack())
    one = "SELECT AVG(Failure) FROM SCHEMA(\"Recloser\", Circuit) WHERE Circuit = 'payments-api'"
    assert circuit_of_alarm("one", (), [one, "100 * q"], Stack()) == "payments-api"


def test_namespaces_may_need_quotes() -> None:
    """A namespace of any allowed characters is read whole, also one with a quote's escape or keywords."""
    query = read_insights_query(
        'SELECT SUM(Slow) FROM SCHEMA("Team a/GROUP ""x""", Circuit) GROUP BY Circuit'
    )
    assert query.namespace == 'Team a/GROUP "x"'
    assert read_insights_query("SELECT MAX(Duration) FROM Recloser").schema is None


@pytest.mark.parametrize(
    "where", ["Circuit = 'payments-api'", "Circuit='payments-api'", "\"Circuit\" = 'payments-api'"]
)
def test_a_query_of_one_circuit_names_it(where: str) -> None:
    """Without GROUP BY there is one series: WHERE says whose."""
    expression = f'SELECT AVG(Failure) FROM SCHEMA("Recloser", Circuit) WHERE {where}'
    assert circuit_of_alarm("one", (), [expression], Stack()) == "payments-api"


@pytest.mark.parametrize(
    "where", ["", " WHERE Circuit != 'a'", " WHERE Circuit = 'a' OR Circuit = 'b'", " WHERE Tenant = 'a'"]
)
def test_a_query_of_no_one_circuit_is_turned_away(where: str) -> None:
    """One series over several circuits names none."""
    expression = f'SELECT AVG(Failure) FROM SCHEMA("Recloser", Circuit){where}'
    with pytest.raises(
        EventError, match="alarm mixed: its query names no circuit: it needs GROUP BY Circuit"
    ):
        circuit_of_alarm("mixed", (), [expression], Stack())


@pytest.mark.parametrize(
    ("source", "by"),
    [
        ('"Recloser"', "Circuit"),
        ("Recloser", "Circuit"),
        ('SCHEMA("Recloser", Circuit, Tenant)', "Circuit"),
        ('SCHEMA("Recloser", Circuit, Tenant)', "Circuit, Tenant"),
        ('SCHEMA("Recloser", Tenant)', "Tenant"),
        ('SCHEMA("Recloser")', "Circuit"),
    ],
)
def test_other_groups_are_turned_away(source: str, by: str) -> None:
    """Without SCHEMA, or with other dimensions, metrics of no circuit would trip one called Other."""
    expression = f"SELECT AVG(Failure) FROM {source} GROUP BY {by} ORDER BY MAX() DESC"
    with pytest.raises(EventError, match=r'alarm wide: .* must read FROM SCHEMA\("Recloser", Circuit\)'):
        circuit_of_alarm("wide", (), [expression], Stack())


@pytest.mark.parametrize("metric", ["State", "Rejected", "ProbeFailure", "Trips"])
def test_only_metrics_that_trip_are_watched(metric: str) -> None:
    """An alarm over all circuits on a metric that does not trip is left alone."""
    found = circuit_of_alarm("told", (), [RATE.replace("Failure", metric)], Stack())
    assert isinstance(found, Ignored)


@pytest.mark.parametrize(
    ("namespace", "is_ours"), [("Recloser", False), ("Recloser/test", True), ("recloser/test", False)]
)
def test_each_stack_has_its_namespace(namespace: str, *, is_ours: bool) -> None:
    """Two stacks side by side: an alarm belongs to the one whose namespace it reads."""
    found = circuit_of_alarm(
        "any", (), [RATE.replace("Recloser", namespace)], Stack(namespace="Recloser/test")
    )
    assert isinstance(found, EveryCircuit) == is_ours


@given(st.text(max_size=60))
def test_whatever_stands_in_a_query_is_one_clear_error(text: str) -> None:
    """A query is understood, or refused with an error of ours; nothing else escapes."""
    with suppress(EventError):
        read_insights_query(f"SELECT {text}")


ONE_OF_ONE = (
    "Threshold Crossed: 1 out of the last 1 datapoints was greater than the threshold (10.0). The most recent"
    " datapoint which crossed the threshold: [20.0 (23/09/26 19:53:00)] (minimum 1 datapoint for OK -> ALARM"
    " transition)."
)
OF_2025 = (
    "Threshold Crossed: 1 datapoint was less than the threshold (1.0). The most recent datapoint which"
    " crossed the threshold: [0.0 (01/12/25 13:34:00)]."
)
TWO_OF_THREE = (
    "Threshold Crossed: 2 out of the last 3 datapoints were greater than the threshold (0.5). The most recent"
    " datapoints which crossed the threshold: [1.0E-4 (14/09/26 05:41:00), 1.0 (14/09/26 05:43:00)]"
    " (minimum 2 datapoints for OK -> ALARM transition)."
)
FILLED = (
    "Threshold Crossed: 1 datapoint was received for 3 periods and 2 missing datapoints were treated as"
    " [Breaching]."
)
CAPTURED = {
    ONE_OF_ONE: 1_790_193_180_000,
    OF_2025: 1_764_596_040_000,
    TWO_OF_THREE: 1_789_364_580_000,
    FILLED: None,
    "No data was returned for this contributor": None,
    "": None,
}


@pytest.mark.parametrize("reason", CAPTURED)
def test_the_newest_bad_minute_is_read_from_the_reason(reason: str) -> None:
    """Contributors have no reason data: the brackets of their reason tell the newest breaching minute."""
    assert newest_datapoint_ms("any", reason) == CAPTURED[reason]


def captured_events() -> list[dict[str, Any]]:
    """The contributor events among the project's copies of what AWS sent."""
    folder = Path(__file__).parents[3] / "events"
    events = [json.loads(path.read_text()) for path in sorted(folder.glob("alarm-contributor*.json"))]
    return [event for event in events if "alarmContributor" in event["detail"]]


def test_goldens_have_the_captured_form() -> None:
    """Our golden contributor events have the fields that AWS's had, no more and no fewer."""
    assert len(captured_events()) == 2
    for event in captured_events():
        assert set(event["detail"]) == {"alarmName", "alarmContributor", "state", "configuration"}
        assert set(event["detail"]["state"]) == {"value", "reason", "timestamp"}
