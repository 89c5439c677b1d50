"""`admit`: what becomes of a call, row by row."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloser.admit import Action, Admission, View, admit
from recloser.circuit import Cause, Circuit, Override, State

NOW = 1_700_000_000.0
MS = 1000


def at(seconds: float) -> int:
    """Epoch milliseconds, so many seconds from now."""
    return round((NOW + seconds) * MS)


def circuit(state: State = State.CLOSED, **facts: Any) -> Circuit:
    return Circuit("payments-api", state, generation=4, cause=Cause.ALARM, **facts)


def forced(state: State, until: float | None = None) -> Override:
    return Override(state, "ann", "test", at(-100), None if until is None else at(until))


OPEN = circuit(State.OPEN, retry_at_ms=at(60))
WAITING = circuit(State.OPEN, retry_at_ms=at(-60))
HALF_OPEN = circuit(State.HALF_OPEN, retry_at_ms=at(-60))
SHADOW = {"enforce": False}
RAMP = {"ramp_seconds": 100}

CALL, PROBE, REFUSE = Action.CALL, Action.PROBE, Action.REFUSE

ROWS: list[tuple[str, View, Action, dict[str, Any]]] = [
    # title, view, action, what else the admission says
    ("closed", View(circuit(), fresh_until=NOW + 5), CALL, {"until": NOW + 5, "is_counted": True}),
    ("an unknown flag", View(None, is_stale=True), CALL, {"is_unprotected": True, "until": NOW}),
    ("a stale closed flag", View(circuit(), is_stale=True), CALL, {"is_unprotected": True, "until": NOW}),
    ("a stale open flag", View(OPEN, is_stale=True), REFUSE, {"cause": Cause.ALARM}),
    ("switched off", View(OPEN, is_enabled=False), CALL, {"is_unprotected": True, "until": NOW}),
    ("held", View(circuit(), held_from=NOW - 1, held_until=NOW + 9, failed_lately=True), REFUSE,
     {"cause": Cause.LOCAL_TRIP, "retry_at": NOW + 9, "until": NOW + 9}),
    ("held from this moment on", View(circuit(), held_from=NOW, held_until=NOW + 9), REFUSE,
     {"until": NOW + 9}),
    ("a hold that has just begun is over already", View(circuit(), held_from=NOW, held_until=NOW), CALL,
     {"until": math.inf}),
    ("held from later on: the clock was set back",
     View(circuit(), held_from=NOW + 3600, held_until=NOW + 3610, failed_lately=True), CALL, {"until": NOW}),
    ("the hold has ended", View(circuit(), held_until=NOW, failed_lately=True, is_trial_due=True), CALL,
     {"is_trial": True, "until": NOW}),
    ("held, beside a trial that takes it along",
     View(circuit(), held_from=NOW - 1, held_until=NOW + 9, may_join=True), CALL, {"until": NOW}),
    ("a failure a moment ago", View(circuit(), failed_lately=True), CALL, {"until": NOW}),
    ("on the ramp, drawn", View(circuit(closed_at_ms=at(-25), policy=RAMP), drawn=0.24), CALL, {"until":
    NOW}), ("on the ramp, not drawn", View(circuit(closed_at_ms=at(-25), policy=RAMP), drawn=0.25), REFUSE,
     {"cause": Cause.RAMP, "until": NOW, "retry_at": NOW}),
    ("on no ramp, as it was never closed", View(circuit(policy=RAMP), drawn=0.99), CALL, {"until": math.inf}),
    ("on the ramp of a clock that is a minute fast",
     View(circuit(closed_at_ms=at(60), policy=RAMP), drawn=0.99), REFUSE, {"cause": Cause.RAMP}),
    ("closed by a clock that is a little faster than that",
     View(circuit(closed_at_ms=at(60.5), policy=RAMP), drawn=0.99), CALL, {"until": NOW + 0.5}),
    ("after the ramp", View(circuit(closed_at_ms=at(-100), policy=RAMP), drawn=0.99), CALL, {"until":
    math.inf}), ("closed by a clock that is an hour fast", View(circuit(closed_at_ms=at(3600),
     policy=RAMP), drawn=0.99), CALL, {"until": NOW + 3540}),
    ("open", View(OPEN), REFUSE, {"cause": Cause.ALARM, "retry_at": NOW + 60, "until": NOW + 60}),
    ("open, retry_at has come", View(WAITING), PROBE, {"is_counted": False, "until": NOW}),
    ("open, our turn has just come", View(WAITING, claim_from=NOW), PROBE, {"until": NOW}),
    ("open, not our turn yet", View(WAITING, claim_from=NOW + 0.5), REFUSE, {"until": NOW + 0.5}),
    ("open, asked on this reading", View(WAITING, claim_from=math.inf, fresh_until=NOW + 1), REFUSE,
     {"until": NOW + 1}),
    ("open, no retry_at", View(circuit(State.OPEN)), PROBE, {}),
    ("open, beside a probe that takes it along", View(WAITING, claim_from=math.inf, may_join=True), CALL,
     {"is_counted": False, "until": NOW}),
    ("half-open", View(HALF_OPEN), PROBE, {}),
    ("forced open", View(circuit(override=forced(State.OPEN)), fresh_until=NOW + 1), REFUSE,
     {"cause": Cause.OPERATOR, "retry_at": None, "until": NOW + 1}),
    ("forced open for a time", View(circuit(override=forced(State.OPEN, 30))), REFUSE,
     {"cause": Cause.OPERATOR, "retry_at": NOW + 30, "until": NOW + 30}),
    ("forced open, over", View(circuit(override=forced(State.OPEN, -1))), CALL, {"is_counted": True}),
    ("forced closed", View(replace(OPEN, override=forced(State.CLOSED, 30))), CALL,
     {"is_counted": True, "until": NOW + 30}),
    ("forced closed, held", View(replace(OPEN, override=forced(State.CLOSED)), held_until=NOW + 9), CALL, {}),
    ("forced closed, over", View(replace(OPEN, override=forced(State.CLOSED, -1))), REFUSE, {}),
    ("shadow mode, open", View(replace(OPEN, policy=SHADOW)), CALL,
     {"is_counted": False, "is_rejected": True, "cause": Cause.ALARM, "until": 0.0}),
    ("shadow mode, forced open", View(circuit(policy=SHADOW, override=forced(State.OPEN))), CALL,
     {"is_counted": False, "is_rejected": True}),
    ("shadow mode, held", View(circuit(policy=SHADOW), held_until=NOW + 9), CALL, {"is_counted": True}),
    ("shadow mode, probe", View(replace(WAITING, policy=SHADOW)), PROBE, {}),
]  # fmt: skip


@pytest.mark.parametrize(("title", "view", "action", "facts"), ROWS, ids=[row[0] for row in ROWS])
def test_row(title: str, view: View, action: Action, facts: dict[str, Any]) -> None:
    """Each row of the module's table, and the edges of its times."""
    admission = admit(view, NOW, "last-known")
    assert admission.action is action, title
    assert {name: getattr(admission, name) for name in facts} == facts


