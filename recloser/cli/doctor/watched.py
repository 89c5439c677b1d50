"""Whether every circuit is watched by an alarm, and every alarm watches a circuit."""

from __future__ import annotations

from collections.abc import Iterator

from recloser.cli.account import Account, TripAlarm
from recloser.cli.doctor.findings import Finding
from recloser.control.alarm_circuit import EveryCircuit, described_expressions
from recloser.control.insights_query import InsightsQuery, is_insights_query, read_insights_query
from recloser.metrics.emf import DIMENSION, FAILURE

# "Metrics Insights limits": no query answers with more series; a higher LIMIT changes nothing.
MOST_SERIES = 500


def check_watch(account: Account) -> Iterator[Finding]:
    """See that every circuit is watched, and that what is watched is a circuit."""
    alarms, called = account.trip_alarms, account.list_called()
    watched = {alarm.circuit for alarm in alarms}
    if not any(_watches_every_failure(alarm) for alarm in alarms):
        for circuit in sorted(called - watched):
            yield Finding(
                "unwatched circuits",
                circuit,
                "callers count its calls, and no alarm watches it",
                "it can never trip, whatever happens to the dependency",
                f"add {circuit} to the stack's parameter Circuits and deploy",
            )
    known = called | set(account.deployment.circuits) | {circuit.name for circuit in account.tables.scan()}
    for alarm in alarms:
        yield from check_left_out(alarm)
        if isinstance(alarm.circuit, str) and alarm.circuit not in known:
            yield Finding(
                "alarms",
                alarm.name,
                f"it watches {alarm.circuit}, of which no caller has counted a call for two weeks",
                "it cannot trip; is its dimension written right?",
                f"edit the alarm's dimension {DIMENSION} in the CloudWatch console, or delete the alarm",
                is_problem=False,
            )


def check_left_out(alarm: TripAlarm) -> Iterator[Finding]:
    """See which circuits an alarm over circuits leaves out by its query."""
    query = _query(alarm)
    if query is None:
        return
    parts = []
    if query.where:
        parts.append("WHERE leaves circuits out")
    if (query.limit or MOST_SERIES) < MOST_SERIES:
        parts.append(f"LIMIT {query.limit} cuts off all but the first {query.limit}")
    for part in parts:
        yield Finding(
            "alarms",
            alarm.name,
            f"its query does not watch every circuit: {part}",
            "the others trip by alarms of their own alone",
            "edit the query in the CloudWatch console, or add the others to the stack's parameter Circuits",
            is_problem=False,
        )


def _watches_every_failure(alarm: TripAlarm) -> bool:
    return (
        isinstance(alarm.circuit, EveryCircuit)
        and alarm.circuit.metric == FAILURE
        and not any(check_left_out(alarm))
    )


def _query(alarm: TripAlarm) -> InsightsQuery | None:
    if not isinstance(alarm.circuit, EveryCircuit):
        return None
    texts = [str(text) for text in described_expressions(alarm.described) if is_insights_query(text)]
    return read_insights_query(texts[0]) if texts else None
