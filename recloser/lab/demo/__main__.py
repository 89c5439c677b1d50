"""`python -m recloser.lab.demo`: watch a deployed breaker trip on a real outage and recover."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from recloser.lab.demo import report, timeline
from recloser.lab.demo.callers import CallerError, Callers
from recloser.lab.demo.live_view import view
from recloser.lab.demo.local import stay_up
from recloser.lab.demo.observer import Observer
from recloser.lab.demo.scenario import Timing, play
from recloser.lab.local_aws.deployment import DeploymentError
from recloser.lab.local_aws.emulator import EmulatorError
from recloser.lab.local_aws.local_aws import LocalAws
from recloser.store.dynamodb import DynamoDBTables

CIRCUIT = "payments-api"


def main(
    callers: Annotated[
        int, typer.Option(min=1, max=32, help="Execution environments that call at once.")
    ] = 6,
    every: Annotated[
        float, typer.Option(min=0.1, max=5, help="Seconds from one round of calls to the next.")
    ] = 0.5,
    output: Annotated[Path, typer.Option(help="Folder for report.json and timeline.png.")] = Path(
        "build/demo"
    ),
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Stay up afterwards, until Ctrl-C.")] = False,
) -> None:
    """Deploy Recloser to a local AWS, break a dependency, and watch the circuit open and close."""
    logging.basicConfig(level=logging.ERROR)
    console = Console()
    try:
        sys.exit(_run(console, callers, every, output, keep=keep))
    except (CallerError, DeploymentError, EmulatorError) as problem:
        console.print(f"failed: {problem}", style="red", markup=False, highlight=False)
        sys.exit(1)


def _run(console: Console, callers: int, every_seconds: float, output: Path, *, keep: bool) -> int:
    observer = Observer(CIRCUIT)
    started = time.monotonic()
    with LocalAws(
        [],  # no template names the circuit: it is watched from its first call
        progress=lambda what: console.print(f"{what} ..."),
        on_sample=observer.see_sample,
        on_alarm_event=observer.see_alarm_event,
    ) as aws:
        console.print(f"the stack stands after {time.monotonic() - started:.0f} s; {callers} callers begin")
        _watch(aws, observer, console, callers, every_seconds)
        if keep:
            code = conclude(observer, console, output)
            stay_up(aws, console, (CIRCUIT,), callers=callers, every_seconds=every_seconds)
            return code
    return conclude(observer, console, output)


def _watch(aws: LocalAws, observer: Observer, console: Console, callers: int, every_seconds: float) -> None:
    tables = DynamoDBTables(aws.circuit_table, aws.probe_table, client=aws.client("dynamodb"))
    fleet = Callers(
        aws.client("lambda"),
        aws.demo_caller,
        callers=callers,
        every_seconds=every_seconds,
        see=observer.see_call,
        circuit=CIRCUIT,
    )
    with fleet, view(console, observer) as shown:
        play(
            Timing(),
            observer,
            aws.dependency.behave,
            meanwhile=(
                aws.check,
                fleet.check,
                lambda: observer.see_circuit(tables.read(CIRCUIT, consistent=True)),
                shown.show,
            ),
        )


def conclude(observer: Observer, console: Console, output: Path) -> int:
    record = observer.record()
    result = report.figures(record)
    report.write_json(output / "report.json", result, record)
    timeline.draw(output / "timeline.png", record)
    console.print(report.table(result))
    console.print(f"{output / 'report.json'}, {output / 'timeline.png'}")
    failures = report.problems(result)
    for failure in failures:
        console.print(f"[bold red]failed:[/] {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    application = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    application.command()(main)
    application()
