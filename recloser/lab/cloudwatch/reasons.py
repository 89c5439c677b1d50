"""Why an alarm has its state: StateReason and StateReasonData, in CloudWatch's words and JSON.

The texts and the choice of `evaluatedDatapoints` follow transitions captured on AWS.
"""

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from recloser.lab.cloudwatch.alarms import Comparison, MetricAlarm, Missing, State
from recloser.lab.cloudwatch.evaluate import Datapoints, Decision
from recloser.lab.cloudwatch.numbers import java_double
from recloser.lab.cloudwatch.times import iso_milliseconds, short_time

MS_PER_MINUTE = 60_000
# From so many datapoints on AWS names the newest only, behind the sentence.
MANY = 5

INITIAL_REASON = "Unchecked: Initial alarm creation"

_THAN = {
    Comparison.AT_LEAST: "greater than or equal to",
    Comparison.ABOVE: "greater than",
    Comparison.BELOW: "less than",
    Comparison.AT_MOST: "less than or equal to",
}
TREATED_AS = {Missing.BREACHING: "Breaching", Missing.NOT_BREACHING: "NonBreaching"}


class Reason(NamedTuple):
    """`data` is the JSON text of StateReasonData."""

    text: str
    data: str


def explain(
    alarm: MetricAlarm, datapoints: Datapoints, decision: Decision, state: State, query_ms: int
) -> Reason:
    """The reason for `state`, which `decision` gave at `query_ms`."""
    explanation = _Explanation(alarm, datapoints, decision, state)
    return Reason(explanation.text(), json.dumps(explanation.data(query_ms), separators=(",", ":")))


def contributor_reason(alarm: MetricAlarm, datapoints: Datapoints, decision: Decision, state: State) -> str:
    """The reason of one contributor: a text only, which names the newest datapoint behind the sentence."""
    return _Explanation(alarm, datapoints, decision, state, is_contributor=True).text()


@dataclass(frozen=True, slots=True)
class _Explanation:
    alarm: MetricAlarm
    datapoints: Datapoints
    decision: Decision
    state: State
    is_contributor: bool = False

    @property
    def winners(self) -> list[int]:
        """The real datapoints that speak for the state, newest first."""
        return {State.ALARM: self.decision.bad, State.OK: self.decision.good}.get(self.state, [])

    @property
    def needed(self) -> int:
        if self.state is State.OK:
            return self.alarm.evaluation_periods - self.alarm.datapoints_to_alarm + 1
        return self.alarm.datapoints_to_alarm

    def data(self, query_ms: int) -> dict[str, Any]:
        used = self.decision.bad + self.decision.good
        data: dict[str, Any] = {"version": "1.0", "queryDate": iso_milliseconds(query_ms)}
        if used:
            data["startDate"] = iso_milliseconds(self.datapoints.window.bucket_start_ms(min(used)))
        if self.alarm.is_scalar:
            stat = self.alarm.returned_stat
            if stat.unit is not None:
                data["unit"] = stat.unit
            data["statistic"] = stat.statistic.name
        data["period"] = self.alarm.period_seconds
        data["recentDatapoints"] = self.datapoints.values[min(used) : max(used) + 1] if used else []
        data["threshold"] = self.alarm.threshold
        data["evaluatedDatapoints"] = [self._evaluated(index) for index in self._evaluated_indices()]
        return data

    def _evaluated_indices(self) -> list[int]:
        """The newest winning datapoints, as many as that side needs, and empty periods for the rest.

        Newest first.
        """
        empty = [index for index, value in enumerate(self.datapoints.values) if value is None]
        winners = self.winners[: self.needed]
        fills = min(len(empty), self.needed - len(winners))
        chosen = sorted([*winners, *empty[len(empty) - fills :]], reverse=True)
        return [index + 1 for index in chosen] if self._begins_with_the_open_period() else chosen

    def _begins_with_the_open_period(self) -> bool:
        """Whether the period that has just begun counts as the newest missing one.

        Captured once, at 300 s: INSUFFICIENT_DATA without any datapoint. At 60 s it does not.
        """
        return (
            self.state is State.INSUFFICIENT_DATA
            and self.decision.real == 0
            and self.datapoints.window.period_ms > MS_PER_MINUTE
        )

    def _evaluated(self, index: int) -> dict[str, Any]:
        point: dict[str, Any] = {"timestamp": iso_milliseconds(self.datapoints.window.bucket_start_ms(index))}
        values = self.datapoints.values
        value = values[index] if index < len(values) else None
        if value is None:
            return point
        if self.datapoints.sample_counts is not None:
            point["sampleCount"] = self.datapoints.sample_counts[index]
        point["value"] = value
        return point

    def text(self) -> str:
        periods, winners = self.alarm.evaluation_periods, self.winners
        if self.state is State.INSUFFICIENT_DATA:
            return f"Insufficient Data: {_count(periods, 'datapoint')} {_was(periods)} unknown."
        if not winners:
            real = self.decision.real
            received = f"{_count(real, 'datapoint')} {_was(real)}" if real else "no datapoints were"
            return f"Threshold Crossed: {received} received for {_count(periods, 'period')}{self._treated()}."
        return f"Threshold Crossed: {self._crossed()}{self._minimum()}."

    def _crossed(self) -> str:
        """How many datapoints crossed the threshold, and which; from five on the newest five are named."""
        winners = self.winners
        few = len(winners) < MANY and not self.is_contributor
        listed = ", ".join(self._point(index) for index in winners[: 1 if self.is_contributor else MANY])
        if self.alarm.names_datapoints_to_alarm:
            points = f"{len(winners)} out of the last {self.alarm.evaluation_periods} datapoints"
        else:
            points = _count(len(winners), "datapoint")
        negation = "" if self.state is State.ALARM else "not "
        text = (
            f"{points}{f' [{listed}]' if few else ''} {_was(len(winners))} {negation}"
            f"{_THAN[self.alarm.comparison]} the threshold "
            f"({java_double(self.alarm.threshold)}){self._treated()}"
        )
        if few:
            return text
        # For contributors: captured with DatapointsToAlarm, and without it as AWS's pages have it.
        one = self.is_contributor and (self.alarm.names_datapoints_to_alarm or len(winners) == 1)
        most_recent = "The most recent datapoint" + ("" if one else "s")
        return f"{text}. {most_recent} which {negation}crossed the threshold: [{listed}]"

    def _minimum(self) -> str:
        if not self.alarm.names_datapoints_to_alarm:
            return ""
        move = "OK -> ALARM" if self.state is State.ALARM else "ALARM -> OK"
        return f" (minimum {_count(self.needed, 'datapoint')} for {move} transition)"

    def _treated(self) -> str:
        missing = self.alarm.evaluation_periods - self.decision.real
        treatment = TREATED_AS.get(self.alarm.treat_missing_data)
        if treatment is None or missing == 0:
            return ""
        return f" and {_count(missing, 'missing datapoint')} {_was(missing)} treated as [{treatment}]"

    def _point(self, index: int) -> str:
        value = self.datapoints.values[index]
        shown = "" if value is None else java_double(value)
        return f"{shown} ({short_time(self.datapoints.window.bucket_start_ms(index))})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"
