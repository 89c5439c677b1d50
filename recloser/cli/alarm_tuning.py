"""What a failure-rate alarm asks for, an edited one, and what either would have done lately."""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recloser.cli.account import Account
from recloser.cli.problems import Problem

THRESHOLD_SETTING = "failure_threshold_percent"
MINIMUM_SETTING = "minimum_calls"
REPLAYED_MS = 2 * 3600 * 1000  # CloudWatch keeps periods below a minute for three hours
_PERCENT = 100
# IF(calls >= 10, ...) and IF(FILL(calls, 0) >= 10, ...): where the template's alarms ask for a minimum.
_MINIMUM = re.compile(r"(?P<before>IF\(\s*(?:FILL\(\s*\w+\s*,\s*0\s*\)|\w+)\s*>=\s*)(?P<minimum>\d+)")
# What DescribeAlarms tells and PutMetricAlarm takes ("PutMetricAlarm", CloudWatch API reference).
_SETTINGS = (
    *("AlarmName", "AlarmDescription", "ActionsEnabled", "OKActions", "AlarmActions"),
    *("InsufficientDataActions", "MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions"),
    *("Period", "Unit", "EvaluationPeriods", "DatapointsToAlarm", "Threshold", "ComparisonOperator"),
    *("TreatMissingData", "EvaluateLowSampleCountPercentile", "Metrics", "ThresholdMetricId"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operator wants; None: as it is."""

    threshold_percent: float | None
    minimum_calls: int | None


def effective(described: Mapping[str, Any]) -> Wanted:
    """Read what an alarm asks for now, as percent and calls; None: in a form that is not known."""
    threshold = described.get("Threshold")
    scale = _scale(described)
    minimum = _MINIMUM.search(_returned(described).get("Expression", ""))
    return Wanted(
        None if threshold is None else round(threshold * scale, 6),
        None if minimum is None else int(minimum["minimum"]),
    )


def tuned(described: Mapping[str, Any], wanted: Wanted) -> dict[str, Any] | None:
    """Return the alarm with other limits; None: it is no alarm on the failure rate.

    Raises:
        Problem: it asks for no minimum of calls that could be changed.

    """
    if not _is_on_failures(described):
        return None
    new = {name: copy.deepcopy(described[name]) for name in _SETTINGS if name in described}
    if wanted.threshold_percent is not None:
        new["Threshold"] = wanted.threshold_percent / _scale(described)
    if wanted.minimum_calls is not None:
        entry = _returned(new)
        expression, count = _MINIMUM.subn(rf"\g<before>{wanted.minimum_calls}", entry.get("Expression", ""))
        if not count:
            raise Problem(
                f"alarm {described['AlarmName']} asks for no minimum of calls: leave out --minimum-calls"
            )
        entry["Expression"] = expression
    return new


def replayed_trips(account: Account, described: Mapping[str, Any]) -> int:
    """Count how often an alarm would have tripped in the last two hours, over the account's own metrics.

    Raises:
        Problem: the extra `lab` is not installed, or there are no data.

    """
    try:
        from recloser.lab.backtest.account_metrics import AccountError, read_account_metrics  # noqa: PLC0415
        from recloser.lab.backtest.alarm_files import alarm_of  # noqa: PLC0415
        from recloser.lab.backtest.backtest import Settings, backtest  # noqa: PLC0415
        from recloser.lab.backtest.inputs import together  # noqa: PLC0415
        from recloser.lab.cloudwatch import InvalidAlarmError  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise Problem(
            f"it needs {error.name}, which is not installed: pip install 'recloser[lab]'"
        ) from error
    now_ms = time.time_ns() // 1_000_000
    span_ms = (now_ms - REPLAYED_MS, now_ms)
    try:
        data = read_account_metrics(
            account.client("cloudwatch"), [alarm_of(described)], span_ms, now_ms, lambda _done, _total: None
        )
        if not data.samples:
            raise Problem("no data")
        runs = backtest(together([], data.alarms), data.samples, Settings(*span_ms))
    except (AccountError, InvalidAlarmError, ValueError) as error:
        raise Problem(str(error)) from error
    return sum(run.trips for run in runs)


def _is_on_failures(described: Mapping[str, Any]) -> bool:
    if described.get("MetricName") == "Failure":
        return described.get("Statistic") == "Average"
    metrics = {
        entry["MetricStat"]["Metric"]["MetricName"]
        for entry in described.get("Metrics", ())
        if "MetricStat" in entry
    }
    return metrics == {"Failure"}


def _scale(described: Mapping[str, Any]) -> int:
    """By how much the threshold is to be multiplied to be percent."""
    expression = _returned(described).get("Expression", "").replace(" ", "")
    return 1 if "100*" in expression or "*100" in expression or "slow" in expression else _PERCENT


def _returned(described: Mapping[str, Any]) -> dict[str, Any]:
    returned = [entry for entry in described.get("Metrics", ()) if entry.get("ReturnData", True)]
    return returned[0] if len(returned) == 1 else {}
