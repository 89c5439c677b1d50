"""What the breakers of one process share: its tables, its reader of flags, its publisher, its watchdog."""

from __future__ import annotations

import functools
import os
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from recloser.caller.flag_cache import FlagReader
from recloser.caller.watchdog import ThreadWatchdog
from recloser.control.settings import CIRCUIT_TABLE, PROBE_TABLE
from recloser.metrics.recorder import EmfPublisher

# The rest is imported by what needs it: a caller with tables never decides, one without never asks DynamoDB.
if TYPE_CHECKING:
    from recloser.circuit import Probes
    from recloser.store.memory import MemoryTables
    from recloser.store.tables import Tables


@functools.cache
def default_tables() -> Tables:
    """Return the tables that the environment names, made once; or a process's own, with one warning."""
    circuit_table, probe_table = os.environ.get(CIRCUIT_TABLE), os.environ.get(PROBE_TABLE)
    if circuit_table and probe_table:
        from recloser.store.dynamodb import DynamoDBTables  # noqa: PLC0415

        return DynamoDBTables(circuit_table, probe_table)
    warnings.warn(
        f"{CIRCUIT_TABLE} and {PROBE_TABLE} are not set: circuits live in this process alone, and only a "
        "local trip opens them",
        RuntimeWarning,
        stacklevel=2,
    )
    return in_process_tables()


def in_process_tables() -> MemoryTables:
    """Make tables that decide for themselves what a reported probe means."""
    from recloser.control.control import Control  # noqa: PLC0415
    from recloser.decide import ProbesReported  # noqa: PLC0415
    from recloser.store.memory import MemoryTables  # noqa: PLC0415

    tables = MemoryTables()
    control = Control(tables)

    def carry(name: str, probes: Probes) -> None:
        control.apply(name, ProbesReported(probes))

    tables.on_probes = carry
    return tables


_readers: WeakKeyDictionary[Tables, FlagReader] = WeakKeyDictionary()


def reader_for(tables: Tables, clock: Callable[[], float]) -> FlagReader:
    """Return the process's one reader of these tables, so that breakers share their requests."""
    if clock is not time.time:
        return FlagReader(tables, clock)
    return _readers.setdefault(tables, FlagReader(tables, clock))


@functools.cache
def default_publisher() -> EmfPublisher:
    """Return the publisher that writes to standard output."""
    return EmfPublisher()


@functools.cache
def default_watchdog() -> ThreadWatchdog:
    """Return the process's one watchdog."""
    return ThreadWatchdog()
