"""What the breakers of one process share: its tables, its flags, its publisher, its threads, its clock."""

from __future__ import annotations

import json
import logging
import math
import os
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable
from functools import cached_property
from weakref import WeakValueDictionary

from recloser.caller.background import BackgroundThreads
from recloser.caller.circuit_names import MANY_CIRCUITS, warn_of_many
from recloser.caller.flag_cache import FlagCache, KnownFlag, Uniform
from recloser.caller.local_circuit import LocalCircuit
from recloser.caller.options import Options
from recloser.caller.watchdog import ThreadWatchdog
from recloser.metrics.emf import UNCONFIGURED, function_document, write_line
from recloser.metrics.recorder import Batching, EmfPublisher

# The rest is imported by what needs it: a caller with tables never decides, one without never asks DynamoDB.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from recloser.caller.process_parts import Guarded, RunInBackground, Watchdog
    from recloser.circuit import Probes
    from recloser.metrics.publisher import Publisher
    from recloser.store.memory import MemoryTables
    from recloser.store.tables import Tables

    T = TypeVar("T")

logger = logging.getLogger(__name__)

CIRCUIT_TABLE = "RECLOSER_CIRCUIT_TABLE"
PROBE_TABLE = "RECLOSER_PROBE_TABLE"
ENABLED = "RECLOSER_ENABLED"

BUSY_PAUSE_SECONDS = 1.0  # an environment with shorter pauses between its invocations is busy

LONGEST_WAIT_FOR_REPORTS_SECONDS = 0.1
MOST_REPORTS_WAITED_FOR = 100  # outside of invocations nobody waits for them


