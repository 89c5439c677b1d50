"""What the tests over AWS's doubles have in common: an environment that can reach no real account."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import botocore.session
import pytest
from botocore.loaders import create_loader
from hypothesis import HealthCheck, settings

# No example fails because the machine is busy.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# This machine's profiles and credentials are taken away, before any client is made.
NO_REAL_AWS: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "123456789012",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture
def no_real_aws(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Give this test credentials that no account has, and return the variables."""
    for name, value in NO_REAL_AWS.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return NO_REAL_AWS


@pytest.fixture(scope="session")
def one_loader() -> Iterator[None]:
    """The descriptions of AWS's services are read once, and not by each of the command's many sessions."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(botocore.session, "create_loader", functools.cache(create_loader))
        yield


@pytest.fixture(autouse=True)
def logs_of_the_functions(request: pytest.FixtureRequest) -> Iterator[None]:
    """A function that is imported makes all logs JSON, as in Lambda: tests of other parts do not see that."""
    root = logging.getLogger()
    if "functions" in request.path.parts:
        yield
        return
    theirs = [handler for handler in root.handlers if _is_json(handler)]
    for handler in theirs:
        root.removeHandler(handler)
    yield
    for handler in filter(_is_json, list(root.handlers)):
        root.removeHandler(handler)
    for handler in theirs:
        root.addHandler(handler)


def _is_json(handler: logging.Handler) -> bool:
    return type(handler.formatter).__name__ == "JsonLines"


# What a folder's tests share is dear to set up (a deployed stack, a built layer): one worker does them all.
# Longest first, so that the other workers do the rest meanwhile.
ONE_WORKER = ("e2e", "infrastructure", "functions", "simulation")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep such folders together when the tests run in several processes."""
    tests = Path(__file__).parent

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(tests).parts[0]
        return ONE_WORKER.index(folder) if folder in ONE_WORKER else len(ONE_WORKER)

    items.sort(key=rank)
    for item in items:
        if rank(item) < len(ONE_WORKER):
            item.add_marker(pytest.mark.xdist_group(ONE_WORKER[rank(item)]))


def pytest_collection_finish(session: pytest.Session) -> None:
    """See that it is so: what pytest-xdist does not understand it ignores, and every worker sets up all."""
    if not session.config.getoption("loadgroup", default=False):
        return
    for item in session.items:
        if item.get_closest_marker("xdist_group") and "@" not in item.nodeid:
            raise pytest.UsageError(f"pytest-xdist does not keep {item.nodeid} in the worker of its group")
