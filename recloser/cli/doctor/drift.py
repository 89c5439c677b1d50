"""What operators tuned since the stack was deployed."""

from __future__ import annotations

from collections.abc import Iterator

from recloser.cli.account import Account
from recloser.cli.alarm_tuning import effective
from recloser.cli.deployed_limits import deployed_limits
from recloser.cli.doctor.findings import Finding


def check_drift(account: Account) -> Iterator[Finding]:
    """Compare what the template's alarms ask for with what they were deployed with."""
    for alarm in account.trip_alarms:
        now, then = effective(alarm.described), deployed_limits(account, alarm.name)
        told = [
            f"{what} {value:g} (deployed: {deployed:g})"
            for what, value, deployed in (
                ("threshold %", now.threshold_percent, then.threshold_percent),
                ("minimum of calls", now.minimum_calls, then.minimum_calls),
            )
            if value is not None and deployed is not None and value != deployed
        ]
        if told:
            yield Finding(
                "drift",
                alarm.name,
                f"it was tuned since it was deployed: {', '.join(told)}",
                "a deployment that changes the alarm's own properties sets it back",
                "carry what has proved right into the stack's parameters",
                is_problem=False,
            )
