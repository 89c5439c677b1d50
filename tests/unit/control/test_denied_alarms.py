"""An alarm that we may not set: it is not asked again each minute, and not given up for good."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from recloser.control.alarms import DENIED_KEPT_MS, CloudWatchAlarms, RearmDenied


class CloudWatch:
    """An account with one alarm, which may be set once somebody has tagged it."""

    def __init__(self) -> None:
        self.is_tagged = False
        self.asked = 0

    def describe_alarms(self, **_: Any) -> Any:
        return {"MetricAlarms": [{"AlarmName": "by-hand"}]}

    def set_alarm_state(self, **_: Any) -> None:
        self.asked += 1
        if not self.is_tagged:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not yours"}}, "SetAlarmState")


def test_a_refusal_is_forgotten_after_ten_minutes() -> None:
    """Once somebody has tagged the alarm or corrected a policy, it is set again, in the same environment."""
    client, now_ms = CloudWatch(), 1_700_000_000_000
    alarms = CloudWatchAlarms(client, now_ms=lambda: now_ms, sleep=lambda _seconds: None)
    for _ in range(3):
        with pytest.raises(RearmDenied):
            alarms.rearm("by-hand", "closed")
    assert client.asked == 1

    client.is_tagged = True
    now_ms += DENIED_KEPT_MS - 1
    with pytest.raises(RearmDenied):
        alarms.rearm("by-hand", "closed")
    now_ms += 1
    assert alarms.rearm("by-hand", "closed")
    assert client.asked == 2


def test_a_clock_that_was_set_back() -> None:
    """A refusal that lies ahead of the clock is forgotten, too."""
    client, now_ms = CloudWatch(), 1_700_000_000_000
    alarms = CloudWatchAlarms(client, now_ms=lambda: now_ms, sleep=lambda _seconds: None)
    with pytest.raises(RearmDenied):
        alarms.rearm("by-hand", "closed")
    client.is_tagged = True
    now_ms -= 3_600_000
    assert alarms.rearm("by-hand", "closed")
