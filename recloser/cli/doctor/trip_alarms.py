"""Checks of the alarms: whether each can trip, can clear, and is evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from recloser.circuit import State
from recloser.cli.account import Account, TripAlarm
from recloser.cli.doctor.findings import Finding
from recloser.cli.times import distance
from recloser.control.alarm_circuit import circuit_in_name
from recloser.control.alarm_rules import Rule, read_rule
from recloser.control.control import wall_clock_ms
from recloser.errors import EventError
from recloser.metrics.emf import DIMENSION, TRIP_METRICS

DEAF_AFTER_MS = 120_000
RATES = TRIP_METRICS - {"Duration"}
PERCENT = 100.0


def check_trip_alarms(account: Account) -> Iterator[Finding]:
    """Look at every alarm on the namespace of the stack."""
    alarms = account.trip_alarms
    for alarm in alarms:
        yield from _check_form(alarm)
        yield from _check_evaluation(alarm)
        yield from _check_deaf(account, alarm)
    yield from _check_composite_names(account)


def _check_evaluation(alarm: TripAlarm) -> Iterator[Finding]:
    match alarm.described.get("EvaluationState"):
        case "PARTIAL_DATA":
            yield _finding(alarm, "it sees only a part of the circuits", "the others cannot trip by it")
        case "EVALUATION_ERROR" | "EVALUATION_FAILURE" as state:
            yield _finding(alarm, f"CloudWatch cannot evaluate it ({state})", "it trips nothing")


def _check_composite_names(account: Account) -> Iterator[Finding]:
    """A composite alarm of the stack trips the circuit that its name tells, if it has that form."""
    for name in account.composite_alarms:
        try:
            circuit_in_name(name, account.stack)
        except EventError as error:
            yield Finding(
                "alarms",
                name,
                str(error),
                "it trips no circuit",
                f"make it again with a name as {account.stack.alarm_prefix}payments-api:both",
            )


def _check_form(alarm: TripAlarm) -> Iterator[Finding]:
    described = alarm.described
    if alarm.problem is not None:
        yield _finding(alarm, alarm.problem, "it trips no circuit")
        return
    if not described.get("ActionsEnabled", True):
        yield _finding(
            alarm, "its actions are disabled", "nobody is mailed; circuits are tripped all the same"
        )
    for unit in sorted(_units(described)):
        yield _finding(alarm, f"it asks for the unit {unit}", "a metric of another unit is no data to it")
    missing = described.get("TreatMissingData", "missing")
    if missing == "ignore":
        yield _finding(alarm, "missing data leaves it as it is", "while no calls are made it never clears")
    elif missing == "breaching":
        yield _finding(alarm, "missing data is breaching", "a circuit without traffic trips")
    rule = read_rule(described)
    if rule is not None:
        yield from _check_threshold(alarm, rule)


def _check_threshold(alarm: TripAlarm, rule: Rule) -> Iterator[Finding]:
    largest = _largest_value(alarm.described)
    if largest is None:
        return
    needs_more = rule.comparison == "GreaterThanThreshold"
    if rule.threshold > largest or (needs_more and rule.threshold >= largest):
        yield _finding(
            alarm, f"its threshold is {rule.threshold:g}, its metric at most {largest:g}", "it can never trip"
        )
    if rule.comparison == "GreaterThanOrEqualToThreshold" and rule.threshold <= 0:
        yield _finding(
            alarm, f"its threshold is {rule.threshold:g}, and reached is enough", "it never clears"
        )
    if needs_more and rule.threshold < 0:
        yield _finding(alarm, f"its threshold is {rule.threshold:g}", "every value is above: it never clears")
    if rule.comparison.startswith("Less"):
        yield _finding(alarm, f"it compares with {rule.comparison}", "it trips when few calls fail")


def _check_deaf(account: Account, alarm: TripAlarm) -> Iterator[Finding]:
    if alarm.described["StateValue"] != "ALARM" or not isinstance(alarm.circuit, str):
        return
    since_ms = round(alarm.described["StateUpdatedTimestamp"].timestamp() * 1000)
    now_ms = wall_clock_ms()
    if now_ms - since_ms < DEAF_AFTER_MS:
        return
    if account.tables.read(alarm.circuit, consistent=True).state is State.CLOSED:
        yield Finding(
            "deaf alarms",
            alarm.name,
            f"in ALARM since {distance(since_ms, now_ms)}, over a closed circuit",
            "CloudWatch speaks only when an alarm changes: it cannot trip the circuit again",
            f"aws cloudwatch set-alarm-state --state-value OK --state-reason rearm --alarm-name {alarm.name}",
        )


def _largest_value(described: Mapping[str, Any]) -> float | None:
    """The most that the alarm's value can be; None: that cannot be told."""
    if described.get("MetricName") in RATES and described.get("Statistic") in {"Average", "Maximum"}:
        return 1.0
    returned = [entry for entry in described.get("Metrics", ()) if entry.get("ReturnData", True)]
    if len(returned) != 1:
        return None
    expression = str(returned[0].get("Expression", "")).replace(" ", "")
    if "100*" in expression or "*100" in expression:
        return PERCENT
    if expression.upper().startswith("SELECTAVG(") and "DURATION" not in expression.upper():
        return 1.0
    return None


def _units(described: Mapping[str, Any]) -> set[str]:
    stats = [entry.get("MetricStat", {}) for entry in described.get("Metrics", ())]
    return {unit for each in (described, *stats) if (unit := each.get("Unit"))}


def _finding(alarm: TripAlarm, what: str, why: str) -> Finding:
    return Finding(
        "alarms",
        alarm.name,
        what,
        why,
        "edit the alarm in the CloudWatch console, or deploy the stack's template again "
        f"(it needs the dimension {DIMENSION}, no unit, missing data notBreaching)",
    )
