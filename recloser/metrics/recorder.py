"""How metrics leave the process: EMF lines on standard output, a line per call or a document per batch."""

from __future__ import annotations

import json
import logging
import math
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from weakref import WeakValueDictionary

from recloser.metrics.emf import (
    DURATION,
    FAILURE,
    PROBE_FAILURE,
    REJECTED,
    SLOW,
    UNPROTECTED,
    Value,
    emf_document,
    lambda_properties,
    process_namespace,
    write_line,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from recloser.metrics.publisher import Publisher

    T = TypeVar("T")

logger = logging.getLogger(__name__)

LONGEST_BATCH_SECONDS = 5.0
GATHERING_SECONDS = 2.0  # across invocations
_NUMBERS = (int, float)
VALUES_PER_DOCUMENT = 100  # "Specification: Embedded metric format": the longest array of values


class EmfPublisher:
    """Writes EMF, which CloudWatch Logs turns into metrics.

    Args:
        write: where a line goes; by default standard output.

    """

    def __init__(self, write: Callable[[str], None] = write_line) -> None:
        self._write = write
        self._namespace = process_namespace()
        self._properties = lambda_properties()
        self._heads: dict[tuple[str | bool, ...], str] = {}

    def set_request_id(self, request_id: str | None) -> None:
        """Let this invocation's id ride along as a property."""
        self._properties = lambda_properties()
        if isinstance(request_id, str):
            self._properties["request_id"] = request_id
        self._heads = {}  # a new one: another thread may be about to put into the old

    def publish(self, circuit: str, values: dict[str, Value], at_ms: int) -> None:
        is_healthy = _tells_of_successes_only(values)
        key: tuple[str | bool, ...] = (circuit, is_healthy, *values)
        heads = self._heads
        head = heads.get(key)
        if head is None:
            head = heads[key] = self._head(circuit, values, is_healthy=is_healthy)
        texts = []
        for name, value in values.items():  # the path of every line: no call that can be spared
            text = repr(value if isinstance(value, _NUMBERS) else list(value))
            texts.append(f'"{name}":{text.replace(" ", "")}')
        tail = ",".join(texts)
        self._write(f'{{"_aws":{{"Timestamp":{at_ms}{head}{tail}}}')

    def _head(self, circuit: str, values: dict[str, Value], *, is_healthy: bool) -> str:
        """What lies between the time and the values: always the same, so made once."""
        # Most lines are those of a healthy fleet: they bear what a metric needs.
        properties = {} if is_healthy else self._properties
        document = emf_document(circuit, values, 0, properties, self._namespace)
        for name in values:
            del document[name]
        text = json.dumps(document, separators=(",", ":"))
        return text.removeprefix('{"_aws":{"Timestamp":0').removesuffix("}") + ","


def _tells_of_successes_only(values: dict[str, Value]) -> bool:
    failures = values.get(FAILURE, 1)
    is_other = len(values) != 2 or DURATION not in values  # noqa: PLR2004  (the two metrics of a call)
    return not is_other and not (failures if isinstance(failures, _NUMBERS) else any(failures))


class Batching:
    """Whether a process gathers metrics: on during an invocation that `recloser.handler` wraps."""

    def __init__(self) -> None:
        self.is_on = False
        self.recorders: WeakValueDictionary[int, Recorder] = WeakValueDictionary()
        # Kept alive, though their breakers be gone, until they are flushed.
        self._gathering: set[Recorder] = set()

    def keep(self, recorder: Recorder) -> None:
        """Keep a recorder that gathers until it is flushed."""
        self._gathering.add(recorder)

    def may_wait(self, now: float) -> bool:
        """Tell whether nothing waits but some plain successes of the last two seconds."""
        return all(recorder.may_wait(now) for recorder in self._alive())

    def flush(self) -> None:
        """Publish everything that waits."""
        gathered = list(self._gathering)
        for recorder in self._alive():
            recorder.flush()
        self._gathering.difference_update(gathered)

    def _alive(self) -> list[Recorder]:
        found = [reference() for reference in self.recorders.valuerefs()]
        return [recorder for recorder in found if recorder is not None]


class Recorder:
    """What happened to the calls of one circuit, published at once or, while batching, in documents.

    Each call is one entry in one deque, so that its parts cannot be published apart.

    Args:
        circuit: the circuit's name.
        clock: epoch seconds.
        publisher: takes the metrics away.
        batching: whether the process gathers metrics.

    """

    def __init__(
        self, circuit: str, clock: Callable[[], float], publisher: Publisher, batching: Batching
    ) -> None:
        self._circuit = circuit
        self._clock = clock
        self._publisher = publisher
        self._batching = batching
        self._successes: deque[float] = deque()
        self._failures: deque[float | None] = deque()
        self._others: defaultdict[str, deque[float]] = defaultdict(deque)
        self._began: float | None = None
        self._flushed_at: float | None = None
        self._draining = threading.Lock()
        self._problems_told: set[int] = set()
        batching.recorders[id(self)] = self

    def succeeded(self, seconds: float) -> None:
        if self._batching.is_on and self._is_batching():
            self._successes.append(seconds)
        else:
            # Below zero where the clock was set back meanwhile.
            self._publish({FAILURE: 0, DURATION: round(max(seconds, 0.0) * 1000, 3)}, self._clock())

    def failed(self, seconds: float) -> None:
        if self._is_batching():
            self._failures.append(seconds)
        else:
            self._publish({FAILURE: 1, DURATION: _milliseconds(seconds)}, self._clock())

    def held(self) -> None:
        """A call that the local trip refused, which counts as a failure: it has no duration."""
        if self._is_batching():
            self._failures.append(None)
        else:
            self._publish({FAILURE: 1}, self._clock())

    def probed(self, *, failed: bool) -> None:
        self._count(PROBE_FAILURE, int(failed))

    def rejected(self) -> None:
        self._count(REJECTED, 1)

    def success_noter(self, now: float) -> tuple[Callable[[float], None], float]:
        """Return what takes the seconds of calls that succeeded, and until when, epoch seconds."""
        if self._batching.is_on:
            return self._successes.append, self.batch_until(now)
        return self.succeeded, now + LONGEST_BATCH_SECONDS

    def rejection_counter(self) -> tuple[Callable[[int], None], float]:
        """Return what counts refused calls while it asks no clock, and until when, epoch seconds."""
        if not self._is_batching() or self._began is None:
            return self._rejected_at_once, math.inf
        return self._others[REJECTED].append, self._began + LONGEST_BATCH_SECONDS

    def _rejected_at_once(self, _one: int) -> None:
        self.rejected()

    def unprotected(self) -> None:
        self._count(UNPROTECTED, 1)

    def slow(self, *, is_slow: bool) -> None:
        self._count(SLOW, int(is_slow))

    def _count(self, metric: str, value: int) -> None:
        if self._is_batching():
            self._others[metric].append(value)
        else:
            self._publish({metric: value}, self._clock())

    def begin_batch(self, now: float) -> None:
        """Publish what there is, and date what comes next by `now`, epoch seconds.

        A batch bears the time of its beginning: its data may look up to five seconds older than they are, but
        never newer, so that a failure from before a close can never look like one from after it.
        """
        self.flush()
        self._began = now
        self._batching.keep(self)

    def batch_until(self, now: float) -> float:
        """Begin a batch unless one is under way; tell when it must end, epoch seconds."""
        began = self._began
        if began is None or not began <= now < began + LONGEST_BATCH_SECONDS:
            self.begin_batch(now)
            began = now
        return began + LONGEST_BATCH_SECONDS

    def _is_batching(self) -> bool:
        if self._batching.is_on:
            self.batch_until(self._clock())
        return self._batching.is_on

    def may_wait(self, now: float) -> bool:
        """Tell whether what waits may go with a later invocation's.

        Only plain successes may: everything else is news. They fill at most one document, which began less
        than two seconds ago; that is what can be lost when Lambda ends the environment meanwhile.
        """
        if self._failures or any(self._others.values()) or len(self._successes) >= VALUES_PER_DOCUMENT:
            return False
        return not self._successes or (self._began is not None and 0 <= now - self._began < GATHERING_SECONDS)

    def flush(self) -> None:
        """Publish everything that waits."""
        now = self._clock()
        with self._draining:
            # What comes after a flush and belongs to no batch bears the flush's time: it is not older.
            at = self._began or self._flushed_at or now
            self._began, self._flushed_at = None, now
            successes, failures = _drained(self._successes), _drained(self._failures)
            others = {metric: _drained(waiting) for metric, waiting in list(self._others.items())}
        others = {metric: values for metric, values in others.items() if values}
        if not (successes or failures or others):
            return
        counts: list[float] = [0] * len(successes)
        counts += [1] * len(failures)
        ended = successes + [seconds for seconds in failures if seconds is not None]
        columns = {
            FAILURE: counts,
            DURATION: [_milliseconds(seconds) for seconds in ended],
            **others,
        }
        for values in _documents(columns):
            self._publish(values, at)

    def _publish(self, values: dict[str, Value], at: float) -> None:
        try:
            self._publisher.publish(self._circuit, values, int(at * 1000))
        except Exception as error:
            # A metric that cannot be published must not spoil the call that it counts.
            if id(type(error)) not in self._problems_told:
                self._problems_told.add(id(type(error)))
                logger.exception(
                    "circuit %s: metrics cannot be published. This is logged once", self._circuit
                )


def _drained(waiting: deque[T]) -> list[T]:
    """Take what is there now; other threads may go on appending."""
    return [waiting.popleft() for _ in range(len(waiting))]


def _documents(columns: dict[str, list[float]]) -> Iterator[dict[str, Value]]:
    longest = max(map(len, columns.values()))
    for start in range(0, longest, VALUES_PER_DOCUMENT):
        chunks = {name: column[start : start + VALUES_PER_DOCUMENT] for name, column in columns.items()}
        yield {name: chunk[0] if len(chunk) == 1 else chunk for name, chunk in chunks.items() if chunk}


def _milliseconds(seconds: float) -> float:
    return round(max(seconds, 0.0) * 1000, 3)  # below zero where the clock was set back meanwhile
