"""Why an alarm has its state: StateReason and StateReasonData, in CloudWatch's words and JSON.

The texts and the choice of `evaluatedDatapoints` follow transitions captured on AWS.
"""

import json
from typing import Any, NamedTuple

from recloser.lab.cloudwatch.alarms import Comparison, MetricAlarm, Missing, State
from recloser.lab.cloudwatch.evaluate import Datapoints, Decision
from recloser.lab.cloudwatch.times import iso_milliseconds, short_time

INITIAL_REASON = "Unchecked: Initial alarm creation"

_THAN = {
    Comparison.AT_LEAST: "greater than or equal to",
    Comparison.ABOVE: "greater than",
    Comparison.BELOW: "less than",
    Comparison.AT_MOST: "less than or equal to",
}


class Reason(NamedTuple):
    """`data` is the JSON text of StateReasonData."""

    text: str
    data: str


def explain(
    alarm: MetricAlarm, datapoints: Datapoints, decision: Decision, state: State, query_ms: int
) -> Reason:
    """The reason for `state`, which `decision` gave at `query_ms`."""
    winners = {State.ALARM: decision.bad, State.OK: decision.good}.get(state, [])
    return Reason(
        _text(alarm, datapoints, decision, state, winners),
        json.dumps(_data(alarm, datapoints, decision, state, winners, query_ms), separators=(",", ":")),
    )


def _needed(alarm: MetricAlarm, state: State) -> int:
    if state is State.OK:
        return alarm.evaluation_periods - alarm.datapoints_to_alarm + 1
    return alarm.datapoints_to_alarm


def _data(
    alarm: MetricAlarm,
    datapoints: Datapoints,
    decision: Decision,
    state: State,
    winners: list[int],
    query_ms: int,
) -> dict[str, Any]:
    window, values = datapoints.window, datapoints.values
    used = decision.bad + decision.good
    data: dict[str, Any] = {"version": "1.0", "queryDate": iso_milliseconds(query_ms)}
    if used:
        data["startDate"] = iso_milliseconds(window.bucket_start_ms(min(used)))
    stat = alarm.queries[0].stat
    if alarm.is_scalar and stat is not None:
        if stat.unit is not None:
            data["unit"] = stat.unit
        data["statistic"] = stat.statistic.name
    data["period"] = alarm.period_seconds
    data["recentDatapoints"] = values[min(used) : max(used) + 1] if used else []
    data["threshold"] = alarm.threshold
    data["evaluatedDatapoints"] = [
        _evaluated(datapoints, index) for index in _evaluated_indices(alarm, datapoints, state, winners)
    ]
    return data


def _evaluated_indices(
    alarm: MetricAlarm, datapoints: Datapoints, state: State, winners: list[int]
) -> list[int]:
    """The real datapoints of the winning side, and the newest empty periods up to as many as that side needs."""
    empty = [index for index, value in enumerate(datapoints.values) if value is None]
    fills = max(0, _needed(alarm, state) - len(winners))
    return sorted([*winners, *empty[len(empty) - min(fills, len(empty)) :]], reverse=True)


def _evaluated(datapoints: Datapoints, index: int) -> dict[str, Any]:
    point: dict[str, Any] = {"timestamp": iso_milliseconds(datapoints.window.bucket_start_ms(index))}
    value = datapoints.values[index]
    if value is None:
        return point
    if datapoints.sample_counts is not None:
        point["sampleCount"] = datapoints.sample_counts[index]
    point["value"] = value
    return point


def _text(
    alarm: MetricAlarm, datapoints: Datapoints, decision: Decision, state: State, winners: list[int]
) -> str:
    periods = alarm.evaluation_periods
    missing = periods - decision.real
    if state is State.INSUFFICIENT_DATA:
        return f"Insufficient Data: {_count(periods, 'datapoint')} {_was(periods)} unknown."
    treated = _treated(alarm, missing)
    if not winners:
        received = f"{_count(decision.real, 'datapoint')} {_was(decision.real)}"
        if decision.real == 0:
            received = "no datapoints were"
        return f"Threshold Crossed: {received} received for {_count(periods, 'period')}{treated}."
    listed = ", ".join(_point(datapoints, index) for index in winners)
    crossed = f"{_was(len(winners))} {'' if state is State.ALARM else 'not '}{_THAN[alarm.comparison]}"
    move = "OK -> ALARM" if state is State.ALARM else "ALARM -> OK"
    return (
        f"Threshold Crossed: {len(winners)} out of the last {periods} datapoints [{listed}] {crossed} the threshold "
        f"({java_double(alarm.threshold)}){treated} (minimum {_count(_needed(alarm, state), 'datapoint')} for {move} "
        "transition)."
    )


def _treated(alarm: MetricAlarm, missing: int) -> str:
    words = {Missing.BREACHING: "Breaching", Missing.NOT_BREACHING: "NonBreaching"}
    treatment = words.get(alarm.treat_missing_data)
    if treatment is None or missing == 0:
        return ""
    return f" and {_count(missing, 'missing datapoint')} {_was(missing)} treated as [{treatment}]"


def _point(datapoints: Datapoints, index: int) -> str:
    value = datapoints.values[index]
    assert value is not None
    return f"{java_double(value)} ({short_time(datapoints.window.bucket_start_ms(index))})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def java_double(value: float) -> str:
    """A number as CloudWatch writes it in a reason: Java's Double.toString (1.0E7 from ten million on)."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:  # noqa: PLR2004 - Java's bounds for plain notation
        plain = repr(float(value))
        return plain if "e" not in plain else f"{value:f}"
    mantissa, exponent = f"{value!r}".split("e") if "e" in repr(value) else _scientific(value)
    mantissa = mantissa if "." in mantissa else f"{mantissa}.0"
    return f"{mantissa}E{int(exponent)}"


def _scientific(value: float) -> tuple[str, str]:
    digits = f"{value:.16e}"
    for precision in range(17):
        digits = f"{value:.{precision}e}"
        if float(digits) == value:
            break
    mantissa, exponent = digits.split("e")
    return mantissa, exponent
