"""What AWS charges: list prices on demand in one Region, with their date and the page that has them.

No free tier and no discount is counted. The page has the price of today, and of other Regions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

REGION = "us-east-1"
AS_OF = "2025"  # compared with copies of the pages of that year
DAYS_PER_MONTH = 30
SECONDS_PER_MONTH = DAYS_PER_MONTH * 24 * 3600
BYTES_PER_GB = 1024**3
# What each log event weighs beside its text: "PutLogEvents" counts it, and so does the price of storage.
BYTES_PER_LOG_EVENT = 26

_CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"
_DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
_LAMBDA = "https://aws.amazon.com/lambda/pricing/"
_XRAY = "https://aws.amazon.com/xray/pricing/"
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one thing.

    Args:
        what: the thing, as the page calls it.
        per: for how many of them the dollars are.
        tiers: up to which amount a month each price holds, and the dollars; the last one holds for all above.
        source: the page.

    """

    what: str
    per: float
    tiers: tuple[tuple[float, float], ...]
    source: str

    @property
    def dollars(self) -> float:
        """The price of the first tier."""
        return self.tiers[0][1]

    def of(self, amount: float) -> float:
        """Return what so much of it costs in a month, in dollars."""
        cost, below = 0.0, 0.0
        for up_to, dollars in self.tiers:
            cost += max(0.0, min(amount, up_to) - below) * dollars / self.per
            below = up_to
        return cost


def _flat(what: str, dollars: float, source: str, per: float = 1) -> Price:
    return Price(what, per, ((math.inf, dollars),), source)


READ_UNITS = _flat("DynamoDB read request units", 0.125, _DYNAMODB, _MILLION)
WRITE_UNITS = _flat("DynamoDB write request units", 0.625, _DYNAMODB, _MILLION)
# Logs that Lambda sends have tiers since May 2025.
LOG_GB = Price(
    "GB of logs from Lambda",
    1,
    ((10 * 1024, 0.50), (30 * 1024, 0.25), (50 * 1024, 0.10), (math.inf, 0.05)),
    _CLOUDWATCH,
)
# By the hour: a metric costs for the hours in which it has data.
METRIC_MONTHS = Price(
    "custom metrics",
    1,
    ((10_000, 0.30), (250_000, 0.10), (1_000_000, 0.05), (math.inf, 0.02)),
    _CLOUDWATCH,
)
ALARM_METRICS = _flat("metrics of alarms, 60 s and longer", 0.10, _CLOUDWATCH)
FAST_ALARM_METRICS = _flat("metrics of alarms below 60 s", 0.30, _CLOUDWATCH)
QUERIED_METRICS = _flat("metrics that alarms' queries analyze", 0.10, _CLOUDWATCH)
DASHBOARDS = _flat("dashboards", 3.00, _CLOUDWATCH)
CLOUDWATCH_REQUESTS = _flat("CloudWatch API requests", 0.01, _CLOUDWATCH, 1000)
INVOCATIONS = _flat("Lambda invocations", 0.20, _LAMBDA, _MILLION)
GB_SECONDS = _flat("GB-seconds of Lambda on arm64", 0.0000133334, _LAMBDA)
TRACES = _flat("X-Ray traces", 5.00, _XRAY, _MILLION)
