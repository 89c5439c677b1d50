"""Whether every circuit is watched by an alarm, and every alarm watches a circuit."""

from __future__ import annotations

from collections.abc import Iterator

from recloser.cli.account import Account, TripAlarm
from recloser.cli.doctor.findings import Finding
from recloser.control.alarm_circuit import EveryCircuit
from recloser.metrics.emf import DIMENSION, FAILURE


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
        if isinstance(alarm.circuit, str) and alarm.circuit not in known:
            yield Finding(
                "alarms",
                alarm.name,
                f"it watches {alarm.circuit}, of which no caller has counted a call for two weeks",
                "it cannot trip; is its dimension written right?",
                f"edit the alarm's dimension {DIMENSION} in the CloudWatch console, or delete the alarm",
                is_problem=False,
            )


def _watches_every_failure(alarm: TripAlarm) -> bool:
    return isinstance(alarm.circuit, EveryCircuit) and alarm.circuit.metric == FAILURE
