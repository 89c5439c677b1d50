"""The flaky dependency does what it is told, and counts what it received."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from recloser.lab.local_aws.dependency import FAILING, HANGING, HEALTHY, Behavior, FlakyDependency


@pytest.fixture
def dependency() -> Iterator[FlakyDependency]:
    with FlakyDependency() as server:
        yield server


def call(dependency: FlakyDependency, name: str = "payments", timeout_seconds: float = 5) -> int:
    try:
        with urllib.request.urlopen(f"{dependency.url}/{name}", timeout=timeout_seconds) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def put_behavior(
    dependency: FlakyDependency, body: str, path: str = "behavior"
) -> tuple[int, dict[str, object]]:
    request = urllib.request.Request(f"{dependency.url}/{path}", body.encode(), method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_healthy(dependency: FlakyDependency) -> None:
    """A dependency is healthy until it is told otherwise."""
    assert [call(dependency) for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize(("rate", "failures"), [(0.0, 0), (0.25, 5), (0.5, 10), (1.0, 20)])
def test_failure_rate(dependency: FlakyDependency, rate: float, failures: int) -> None:
    """The share of failing calls is exactly the one that was asked for."""
    dependency.behave(Behavior(failure_rate=rate))
    assert [call(dependency) for _ in range(20)].count(503) == failures
    assert dependency.counts("payments").failed == failures


def test_told_over_http(dependency: FlakyDependency) -> None:
    """A behavior is put over HTTP, for one name or for all."""
    assert put_behavior(dependency, '{"failure_rate": 1}', "behavior/payments") == (
        200,
        {"failure_rate": 1, "latency_seconds": 0.0, "hang": False},
    )
    assert (call(dependency), call(dependency, "search")) == (503, 200)
    assert put_behavior(dependency, '{"failure_rate": 1.0}')[0] == 200
    assert (call(dependency), call(dependency, "search")) == (503, 503)
    assert put_behavior(dependency, "{}")[0] == 200
    assert (call(dependency), call(dependency, "search")) == (200, 200)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("[]", "a behavior must be a JSON object, not []"),
        ('{"failure_rate": 2}', "failure_rate must be from 0 to 1, not 2"),
        ('{"failure_rate": "all"}', "failure_rate must be a number, not 'all'"),
        ('{"latency_seconds": -1}', "latency_seconds must be from 0 to 60, not -1"),
        ('{"hang": "yes"}', "hang must be true or false, not 'yes'"),
        ('{"fail": 1}', "unknown setting fail: a behavior has failure_rate, latency_seconds, hang"),
    ],
)
def test_bad_behavior(dependency: FlakyDependency, body: str, message: str) -> None:
    """A behavior that makes no sense is refused with the reason, and changes nothing."""
    dependency.behave(FAILING)
    assert put_behavior(dependency, body) == (400, {"error": message})
    assert call(dependency) == 503


def test_slow(dependency: FlakyDependency) -> None:
    """A slow dependency answers, late."""
    dependency.behave(Behavior(latency_seconds=0.2))
    started = time.monotonic()
    assert call(dependency) == 200
    assert time.monotonic() - started >= 0.2


def test_hang(dependency: FlakyDependency) -> None:
    """A hanging dependency answers nobody: the caller's time-out decides."""
    dependency.behave(HANGING)
    with pytest.raises(TimeoutError):
        call(dependency, timeout_seconds=0.1)
    counts = dependency.counts("payments")
    assert (counts.received, counts.succeeded) == (1, 0)


def test_held_calls_end_with_the_hang(dependency: FlakyDependency) -> None:
    """Calls that hang are let go, failed, when the behavior changes."""
    dependency.behave(HANGING)
    answers: list[int] = []
    caller = threading.Thread(target=lambda: answers.append(call(dependency)))
    caller.start()
    while not dependency.counts("payments").received:
        time.sleep(0.005)
    dependency.behave(HEALTHY)
    caller.join(5)
    assert answers == [503]


def test_counts_over_http(dependency: FlakyDependency) -> None:
    """The counts tell each name apart."""
    dependency.behave(FAILING, "payments")
    call(dependency)
    call(dependency, "search")
    call(dependency, "search")
    with urllib.request.urlopen(f"{dependency.url}/counts", timeout=5) as response:
        assert json.load(response) == {
            "payments": {"received": 1, "succeeded": 0, "failed": 1},
            "search": {"received": 2, "succeeded": 2, "failed": 0},
        }