class Process:
    """What the breakers of one process share. A forked child begins anew: no thread, no lock, no call.

    Args:
        tables: where circuits are kept; by default in the tables that RECLOSER_CIRCUIT_TABLE and
            RECLOSER_PROBE_TABLE name, or, without them, in this process.
        publisher: takes the metrics away; by default as EMF on standard output.
        clock: epoch seconds.
        uniform: random numbers between two bounds. By default the system's: a process that is restored from a
            snapshot (SnapStart) draws other numbers than its twins.
        watchdog: lets things happen at their time; by default a thread.
        in_background: runs work without waiting for it; by default in threads.
        is_enabled: whether breakers do anything; by default what RECLOSER_ENABLED says, true where it is
            not set.

    Attributes:
        flags: the flags, as they were last read.
        threads: threads for work that async calls wait for.
        batching: whether metrics are gathered.
        breakers: those that have been used, by identity.

    """

    def __init__(
        self,
        *,
        tables: Tables | None = None,
        publisher: Publisher | None = None,
        clock: Callable[[], float] = time.time,
        uniform: Uniform | None = None,
        watchdog: Watchdog | None = None,
        in_background: RunInBackground | None = None,
        is_enabled: bool | None = None,
    ) -> None:
        self.clock = clock
        self.uniform = uniform or system_uniform
        self.is_enabled = _enabled(os.environ.get(ENABLED)) if is_enabled is None else is_enabled
        self._given_tables = tables
        self._given_publisher = publisher
        self._given_watchdog = watchdog
        self._given_background = in_background
        self.breakers: WeakValueDictionary[int, Guarded] = WeakValueDictionary()
        self._names: set[str] = set()  # of circuits, until there are too many
        self._begin()
        _processes[id(self)] = self

    def _begin(self) -> None:
        self._making = threading.Lock()
        self.threads = BackgroundThreads()
        self.in_background = self._given_background or self.threads
        self.watchdog = self._given_watchdog or ThreadWatchdog(self.clock)
        self.batching = Batching()
        self._invocation_began_at = self._invocation_ended_at = -math.inf
        self._reports: deque[threading.Event] = deque(maxlen=MOST_REPORTS_WAITED_FOR)
        self.flags = FlagCache(lambda: self.tables, self.clock, self.uniform, self.in_background)
        # By name, and by the numbers of the local trip.
        self._circuits: WeakValueDictionary[tuple[str | float, ...], LocalCircuit]
        self._circuits = WeakValueDictionary()
        self._known: WeakValueDictionary[str, KnownFlag] = WeakValueDictionary()
        for part in ("tables", "publisher"):
            vars(self).pop(part, None)
        if self._given_tables is not None:
            self.tables = self._given_tables
        if self._given_publisher is not None:
            self.publisher = self._given_publisher

    def begin_anew(self) -> None:
        """Begin with nothing of the parent's under way: called in a forked child before all else."""
        for part in (self._given_tables, self._given_publisher):
            after_fork = getattr(part, "after_fork", None)
            if after_fork is not None:
                after_fork()
        self._begin()
        for breaker in self._alive():
            breaker.begin_anew()

    # --- Parts: made when they are first needed ----------------------------------------------------

    @cached_property
    def tables(self) -> Tables:
        """Where circuits are kept."""
        return self._once("tables", default_tables)

    @cached_property
    def publisher(self) -> Publisher:
        """What takes the metrics away."""
        return self._once("publisher", EmfPublisher)

    def _once(self, part: str, make: Callable[[], T]) -> T:
        """Make a part under a lock: from Python 3.12 on `cached_property` has none of its own."""
        with self._making:
            if part not in vars(self):
                vars(self)[part] = make()
            made: T = vars(self)[part]
            return made

    def circuit(self, name: str, options: Options) -> LocalCircuit:
        """Return what this process knows of a circuit: the same for all breakers that treat it alike."""
        trip = options.local_trip
        alike = () if trip is None else (trip.failures, trip.hold_seconds, trip.longest_hold_seconds)
        key = (name, *alike)
        with self._making:
            known = self._known.get(name)
            if known is None:
                if len(self._names) < MANY_CIRCUITS:
                    self._names.add(name)
                    if len(self._names) == MANY_CIRCUITS:
                        warn_of_many(name)
                known = KnownFlag(name, options.closed_cache_seconds, options.open_cache_seconds)
                self._known[name] = known
            known.closed_seconds = min(known.closed_seconds, options.closed_cache_seconds)
            known.not_closed_seconds = min(known.not_closed_seconds, options.open_cache_seconds)
            found = self._circuits.get(key)
            if found is None:
                found = self._circuits[key] = LocalCircuit(known, options.local_trip, self.uniform)
            return found

    # --- Breakers --------------------------------------------------------------------------------

    def _alive(self) -> list[Guarded]:
        found = [reference() for reference in self.breakers.valuerefs()]
        return [each for each in found if each is not None]

    def begin_invocation(self, request_id: str | None) -> None:
        """Begin to gather metrics.

        Args:
            request_id: the invocation's, which rides along with them; None: it has none.

        """
        self._set_request_id(request_id)
        self._invocation_began_at = self.clock()
        self.batching.is_on = True
        self.forget_answers()

    def end_invocation(self) -> None:
        """Publish what was gathered.

        Where invocations follow each other within a second, plain successes wait for a later one's end.
        """
        now = self.clock()
        is_busy = 0 <= self._invocation_began_at - self._invocation_ended_at < BUSY_PAUSE_SECONDS
        self._invocation_ended_at = now
        self.batching.is_on = False
        self.forget_answers()
        if not (is_busy and self.batching.may_wait(now)):
            self.batching.flush()
        self._await_reports()
        self._set_request_id(None)

    def report_in_background(self, work: Callable[[], None]) -> None:
        """Run work in the background that the end of an invocation waits for, though not for long."""
        done = threading.Event()

        def run() -> None:
            try:
                work()
            finally:
                done.set()

        if self.in_background(run):
            self._reports.append(done)

    def _await_reports(self) -> None:
        """Wait for reports that are on their way: after the invocation Lambda freezes the process."""
        ends = time.monotonic() + LONGEST_WAIT_FOR_REPORTS_SECONDS
        while self._reports:
            self._reports.popleft().wait(max(0.0, ends - time.monotonic()))

    def _set_request_id(self, request_id: str | None) -> None:
        publisher = self.publisher
        if isinstance(publisher, EmfPublisher):
            publisher.set_request_id(request_id)

    def forget_flags(self) -> None:
        """Make every flag unknown and every answer forgotten. For tests."""
        for reference in self._known.valuerefs():
            known = reference()
            if known is not None:
                known.flag = None
        self.forget_answers()

    def forget_answers(self) -> None:
        """Make the next call of every breaker ask its questions."""
        for breaker in self._alive():
            breaker.forget_answers()

    def expire_running(self) -> None:
        """Count every call that is still running as failed: Lambda is about to end the process."""
        for breaker in self._alive():
            breaker.expire_running()


