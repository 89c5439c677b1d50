"""Checks of the table: overrides without an end, shadow mode, broken items, wrong times."""

from __future__ import annotations

from collections.abc import Iterator

from recloser.cli.account import Account
from recloser.cli.doctor.findings import Finding
from recloser.cli.times import distance, moment
from recloser.control.control import wall_clock_ms
from recloser.plain_text import printable
from recloser.policy import CallerPolicy, PolicyError
from recloser.store.rows import Item, decode, decode_circuit

AHEAD_MS = 10_000
OVERDUE_MS = 180_000


def check_stored_circuits(account: Account) -> Iterator[Finding]:
    """Look at every item of the circuit table."""
    now_ms = wall_clock_ms()
    for item in account.stored_items():
        name = printable(str(decode(item["circuit"])))
        yield from _check_item(name, item, now_ms)
        yield from _check_policy(account, name, item)


def _check_policy(account: Account, name: str, item: Item) -> Iterator[Finding]:
    """Find settings that are allowed by themselves, and do not go with the stack's defaults."""
    own = decode_circuit(name, item)[0].policy
    try:
        account.deployment.defaults.with_overrides(own)
    except PolicyError as error:
        yield Finding(
            "policies",
            name,
            f"its policy does not go with the stack's defaults: {error}",
            "the defaults hold instead of what somebody set",
            f"recloser policy {name} --unset ..., or set both",
        )


def _check_item(name: str, item: Item, now_ms: int) -> Iterator[Finding]:
    circuit, problems = decode_circuit(name, item)
    for problem in problems:
        yield Finding(
            "stored items",
            name,
            f"its stored item is not understood: {problem}",
            "the safe default is taken instead of what somebody wrote",
            f"recloser policy {name} --clear, or recloser forget {name} --force",
        )
    override = circuit.active_override(now_ms)
    if override is not None and override.until_ms is None:
        yield Finding(
            "overrides",
            name,
            f"forced {override.state} by {override.by} since {moment(override.at_ms)}, without an end",
            "alarms and probes change nothing for callers until somebody releases it",
            f"recloser release {name}",
        )
    if not CallerPolicy.of(circuit.policy).enforce:
        yield Finding(
            "shadow mode",
            name,
            "its policy has enforce=false",
            "when it trips, calls are counted and not refused",
            f"recloser policy {name} --unset enforce",
        )
    if circuit.changed_at_ms > now_ms + AHEAD_MS:
        yield Finding(
            "clocks",
            name,
            f"it was written {distance(circuit.changed_at_ms, now_ms)}, by the writer's clock",
            "waits and overrides end too late where clocks differ",
            "set the clock of this machine, or of whoever wrote the item",
        )
    due_at_ms = circuit.due_at_ms
    if due_at_ms is not None and due_at_ms < now_ms - OVERDUE_MS:
        yield Finding(
            "schedule",
            name,
            f"it was due {distance(due_at_ms, now_ms)}",
            "start_recovery does not run: overrides do not expire and alarms that are deaf stay so",
            "enable the rule of the function start_recovery, and look at its log",
        )
