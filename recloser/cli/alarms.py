"""`recloser alarms` and `recloser alarms tune`: the alarms that trip, as they are and as deployed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from recloser.cli import documents, views
from recloser.cli.account import Account, TripAlarm
from recloser.cli.alarm_tuning import (
    MINIMUM_SETTING,
    THRESHOLD_SETTING,
    Variant,
    Wanted,
    effective,
    told,
    variants,
)
from recloser.cli.arguments import By, CircuitName, Json, MinimumCalls, Threshold, account_of
from recloser.cli.choice import require_known
from recloser.cli.deployed_limits import deployed_limits
from recloser.cli.group import say, tell
from recloser.cli.identity import caller
from recloser.cli.places import also_after
from recloser.cli.problems import BadInput, Problem
from recloser.cli.replay import REPLAYED_HOURS, Trips, replayed_trips
from recloser.plain_text import printable
from recloser.signals import PolicySet

app = typer.Typer(help="The alarms that trip circuits: show them, or tune them.")

EVERY = "every circuit"
STATES = {"INSUFFICIENT_DATA": "no data"}


@app.callback(invoke_without_command=True)
@also_after
def alarms(context: typer.Context, *, as_json: Json = False) -> None:
    """Show the alarms that trip circuits: what they say now, and what was deployed."""
    if context.invoked_subcommand is not None:
        return
    account = account_of(context)
    rows = [_document(account, alarm) for alarm in account.trip_alarms]
    if as_json:
        documents.print_json(rows)
    else:
        views.console().print(_table(rows, account.stack.alarm_prefix))


@app.command()
@also_after
def tune(
    context: typer.Context,
    circuit: CircuitName,
    *,
    threshold: Threshold = None,
    minimum_calls: MinimumCalls = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing.")] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Edit a circuit's failure-rate alarms as the console would, or, where it has none, its policy.

    It first shows what the last two hours would have been.
    """
    wanted = Wanted(threshold, minimum_calls)
    if not wanted.is_something:
        raise BadInput("tune", circuit, "--threshold, --minimum-calls or both")
    account = account_of(context)
    require_known(account, circuit)
    found = variants(account, circuit, wanted)
    replays = [_replayed(account, circuit, each) for each in found]
    if not as_json:
        for each, replay in zip(found, replays, strict=True):
            _say(circuit, each, replay)
    if not dry_run:
        _change(account, circuit, found, wanted, by)
    if as_json:
        shown = [_tuned(each, replay) for each, replay in zip(found, replays, strict=True)]
        documents.print_json({"circuit": circuit, "changed": not dry_run, "alarms": shown})
    elif dry_run:
        say("nothing was changed (--dry-run)")


def _replayed(account: Account, circuit: str, variant: Variant) -> Trips | Problem:
    try:
        return replayed_trips(account, circuit, variant.before, variant.after)
    except Problem as problem:
        return problem


def _say(circuit: str, variant: Variant, replay: Trips | Problem) -> None:
    if isinstance(replay, Problem):
        tell(f"note: {variant.alarm}: what it would have done is not known: {replay}")
    else:
        hours = f"in the last {REPLAYED_HOURS} hours"
        say(f"{variant.alarm}: {hours} it tripped {_times(replay.before)}, so tuned {_times(replay.after)}")
    wanted_percent = effective(variant.after).threshold_percent
    if wanted_percent is not None and wanted_percent < variant.looks_from_percent:
        tell(
            f"note: {variant.alarm} looks at circuits from {variant.looks_from_percent:g} % on: "
            f"below that the policy of {circuit} has no effect on it"
        )
    what = variant.alarm if variant.is_own else f"{variant.alarm}, by the policy of {circuit}"
    say(f"{what}: {told(variant.before)} -> {told(variant.after)}")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times" if count else "never"


def _tuned(variant: Variant, replay: Trips | Problem) -> dict[str, Any]:
    if isinstance(replay, Problem):
        replayed: dict[str, Any] = {
            "replayed_hours": None,
            "trips": None,
            "not_replayed_because": str(replay),
        }
    else:
        replayed = {"replayed_hours": REPLAYED_HOURS, "trips": asdict(replay), "not_replayed_because": None}
    return {
        "alarm": variant.alarm,
        "by_policy": not variant.is_own,
        "before": asdict(effective(variant.before)),
        "after": asdict(effective(variant.after)),
    } | replayed


def _change(account: Account, circuit: str, found: Sequence[Variant], wanted: Wanted, by: str | None) -> None:
    if not found[0].is_own:
        _change_policy(account, circuit, wanted, by)
        return
    edited: list[str] = []
    for each in found:
        try:
            account.put_alarm(each.after)
        except Problem as problem:
            done = f"; edited already: {', '.join(edited)}" if edited else ""
            raise Problem(f"alarm {each.alarm} was not edited: {problem}{done}") from problem
        edited.append(each.alarm)


def _change_policy(account: Account, circuit: str, wanted: Wanted, by: str | None) -> None:
    """Where only the alarm over every circuit watches, its policy says what is too much."""
    settings = dict(account.tables.read(circuit, consistent=True).policy)
    given = {THRESHOLD_SETTING: wanted.threshold_percent, MINIMUM_SETTING: wanted.minimum_calls}
    settings |= {name: value for name, value in given.items() if value is not None}
    account.control.apply(circuit, PolicySet(settings, caller(account, by)))


def _document(account: Account, alarm: TripAlarm) -> dict[str, Any]:
    limits = effective(alarm.described)
    deployed = deployed_limits(account, alarm.name)
    return {
        "alarm": alarm.name,
        "circuit": alarm.circuit if isinstance(alarm.circuit, str) else None,
        "state": alarm.described["StateValue"],
        "threshold_percent": limits.threshold_percent,
        "minimum_calls": limits.minimum_calls,
        "deployed_threshold_percent": deployed.threshold_percent,
        "deployed_minimum_calls": deployed.minimum_calls,
        "problem": alarm.problem,
    }


def _table(rows: list[dict[str, Any]], prefix: str) -> Table | Text:
    """Show an alarm on a line; the stack's prefix is left out, and a circuit that the name tells."""
    if not rows:
        return Text("no alarms on the namespace of the stack")
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for header in ("state", "alarm", "asks for", "deployed"):
        table.add_column(header, overflow="fold", no_wrap=header == "state")
    for row in rows:
        name, circuit = row["alarm"].removeprefix(prefix), row["circuit"] or EVERY
        shown = name if circuit in name or circuit == EVERY else f"{name} ({circuit})"
        asked = _asked(row["threshold_percent"], row["minimum_calls"])
        deployed = _asked(row["deployed_threshold_percent"], row["deployed_minimum_calls"])
        state = STATES.get(row["state"], row["state"])
        table.add_row(
            Text(state, "bold red" if state == "ALARM" else ""), Text(printable(shown)), asked, deployed
        )
    return table


def _asked(threshold: float | None, minimum: int | None) -> str:
    parts = [_number(threshold, " %"), "" if minimum is None else f"of {minimum} calls"]
    return " ".join(part for part in parts if part)


def _number(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:g}{unit}"
