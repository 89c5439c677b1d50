"""The state of an alarm, and where the alarm is."""

from dataclasses import dataclass

from recloser.lab.cloudwatch.alarms import State


@dataclass(frozen=True, slots=True)
class AlarmState:
    """A state with its reason; `reason_data` is JSON text, or None where CloudWatch has none.

    `suppressed_by` (WaitPeriod, Alarm or ExtensionPeriod) is set while a suppressor suppresses a composite's
    actions.
    """

    value: State
    reason: str
    reason_data: str | None
    updated_ms: int
    suppressed_by: str | None = None
    suppressed_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """An account and a region; names of alarms become ARNs here."""

    account: str = "000000000000"
    region: str = "us-east-1"

    def alarm_arn(self, name: str) -> str:
        return f"arn:aws:cloudwatch:{self.region}:{self.account}:alarm:{name}"
