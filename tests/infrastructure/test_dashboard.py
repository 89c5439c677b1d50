"""The dashboard: what CloudWatch takes, and all that it must show."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from transformed_template import ACCOUNT, REGION, Document, deployed

from recloser.metrics import emf as metrics

SCHEMA = json.loads(Path(__file__).with_name("dashboard_body.schema.json").read_text())


def body_of(resources: Document) -> Document:
    """The body with a made-up name wherever a resource's own name goes."""
    text = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    body: Document = json.loads(re.sub(r"\$\{([^}]+)\}", named, text))
    return body


def named(variable: re.Match[str]) -> str:
    """What Fn::Sub puts in the place of a variable."""
    name, _, attribute = variable[1].partition(".")
    if name.startswith("!"):
        return f"${{{variable[1][1:]}}}"
    return f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}" if attribute == "Arn" else name


@pytest.fixture
def body(resources: Document) -> Document:
    return body_of(resources)


def expressions(body: Document) -> list[str]:
    return [
        metric[0]["expression"]
        for widget in body["widgets"]
        for metric in widget["properties"].get("metrics", [])
        if isinstance(metric[0], dict)
    ]


def alarms(body: Document) -> dict[str, list[str]]:
    """The names in each alarm widget, by its title."""
    return {
        widget["properties"]["title"]: [arn.split(":alarm:")[1] for arn in widget["properties"]["alarms"]]
        for widget in body["widgets"]
        if widget["type"] == "alarm"
    }


def test_structure(body: Document) -> None:
    """CloudWatch takes it."""
    problems = [
        f"{error.json_path}: {error.message}" for error in Draft202012Validator(SCHEMA).iter_errors(body)
    ]
    assert problems == []


def test_widgets_lie_beside_each_other(body: Document) -> None:
    """No widget covers another or hangs over the edge."""
    for widget in body["widgets"]:
        assert widget["x"] + widget["width"] <= 24
    for one, other in itertools.combinations(body["widgets"], 2):
        beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
        below = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
        assert beside or below, (one["properties"]["title"], other["properties"]["title"])


def test_identifiers_are_unique_in_a_widget(body: Document) -> None:
    """No expression hides another."""
    for widget in body["widgets"]:
        entries = [
            metric[0] for metric in widget["properties"].get("metrics", []) if isinstance(metric[0], dict)
        ]
        assert len({entry["id"] for entry in entries}) == len(entries)


@pytest.mark.parametrize(
    ("metric", "statistics"),
    [
        (metrics.STATE, {"Maximum"}),
        (metrics.FAILURE, {"Average", "SampleCount", "Sum"}),
        (metrics.REJECTED, {"Sum"}),
        (metrics.UNPROTECTED, {"Sum"}),
        (metrics.DURATION, {"p50", "p99"}),
        (metrics.PROBE_FAILURE, {"SampleCount", "Sum"}),
        (metrics.TRIPS, {"Sum"}),
    ],
)
def test_every_metric(body: Document, metric: str, statistics: set[str]) -> None:
    """State, failure rate, calls, refusals, durations and probes are found for every circuit."""
    search = re.compile(
        rf"SEARCH\('{{{metrics.NAMESPACE},{metrics.DIMENSION}}} MetricName=\"{metric}\"', '([^']+)'\)"
    )
    found = {match[1] for expression in expressions(body) for match in search.finditer(expression)}
    assert found == statistics


def test_every_circuit_by_its_name(body: Document) -> None:
    """Each line says which circuit it is."""
    for widget in body["widgets"]:
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], dict) and "SEARCH" in metric[0]["expression"]:
                assert "${PROP('Dim.Circuit')}" in metric[0]["label"]


def test_alarms(body: Document) -> None:
    """It shows the alarms of a circuit that the reader picks, and those that watch the breaker itself."""
    (variable,) = body["variables"]
    assert (variable["pattern"], variable["defaultValue"]) == ("CHOSEN-CIRCUIT", "payments-api")
    assert alarms(body) == {
        "Alarms of CHOSEN-CIRCUIT": [
            "AnyCircuitFailureRate",
            "AnyCircuitSlowCalls",
            *(
                f"recloser:CHOSEN-CIRCUIT:{kind}"
                for kind in ("failure-rate-fast", "failure-rate-steady", "slow-calls")
            ),
        ],
        "The breaker itself": [
            "StartRecoveryRunsAlarm",
            "DiscardedAlarm",
            "FlipStateEventAgeAlarm",
            "IteratorAgeAlarm",
            "ThrottledAlarm",
            "FlipStateDeadLettersAlarm",
            "StartRecoveryDeadLettersAlarm",
            "AnnounceDeadLettersAlarm",
        ],
    }


def test_the_picked_alarms_are_deployed(resources: Document, body: Document) -> None:
    """Whatever circuit of the stack is picked, its alarms are there."""
    there = {entry["Properties"].get("AlarmName") for entry in resources.values()}
    for circuit in ("payments-api", "inventory.v2"):
        for alarm in alarms(body)["Alarms of CHOSEN-CIRCUIT"][2:]:
            assert alarm.replace("CHOSEN-CIRCUIT", circuit) in there


def test_without_fast_alarms() -> None:
    """It shows no alarm that is not deployed."""
    cheap = body_of(deployed(Circuits="payments-api", FastAlarms="false")["Resources"])
    assert alarms(cheap)["Alarms of CHOSEN-CIRCUIT"][2:] == ["recloser:CHOSEN-CIRCUIT:failure-rate-steady"]
    assert list(Draft202012Validator(SCHEMA).iter_errors(cheap)) == []


def test_without_circuits() -> None:
    """Where no circuit has alarms of its own, those for any circuit are shown."""
    plain = body_of(deployed()["Resources"])
    assert alarms(plain)["Alarms of CHOSEN-CIRCUIT"] == ["AnyCircuitFailureRate", "AnyCircuitSlowCalls"]
    assert list(Draft202012Validator(SCHEMA).iter_errors(plain)) == []


def test_another_namespace() -> None:
    """Every search is in the stack's own namespace."""
    other = body_of(deployed(Namespace="Recloser/blue")["Resources"])
    searches = [text for text in expressions(other) if "SEARCH" in text]
    assert searches
    assert all("{Recloser/blue,Circuit}" in text for text in searches)


def test_dead_letters(body: Document) -> None:
    """It shows how many dead letters there are, queue by queue."""
    (widget,) = (each for each in body["widgets"] if each["properties"]["title"] == "Dead letters")
    assert {(metric[0], metric[1], metric[3]) for metric in widget["properties"]["metrics"]} == {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", f"{function}DeadLetters")
        for function in ("FlipState", "StartRecovery", "Announce")
    }


def test_name_and_address(stack: Document) -> None:
    """Dashboards are global, so the name has the Region; the stack says where to find it."""
    assert stack["Resources"]["Dashboard"]["Properties"]["DashboardName"] == "recloser-eu-west-1"
    address = stack["Outputs"]["DashboardUrl"]["Value"]["Fn::Sub"]
    assert address.endswith(
        "console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/${Dashboard}"
    )
