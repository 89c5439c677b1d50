"""The caller's idea: what becomes of a call.

`admit` is a pure function over frozen data. It reads no clock, asks no table, logs nothing. The guard in
`recloser.caller` collects a `View`, asks, does what the answer says, and remembers the answer for its span.

The first row that fits counts:

| what is known                                             | answer |
|-----------------------------------------------------------|--------|
| Recloser is switched off                                  | call, unprotected |
| the flag cannot be read: no last state, or "allow"        | call, unprotected |
| the flag cannot be read: "refuse"                         | refuse |
| an operator holds the circuit closed                      | call |
| an operator holds the circuit open                        | refuse until the override ends |
| CLOSED, shadow mode                                       | call |
| CLOSED, a local trip holds in this process                | refuse until it ends |
| CLOSED, a local trip has just ended                       | call: the trial |
| CLOSED, the ramp after a close leaves this call out       | refuse |
| CLOSED                                                    | call |
| OPEN or HALF_OPEN, retry_at has come, it may claim        | probe; without a permit: refuse |
| OPEN or HALF_OPEN                                         | refuse |

A flag that is stale counts like a fresh one where "last-known" is chosen; its calls are unprotected. Calls
beside a probe or trial of this process go along with it where `may_join` says so. In shadow mode a refusal
is a call that is not counted. All times are epoch seconds.
"""

from __future__ import annotations

import math
from enum import Enum

from recloser.circuit import Cause, Circuit, State
from recloser.frozen import dataclass, replace
from recloser.policy import CallerPolicy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

_AS_SHIPPED = CallerPolicy()

OnStoreError: TypeAlias = 'Literal["last-known", "allow", "refuse"]'

# How far the clocks of a caller and of a writer may be apart.
CLOCKS_APART_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class View:
    """What a process knows about a circuit at one moment.

    Attributes:
        circuit: the last snapshot that was read; None: the table has never answered.
        fresh_until: when the flag must be read again, epoch seconds.
        is_stale: the last attempt to read failed.
        is_enabled: whether Recloser is switched on in this process.
        held_from, held_until: the span in which this process holds its calls back, epoch seconds.
        failed_lately: one of the last counted calls of this process has failed.
        is_trial_due: a hold has ended, and nobody has tried the dependency since.
        claim_from: when this process may claim a permit, epoch seconds.
        may_join: a probe or trial of this process runs, and this call may go along with it.
        drawn: a random number from 0 to 1.

    """

    circuit: Circuit | None
    fresh_until: float = math.inf
    is_stale: bool = False
    is_enabled: bool = True
    held_from: float = 0.0
    held_until: float = 0.0
    failed_lately: bool = False
    is_trial_due: bool = False
    claim_from: float = 0.0
    may_join: bool = False
    drawn: float = 0.5


class Action(Enum):
    """What to do with a call."""

    CALL = "call"
    PROBE = "probe"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Admission:
    """What becomes of a call.

    Attributes:
        action: call, probe (claim a permit first), or refuse.
        until: the same answer holds for other calls until then, epoch seconds; now or earlier: for this
            one only.
        cause: why it is refused, or would be.
        retry_at: refused: when asking again makes sense, epoch seconds; None: only an operator can tell.
        is_counted: its outcome belongs in the failure rate.
        is_trial: it is the one call after a local hold.
        is_unprotected: it goes through because the flag could not be read; publish `Unprotected`.
        is_rejected: it is refused, or would be but for shadow mode; publish `Rejected`.
        otherwise: a probe: what becomes of the call when no permit is to be had.

    """

    action: Action
    until: float
    cause: Cause | None = None
    retry_at: float | None = None
    is_counted: bool = True
    is_trial: bool = False
    is_unprotected: bool = False
    is_rejected: bool = False
    otherwise: Admission | None = None


