"""`recloser simulate`: a fleet, its dependency and its alarms in virtual time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recloser.cli.documents import print_json
from recloser.cli.pictures import check_picture
from recloser.cli.problems import BadInput, Problem

if TYPE_CHECKING:
    from recloser.lab.simulation.scenario import Scenario


class BadScenario(Problem):
    """The scenario is not allowed; the message names the file, the line and what is allowed."""

    exit_code = 2


def simulate(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO.yaml", help="What to play.")],
    *,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, help="Another seed than the scenario's."),
    ] = None,
    runs: Annotated[
        int | None,
        typer.Option(
            "--runs",
            min=2,
            max=10_000,
            help="Play so many seeds; show medians and ranges.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    plot: Annotated[Path | None, typer.Option("--plot", metavar="FILE.png", help="Draw the run.")] = None,
) -> None:
    """Play a scenario in virtual time and say what came of it. The same seed gives the same bytes."""
    check_picture(plot, ".png")
    if plot is not None and runs is not None:
        raise BadInput("--plot", str(plot), "one run; leave out --runs")
    try:
        played = _loaded(scenario)
        if seed is not None:
            played = replace(played, seed=seed)
        if runs is None:
            _simulate(played, plot, as_json=as_json)
        else:
            _simulate_several(played, runs, as_json=as_json)
    except ModuleNotFoundError as error:
        missing = error.name or str(error)
        raise Problem(
            f"recloser simulate needs {missing}, which is not installed: pip install 'recloser[lab]'"
        ) from error


def _simulate(played: Scenario, plot: Path | None, *, as_json: bool) -> None:
    from recloser.lab.simulation.report import lines  # noqa: PLC0415  (other commands need none of this)
    from recloser.lab.simulation.simulation import Simulation  # noqa: PLC0415
    from recloser.lab.simulation.summary import summary  # noqa: PLC0415

    with _no_warnings():
        run = Simulation(played).run()
    found = summary(run)
    if plot is not None:
        _drawn(plot, run)
    if as_json:
        print_json(found)
        return
    _told(played, lines(found))


def _simulate_several(played: Scenario, runs: int, *, as_json: bool) -> None:
    from recloser.lab.simulation.spread import spread, spread_lines  # noqa: PLC0415

    with _no_warnings():
        found = spread(played, runs)
    if as_json:
        print_json(found)
        return
    _told(played, spread_lines(found))


def _told(played: Scenario, lines: Iterator[tuple[str, str]]) -> None:
    typer.echo(played.name)
    for label, value in lines:
        typer.echo(f"  {label:32}  {value}")


@contextmanager
def _no_warnings() -> Iterator[None]:
    """What the library warns about is meant to happen in a simulation, some thousand times over."""
    library = logging.getLogger("recloser")
    level = library.level
    library.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        library.setLevel(level)


def _loaded(path: Path) -> Scenario:
    from recloser.lab.simulation.scenario_file import ScenarioError, load_scenario  # noqa: PLC0415

    try:
        return load_scenario(path)
    except ScenarioError as error:
        raise BadScenario(str(error)) from error


def _drawn(path: Path, run: Any) -> None:
    from recloser.lab.simulation.plot import draw  # noqa: PLC0415

    try:
        draw(path, run)
    except (OSError, ValueError) as error:
        raise Problem(f"{path} cannot be drawn: {error}") from error
