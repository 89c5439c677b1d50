"""Circuits as people read them: tables and lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, OverflowMethod, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from recloser.circuit import Cause, Circuit, Probes, State, Trip
from recloser.cli.documents import since_ms
from recloser.cli.times import clock, distance, moment
from recloser.control.control import Applied
from recloser.plain_text import printable
from recloser.policy import CallerPolicy, RecoveryPolicy

_COLORS = {State.CLOSED: "green", State.HALF_OPEN: "yellow", State.OPEN: "bold red"}
_URGENCY = (State.OPEN, State.HALF_OPEN, None)  # None: closed by an override
_LONGEST_NAME = 32  # a longer one goes on in the next line
_SHORTEST_REASON = 12
_WIDTH_WITHOUT_TERMINAL = 240  # for grep: a line of the table stays one line


class _SafeConsole(Console):
    """A console on which no text steers the terminal, whoever wrote it and whichever view shows it."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control or segment.text == "\n":
                yield segment
            else:
                yield Segment(_safe(segment.text), segment.style)


def _safe(text: str) -> str:
    return "\n".join(printable(line) for line in text.split("\n"))


def console() -> Console:
    return _SafeConsole(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL)


def circuits_page(circuits: Iterable[Circuit], now_ms: int) -> RenderableType:
    """Show each circuit on a line, those that are not closed first, under a line that counts them."""
    rows = sorted(circuits, key=lambda circuit: (_urgency(circuit, now_ms), circuit.name))
    if not rows:
        return Text("no circuits")
    return Group(_counts(rows, now_ms), _circuits_table(rows, now_ms))


def _circuits_table(circuits: Iterable[Circuit], now_ms: int) -> Table:
    """Show each circuit on a line; where the terminal is narrow, the reason is what is cut."""
    rows = [_circuit_cells(circuit, now_ms) for circuit in circuits]
    headers = ("state", "circuit", "since", "retry", "trips", "why")
    widths = [
        max(map(cell_len, column)) for column in zip(headers, *(map(str, row) for row in rows), strict=True)
    ]
    widths[1] = min(widths[1], _LONGEST_NAME)
    widths[-1] = max(console().width - sum(widths[:-1]) - len(widths) + 1, _SHORTEST_REASON)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for header, width in zip(headers, widths, strict=True):
        table.add_column(header, width=width, no_wrap=header != "circuit", overflow=_overflow(header))
    for row in rows:
        table.add_row(*row)
    return table


def _overflow(header: str) -> OverflowMethod:
    return "fold" if header == "circuit" else "ellipsis"


def _circuit_cells(circuit: Circuit, now_ms: int) -> tuple[Text, ...]:
    seen = circuit.state_for_callers(now_ms)
    return (
        Text(seen, _COLORS[seen]),
        Text(printable(circuit.name)),
        Text(_ago(since_ms(circuit, now_ms), now_ms)),
        Text(_ago(circuit.retry_at_ms, now_ms)),
        Text(str(circuit.trips or "")),
        Text(printable(_why(circuit, now_ms))),
    )


def is_closed(circuit: Circuit, now_ms: int) -> bool:
    """Say whether nothing holds the circuit's calls back, and nobody has to look."""
    return _urgency(circuit, now_ms) == len(_URGENCY)


def _urgency(circuit: Circuit, now_ms: int) -> int:
    seen = circuit.state_for_callers(now_ms)
    if seen in _URGENCY:
        return _URGENCY.index(seen)
    # Closed by an operator over a dependency that fails: closed to callers, and somebody's business.
    return len(_URGENCY) if circuit.active_override(now_ms) is None else len(_URGENCY) - 1


def _counts(circuits: Sequence[Circuit], now_ms: int) -> Text:
    seen = [circuit.state_for_callers(now_ms) for circuit in circuits]
    overridden = sum(circuit.active_override(now_ms) is not None for circuit in circuits)
    states = [(State.OPEN, "open"), (State.HALF_OPEN, "half-open"), (State.CLOSED, "closed")]
    told = ", ".join(f"{seen.count(state)} {word}" for state, word in states)
    return Text(f"{told}; {overridden} overridden", "dim")


