"""What `recloser cost` shows: each line of the bill, and what other breakers would cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from recloser.cli.cost.estimate import Line, lines, others
from recloser.cli.cost.usage import OUTAGES_PER_CIRCUIT, Fleet, Usage
from recloser.lab.prices import AS_OF, DAYS_PER_MONTH, REGION

MEASURED, ESTIMATED = "measured", "estimated"


@dataclass(frozen=True, slots=True)
class Cost:
    """A month of a fleet: what is used, what of it was measured, and over how many hours (None: nothing)."""

    fleet: Fleet
    usage: Usage
    measured: frozenset[str]
    hours: float | None

    @property
    def lines(self) -> list[Line]:
        return lines(self.usage)

    @property
    def total(self) -> float:
        return sum(line.dollars for line in self.lines)

    def origin(self, line: Line) -> str:
        return MEASURED if line.field in self.measured else ESTIMATED


def document(told: Cost) -> dict[str, Any]:
    return {
        "region": REGION,
        "prices_as_of": AS_OF,
        "days_per_month": DAYS_PER_MONTH,
        "measured_hours": None if told.hours is None else round(told.hours, 1),
        "fleet": asdict(told.fleet),
        "lines": [
            {
                "what": line.price.what,
                "amount": round(line.amount, 3),
                "dollars": round(line.dollars, 4),
                "price": {"dollars": line.price.dollars, "per": line.price.per, "source": line.price.source},
                "origin": told.origin(line),
            }
            for line in told.lines
        ],
        "total_dollars": round(told.total, 2),
        "others": [
            {"name": other.name, "does": other.does, "dollars": round(other.dollars, 2)}
            for other in others(told.fleet)
        ],
        "not_counted": list(NOT_COUNTED),
    }


NOT_COUNTED = (
    "free tiers and discounts",
    "what the callers themselves cost, and the storage of logs",
    f"outages beyond {OUTAGES_PER_CIRCUIT} hours a month and circuit, where nothing was measured",
)


def page(told: Cost) -> Group:
    fleet = told.fleet
    origin = "figures that were given" if told.hours is None else f"the last {_span(told.hours)}"
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for header, side in (("$ a month", "right"), ("amount", "right"), ("what", "left"), ("price", "left")):
        table.add_column(header, justify="right" if side == "right" else "left", overflow="fold")
    for line in told.lines:
        price = f"${line.price.dollars:.10g}" + ("" if line.price.per == 1 else f" per {line.price.per:,.0f}")
        mark = "" if told.origin(line) == MEASURED else "~"
        table.add_row(f"{line.dollars:,.2f}", f"{mark}{_amount(line.amount)}", line.price.what, price)
    table.add_row(Text(f"{told.total:,.2f}", "bold"), "", Text("together", "bold"), "")
    others_cost = [
        Text(f"${other.dollars:,.2f} a month: {other.name} ({other.does})") for other in others(fleet)
    ]
    return Group(
        Text(
            f"{fleet.circuits} circuit{'' if fleet.circuits == 1 else 's'}, "
            f"{_amount(fleet.calls_per_second)} calls/s, {_amount(fleet.environments)} environments, "
            f"from {origin}"
        ),
        Text(f"list prices of {REGION} as of {AS_OF}; ~ is estimated, the rest measured\n", "dim"),
        table,
        Text("\nThe table alone of other breakers, on the same calls:", "bold"),
        *others_cost,
        Text(f"\nnot counted: {'; '.join(NOT_COUNTED)}", "dim"),
    )


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004  (so many digits say enough)


def _span(hours: float) -> str:
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.1f} days"  # noqa: PLR2004  (two days)
