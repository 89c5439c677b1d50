"""The limits that the template's alarms were deployed with: the stack's parameters."""

from __future__ import annotations

from recloser.cli.account import Account
from recloser.cli.alarm_tuning import Wanted

# By what an alarm of the template is called: the stack's parameters that it was deployed with.
_PARAMETERS = {
    "failure-rate-fast": ("FailureThresholdPercent", "MinimumCallsFast"),
    "failure-rate-steady": ("FailureThresholdPercent", "MinimumCallsSteady"),
    "slow-calls": ("SlowSharePercent", "MinimumCallsFast"),
    "any-circuit": ("FailureThresholdPercent", "MinimumCallsSteady"),
    "any-circuit-slow": ("SlowSharePercent", "MinimumCallsSteady"),
}


def deployed_limits(account: Account, alarm: str) -> Wanted:
    """Return what the stack's parameters say of an alarm; None: nothing, as of one that was made manually."""
    own = alarm.startswith(account.stack.alarm_prefix)
    threshold, minimum = _PARAMETERS.get(alarm.rpartition(":")[-1], (None, None)) if own else (None, None)
    calls = _number(account, minimum)
    return Wanted(_number(account, threshold), None if calls is None else int(calls))


def _number(account: Account, name: str | None) -> float | None:
    text = account.parameters.get(name or "")
    return None if text is None else float(text)
