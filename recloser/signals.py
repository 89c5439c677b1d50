"""What can happen to a circuit: the signals that `decide` takes, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recloser.circuit import Override, Probes

# Calls that fail as often as the threshold allows exceed it by so many standard deviations in one of a
# thousand windows.
CHANCE_DEVIATIONS = 3.0
FEWEST_LATER_CALLS = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """When failures are too many: more than `threshold_percent` of the calls, of at least `minimum_calls`."""

    threshold_percent: float
    minimum_calls: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the metrics hold of a circuit since its last close, for an alarm that cannot ask for a minimum.

    Args:
        calls: calls made in the newest bad data.
        failures: how many of them failed.
        begins_ms: when this data begins.
        ends_ms: when it ends.
        limits: those of the alarm that was raised, and of the stack.
        own_limits: those of the circuit's own failure-rate alarm, which go before all others; None: it has
            none. Between the two stand `failure_threshold_percent` and `minimum_calls` of its policy.

    """

    calls: int
    failures: int
    begins_ms: int
    ends_ms: int
    limits: Limits
    own_limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class AlarmRaised:
    """CloudWatch moved an alarm to ALARM.

    Args:
        alarm: its name.
        reason: CloudWatch's reason, for people.
        newest_data_ends_ms: when the newest breaching datapoint ended; None: the alarm was set manually
            (SetAlarmState), so there are no data.
        newest_data_begins_ms: when it began; None: not known, as for a composite alarm.
        evidence: the calls that were counted; its times replace the two above. With it the alarm was not set
            manually.
        threshold: of the alarm, kept with the trip.
        datapoints: newest first, kept with the trip.

    """

    alarm: str
    reason: str
    newest_data_ends_ms: int | None
    newest_data_begins_ms: int | None = None
    evidence: Evidence | None = None
    threshold: float | None = None
    datapoints: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportWindow:
    """What environments reported of the last `seconds`, and what a circuit usually makes in that time.

    `usual_calls` is the number of calls that the closed circuit normally makes in `seconds`; None: it is not
    known, and nothing follows from the window. Environments without failures do not report: without such a
    baseline the calls that succeeded there would be missing.
    `later_calls` are those that environments made after their first report, `later_failures` how many of them
    failed. An environment reports because calls failed; only later calls are an unbiased sample.
    `held_calls` are usual ones that were not made, because local trips refused them.
    """

    seconds: float
    calls: int
    failures: int
    usual_calls: float | None
    later_calls: int = 0
    later_failures: int = 0
    held_calls: int = 0

    @property
    def lower_bound_percent(self) -> float | None:
        """The least that the failure rate of the fleet can be; None: nothing can be said."""
        is_plausible = 0 <= self.failures <= self.calls
        if self.usual_calls is None or not is_plausible or not self.calls:
            return None
        return 100 * self.failures / max(self.calls, self.usual_calls - self.held_calls)

    def fails_more_than(self, percent: float) -> bool:
        """Tell whether calls after a first report fail more often than that, and not by chance.

        Traffic that has grown since the usual calls were counted makes the lower bound too high: this does
        not depend on them.
        """
        share, calls = percent / 100, self.later_calls
        by_chance = CHANCE_DEVIATIONS * (calls * share * max(0.0, 1 - share)) ** 0.5
        return calls >= FEWEST_LATER_CALLS and self.later_failures - share * calls > by_chance


@dataclass(frozen=True, slots=True)
class FailuresReported:
    """Environments reported failures while they happen.

    Args:
        generation: that of the closed circuit in which the calls were made.
        windows: sums over the last 1, 2, 4 and 8 seconds, say; one above the limits is enough.
        limits: those of `alarm` as it is in CloudWatch now.
        alarm: the failure-rate alarm whose limits are taken; it is re-armed when the circuit closes.

    """

    generation: int
    windows: tuple[ReportWindow, ...]
    limits: Limits
    alarm: str


@dataclass(frozen=True, slots=True)
class ProbesReported:
    """The permits of one generation changed: one was claimed, reported, or given back."""

    probes: Probes


@dataclass(frozen=True, slots=True)
class TimerDue:
    """The scheduled rule looks at a circuit.

    `probes` are those of its generation; None: there is no such item.
    """

    probes: Probes | None


@dataclass(frozen=True, slots=True)
class OverrideSet:
    """An operator forces a state."""

    override: Override


@dataclass(frozen=True, slots=True)
class OverrideReleased:
    """An operator takes the override back."""

    by: str


@dataclass(frozen=True, slots=True)
class Reset:
    """An operator starts the circuit afresh: closed, no override, no memory of earlier trips."""

    by: str
    why: str


@dataclass(frozen=True, slots=True)
class PolicySet:
    """An operator replaces the circuit's own settings, already validated."""

    policy: Mapping[str, Any]
    by: str


Signal = (
    AlarmRaised
    | FailuresReported
    | ProbesReported
    | TimerDue
    | OverrideSet
    | OverrideReleased
    | Reset
    | PolicySet
)