_processes: WeakValueDictionary[int, Process] = WeakValueDictionary()
_default: Process | None = None
_why_forbidden: str | None = None
_choosing = threading.Lock()


def this_process() -> Process:
    """Return the `Process` of breakers that were given none."""
    global _default  # noqa: PLW0603  (a process has one)
    if _why_forbidden is not None:
        raise RuntimeError(_why_forbidden)
    if _default is None:
        with _choosing:
            if _default is None:
                _default = Process()
    return _default


def every_process() -> list[Process]:
    """Return all that are alive: the default one, and those that were made for tests or other tables."""
    alive = [reference() for reference in _processes.valuerefs()]
    return [each for each in alive if each is not None]


def forbid_default(why: str | None) -> None:
    """Have breakers without a `Process` of their own raise a RuntimeError; None: let them be."""
    global _why_forbidden  # noqa: PLW0603
    _why_forbidden = why
    if _default is not None:
        _default.begin_anew()


def forget_default() -> None:
    """Have the next breaker that asks make a new default `Process`. For tests that change the environment."""
    global _default  # noqa: PLW0603
    _default = None


def default_tables() -> Tables:
    """Make the tables that the environment names; or a process's own, with one warning."""
    circuit_table, probe_table = os.environ.get(CIRCUIT_TABLE), os.environ.get(PROBE_TABLE)
    if circuit_table and probe_table:
        from recloser.store.dynamodb import DynamoDBTables  # noqa: PLC0415

        return DynamoDBTables(circuit_table, probe_table)
    _warn_unconfigured()
    return in_process_tables()


def _warn_unconfigured() -> None:
    """Warn, and count it in Lambda. Neither keeps the process from having its tables."""
    text = (
        f"{CIRCUIT_TABLE} and {PROBE_TABLE} are not set: circuits live in this process alone, and only a "
        "local trip opens them"
    )
    try:
        warnings.warn(text, RuntimeWarning, stacklevel=3)
    except RuntimeWarning:  # as with PYTHONWARNINGS=error: the log says it then
        logger.warning("%s", text)
    try:
        _count_unconfigured()
    except Exception as error:  # noqa: BLE001  (there may be no standard output)
        logger.warning("that no tables are named cannot be counted: %s", error)


def _count_unconfigured() -> None:
    """Count, in Lambda, a function that no open circuit ever reaches, by its name: once a process."""
    function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    if function:
        document = function_document(function, UNCONFIGURED, 1, round(time.time() * 1000))
        write_line(json.dumps(document, separators=(",", ":")))


def in_process_tables() -> MemoryTables:
    """Make tables that decide for themselves what a reported probe means."""
    from recloser.control.control import Control  # noqa: PLC0415
    from recloser.signals import ProbesReported  # noqa: PLC0415
    from recloser.store.memory import MemoryTables  # noqa: PLC0415

    tables = MemoryTables()
    control = Control(tables)

    def carry(name: str, probes: Probes) -> None:
        control.apply(name, ProbesReported(probes))

    tables.on_probes = carry
    return tables


def system_uniform(low: float, high: float) -> float:
    """Draw a number between two bounds from the system, which no snapshot of a process can repeat."""
    return low + (high - low) * int.from_bytes(os.urandom(7), "big") / (1 << 56)


def _enabled(text: str | None) -> bool:
    if text is None or text.strip().lower() in ("", "true"):
        return True
    if text.strip().lower() == "false":
        logger.warning("environment variable %s = false: every call goes past its breaker", ENABLED)
        return False
    logger.error(
        "environment variable %s = %r is not allowed: true or false; Recloser stays on", ENABLED, text
    )
    return True


def _in_child() -> None:
    global _choosing  # noqa: PLW0603  (the parent's may be held by a thread that is not here)
    _choosing = threading.Lock()
    for process in every_process():
        process.begin_anew()


if hasattr(os, "register_at_fork"):  # where there are no forks there is nothing to do
    os.register_at_fork(after_in_child=_in_child)
