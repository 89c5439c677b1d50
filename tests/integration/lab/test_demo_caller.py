"""The example of a caller: it guards its calls, and answers with what came of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from recloser.lab.local_aws.dependency import FAILING, HANGING, FlakyDependency

APP = Path(__file__).parents[3] / "functions" / "demo_caller" / "app.py"
# Without tables the library says once that its circuits are this process's alone: what is wanted here.
pytestmark = pytest.mark.filterwarnings("ignore:.*circuits live in this process alone:RuntimeWarning")
CONTEXT = SimpleNamespace(log_stream_name="environment-1")


@pytest.fixture
def dependency() -> Iterator[FlakyDependency]:
    with FlakyDependency() as server:
        yield server


@pytest.fixture
def app(dependency: FlakyDependency, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The function's module, as if in an execution environment of its own."""
    monkeypatch.setenv("DEPENDENCY_URL", dependency.url)
    monkeypatch.setenv("CIRCUIT", "payments-api")
    monkeypatch.delenv("RECLOSER_CIRCUIT_TABLE", raising=False)
    monkeypatch.delenv("RECLOSER_PROBE_TABLE", raising=False)
    spec = importlib.util.spec_from_file_location("demo_caller_app", APP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def call(app: ModuleType, event: dict[str, Any] | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = app.handler(event or {}, CONTEXT)
    assert answer["environment"] == "environment-1"
    return answer


def test_succeeds(app: ModuleType, dependency: FlakyDependency) -> None:
    """A healthy dependency's answer is handed on; the circuit is the function's own or the event's."""
    assert call(app)["outcome"] == "succeeded"
    assert call(app, {"circuit": "search-api"})["outcome"] == "succeeded"
    assert dependency.counts("payments-api").received == 1
    assert dependency.counts("search-api").received == 1


def test_fails(app: ModuleType, dependency: FlakyDependency) -> None:
    """A failing dependency is told as a failure, with its problem."""
    dependency.behave(FAILING)
    answer = call(app)
    assert (answer["outcome"], answer["problem"]) == ("failed", "HTTP Error 503: Service Unavailable")


def test_hangs(app: ModuleType, dependency: FlakyDependency, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hanging dependency is a failure, after the caller's own time-out."""
    monkeypatch.setattr(app, "TIMEOUT_SECONDS", 0.1)
    dependency.behave(HANGING)
    assert call(app) == {"environment": "environment-1", "outcome": "failed", "problem": "timed out"}


def test_is_refused(app: ModuleType, dependency: FlakyDependency) -> None:
    """After failures enough the breaker refuses, says when to ask again, and the dependency hears nothing."""
    dependency.behave(FAILING)
    outcomes = [call(app)["outcome"] for _ in range(20)]
    assert outcomes[0] == "failed"
    assert outcomes[-1] == "refused"
    received = dependency.counts("payments-api").received
    refusal = call(app)
    assert refusal["outcome"] == "refused"
    assert refusal["cause"] == "local_trip"
    assert refusal["retry_after_seconds"] > 0
    assert dependency.counts("payments-api").received == received == outcomes.count("failed")
