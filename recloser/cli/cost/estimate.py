"""The dollars of a month: what is used, times what it costs; and what other breakers would cost."""

from __future__ import annotations

from dataclasses import dataclass

from recloser.cli.cost.usage import Fleet, Usage
from recloser.lab.prices import (
    ALARM_METRICS,
    BYTES_PER_GB,
    CLOUDWATCH_REQUESTS,
    DASHBOARDS,
    FAST_ALARM_METRICS,
    GB_SECONDS,
    INVOCATIONS,
    LOG_GB,
    METRIC_MONTHS,
    QUERIED_METRICS,
    READ_UNITS,
    TRACES,
    WRITE_UNITS,
    Price,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is paid for: so much of it, at this price; `field` is the usage's that it stems from."""

    field: str | None
    amount: float
    price: Price

    @property
    def dollars(self) -> float:
        return self.price.of(self.amount)


def lines(usage: Usage) -> list[Line]:
    """Return what a month consists of."""
    return [
        Line("log_bytes", usage.log_bytes / BYTES_PER_GB, LOG_GB),
        Line("metric_months", usage.metric_months, METRIC_MONTHS),
        Line("alarm_metrics", usage.alarm_metrics, ALARM_METRICS),
        Line("fast_alarm_metrics", usage.fast_alarm_metrics, FAST_ALARM_METRICS),
        Line("queried_metrics", usage.queried_metrics, QUERIED_METRICS),
        Line("read_units", usage.read_units, READ_UNITS),
        Line("write_units", usage.write_units, WRITE_UNITS),
        Line("invocations", usage.invocations, INVOCATIONS),
        Line("gb_seconds", usage.gb_seconds, GB_SECONDS),
        Line("requests", usage.requests, CLOUDWATCH_REQUESTS),
        # Of X-Ray's default rule, once a second and a twentieth of the rest, these runs are all first ones.
        Line("requests", usage.requests, TRACES),
        Line(None, 1, DASHBOARDS),
    ]


@dataclass(frozen=True, slots=True)
class Other:
    """Another breaker on the same calls: what it is, what it does to the table, dollars a month."""

    name: str
    does: str
    dollars: float


def others(fleet: Fleet) -> list[Other]:
    """Return what breakers that keep their state in a table would pay for the table."""
    every_call = READ_UNITS.of(fleet.calls) + WRITE_UNITS.of(fleet.calls)
    # Version 3.37: an eventually consistent read each 5 s and environment, no write while all is well.
    powertools = READ_UNITS.of(fleet.flag_reads / 2)
    return [
        Other(
            "reads and writes the table on every call",
            "a consistent read and a write of an item below 1 KB for each call",
            every_call,
        ),
        Other(
            "Powertools for AWS Lambda",
            "a read each 5 s and environment; no metrics or alarms, each environment counts its own failures",
            powertools,
        ),
    ]
