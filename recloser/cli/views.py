"""Circuits as people read them: tables and lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from recloser.circuit import Circuit, Probes, State
from recloser.cli.documents import since_ms
from recloser.cli.times import distance, moment
from recloser.control.control import Applied
from recloser.policy import CallerPolicy, RecoveryPolicy

_COLORS = {State.CLOSED: "green", State.HALF_OPEN: "yellow", State.OPEN: "bold red"}
_WIDTH_WITHOUT_TERMINAL = 240  # for grep: a line of the table stays one line


def console() -> Console:
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL)


def circuits_table(circuits: Iterable[Circuit], now_ms: int) -> Table:
    """Show every circuit on a line."""
    table = _table("circuit", "state", "since", "generation", "trips", "retry at", "override", "reason")
    for circuit in circuits:
        table.add_row(
            Text(circuit.name),
            _state(circuit, now_ms),
            _ago(since_ms(circuit, now_ms), now_ms),
            str(circuit.generation),
            str(circuit.trips),
            _ago(circuit.retry_at_ms, now_ms),
            _override(circuit, now_ms),
            Text(circuit.reason),
        )
    return table


def circuit_page(circuit: Circuit, probes: Probes | None, defaults: RecoveryPolicy, now_ms: int) -> Group:
    """Show one circuit with all that is known of it."""
    return Group(
        _facts(circuit, probes, now_ms),
        Text("\nPolicy", style="bold"),
        policy_table(circuit, defaults),
        Text("\nHistory", style="bold"),
        history_table(circuit),
    )


def history_table(circuit: Circuit) -> RenderableType:
    """Show the transitions, newest first."""
    if not circuit.history:
        return Text("no transitions yet")
    table = _table("at", "from", "to", "generation", "reason")
    for line in reversed(circuit.history):
        states = (Text(state, _COLORS[state]) for state in (line.from_state, line.to_state))
        table.add_row(moment(line.at_ms), *states, str(line.generation), Text(line.reason))
    return table


def policy_table(circuit: Circuit, defaults: RecoveryPolicy) -> Table:
    """Show the policy in force, and where each value comes from."""
    table = _table("setting", "value", "from")
    for name, default in (asdict(defaults) | asdict(CallerPolicy())).items():
        own = name in circuit.policy
        value = circuit.policy[name] if own else default
        style = "bold" if own else ""
        source = f"this circuit (default {value_text(default)})" if own else "default"
        table.add_row(Text(name, style), Text(value_text(value), style), Text(source, style))
    return table


def value_text(value: object) -> str:
    """Write a setting's value as the command takes it."""
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def outcome(applied: Applied, now_ms: int) -> str:
    """Say on one line what was decided."""
    circuit, reason = applied.circuit, applied.decision.reason
    if applied.decision.circuit is None:
        return f"{circuit.name}: nothing changed: {reason}"
    return f"{circuit.name}: {reason}; {_callers_see(circuit, now_ms)}"


def _callers_see(circuit: Circuit, now_ms: int) -> str:
    text = f"callers see {circuit.state_for_callers(now_ms)}"
    override = circuit.active_override(now_ms)
    if override is not None:
        return f"{text} until {'released' if override.until_ms is None else moment(override.until_ms)}"
    if circuit.state is State.OPEN and circuit.retry_at_ms is not None:
        return f"{text} until probes succeed, the first from {moment(circuit.retry_at_ms)}"
    return text


def _facts(circuit: Circuit, probes: Probes | None, now_ms: int) -> Table:
    table = Table.grid(padding=(0, 2))
    facts: dict[str, str | Text] = {
        "circuit": Text(circuit.name, "bold"),
        "state": _state(circuit, now_ms),
        "since": _at(since_ms(circuit, now_ms), now_ms),
        "reason": Text(circuit.reason),
        "override": _override(circuit, now_ms),
        "generation": f"{circuit.generation} (revision {circuit.revision})",
        "trips": str(circuit.trips),
        "retry at": _at(circuit.retry_at_ms, now_ms),
        "probe deadline": _at(circuit.deadline_at_ms, now_ms),
        "probes": _probes(probes),
        "alarm": Text(circuit.alarm or ""),
    }
    for name, fact in facts.items():
        table.add_row(name, fact or Text("-"))
    return table


def _state(circuit: Circuit, now_ms: int) -> Text:
    seen = circuit.state_for_callers(now_ms)
    text = Text(seen, _COLORS[seen])
    if seen is not circuit.state:
        text.append(f" (underneath {circuit.state})", "dim")
    if not CallerPolicy.of(circuit.policy).enforce:
        text.append(" (shadow: nobody is refused)", "dim")
    return text


def _override(circuit: Circuit, now_ms: int) -> Text:
    override = circuit.active_override(now_ms)
    if override is None:
        return Text()
    until = "released" if override.until_ms is None else moment(override.until_ms)
    return Text(f"{override.state} by {override.by}: {override.why} (until {until})")


def _probes(probes: Probes | None) -> str:
    if probes is None:
        return "no permits in this generation"
    counts = {
        "succeeded": len(probes.succeeded),
        "failed": len(probes.failed),
        "given back": len(probes.returned),
        "out": probes.out,
    }
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"{probes.granted} of {probes.allowed} permits granted: {told}"


def _ago(at_ms: int | None, now_ms: int) -> str:
    return "" if at_ms is None else distance(at_ms, now_ms)


def _at(at_ms: int | None, now_ms: int) -> str:
    return "" if at_ms is None else f"{moment(at_ms)} ({distance(at_ms, now_ms)})"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
