"""How a suppressor suppresses the actions of a composite alarm.

The phases follow "Alarm suppression" in the CloudWatch user guide and captured events: a change of state
waits (WaitPeriod) for the suppressor; while that is in ALARM the actions stay suppressed (Alarm); then they
wait once more (ExtensionPeriod). Every change of phase sends a state-change event whose two states have the
same value.
"""

from dataclasses import dataclass, replace

from recloser.lab.cloudwatch.alarms import State
from recloser.lab.cloudwatch.composite import Suppressor, transitioned
from recloser.lab.cloudwatch.states import AlarmState, Place

WAIT, ALARM, EXTENSION = "WaitPeriod", "Alarm", "ExtensionPeriod"
MS_PER_SECOND = 1000


@dataclass(frozen=True, slots=True)
class Held:
    """A state with its suppression, and when that ends by itself (None: not by time)."""

    state: AlarmState
    until_ms: int | None


def after_transition(place: Place, suppressor: Suppressor, of: AlarmState, state: AlarmState) -> Held:
    """Holds a state that the composite has just taken; `of` is the state of the suppressor."""
    if of.value is State.ALARM:
        return Held(_by_alarm(place, suppressor, of, state), None)
    return _timed(state, WAIT, state.updated_ms, suppressor.wait_seconds)


def after_suppressor(place: Place, suppressor: Suppressor, of: AlarmState, state: AlarmState) -> Held | None:
    """What a change of the suppressor does to the composite's state; None if nothing.

    A suppressor that goes to ALARM after the actions have run suppresses nothing.
    """
    if of.value is State.ALARM and state.suppressed_by in {WAIT, EXTENSION}:
        return Held(replace(_by_alarm(place, suppressor, of, state), updated_ms=of.updated_ms), None)
    if of.value is not State.ALARM and state.suppressed_by == ALARM:
        return _timed(state, EXTENSION, of.updated_ms, suppressor.extension_seconds)
    return None


def released(state: AlarmState, at_ms: int) -> AlarmState:
    """The state once its wait is over."""
    return replace(state, suppressed_by=None, suppressed_reason=None, updated_ms=at_ms)


def _by_alarm(place: Place, suppressor: Suppressor, of: AlarmState, state: AlarmState) -> AlarmState:
    changed = transitioned(place, suppressor.alarm, of).replace(" transitioned", " that transitioned", 1)
    return replace(state, suppressed_by=ALARM, suppressed_reason=f"Actions suppressed by {changed}")


def _timed(state: AlarmState, phase: str, at_ms: int, seconds: int) -> Held:
    held = replace(
        state, updated_ms=at_ms, suppressed_by=phase, suppressed_reason=f"Actions suppressed by {phase}"
    )
    return Held(held, at_ms + seconds * MS_PER_SECOND)
