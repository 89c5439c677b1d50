"""`recloser alarms` and `recloser alarms tune`: the alarms that trip, as they are and as deployed."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from recloser.cli import documents, views
from recloser.cli.account import Account, TripAlarm
from recloser.cli.alarm_tuning import (
    MINIMUM_SETTING,
    THRESHOLD_SETTING,
    Wanted,
    effective,
    replayed_trips,
    tuned,
)
from recloser.cli.arguments import By, CircuitName, Json, account_of
from recloser.cli.changes import apply
from recloser.cli.choice import require_known
from recloser.cli.group import say, tell
from recloser.cli.identity import caller
from recloser.cli.places import also_after
from recloser.cli.problems import BadInput, Problem
from recloser.control.alarm_circuit import EveryCircuit
from recloser.decide import PolicySet
from recloser.plain_text import printable

app = typer.Typer(help="The alarms that trip circuits: show them, or tune them.")

# By what an alarm of the template is called: the stack's parameters that it was deployed with.
DEPLOYED = {
    "failure-rate-fast": ("FailureThresholdPercent", "MinimumCallsFast"),
    "failure-rate-steady": ("FailureThresholdPercent", "MinimumCallsSteady"),
    "slow-calls": ("SlowSharePercent", "MinimumCallsFast"),
    "any-circuit": ("FailureThresholdPercent", "MinimumCallsSteady"),
}
EVERY = "(every circuit)"


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
        views.console().print(_table(rows))


@app.command()
@also_after
def tune(
    context: typer.Context,
    circuit: CircuitName,
    *,
    threshold: Annotated[
        float | None, typer.Option("--threshold", min=0, max=100, help="Trip above it, percent of calls.")
    ] = None,
    minimum_calls: Annotated[
        int | None, typer.Option("--minimum-calls", min=1, help="Judge no period with fewer calls.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing.")] = False,
    by: By = None,
) -> None:
    """Edit a circuit's failure-rate alarms as the console would, or, where it has none, its policy."""
    if threshold is None and minimum_calls is None:
        raise BadInput("tune", circuit, "--threshold, --minimum-calls or both")
    account = account_of(context)
    require_known(account, circuit)
    wanted = Wanted(threshold, minimum_calls)
    own = [(alarm, new) for alarm in account.trip_alarms if (new := _edited(alarm, circuit, wanted))]
    for alarm, new in own:
        _tell_replayed(account, alarm, new)
        say(f"{alarm.name}: {_told(alarm.described)} -> {_told(new)}")
        if not dry_run:
            account.put_alarm(new)
    if not own:
        _tune_policy(account, circuit, wanted, by, dry_run=dry_run)
    if dry_run:
        say("nothing was changed (--dry-run)")


def _edited(alarm: TripAlarm, circuit: str, wanted: Wanted) -> dict[str, Any] | None:
    return tuned(alarm.described, wanted) if alarm.circuit == circuit else None


def _tune_policy(account: Account, circuit: str, wanted: Wanted, by: str | None, *, dry_run: bool) -> None:
    """Where only the alarm over every circuit watches, its policy says what is too much."""
    if not any(isinstance(alarm.circuit, EveryCircuit) for alarm in account.trip_alarms):
        raise Problem(
            f"no alarm on the failure rate of {circuit} can be tuned: recloser alarms shows which are there"
        )
    settings = dict(account.tables.read(circuit, consistent=True).policy)
    given = {THRESHOLD_SETTING: wanted.threshold_percent, MINIMUM_SETTING: wanted.minimum_calls}
    settings |= {name: value for name, value in given.items() if value is not None}
    say(f"{circuit}: has no failure-rate alarm of its own; its policy is tuned")
    if not dry_run:
        apply(account, [circuit], PolicySet(settings, caller(account, by)))


def _tell_replayed(account: Account, alarm: TripAlarm, new: dict[str, Any]) -> None:
    try:
        before, after = (replayed_trips(account, described) for described in (alarm.described, new))
    except Problem as problem:
        tell(f"note: {alarm.name}: what it would have done is not known: {problem}")
        return
    say(f"{alarm.name}: in the last two hours it tripped {before} times, so tuned {after} times")


def _document(account: Account, alarm: TripAlarm) -> dict[str, Any]:
    limits = effective(alarm.described)
    threshold, minimum = DEPLOYED.get(alarm.name.rpartition(":")[-1], (None, None))
    return {
        "alarm": alarm.name,
        "circuit": alarm.circuit if isinstance(alarm.circuit, str) else None,
        "state": alarm.described["StateValue"],
        "threshold_percent": limits.threshold_percent,
        "minimum_calls": limits.minimum_calls,
        "deployed_threshold_percent": _parameter(account, threshold),
        "deployed_minimum_calls": _parameter(account, minimum),
        "problem": alarm.problem,
    }


def _parameter(account: Account, name: str | None) -> float | None:
    text = account.parameters.get(name or "")
    return None if text is None else float(text)


def _table(rows: list[dict[str, Any]]) -> Table | Text:
    if not rows:
        return Text("no alarms on the namespace of the stack")
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for header in ("state", "alarm", "circuit", "threshold", "deployed", "minimum", "deployed"):
        table.add_column(header, overflow="fold")
    for row in rows:
        table.add_row(
            row["state"],
            Text(printable(row["alarm"])),
            Text(row["circuit"] or EVERY),
            _number(row["threshold_percent"], " %"),
            _number(row["deployed_threshold_percent"], " %"),
            _number(row["minimum_calls"]),
            _number(row["deployed_minimum_calls"]),
        )
    return table


def _told(described: dict[str, Any]) -> str:
    limits = effective(described)
    return f"{_number(limits.threshold_percent, ' %')} of at least {_number(limits.minimum_calls)} calls"


def _number(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:g}{unit}"
