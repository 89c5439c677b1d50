"""How a run is shown while it happens: a panel in a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from recloser import State
from recloser.lab.demo.observer import Observer, Outcome, Record, Status, status

STATE_STYLES = {State.CLOSED: "bold green", State.HALF_OPEN: "bold yellow", State.OPEN: "bold red"}
OUTCOME_STYLES = {
    Outcome.SUCCEEDED: "green",
    Outcome.FAILED: "red",
    Outcome.HELD: "white",
    Outcome.REFUSED: "bright_black",
}
STRIP_SECONDS = 60
NEWS_LINES = 6
STATUS_EVERY_SECONDS = 5.0


class View(AbstractContextManager["View"], Protocol):
    """Shows a run."""

    def show(self) -> None:
        """Show the present moment."""


def view(console: Console, observer: Observer) -> View:
    """The view that suits where the output goes."""
    return _Panel(console, observer) if console.is_terminal else _Lines(console, observer)


class _Panel:
    def __init__(self, console: Console, observer: Observer) -> None:
        self._observer = observer
        self._live = Live(console=console, refresh_per_second=8, transient=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self) -> None:
        now_ms = time.time_ns() // 1_000_000
        moment = status(self._observer, now_ms)
        record = self._observer.record()
        self._live.update(
            Panel(
                Group(_facts(moment), Text(), _strip(record, now_ms), Text(), _news_block(record)),
                title=f"circuit {moment.circuit.name}",
                subtitle=moment.next,
                width=min(96, self._live.console.width),
                border_style=STATE_STYLES[moment.circuit.state],
            )
        )


class _Lines:
    """One line for each piece of news, and one for the moment every few seconds."""

    def __init__(self, console: Console, observer: Observer) -> None:
        self._console = console
        self._observer = observer
        self._told: set[tuple[int, str]] = set()
        self._status_due = time.monotonic() + STATUS_EVERY_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tell()

    def show(self) -> None:
        self._tell()
        if time.monotonic() >= self._status_due:
            self._status_due += STATUS_EVERY_SECONDS
            self._print(_line(status(self._observer, time.time_ns() // 1_000_000)))

    def _tell(self) -> None:
        # What is seen late may belong before what was told already.
        untold = [line for line in news(self._observer.record()) if line not in self._told]
        self._told.update(untold)
        for _, text in untold:
            self._print(text)

    def _print(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def news(record: Record) -> list[tuple[int, str]]:
    """What happened, as lines, oldest first; probes that succeeded are only counted elsewhere."""
    lines = [(phase.at_ms, f"the dependency is {phase.name}") for phase in record.phases]
    lines += [
        (line.at_ms, f"{line.from_state} -> {line.to_state}: {line.reason}")
        for line in record.transitions
        if line.from_state is not line.to_state
    ]
    lines += [(change.at_ms, f"alarm {change.alarm} is {change.value}") for change in record.alarms]
    lines += [(probe.at_ms, "a probe failed") for probe in record.probes if probe.failed]
    return [(at_ms, f"{_clock(at_ms)}  {text}") for at_ms, text in sorted(lines)]


def _facts(moment: Status) -> Table:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bright_black")
    facts.add_column()
    facts.add_row("dependency", moment.phase.name if moment.phase else "starting")
    facts.add_row("state", Text(moment.circuit.state, STATE_STYLES[moment.circuit.state]))
    facts.add_row("alarms", Text(", ".join(moment.raised), "red") if moment.raised else "none in ALARM")
    facts.add_row("failure rate, 10 s", _rate(moment))
    calls = Text()
    for outcome in Outcome:
        calls.append(f"{moment.outcomes[outcome]} {outcome}   ", OUTCOME_STYLES[outcome])
    facts.add_row("calls", calls)
    facts.add_row("probes", _probes(moment))
    return facts


def _strip(record: Record, now_ms: int) -> Text:
    """One mark for each of the last seconds: the worst that a caller got in it."""
    worst = (Outcome.FAILED, Outcome.REFUSED, Outcome.HELD, Outcome.SUCCEEDED)
    seconds: dict[int, Counter[Outcome]] = {}
    for call in record.calls:
        seconds.setdefault((now_ms - call.at_ms) // 1000, Counter())[call.outcome] += 1
    strip = Text("calls, last minute  ", "bright_black")
    for ago in reversed(range(STRIP_SECONDS)):
        found = next((outcome for outcome in worst if seconds.get(ago, Counter())[outcome]), None)
        strip.append("█" if found else "·", OUTCOME_STYLES[found] if found else "bright_black")
    return strip


def _news_block(record: Record) -> Text:
    lines = [text for _, text in news(record)][-NEWS_LINES:]
    return Text("\n".join(lines + [""] * (NEWS_LINES - len(lines))), no_wrap=True, overflow="ellipsis")


def _line(moment: Status) -> str:
    counts = ", ".join(f"{moment.outcomes[outcome]} {outcome}" for outcome in Outcome)
    return (
        f"{_clock(moment.at_ms)}  [{moment.circuit.state}] failure rate {_rate(moment)}; calls: {counts}; "
        f"probes: {_probes(moment)}; next: {moment.next}"
    )


def _rate(moment: Status) -> str:
    return "no calls counted" if moment.failure_rate is None else f"{100 * moment.failure_rate:.0f} %"


def _probes(moment: Status) -> str:
    return f"{moment.probes_succeeded} succeeded, {moment.probes_failed} failed"


def _clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000).astimezone().strftime("%H:%M:%S")
