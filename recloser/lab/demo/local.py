"""`make local`: the local AWS with the stack and callers, up until it is interrupted."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import ExitStack
from typing import Annotated

import typer
from rich.console import Console

from recloser.lab.demo.callers import CallerError, Callers
from recloser.lab.local_aws.deployment import STACK_NAME, DeploymentError
from recloser.lab.local_aws.emulator import ACCOUNT, REGION, EmulatorError
from recloser.lab.local_aws.local_aws import LocalAws

CIRCUITS = ("payments-api", "search")
CHECK_EVERY_SECONDS = 0.5


def main(
    callers: Annotated[int, typer.Option(min=1, max=32, help="Environments that call each circuit.")] = 2,
    every: Annotated[float, typer.Option(min=0.1, max=5, help="Seconds from one round to the next.")] = 1,
) -> None:
    """Deploy Recloser to a local AWS, call through it, and stay up until Ctrl-C."""
    logging.basicConfig(level=logging.ERROR)
    console = Console()
    try:
        with LocalAws(CIRCUITS, progress=lambda what: console.print(f"{what} ...")) as aws:
            stay_up(aws, console, CIRCUITS, callers=callers, every_seconds=every)
    except (CallerError, DeploymentError, EmulatorError) as problem:
        console.print(f"failed: {problem}", style="red", markup=False, highlight=False)
        sys.exit(1)


def stay_up(
    aws: LocalAws, console: Console, circuits: tuple[str, ...], *, callers: int, every_seconds: float
) -> None:
    """Call each circuit again and again, say what to export, and return when interrupted.

    Raises:
        CallerError: the callers could not go on.
        EmulatorError: the emulator ended by itself.

    """
    fleets = [
        Callers(
            aws.client("lambda"),
            aws.demo_caller,
            callers=callers,
            every_seconds=every_seconds,
            see=lambda _: None,
            circuit=circuit,
        )
        for circuit in circuits
    ]
    console.print(instructions(aws, circuits), markup=False, highlight=False, soft_wrap=True)
    try:
        _call(aws, fleets)
    except KeyboardInterrupt:
        console.print("stopping ...")


def instructions(aws: LocalAws, circuits: tuple[str, ...]) -> str:
    """Say how another terminal reaches this region, and how to break and restore the dependencies."""
    first = circuits[0]
    return f"""
The stack {STACK_NAME} is up; callers call {" and ".join(circuits)}. In another terminal:

export AWS_ENDPOINT_URL={aws.endpoint_url} AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION}
export AWS_ACCESS_KEY_ID={ACCOUNT} AWS_SECRET_ACCESS_KEY=local
export DEPENDENCY={aws.dependency.url}

recloser status --watch
curl -X PUT $DEPENDENCY/behavior/{first} -d '{{"failure_rate": 1}}'   # break it
curl -X PUT $DEPENDENCY/behavior/{first} -d '{{"failure_rate": 0}}'   # restore it

Ctrl-C here stops everything and removes it.
"""


def _call(aws: LocalAws, fleets: list[Callers]) -> None:
    with ExitStack() as calling:
        for fleet in fleets:
            calling.enter_context(fleet)
        while True:
            aws.check()
            for fleet in fleets:
                fleet.check()
            time.sleep(CHECK_EVERY_SECONDS)


if __name__ == "__main__":
    typer.run(main)
