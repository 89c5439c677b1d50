"""The dashboard: what CloudWatch takes, and all that it must show."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from transformed_template import ACCOUNT, REGION, Document, deployed

from recloser.caller.process import CIRCUIT_TABLE, default_tables
from recloser.metrics import emf as metrics
from recloser.metrics.recorder import Batching, EmfPublisher, Recorder

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


def drawn(body: Document) -> set[tuple[str, str, str, str]]:
    """Namespace, metric, dimension and its value of all that is drawn; of a search the value is empty."""
    named = {
        tuple(metric[:4])
        for widget in body["widgets"]
        for metric in widget["properties"].get("metrics", [])
        if isinstance(metric[0], str)
    }
    search = re.compile(r"SEARCH\('{([^,]+),([^}]+)} MetricName=\"([^\"]+)\"'")
    found = {
        (match[1], match[3], match[2], "") for text in expressions(body) for match in search.finditer(text)
    }
    return named | found


def widget_called(body: Document, title: str) -> Document:
    widget: Document
    [widget] = [each for each in body["widgets"] if each["properties"]["title"] == title]
    return widget


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


def test_identifiers(body: Document) -> None:
    """No expression hides another, and each finds the metrics that it uses."""
    for widget in body["widgets"]:
        entries = [metric[-1] for metric in widget["properties"].get("metrics", [])]
        known = [entry["id"] for entry in entries if "id" in entry]
        assert len(set(known)) == len(known)
        for entry in entries:
            math = re.sub(r"SEARCH\('[^']*', '[^']*'\)", "", entry.get("expression", ""))
            assert set(re.findall(r"\b[a-z_]+\b", math)) <= set(known), widget["properties"]["title"]


# Written by the functions: tests/functions sees them do it.
OF_THE_FUNCTIONS = {
    (metrics.DIMENSION, metrics.STATE),
    (metrics.DIMENSION, metrics.TRIPS),
    (metrics.FUNCTION_DIMENSION, metrics.DISCARDED),
}


def published_by_callers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> set[tuple[str, str]]:
    """Dimension and metric of all that callers write, by having them write it."""
    recorder = Recorder("payments-api", lambda: 1e9, EmfPublisher(), Batching())
    recorder.failed(0.1)
    recorder.probed(failed=True)
    recorder.rejected()
    recorder.unprotected()
    recorder.slow(is_slow=True)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "checkout")
    monkeypatch.delenv(CIRCUIT_TABLE, raising=False)
    with pytest.warns(RuntimeWarning):
        default_tables()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {
        (directive["Dimensions"][0][0], metric["Name"])
        for line in lines
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    }


def test_every_metric_is_published(
    body: Document, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It draws all that callers and functions publish, and nothing that nobody does."""
    ours = {(entry[2], entry[1]) for entry in drawn(body) if entry[0] == metrics.NAMESPACE}
    assert ours == published_by_callers(monkeypatch, capsys) | OF_THE_FUNCTIONS


def test_the_reader_s_circuit_moves_every_graph(body: Document) -> None:
    """A graph is of every circuit, of the one that the reader picks, or of the breaker itself."""
    of_all, of_one, of_the_breaker = 0, 0, 0
    for widget in body["widgets"]:
        text = json.dumps(widget["properties"])
        title = widget["properties"]["title"]
        if "CHOSEN-CIRCUIT" in text:
            of_one += 1
            assert title.startswith("CHOSEN-CIRCUIT: ")
        elif f"{{{metrics.NAMESPACE},{metrics.DIMENSION}}}" in text or widget["type"] == "custom":
            of_all += 1
        else:
            of_the_breaker += 1
    assert (of_all, of_one, of_the_breaker) == (4, 10, 6)


@pytest.mark.parametrize(
    ("metric", "statistics"),
    [
        (metrics.FAILURE, {"Average", "SampleCount", "Sum"}),
        (metrics.DURATION, {"SampleCount", "p50", "p99", "PR(2000:)"}),
        (metrics.SLOW, {"Average"}),
        (metrics.REJECTED, {"Sum"}),
        (metrics.UNPROTECTED, {"Sum"}),
        (metrics.PROBE_FAILURE, {"SampleCount", "Sum"}),
        (metrics.TRIPS, {"Sum"}),
        (metrics.STATE, {"Maximum"}),
    ],
)
def test_what_is_drawn_of_the_chosen_circuit(body: Document, metric: str, statistics: set[str]) -> None:
    """Failure rate, calls, refusals, durations, slow calls, probes, trips and state of one circuit."""
    found = {
        entry[4]["stat"]
        for widget in body["widgets"]
        for entry in widget["properties"].get("metrics", [])
        if entry[:4] == [metrics.NAMESPACE, metric, metrics.DIMENSION, "CHOSEN-CIRCUIT"]
    }
    assert found == statistics


