"""A circuit that no template names, on the deployed stack."""

from __future__ import annotations

from collections.abc import Callable

from scene import Scene

from recloser import State
from recloser.circuit import Cause
from recloser.lab.cloudwatch import Event
from recloser.lab.local_aws.dependency import FAILING, HEALTHY
from recloser.lab.local_aws.deployment import STACK_NAME

NEW = "never-listed-api"
ALARM = f"{STACK_NAME}:any-circuit"


def test_a_circuit_that_no_template_names(scene: Callable[[str], Scene], alarm_events: list[Event]) -> None:
    """The alarm for any circuit trips it by an event of its own; probes close it while that alarm stands."""
    api = scene(NEW)
    dependency = api.aws.dependency
    dependency.behave(FAILING, NEW)

    with api.traffic():
        tripped = api.wait_for_state(State.OPEN, 240)
        assert (tripped.cause, tripped.alarm) == (Cause.ALARM, ALARM)
        dependency.behave(HEALTHY, NEW)
        closed = api.wait_for_state(State.CLOSED, 120)  # a lost probe takes its deadline, and a minute
        assert closed.cause is Cause.PROBES_SUCCEEDED

    raised = [event for event in alarm_events if "alarmContributor" in event["detail"]]
    assert {"Circuit": NEW} in [event["detail"]["alarmContributor"]["attributes"] for event in raised]
    standing = api.aws.client("cloudwatch").describe_alarm_contributors(AlarmName=ALARM)["AlarmContributors"]
    assert {"Circuit": NEW} in [one["ContributorAttributes"] for one in standing]
