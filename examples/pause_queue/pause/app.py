"""Disables a queue's event source while the circuit is open; half-open lets a little through."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from recloser import State
from recloser.circuit import Circuit
from recloser.policy import CallerPolicy
from recloser.store.dynamodb import DynamoDBTables

SMALLEST_CONCURRENCY = 2  # "ScalingConfig", Lambda API reference


def handler(_event: dict[str, Any], _context: object) -> dict[str, str]:
    """Make the event source fit the flag, whatever the event says: events come twice and out of order."""
    circuit = tables().read(os.environ["CIRCUIT"], consistent=True)
    change(wanted(circuit, now_ms=round(time.time() * 1000)))
    return {"circuit": circuit.name, "state": circuit.state}


def wanted(circuit: Circuit, now_ms: int) -> dict[str, Any]:
    """Say what UpdateEventSourceMapping is to set."""
    state = circuit.state_for_callers(now_ms)
    if not CallerPolicy.of(circuit.policy).enforce:
        state = State.CLOSED  # in shadow mode no call is refused, so no message has to wait
    most = int(os.environ["MAXIMUM_CONCURRENCY"])
    return {
        "Enabled": state is not State.OPEN,
        "ScalingConfig": {"MaximumConcurrency": most if state is State.CLOSED else SMALLEST_CONCURRENCY},
    }


def change(settings: dict[str, Any]) -> None:
    """Set what differs.

    An event source that still changes raises ResourceInUseException; Lambda tries the event again, and the
    schedule looks again each minute.
    """
    uuid = os.environ["EVENT_SOURCE_MAPPING"]
    found = lambda_client().get_event_source_mapping(UUID=uuid)
    is_enabled = {"Enabled": True, "Disabled": False}.get(found["State"])  # None: it changes just now
    if (is_enabled, found.get("ScalingConfig")) != (settings["Enabled"], settings["ScalingConfig"]):
        lambda_client().update_event_source_mapping(UUID=uuid, **settings)
        print(f"event source {uuid}: {settings}")


@functools.cache
def tables() -> DynamoDBTables:
    """With a client of its own: a caller gives up after 1.5 s, whereas nobody waits for this function."""
    import boto3  # noqa: PLC0415 - one client for each environment

    names = os.environ["RECLOSER_CIRCUIT_TABLE"], os.environ["RECLOSER_PROBE_TABLE"]
    return DynamoDBTables(*names, client=boto3.client("dynamodb"))


@functools.cache
def lambda_client() -> Any:
    import boto3  # noqa: PLC0415 - one client for each environment

    return boto3.client("lambda")