@pytest.mark.parametrize("known", [None, circuit(), OPEN])
@pytest.mark.parametrize(("choice", "action"), [("allow", CALL), ("refuse", REFUSE)])
def test_a_flag_that_cannot_be_read(known: Circuit | None, choice: Any, action: Action) -> None:
    """allow lets every call through, unprotected; refuse lets none."""
    admission = admit(View(known, is_stale=True, fresh_until=NOW + 1), NOW, choice)
    assert admission.action is action
    assert admission.is_unprotected is (action is CALL)
    assert admission.cause is (Cause.UNREADABLE_FLAG if action is REFUSE else None)
    assert (admission.until, admission.retry_at) == (NOW, NOW + 1 if action is REFUSE else None)


def test_a_probe_without_a_permit() -> None:
    """It is refused with the circuit's own cause and time; in shadow mode it is called, and not counted."""
    refused = admit(View(WAITING), NOW, "last-known").otherwise
    assert refused is not None
    assert (refused.action, refused.cause, refused.retry_at) == (REFUSE, Cause.ALARM, NOW - 60)
    assert refused.until == NOW, "for this call only"
    at_any_time = admit(View(circuit(State.OPEN)), NOW, "last-known").otherwise
    assert at_any_time is not None
    assert at_any_time.retry_at == 0
    let_through = admit(View(replace(WAITING, policy=SHADOW)), NOW, "last-known").otherwise
    assert let_through is not None
    assert (let_through.action, let_through.is_counted, let_through.is_rejected) == (CALL, False, True)


seconds = st.floats(-10_000, 10_000)
circuits = st.builds(
    circuit,
    st.sampled_from(State),
    retry_at_ms=st.none() | seconds.map(at),
    closed_at_ms=st.none() | seconds.map(at),
    override=st.none() | st.builds(forced, st.sampled_from([State.OPEN, State.CLOSED]), st.none() |
    st.floats(1, 99)), policy=st.sampled_from([{}, SHADOW, RAMP, {"ramp_seconds": "long", "enforce": 0}]),
)  # fmt: skip
views = st.builds(
    View,
    st.none() | circuits,
    fresh_until=seconds.map(lambda each: NOW + each),
    is_stale=st.booleans(),
    held_from=seconds.map(lambda each: NOW + each),
    held_until=seconds.map(lambda each: NOW + each),
    failed_lately=st.booleans(),
    is_trial_due=st.booleans(),
    claim_from=seconds.map(lambda each: NOW + each),
    may_join=st.booleans(),
    drawn=st.floats(0, 1),
)


@given(view=views, later=st.floats(0, 10_000))
def test_the_same_answer_holds_until_it_says(view: View, later: float) -> None:
    """Asked again within the span, `admit` says the same, and the span never outlasts the flag."""
    first = admit(view, NOW, "last-known")
    assert first.until <= max(view.fresh_until, NOW) or first.until == NOW
    if NOW + later < first.until:
        again = admit(view, NOW + later, "last-known")
        assert facts_of(again) == facts_of(first)


def facts_of(admission: Admission) -> tuple[Any, ...]:
    return (admission.action, admission.cause, admission.retry_at, admission.is_counted)


@given(view=views)
def test_nobody_is_refused_where_nobody_may_be(view: View) -> None:
    """An operator's CLOSED, shadow mode and the off switch let every call through."""
    calls = admit(replace(view, is_enabled=False), NOW, "last-known")
    assert calls.action is CALL
    if view.circuit is not None and not view.is_stale:
        for known in (
            replace(view.circuit, override=forced(State.CLOSED)),
            replace(view.circuit, policy=SHADOW),
        ):
            assert admit(replace(view, circuit=known), NOW, "last-known").action is not REFUSE