def _why(circuit: Circuit, now_ms: int) -> str:
    """Tell in short what holds the circuit as it is: the operator's word, or else the last transition."""
    shadow = "" if CallerPolicy.of(circuit.policy).enforce else "shadow mode (nobody is refused): "
    override = circuit.active_override(now_ms)
    if override is None:
        return shadow + circuit.reason
    underneath = "" if override.state is circuit.state else f", underneath {circuit.state}"
    return f"{shadow}by {override.by}: {override.why} (until {_end(override.until_ms)}{underneath})"


def _end(until_ms: int | None) -> str:
    return "released" if until_ms is None else moment(until_ms)


def circuit_page(circuit: Circuit, probes: Probes | None, defaults: RecoveryPolicy, now_ms: int) -> Group:
    """Show one circuit with all that is known of it."""
    return Group(
        _facts(circuit, probes, now_ms),
        *_trip(circuit, now_ms),
        Text("\nPolicy", style="bold"),
        policy_table(circuit, defaults),
        Text("\nHistory", style="bold"),
        history_table(circuit),
    )


def _trip(circuit: Circuit, now_ms: int) -> list[RenderableType]:
    """Show what began the present or the latest outage."""
    trip = circuit.trip
    if trip is None:
        return []
    table = Table.grid(padding=(0, 2))
    counted = None if trip.calls is None else f"{trip.failures} of {trip.calls} calls failed"
    datapoints = ", ".join(f"{value:g}" for value in trip.datapoints)
    facts = {
        "tripped": _at(trip.at_ms, now_ms),
        "by": _tripped_by(circuit, trip),
        "threshold": None if trip.threshold is None else f"{trip.threshold:g}",
        "datapoints": datapoints and f"{datapoints} (newest first)",
        "counted": counted,
        "in its words": trip.reason,
    }
    for name, fact in facts.items():
        if fact:
            table.add_row(name, Text(printable(str(fact))))
    return [Text("\nThe outage", style="bold"), table]


def _tripped_by(circuit: Circuit, trip: Trip) -> str | None:
    if trip.cause is Cause.FAILURES_REPORTED:
        return f"environments' reports, over the threshold of {circuit.alarm}"
    return circuit.alarm if trip.cause is Cause.ALARM else trip.cause


def history_table(circuit: Circuit) -> RenderableType:
    """Show the transitions, newest first."""
    if not circuit.timeline:
        return Text("no transitions yet")
    offset = f"{datetime.now().astimezone():%z}"
    table = _table(f"at ({offset[:3]}:{offset[3:]})", "to", "why")
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for line in reversed(circuit.timeline):
        often = f" ({line.count} times)" if line.count > 1 else ""
        why = Text(printable(line.reason + often))
        table.add_row(clock(line.at_ms), Text(line.to_state, _COLORS[line.to_state]), why)
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
        return f"{text} until {_end(override.until_ms)}"
    if circuit.state is State.OPEN and circuit.retry_at_ms is not None:
        return f"{text} until probes succeed, the first from {moment(circuit.retry_at_ms)}"
    return text


def _facts(circuit: Circuit, probes: Probes | None, now_ms: int) -> Table:
    table = Table.grid(padding=(0, 2))
    facts: dict[str, str | Text] = {
        "circuit": Text(circuit.name, "bold"),
        "state": _state(circuit, now_ms),
        "since": _at(since_ms(circuit, now_ms), now_ms),
        "reason": Text(printable(circuit.reason)),
        "override": _override(circuit, now_ms),
        "generation": f"{circuit.generation} (revision {circuit.revision})",
        "trips": str(circuit.trips),
        "retry at": _at(circuit.retry_at_ms, now_ms),
        "probe deadline": _at(circuit.deadline_at_ms, now_ms),
        "probes": _probes(probes),
        "alarm": Text(printable(circuit.alarm or "")),
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
    return Text(
        printable(f"{override.state} by {override.by}: {override.why} (until {_end(override.until_ms)})")
    )


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
