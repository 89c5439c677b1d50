"""The three functions as Lambda has them: imported once, with the stack's environment, each with a region."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from lambda_context import Context
from stored_tables import ROOT, StoredTables

NAME = "payments-api"


def golden(name: str) -> Any:
    """Read a golden event, afresh, so that a test may change it."""
    return json.loads((ROOT / "events" / f"{name}.json").read_text())


def image(name: str, record: int = -1, image: str = "NewImage") -> dict[str, Any]:
    """Read an item as a golden stream record has it."""
    found: dict[str, Any] = golden(name)["Records"][record]["dynamodb"][image]
    return found


@dataclass
class Clock:
    """The clock of all functions."""

    now_ms: int

    def __call__(self) -> int:
        return self.now_ms


@dataclass(frozen=True)
class Functions:
    """The handlers' modules, and their clock."""

    flip_state: ModuleType
    start_recovery: ModuleType
    announce: ModuleType
    clock: Clock


@dataclass(frozen=True)
class Region:
    """An account's Region with both tables and the functions."""

    functions: Functions
    stored: StoredTables
    cloudwatch: Any

    @property
    def clock(self) -> Clock:
        return self.functions.clock

    def flip_state(self, event: Any) -> Any:
        return self.functions.flip_state.handler(event, Context())

    def start_recovery(self, event: Any) -> Any:
        return self.functions.start_recovery.handler(event, Context())

    def announce(self, event: Any) -> Any:
        return self.functions.announce.handler(event, Context())

    def put_alarm(self, alarm: str, circuit: str = NAME, metric: str = "Failure", **settings: Any) -> None:
        """Make an alarm on a metric of the library, and let it stand in ALARM."""
        request = {
            "AlarmName": alarm,
            "Namespace": "Recloser",
            "MetricName": metric,
            "Dimensions": [{"Name": "Circuit", "Value": circuit}],
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 0.5,
            "ComparisonOperator": "GreaterThanThreshold",
        }
        self.cloudwatch.put_metric_alarm(**request | settings)
        self.set_alarm(alarm, "ALARM")

    def set_alarm(self, alarm: str, state: str) -> None:
        self.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="set by the test")

    def alarm(self, name: str) -> dict[str, Any]:
        found = self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        alarm: dict[str, Any] = found[0]
        return alarm
