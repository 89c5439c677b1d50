"""For callers outside Lambda, whose standard output is no road to CloudWatch: metrics by PutMetricData.

with CloudWatchPublisher() as publisher:
    breaker = CircuitBreaker("payments-api", publisher=publisher)
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

from recloser.metrics.emf import DIMENSION, HIGH_RESOLUTION_SECONDS, Value, process_namespace, unit_of
from recloser.metrics.pending import Part, PendingMetrics

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 5.0
MAX_PENDING = 20_000

# "PutMetricData", CloudWatch API reference: at most 1000 metrics and 1 MB in a request. The size is reckoned
# before compression, and for the wordiest of the protocols that botocore speaks to CloudWatch.
_DATA_PER_REQUEST = 1000
_BYTES_PER_REQUEST = 900_000
_BYTES_PER_DATUM = 800
_BYTES_PER_VALUE = 120

_THROTTLED = {"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"}
_SERVER_ERROR = 500
# The credentials were not good: those of a new client may be.
_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
}

Beside = Callable[[Callable[[], None]], None]


def in_a_daemon_thread(work: Callable[[], None]) -> None:
    """Run `work` beside the caller; it does not keep the process alive.

    Raises:
        RuntimeError: the process can start no thread any more.

    """
    threading.Thread(target=work, name="recloser-metrics", daemon=True).start()


def cloudwatch_client() -> Any:
    """Make a client that gives up soon: what could not be sent is sent the next time."""
    from botocore.config import Config  # noqa: PLC0415  (it takes longer to import than all the rest)
    from botocore.session import get_session  # noqa: PLC0415

    config = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
    return get_session().create_client("cloudwatch", config=config)


class CloudWatchPublisher:
    """Gathers metrics and sends them every few seconds from a thread of its own.

    No caller waits for CloudWatch or sees it fail. What cannot be sent is kept and sent again, up to a bound;
    beyond it the oldest values are given up and counted. A request that was lost on its way back is sent
    twice: sums can be too high then, rates hardly. At the end of the process what is left is sent once more.
    In a forked child the publisher starts empty: what its parent gathered, its parent sends. A child that
    ends without running exit handlers, as those of `multiprocessing` do, closes it itself.

    Args:
        client: a botocore or boto3 CloudWatch client; by default one is made when the first request is due.
            A forked child closes its connections and makes new ones with it.
        interval_seconds: how long values are gathered at most, more than 0 and at most 60 seconds. A request
            costs the same whatever it carries.
        max_pending: the most unique values that are kept while they cannot be sent, at least 300.
        beside: runs the loop that sends beside the caller. For tests.
        wait: waits for so many seconds, or until it is woken. For tests.

    Raises:
        ValueError: a number is outside its range.

    """

    def __init__(
        self,
        client: Any = None,
        *,
        interval_seconds: float = INTERVAL_SECONDS,
        max_pending: int = MAX_PENDING,
        beside: Beside = in_a_daemon_thread,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        if not 0 < interval_seconds <= 60:  # noqa: PLR2004
            raise ValueError(
                f"interval_seconds = {interval_seconds!r} is not allowed: more than 0 and at most 60 seconds"
            )
        if max_pending < 300:  # noqa: PLR2004  (two metrics of one call, 150 unique values each)
            raise ValueError(f"max_pending = {max_pending!r} is not allowed: a whole number from 300 on")
        self._given_client = client
        self._client = client
        self._interval_seconds = interval_seconds
        self._max_pending = max_pending
        self._beside = beside
        self._given_wait = wait
        self._is_closed = False
        self._begin()
        _publishers.add(self)
        atexit.register(self.close)

    def _begin(self) -> None:
        """Begin with nothing: when made, and in a forked child, which has no thread and no use for locks."""
        self._pending = PendingMetrics(self._max_pending)
        self._changing = threading.Lock()  # held for the time of adding a few numbers
        self._sending = threading.Lock()  # held for the time of requests; never by who publishes
        self._awake = threading.Event()
        self._is_running = False
        self._is_failing = False
        self._dropped_told = 0

    def after_fork(self) -> None:
        """Forget what is the parent's: its values, its thread, and connections that both would speak on."""
        self._client = self._given_client
        close = getattr(self._given_client, "close", None)
        if close is not None:
            close()  # the pool of connections; the client makes new ones
        self._begin()

    @property
    def dropped(self) -> int:
        """How many values were given up since the beginning."""
        return self._pending.dropped

    def publish(self, circuit: str, values: Mapping[str, Value], at_ms: int) -> None:
        """Take values along with the next request. After `close` they are given up."""
        with self._changing:
            if self._is_closed:
                self._pending.refuse(values)
                return
            self._pending.add(circuit, values, at_ms // 1000)
            if self._pending.unique_values > self._max_pending // 2 and not self._is_failing:
                self._awake.set()
            must_start, self._is_running = not self._is_running, True
        if must_start:
            self._start()

    def _start(self) -> None:
        try:
            self._beside(self._run)
        except RuntimeError as error:  # the interpreter is about to end: `close` sends what there is
            logger.warning("metrics are sent at the end only: %s", error)

    def _run(self) -> None:
        wait = self._given_wait or self._awake.wait
        while not self._is_closed:
            wait(self._interval_seconds)
            self._awake.clear()
            self.flush()

    def flush(self) -> None:
        """Send what there is, now and here. What fails is logged and stays for the next time."""
        with self._sending:
            with self._changing:
                parts = self._pending.take()
            unsent = self._send_all(parts)
            with self._changing:
                self._is_failing = bool(unsent)
                self._pending.put_back(unsent)
                dropped, told = self._pending.dropped, self._dropped_told
                self._dropped_told = dropped
        if dropped > told:
            logger.warning("metrics: %d values were given up, %d in all", dropped - told, dropped)

    def _send_all(self, parts: Sequence[Part]) -> Sequence[Part]:
        """Send parts in as few requests as can be; return those to be sent again."""
        sent = 0
        for request in _requests(parts):
            try:
                self._send(request)
            except Exception as error:  # noqa: BLE001  (whatever it is, no caller must see it)
                logger.warning("metrics cannot be sent: %s", error)
                if _may_be_the_client(error):
                    self._client = self._given_client  # an own one looks for credentials when it is made
                if _is_worth_another_try(error):
                    return parts[sent:]  # and not the others now: they would fare no better
                self._pending.give_up(request)
            sent += len(request)
        return ()

    def _send(self, parts: Sequence[Part]) -> None:
        if self._client is None:
            self._client = cloudwatch_client()
        data = [datum for part in parts for datum in _data(part)]
        self._client.put_metric_data(Namespace=process_namespace(), MetricData=data)

    def close(self) -> None:
        """Send what there is and end the thread. It takes as long as a request: some seconds at worst."""
        with self._changing:
            was_closed, self._is_closed = self._is_closed, True
        if was_closed:
            return
        self._awake.set()
        atexit.unregister(self.close)
        self.flush()
        with self._changing:
            self._pending.give_up(self._pending.take())
        if self._pending.dropped > self._dropped_told:
            logger.warning("metrics: %d values were never sent", self._pending.dropped - self._dropped_told)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _requests(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Fill requests to their limits; a part is never torn."""
    request: list[Part] = []
    data = size = 0
    for part in parts:
        part_data = len(part.counts)
        part_size = part_data * _BYTES_PER_DATUM + part.unique_values * _BYTES_PER_VALUE
        if request and (data + part_data > _DATA_PER_REQUEST or size + part_size > _BYTES_PER_REQUEST):
            yield request
            request, data, size = [], 0, 0
        request.append(part)
        data += part_data
        size += part_size
    if request:
        yield request


def _data(part: Part) -> Iterator[dict[str, Any]]:
    for metric, counts in part.counts.items():
        yield {
            "MetricName": metric,
            "Dimensions": [{"Name": DIMENSION, "Value": part.circuit}],
            "Timestamp": part.at_seconds,
            "Values": list(counts),
            "Counts": [float(count) for count in counts.values()],
            "Unit": unit_of(metric),
            "StorageResolution": HIGH_RESOLUTION_SECONDS,
        }


def _is_worth_another_try(error: Exception) -> bool:
    """Tell whether the same request may go through later: not if CloudWatch understood it and said no."""
    response = getattr(error, "response", None)
    if response is None:
        return True  # no answer at all, or no client: no network, no region, no credentials yet
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_ERROR)
    code = response.get("Error", {}).get("Code", "")
    return bool(status >= _SERVER_ERROR or status == 429 or code in _THROTTLED | _CREDENTIALS)  # noqa: PLR2004


def _may_be_the_client(error: Exception) -> bool:
    """Tell whether a new client may do better: this one found no credentials, or old ones."""
    response = getattr(error, "response", None)
    return response is None or response.get("Error", {}).get("Code", "") in _CREDENTIALS


_publishers: WeakSet[CloudWatchPublisher] = WeakSet()


def _after_fork() -> None:
    for publisher in list(_publishers):
        publisher.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
