"""The limits of the alarms on a circuit's failures, and the same alarms with other limits."""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recloser.cli.account import Account
from recloser.cli.problems import Problem
from recloser.control.alarm_circuit import EveryCircuit
from recloser.control.alarm_rules import read_limits, read_rule
from recloser.control.alarms import MINIMUM_CALLS
from recloser.control.insights_query import is_insights_query
from recloser.metrics.emf import DIMENSION, FAILURE
from recloser.policy import usable

THRESHOLD_SETTING = "failure_threshold_percent"
MINIMUM_SETTING = "minimum_calls"
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

    @property
    def is_something(self) -> bool:
        return self.threshold_percent is not None or self.minimum_calls is not None


def effective(described: Mapping[str, Any]) -> Wanted:
    """Read what an alarm asks for now, as percent and calls; None: in a form that is not known."""
    threshold = described.get("Threshold")
    scale = _scale(described)
    minimum = _MINIMUM.search(_returned(described).get("Expression", ""))
    return Wanted(
        None if threshold is None else round(threshold * scale, 6),
        None if minimum is None else int(minimum["minimum"]),
    )


def as_put(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return what DescribeAlarms tells of an alarm, as PutMetricAlarm takes it."""
    return {name: copy.deepcopy(described[name]) for name in _SETTINGS if name in described}


def tuned(described: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    """Return an alarm on the failure rate with other limits.

    Raises:
        Problem: it asks for no minimum of calls that could be changed, or could never trip.

    """
    new = as_put(described)
    if wanted.threshold_percent is not None:
        new["Threshold"] = wanted.threshold_percent / _scale(described)
        if wanted.threshold_percent == _PERCENT and new["ComparisonOperator"] == "GreaterThanThreshold":
            raise Problem(f"alarm {described['AlarmName']} trips above its threshold, never above 100 %")
    if wanted.minimum_calls is not None:
        entry = _returned(new)
        expression, count = _MINIMUM.subn(rf"\g<before>{wanted.minimum_calls}", entry.get("Expression", ""))
        if not count:
            raise Problem(
                f"alarm {described['AlarmName']} asks for no minimum of calls: leave out --minimum-calls"
            )
        entry["Expression"] = expression
    return new


@dataclass(frozen=True, slots=True)
class Variant:
    """An alarm on a circuit's failures, as it is and as it would be.

    Args:
        alarm: its name in the account.
        before: its definition, as PutMetricAlarm takes it.
        after: the same with what is wanted.
        is_own: whether it is the circuit's own; else it is the one over every circuit, which a policy tunes:
            both definitions say what that comes to for this circuit.
        looks_from_percent: below this failure rate the alarm over every circuit does not look, whatever a
            policy says.

    """

    alarm: str
    before: dict[str, Any]
    after: dict[str, Any]
    is_own: bool
    looks_from_percent: float = 0.0


def variants(account: Account, circuit: str, wanted: Wanted) -> list[Variant]:
    """Return the alarms on the failure rate of a circuit: its own, or else that over every circuit.

    Raises:
        Problem: none does, or one asks for no minimum of calls that could be changed.

    """
    own = [
        Variant(alarm.name, as_put(alarm.described), tuned(alarm.described, wanted), is_own=True)
        for alarm in account.trip_alarms
        if alarm.circuit == circuit and is_on_failures(alarm.described)
    ]
    if own:
        return own
    for alarm in account.trip_alarms:
        watches = alarm.circuit
        if isinstance(watches, EveryCircuit) and watches.metric == FAILURE and watches.is_rate:
            return [_for_one_circuit(account, alarm.described, circuit, wanted)]
    raise Problem(
        f"no alarm on the failure rate of {circuit} can be tuned: recloser alarms shows which are there"
    )


def _for_one_circuit(account: Account, group: Mapping[str, Any], circuit: str, wanted: Wanted) -> Variant:
    settings = account.tables.read(circuit, consistent=True).policy
    policy, problems = usable(settings)
    rule = read_rule(group)
    if problems or rule is None:
        raise Problem(f"{group['AlarmName']} and the policy of {circuit} are not understood: recloser doctor")
    limits = Wanted(
        policy.get(THRESHOLD_SETTING, _PERCENT * rule.threshold),
        policy.get(MINIMUM_SETTING, account.deployment.defaults.minimum_calls or MINIMUM_CALLS),
    )
    after = Wanted(
        limits.threshold_percent if wanted.threshold_percent is None else wanted.threshold_percent,
        limits.minimum_calls if wanted.minimum_calls is None else wanted.minimum_calls,
    )
    make = functools.partial(_equivalent_alarm, group, circuit, account.deployment.namespace)
    looks_from = _PERCENT * rule.threshold
    return Variant(group["AlarmName"], make(limits), make(after), is_own=False, looks_from_percent=looks_from)


def _equivalent_alarm(
    group: Mapping[str, Any], circuit: str, namespace: str, limits: Wanted
) -> dict[str, Any]:
    """Return an alarm of one circuit with the limits that the alarm over every circuit has for it."""
    metric = {
        "Namespace": namespace,
        "MetricName": FAILURE,
        "Dimensions": [{"Name": DIMENSION, "Value": circuit}],
    }

    def stat(name: str, statistic: str) -> dict[str, Any]:
        read = {"Metric": metric, "Period": 60, "Stat": statistic}
        return {"Id": name, "MetricStat": read, "ReturnData": False}

    rate = f"IF(calls >= {limits.minimum_calls}, 100 * failures / calls, 0)"
    kept = ("EvaluationPeriods", "DatapointsToAlarm", "ComparisonOperator")
    return {name: group[name] for name in kept if name in group} | {
        "AlarmName": group["AlarmName"],
        "Metrics": [
            {"Id": "rate", "Expression": rate, "ReturnData": True},
            stat("failures", "Sum"),
            stat("calls", "SampleCount"),
        ],
        "Threshold": limits.threshold_percent,
        "TreatMissingData": "notBreaching",
    }


def told(described: Mapping[str, Any]) -> str:
    """Write what an alarm asks for: `50 % of at least 3 calls`."""
    limits = effective(described)
    threshold = "-" if limits.threshold_percent is None else f"{limits.threshold_percent:g}"
    minimum = 1 if limits.minimum_calls is None else limits.minimum_calls
    return f"{threshold} % of at least {minimum} call{'' if minimum == 1 else 's'}"


def is_on_failures(described: Mapping[str, Any]) -> bool:
    """Say whether an alarm is one on the share of calls that fail, in a form that is known."""
    return read_limits(described, FAILURE, MINIMUM_CALLS) is not None


def _scale(described: Mapping[str, Any]) -> int:
    """By how much the threshold is to be multiplied to be percent."""
    expression = _returned(described).get("Expression", "").replace(" ", "")
    if is_insights_query(expression):
        return _PERCENT  # the average of 0 and 1, whatever words the namespace holds
    return 1 if "100*" in expression or "*100" in expression or "slow" in expression else _PERCENT


def _returned(described: Mapping[str, Any]) -> dict[str, Any]:
    returned = [entry for entry in described.get("Metrics", ()) if entry.get("ReturnData", True)]
    return returned[0] if len(returned) == 1 else {}
