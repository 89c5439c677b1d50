"""Where this process keeps its circuits: in the stack's tables, or, without any, in memory."""

from __future__ import annotations

import functools
import os
import warnings

from recloser.circuit import Probes
from recloser.control import Control
from recloser.decide import ProbesReported
from recloser.memory import MemoryTables
from recloser.settings import CIRCUIT_TABLE, PROBE_TABLE
from recloser.tables import DynamoDBTables, Tables


@functools.cache
def default_tables() -> Tables:
    """Return the tables that the environment names, made once; or a process's own, with one warning."""
    circuit_table, probe_table = os.environ.get(CIRCUIT_TABLE), os.environ.get(PROBE_TABLE)
    if circuit_table and probe_table:
        return DynamoDBTables(circuit_table, probe_table)
    warnings.warn(
        f"{CIRCUIT_TABLE} and {PROBE_TABLE} are not set: "
        "circuits live in this process alone, and no alarm trips them",
        RuntimeWarning,
        stacklevel=2,
    )
    return in_process_tables()


def in_process_tables() -> MemoryTables:
    """Make tables that decide for themselves what a reported probe means."""
    tables = MemoryTables()
    control = Control(tables)

    def carry(name: str, probes: Probes) -> None:
        control.apply(name, ProbesReported(probes))

    tables.on_probes = carry
    return tables
