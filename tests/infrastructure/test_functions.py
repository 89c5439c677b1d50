"""How the functions are set up."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from transformed_template import ROOT, Document, deployed, of_type

from recloser.control.settings import CIRCUIT_TABLE, PROBE_TABLE, default_policy
from recloser.policy import RecoveryPolicy

FUNCTIONS = ["FlipState", "StartRecovery", "Announce", "Console", "ConsoleAct", "DemoCallerFunction"]


def environment(resources: Document, function: str) -> Document:
    variables: Document = resources[function]["Properties"]["Environment"]["Variables"]
    return variables


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function(resources: Document, function: str) -> None:
    """Every function runs on arm64, is traced, and has the library by the layer."""
    settings = resources[function]["Properties"]
    (layer,) = of_type(resources, "AWS::Lambda::LayerVersion")
    assert settings["Runtime"] == "python3.13"
    assert settings["Architectures"] == ["arm64"]
    assert settings["TracingConfig"] == {"Mode": "Active"}
    assert settings["Layers"] == [{"Ref": layer}]
    assert settings["MemorySize"] == 256


def test_runtime_and_architecture() -> None:
    """Both are parameters: a machine without arm64 builds for its own."""
    built = deployed(Runtime="python3.11", Architecture="x86_64")["Resources"]
    for function in of_type(built, "AWS::Lambda::Function").values():
        assert (function["Runtime"], function["Architectures"]) == ("python3.11", ["x86_64"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_log_group(resources: Document, function: str) -> None:
    """Every function writes to a log group of its own, whose lines do not live for ever."""
    group = resources[function]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
    name = function.removesuffix("Function")
    assert resources[group]["Properties"] == {
        "LogGroupName": f"/aws/lambda/recloser-{name}",
        "RetentionInDays": "30",
    }


def test_log_format_is_plain(resources: Document) -> None:
    """Lambda leaves the lines alone: its own JSON format drops lines by level, metrics among them."""
    for function in of_type(resources, "AWS::Lambda::Function").values():
        assert function["LoggingConfig"].keys() == {"LogGroup"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_handler_exists(resources: Document, function: str) -> None:
    """What Lambda is told to call is there."""
    settings = resources[function]["Properties"]
    *folders, module, handler = settings["Handler"].split(".")
    source = ROOT.joinpath(settings["Code"]["S3Key"], *folders, f"{module}.py").read_text()
    assert f"def {handler}(event: " in source


@pytest.mark.parametrize("function", FUNCTIONS)
def test_tables(resources: Document, function: str) -> None:
    """Every function knows the tables."""
    variables = environment(resources, function)
    assert variables[CIRCUIT_TABLE] == {"Ref": "CircuitTable"}
    assert variables[PROBE_TABLE] == {"Ref": "ProbeTable"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_log_level(resources: Document, function: str) -> None:
    """The least severe lines that are written are a parameter."""
    assert environment(resources, function)["RECLOSER_LOG_LEVEL"] == "INFO"


@pytest.mark.parametrize("function", ["FlipState", "StartRecovery"])
def test_default_policy(resources: Document, function: str) -> None:
    """A stack without further words has the library's own defaults."""
    assert default_policy(environment(resources, function)) == RecoveryPolicy(minimum_calls=3)


def test_every_default_can_be_set() -> None:
    """Every setting of recovery reaches the functions by a parameter."""
    wanted = RecoveryPolicy(
        recovery_timeout_seconds=20,
        backoff=2.5,
        max_recovery_timeout_seconds=600,
        jitter=0.2,
        permits=20,
        successes_to_close=7,
        probe_deadline_seconds=45,
        stable_after_seconds=1200,
        minimum_calls=7,
    )
    changed = {
        name: value for name, value in asdict(wanted).items() if value != getattr(RecoveryPolicy(), name)
    }
    # A threshold is the alarm's, which operators tune; a policy's goes before it, for one circuit.
    assert asdict(RecoveryPolicy()).keys() - changed.keys() == {"failure_threshold_percent"}
    parameters = {
        name.title().replace("_", ""): str(value).removesuffix(".0") for name, value in changed.items()
    }
    parameters["MinimumCallsSteady"] = parameters.pop("MinimumCalls")
    assert default_policy(environment(deployed(**parameters)["Resources"], "FlipState")) == wanted


def test_demo_caller_is_left_out() -> None:
    """Nobody gets the demonstration unasked."""
    plain = deployed()
    assert not [name for name in plain["Resources"] if name.startswith("DemoCaller")]
    assert "DemoCallerName" not in plain["Outputs"]


def test_demo_caller() -> None:
    """The demo caller guards its calls to the dependency with the first circuit."""
    demo = deployed(Circuits="search,payments-api", DemoCaller="true", DependencyUrl="http://127.0.0.1:8080")
    variables = environment(demo["Resources"], "DemoCallerFunction")
    assert (variables["CIRCUIT"], variables["DEPENDENCY_URL"]) == ("search", "http://127.0.0.1:8080")