def test_state_over_any_range(body: Document) -> None:
    """A state lasts until the next one is published; before the first of the range a circuit was closed."""
    widget = body["widgets"][1]["properties"]
    [[state]] = widget["metrics"]
    assert state["expression"].startswith("FILL(FILL(SEARCH(")
    assert state["expression"].endswith(", REPEAT), 0)")
    assert widget["title"].startswith("Every circuit: 0 closed, 0.5 half-open, 1 open")


def test_thresholds(body: Document) -> None:
    """Rates stand beside the thresholds of the stack, and the circuit's alarm is drawn as it is now."""
    lines = {
        widget["properties"]["title"]: widget["properties"]["annotations"]["horizontal"][0]["value"]
        for widget in body["widgets"]
        if "horizontal" in widget["properties"].get("annotations", {})
    }
    assert lines == {
        "Every circuit: failure rate (%)": 50,
        "CHOSEN-CIRCUIT: failed calls (%)": 50,
        "CHOSEN-CIRCUIT: slow calls (%)": 50,
    }
    alarm = widget_called(body, "CHOSEN-CIRCUIT: its alarm, with the threshold that it has now")
    [arn] = alarm["properties"]["annotations"]["alarms"]
    assert arn.endswith(":alarm:recloser:CHOSEN-CIRCUIT:failure-rate-steady")
    [plain] = widget_called(body_of(deployed()["Resources"]), alarm["properties"]["title"])["properties"][
        "annotations"
    ]["alarms"]
    assert plain.endswith(":alarm:recloser:any-circuit")


def test_the_audit_trail_on_the_dashboard(body: Document, resources: Document) -> None:
    """What happened to the chosen circuit is read from announce's log, by fields of the saved query."""
    query = widget_called(body, "CHOSEN-CIRCUIT: what happened, and who did it")["properties"]["query"]
    saved = resources["AuditTrailQuery"]["Properties"]["QueryString"]
    assert query.startswith("SOURCE 'AnnounceLogGroup' | filter message = \"transition\"")
    [fields] = re.findall(r"\| fields (.+)", query)
    assert set(fields.split(", ")) < set(re.findall(r"\| fields (.+)", saved)[0].split(", "))


def test_every_circuit_by_its_name(body: Document) -> None:
    """Each line says which circuit it is, or which function."""
    for widget in body["widgets"]:
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], dict) and "SEARCH" in metric[0]["expression"]:
                assert re.search(r"\$\{PROP\('Dim\.(Circuit|Function)'\)\}", metric[0]["label"])


def test_alarms(body: Document) -> None:
    """It shows the alarms of a circuit that the reader picks, and those that watch the breaker itself."""
    (variable,) = body["variables"]
    assert (variable["pattern"], variable["defaultValue"]) == ("CHOSEN-CIRCUIT", "__FIRST")
    assert alarms(body) == {
        "CHOSEN-CIRCUIT: alarms": [
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
            "UnprotectedAlarm",
            "FlipStateDeadLettersAlarm",
            "StartRecoveryDeadLettersAlarm",
            "AnnounceDeadLettersAlarm",
        ],
    }


def test_the_picked_alarms_are_deployed(resources: Document, body: Document) -> None:
    """Whatever circuit of the stack is picked, its alarms are there."""
    there = {entry["Properties"].get("AlarmName") for entry in resources.values()}
    for circuit in ("payments-api", "inventory.v2"):
        for alarm in alarms(body)["CHOSEN-CIRCUIT: alarms"][2:]:
            assert alarm.replace("CHOSEN-CIRCUIT", circuit) in there


def test_without_fast_alarms() -> None:
    """It shows no alarm that is not deployed."""
    cheap = body_of(deployed(Circuits="payments-api", FastAlarms="false")["Resources"])
    assert alarms(cheap)["CHOSEN-CIRCUIT: alarms"][2:] == ["recloser:CHOSEN-CIRCUIT:failure-rate-steady"]
    assert list(Draft202012Validator(SCHEMA).iter_errors(cheap)) == []


def test_without_circuits() -> None:
    """Where no circuit has alarms of its own, those for any circuit are shown."""
    plain = body_of(deployed()["Resources"])
    assert alarms(plain)["CHOSEN-CIRCUIT: alarms"] == ["AnyCircuitFailureRate", "AnyCircuitSlowCalls"]
    assert list(Draft202012Validator(SCHEMA).iter_errors(plain)) == []


def test_another_namespace() -> None:
    """Every metric is looked for in the stack's own namespace."""
    other = body_of(deployed(Namespace="Recloser/blue")["Resources"])
    ours = {entry[0] for entry in drawn(other) if not entry[0].startswith("AWS/")}
    assert ours == {"Recloser/blue"}
    assert "{Recloser/blue,Circuit}" in other["variables"][0]["search"]


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