def admit(view: View, now: float, on_store_error: OnStoreError) -> Admission:
    """Say what becomes of a call.

    Args:
        view: what the process knows.
        now: epoch seconds.
        on_store_error: what to do when the flag cannot be read: go by the "last-known" state, "allow",
            "refuse".

    """
    circuit = view.circuit
    if not view.is_enabled:
        return Admission(Action.CALL, until=now, is_unprotected=True)
    if view.is_stale and (circuit is None or on_store_error != "last-known"):
        if on_store_error == "refuse":
            return _refuse(Cause.UNREADABLE_FLAG, retry_at=view.fresh_until, until=now)
        return Admission(Action.CALL, until=now, is_unprotected=True)
    admission = _by_state(view, circuit or Circuit("unknown"), now)
    if view.is_stale and admission.action is Action.CALL and not admission.is_rejected:
        return replace(admission, until=now, is_unprotected=True)
    if admission.until > view.fresh_until:
        return replace(admission, until=view.fresh_until)
    return admission


def _by_state(view: View, circuit: Circuit, now: float) -> Admission:
    policy = CallerPolicy.of(circuit.policy) if circuit.policy else _AS_SHIPPED
    override = None if circuit.override is None else circuit.active_override(int(now * 1000))
    if override is not None:
        ends = math.inf if override.until_ms is None else override.until_ms / 1000
        if override.state is State.CLOSED:
            return Admission(Action.CALL, until=ends)
        retry_at = None if override.until_ms is None else ends
        return _enforced(policy, _refuse(Cause.OPERATOR, retry_at=retry_at, until=ends))
    if circuit.state is State.CLOSED:
        return _closed(view, circuit, policy, now)
    return _enforced(policy, _not_closed(view, circuit, now))


def _closed(view: View, circuit: Circuit, policy: CallerPolicy, now: float) -> Admission:
    if not policy.enforce:
        return Admission(Action.CALL, until=math.inf)
    # Bounded below, too: a clock that was set back must not make the hold longer.
    if view.held_from <= now < view.held_until:
        if view.may_join:
            return Admission(Action.CALL, until=now)
        return _refuse(Cause.LOCAL_TRIP, retry_at=view.held_until, until=view.held_until)
    if view.is_trial_due:
        return Admission(Action.CALL, until=now, is_trial=True)
    until = now if view.failed_lately else view.fresh_until
    if view.held_from > now:
        until = min(until, view.held_from)
    if not policy.ramp_seconds or circuit.closed_at_ms is None:
        return Admission(Action.CALL, until=until)
    since_close = now - circuit.closed_at_ms / 1000
    if since_close >= policy.ramp_seconds:
        return Admission(Action.CALL, until=until)
    ahead = -since_close - CLOCKS_APART_SECONDS
    if ahead > 0:
        # A close that lies so far ahead was written by a wrong clock: it must not keep calls out.
        return Admission(Action.CALL, until=min(until, now + ahead))
    if view.drawn >= since_close / policy.ramp_seconds:
        return _refuse(Cause.RAMP, retry_at=now, until=now)
    return Admission(Action.CALL, until=now)


def _not_closed(view: View, circuit: Circuit, now: float) -> Admission:
    retry_at = (circuit.retry_at_ms or 0) / 1000
    claim_from = max(retry_at, view.claim_from)
    refused = _refuse(circuit.cause, retry_at=retry_at, until=claim_from)
    if view.may_join:
        return Admission(Action.CALL, until=now, is_counted=False)
    if now >= claim_from:
        return Admission(Action.PROBE, until=now, is_counted=False, otherwise=replace(refused, until=now))
    return refused


def _refuse(cause: Cause | None, *, retry_at: float | None, until: float) -> Admission:
    return Admission(
        Action.REFUSE, until=until, cause=cause, retry_at=retry_at, is_counted=False, is_rejected=True
    )


def _enforced(policy: CallerPolicy, admission: Admission) -> Admission:
    """In shadow mode nobody is refused: what would have been is called, and not counted."""
    if policy.enforce:
        return admission
    if admission.action is Action.REFUSE:
        return replace(admission, action=Action.CALL, until=0.0)
    if admission.otherwise is not None:
        return replace(admission, otherwise=_enforced(policy, admission.otherwise))
    return admission
