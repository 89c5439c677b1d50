"""Replays alarms on a circuit's failures over the account's metrics of the last hours.

The packages that this needs come with the extra `lab`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recloser.cli.account import Account
from recloser.cli.aws_problems import aws_problems
from recloser.cli.problems import Problem
from recloser.cli.times import moment

if TYPE_CHECKING:
    from recloser.lab.backtest.account_metrics import Progress
    from recloser.lab.backtest.inputs import Inputs

REPLAYED_HOURS = 2  # CloudWatch keeps periods below a minute for three hours


def last_hours() -> tuple[int, int]:
    """Return from when to when the last hours are replayed, epoch milliseconds."""
    now_ms = time.time_ns() // 1_000_000
    return now_ms - REPLAYED_HOURS * 3600 * 1000, now_ms


@dataclass(frozen=True, slots=True)
class Trips:
    """How often an alarm tripped, as it is and as it would be."""

    before: int
    after: int


def replayed_trips(account: Account, circuit: str, before: dict[str, Any], after: dict[str, Any]) -> Trips:
    """Count how often an alarm would have tripped in the last hours, as it is and as it would be.

    Raises:
        Problem: the extra `lab` is not installed, or there are no data.

    """
    try:
        from recloser.lab.backtest.backtest import Settings, backtest  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise Problem(
            f"it needs {error.name}, which is not installed: pip install 'recloser[lab]'"
        ) from error
    span_ms = last_hours()
    inputs = replay_inputs(account, circuit, [before, after | {"AlarmName": "tuned"}], span_ms)
    first, second = backtest(inputs.alarms, inputs.samples, Settings(*span_ms))
    return Trips(first.trips, second.trips)


def replay_inputs(
    account: Account,
    circuit: str,
    definitions: Sequence[dict[str, Any]],
    span_ms: tuple[int, int],
    progress: Progress = lambda _done, _total: None,
) -> Inputs:
    """Read what alarms need to be replayed; those that CloudWatch keeps too few data for are left out.

    Raises:
        Problem: none can be replayed, or there are no data.

    """
    from recloser.lab.backtest.account_metrics import (  # noqa: PLC0415
        AccountError,
        check_retention,
        read_account_metrics,
    )
    from recloser.lab.backtest.alarm_files import LeftOut, alarm_of  # noqa: PLC0415
    from recloser.lab.backtest.inputs import Inputs, together  # noqa: PLC0415
    from recloser.lab.cloudwatch import InvalidAlarmError  # noqa: PLC0415

    client, now_ms = account.client("cloudwatch"), time.time_ns() // 1_000_000
    alarms, left_out = [], []
    for definition in definitions:
        try:
            alarm = alarm_of(definition)
            check_retention(alarm, span_ms[0], now_ms)
        except (InvalidAlarmError, AccountError) as error:
            left_out.append(LeftOut(str(definition["AlarmName"]), str(error)))
        else:
            alarms.append(alarm)
    if not alarms:
        raise Problem(left_out[0].problem)
    with aws_problems("CloudWatch"):
        data = read_account_metrics(client, alarms, span_ms, now_ms, progress)
    if not data.samples:
        raise Problem(
            f"no data: CloudWatch has no calls of {circuit} "
            f"between {moment(span_ms[0])} and {moment(span_ms[1])}"
        )
    return Inputs(together([], data.alarms), data.samples, [], left_out)
