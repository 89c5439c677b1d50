"""The summary for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def lines(summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what to show: a label and its value."""
    calls, probes, cost = summary["calls"], summary["probes"], summary["monthly_cost_usd"]
    yield "seed", str(summary["seed"])
    for outage in summary["outages"]:
        span = f"{outage['from_seconds']:g} to {outage['until_seconds']:g} s"
        yield f"outage, {span}", _outage(outage)
    yield "final state", summary["final_state"]
    yield "calls that succeeded", f"{calls['succeeded']:,}"
    yield "calls that failed", f"{calls['failed']:,}"
    yield "calls refused", f"{calls['refused']:,}, and {calls['refused_by_local_trip']:,} by the local trip"
    yield (
        "good calls among them",
        f"{calls['good_refused']:,}, {calls['good_refused_while_healthy']:,} of them while healthy",
    )
    if calls["no_free_environment"]:
        yield "calls that found no environment", f"{calls['no_free_environment']:,}"
    yield "trips", f"{summary['trips']:,}"
    yield "probes", f"{probes['sent']:,} sent, {probes['failed']:,} failed, {probes['lost']:,} lost"
    yield "DynamoDB", f"{summary['dynamodb']['reads']:,} reads, {summary['dynamodb']['writes']:,} writes"
    yield "metrics (EMF)", f"{summary['emf']['bytes']:,} bytes in {summary['emf']['documents']:,} lines"
    parts = ", ".join(f"{name} {value:.2f}" for name, value in cost.items() if _is_part(name))
    yield "a month like this", f"${cost['total']:.2f} ({parts})"
    yield "assuming", cost["assumptions"]


def _is_part(name: str) -> bool:
    return name not in ("total", "assumptions")


def _outage(outage: dict[str, Any]) -> str:
    if outage["seconds_to_trip"] is None:
        return "it did not trip"
    failed = f"{outage['failed_calls_before_trip']:,} failed calls"
    tripped = f"tripped after {outage['seconds_to_trip']:.1f} s and {failed}"
    closed = outage["seconds_from_recovery_to_closed"]
    return tripped + ("" if closed is None else f", closed {closed:.1f} s after the recovery")
