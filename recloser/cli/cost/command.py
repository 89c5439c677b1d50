"""`recloser cost`: dollars a month, from the account's own metrics or from figures that are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recloser.cli import documents, views
from recloser.cli.account import Account
from recloser.cli.arguments import Json, account_of
from recloser.cli.problems import BadInput

if TYPE_CHECKING:
    from recloser.cli.cost.page import Cost
    from recloser.cli.cost.usage import Fleet

LARGEST_FLEET = 10**9
FIGURES = "--circuits, --calls-per-second and --environments"


def cost(
    context: typer.Context,
    *,
    circuits: Annotated[
        int | None, typer.Option("--circuits", min=1, max=LARGEST_FLEET, help="How many are called.")
    ] = None,
    calls_per_second: Annotated[
        float | None,
        typer.Option("--calls-per-second", min=0, max=LARGEST_FLEET, help="Of all of them, on average."),
    ] = None,
    environments: Annotated[
        float | None,
        typer.Option("--environments", min=1, max=LARGEST_FLEET, help="That run at a time, on average."),
    ] = None,
    circuits_with_alarms: Annotated[
        int | None,
        typer.Option("--circuits-with-alarms", min=0, help="How many have alarms of their own. Default: 0."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell what a month costs: by the account's metrics of the last week, or for a fleet you describe."""
    from recloser.cli.cost.page import document, page  # noqa: PLC0415  (other commands need none of this)

    if circuits is None and calls_per_second is None and circuits_with_alarms is None:
        told = _measured(account_of(context), environments)
    else:
        told = _modelled(_given(circuits, calls_per_second, environments, circuits_with_alarms or 0))
    if as_json:
        documents.print_json(document(told))
    else:
        views.console().print(page(told))


def _measured(account: Account, environments: float | None) -> Cost:
    from recloser.cli.cost.measured import measure  # noqa: PLC0415
    from recloser.cli.cost.page import Cost  # noqa: PLC0415

    found = measure(account, environments)
    return Cost(found.fleet, found.usage, found.parts, found.hours)


def _modelled(fleet: Fleet) -> Cost:
    from recloser.cli.cost.page import Cost  # noqa: PLC0415
    from recloser.cli.cost.usage import modelled  # noqa: PLC0415

    return Cost(fleet, modelled(fleet), frozenset(), None)


def _given(
    circuits: int | None, calls_per_second: float | None, environments: float | None, with_alarms: int
) -> Fleet:
    from recloser.cli.cost.usage import Fleet  # noqa: PLC0415

    if circuits is None or calls_per_second is None or environments is None:
        given = {
            "--circuits": circuits,
            "--calls-per-second": calls_per_second,
            "--environments": environments,
        }
        missing = [option for option, value in given.items() if value is None]
        raise BadInput("cost", f"without {', '.join(missing)}", f"all of {FIGURES}, or none of them")
    if with_alarms > circuits:
        raise BadInput("--circuits-with-alarms", with_alarms, f"at most --circuits, {circuits}")
    return Fleet(circuits, calls_per_second, environments, with_alarms)
