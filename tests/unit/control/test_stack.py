"""What belongs to a stack: the namespace of its metrics, its name, its account and Region."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest

from recloser.control.settings import SettingError
from recloser.control.stack import Stack, stack_of
from recloser.metrics.emf import emf_document, namespace_of, process_namespace


@pytest.fixture
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A process that has read no namespace yet."""
    process_namespace.cache_clear()
    yield monkeypatch
    process_namespace.cache_clear()


def namespace_written() -> str:
    """The namespace of the next line of metrics."""
    document = emf_document("payments-api", {"Failure": 0}, 1_789_364_561_327, {})
    namespace: str = document["_aws"]["CloudWatchMetrics"][0]["Namespace"]
    return namespace


def test_metrics_go_to_the_stacks_namespace(fresh_process: pytest.MonkeyPatch) -> None:
    """RECLOSER_NAMESPACE names it; the process reads it once."""
    fresh_process.setenv("RECLOSER_NAMESPACE", "Recloser/test")
    assert namespace_written() == "Recloser/test"
    os.environ["RECLOSER_NAMESPACE"] = "another"
    assert namespace_written() == "Recloser/test"


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_word_it_is_recloser(fresh_process: pytest.MonkeyPatch, value: str | None) -> None:
    """A process without the variable, or with an empty one, publishes to Recloser."""
    fresh_process.delenv("RECLOSER_NAMESPACE", raising=False)
    if value is not None:
        fresh_process.setenv("RECLOSER_NAMESPACE", value)
    assert namespace_written() == "Recloser"


WRONG = ["AWS/Lambda", ":x", "a" * 256, "Recloser\n", "Récloser", "a;b"]


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_namespace_fails_no_call(
    fresh_process: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """In a caller a namespace that CloudWatch would refuse is one line in the log, and Recloser is taken."""
    fresh_process.setenv("RECLOSER_NAMESPACE", name)
    with caplog.at_level(logging.ERROR):
        assert namespace_written() == namespace_written() == "Recloser"
    [line] = caplog.messages
    assert f"RECLOSER_NAMESPACE = {name!r} is not allowed: 1 to 255 of" in line


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_namespace_stops_the_functions(name: str) -> None:
    """The functions do not start with it: they would look after nobody's alarms."""
    with pytest.raises(SettingError, match=r"RECLOSER_NAMESPACE = .* is not allowed"):
        stack_of({"RECLOSER_NAMESPACE": name})


@pytest.mark.parametrize("name", ["Recloser", "team a/Recloser.x-1_#:2", "a", "AWSome", "a" * 255])
def test_namespaces_of_cloudwatch_are_allowed(name: str) -> None:
    """What PutMetricData takes is taken."""
    assert namespace_of({"RECLOSER_NAMESPACE": name}) == name


def test_the_functions_know_their_stack() -> None:
    """Name, namespace, account and Region come from the environment; without it the defaults hold."""
    environment = {
        "RECLOSER_STACK": "recloser-test",
        "RECLOSER_NAMESPACE": "Recloser/test",
        "RECLOSER_ACCOUNT": "123456789012",
        "AWS_REGION": "eu-west-1",
    }
    assert stack_of(environment) == Stack("recloser-test", "Recloser/test", "123456789012", "eu-west-1")
    assert stack_of({}) == Stack("recloser", "Recloser", None, None)
    assert Stack().foreign({"account": "anybody"}) is None
