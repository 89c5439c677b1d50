"""One deployed stack on the local AWS for all tests of this folder; each test has a circuit of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from scene import Scene

from recloser.lab.cloudwatch import Event
from recloser.lab.local_aws.emulator import ACCOUNT, REGION
from recloser.lab.local_aws.local_aws import LocalAws

CIRCUITS = (
    "real-failures-api",
    "by-hand-api",
    "duplicate-api",
    "no-scheduler-api",
    "no-traffic-api",
)
# Short waits: what is tested is what happens, and in which order.
OUTAGES = "outages"
PARAMETERS = {
    "RecoveryTimeoutSeconds": "2",
    "Jitter": "0",
    "OutageTopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:{OUTAGES}",
}


@pytest.fixture(scope="session")
def alarm_events() -> list[Event]:
    return []


_stack = ExitStack()


@pytest.fixture(scope="session")
def aws(alarm_events: list[Event]) -> LocalAws:
    return _stack.enter_context(_checked_local_aws(alarm_events))


@contextmanager
def _checked_local_aws(alarm_events: list[Event]) -> Iterator[LocalAws]:
    with LocalAws(CIRCUITS, parameters=PARAMETERS, on_alarm_event=alarm_events.append) as local:
        yield local
        assert local.telemetry.malformed == []
        assert local.alarms.refused == {}


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End the stack with the folder's last test: other tests put doubles in the place of the client it uses.

    Workers that take tests in any order do so at the end.
    """
    is_in_order = item.config.getoption("loadgroup", default=False) or not hasattr(item.config, "workerinput")
    if nextitem is None or (is_in_order and nextitem.path.parent != item.path.parent):
        _stack.close()


@pytest.fixture
def scene(aws: LocalAws, alarm_events: list[Event]) -> Callable[[str], Scene]:
    return lambda name: Scene(aws, name, alarm_events)
