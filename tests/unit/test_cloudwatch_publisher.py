"""Metrics by PutMetricData: real botocore clients against moto, a closed port, and CloudWatch's refusals."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.session import get_session
from moto import mock_aws

from recloser import CircuitOpen
from recloser.metrics import put_metric_data
from recloser.metrics.emf import DURATION, FAILURE, REJECTED
from recloser.metrics.pending import UNIQUE_VALUES_PER_METRIC
from recloser.metrics.put_metric_data import CloudWatchPublisher
from recloser.testing import World

AT_MS = 1_795_000_000_123
AT_SECONDS = 1_795_000_000
LARGEST_REQUEST_BYTES = 1_000_000


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield


def client(**config: Any) -> Any:
    retries = {"mode": "standard", "total_max_attempts": 1}
    return get_session().create_client("cloudwatch", config=Config(retries=retries, **config))  # type: ignore[arg-type]


class Requests:
    """What the client sends, as it goes over the wire; and answers in CloudWatch's place where told to."""

    def __init__(self, cloudwatch: Any) -> None:
        self.calls: list[list[dict[str, Any]]] = []
        self.bodies: list[tuple[dict[str, str], bytes]] = []
        self.answers: Iterator[tuple[int, str] | None] = iter(())
        events = cloudwatch.meta.events
        events.register_first("provide-client-params.cloudwatch.PutMetricData", self._called)
        events.register_first("before-call.cloudwatch.PutMetricData", self._answered)
        events.register_first("before-send.cloudwatch.PutMetricData", self._sent)

    def _called(self, params: dict[str, Any], **_: Any) -> None:
        self.calls.append(params["MetricData"])

    def _answered(self, **_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
        answer = next(self.answers, None)
        if answer is None:
            return None
        status, code = answer
        error = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        return AWSResponse("http://cloudwatch", status, HTTPHeaders(), None), error

    def _sent(self, request: Any, **_: Any) -> None:
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        self.bodies.append((headers, request.body))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def never(_: Callable[[], None]) -> None:
    """No thread: the test flushes."""


def publisher_on(cloudwatch: Any, **settings: Any) -> CloudWatchPublisher:
    return CloudWatchPublisher(cloudwatch, beside=never, **settings)


def statistics(cloudwatch: Any, metric: str, unit: str) -> dict[str, float]:
    answer = cloudwatch.get_metric_statistics(
        Namespace="Recloser",
        MetricName=metric,
        Dimensions=[{"Name": "Circuit", "Value": "payments-api"}],
        StartTime=AT_SECONDS - 60,
        EndTime=AT_SECONDS + 60,
        Period=60,
        Statistics=["Sum", "SampleCount", "Maximum"],
        Unit=unit,
    )
    points = answer["Datapoints"]
    return {name: sum(point[name] for point in points) for name in ("Sum", "SampleCount")}


def call(publisher: CloudWatchPublisher, *, failed: int, milliseconds: float, at_ms: int = AT_MS) -> None:
    publisher.publish("payments-api", {FAILURE: failed, DURATION: milliseconds}, at_ms)


def test_cloudwatch_gets_every_value() -> None:
    """What was published arrives: calls, failures and durations, with EMF's units and dimension."""
    cloudwatch = client()
    with publisher_on(cloudwatch) as publisher:
        for number in range(10):
            call(publisher, failed=int(number < 3), milliseconds=100.0)
    assert statistics(cloudwatch, FAILURE, "Count") == {"Sum": 3, "SampleCount": 10}
    assert statistics(cloudwatch, DURATION, "Milliseconds") == {"Sum": 1000, "SampleCount": 10}


def test_equal_values_are_counted() -> None:
    """A thousand calls of one second are two data of a few values, at that second, in high resolution."""
    cloudwatch = client()
    sent = Requests(cloudwatch)
    publisher = publisher_on(cloudwatch)
    for number in range(1000):
        call(publisher, failed=number % 2, milliseconds=5.0)
    publisher.flush()
    [[failure, duration]] = sent.calls
    assert dict(zip(failure["Values"], failure["Counts"], strict=True)) == {0: 500, 1: 500}
    assert (duration["Values"], duration["Counts"]) == ([5.0], [1000.0])
    assert {datum["Timestamp"] for datum in (failure, duration)} == {AT_SECONDS}
    assert {datum["StorageResolution"] for datum in (failure, duration)} == {1}


def test_seconds_and_circuits_are_kept_apart() -> None:
    """Values of two seconds, or of two circuits, are never added up."""
    cloudwatch = client()
    sent = Requests(cloudwatch)
    publisher = publisher_on(cloudwatch)
    publisher.publish("a", {REJECTED: 1}, AT_MS)
    publisher.publish("a", {REJECTED: 1}, AT_MS + 1000)
    publisher.publish("b", {REJECTED: 1}, AT_MS)
    publisher.flush()
    found = {(datum["Dimensions"][0]["Value"], datum["Timestamp"]) for datum in sent.calls[0]}
    assert found == {("a", AT_SECONDS), ("a", AT_SECONDS + 1), ("b", AT_SECONDS)}


def test_arrays_of_a_batch_are_taken() -> None:
    """Arrays are taken as they are, however long."""
    cloudwatch = client()
    durations = [float(number) for number in range(400)]
    with publisher_on(cloudwatch) as publisher:
        publisher.publish("payments-api", {FAILURE: [0] * 400, DURATION: durations}, AT_MS)
    assert statistics(cloudwatch, FAILURE, "Count")["SampleCount"] == 400
    assert statistics(cloudwatch, DURATION, "Milliseconds")["Sum"] == sum(durations)


def test_no_request_is_beyond_the_limits() -> None:
    """At most 150 unique values a datum, 1000 data and 1 MB a request; compressed where that is worth it."""
    cloudwatch = client()
    sent = Requests(cloudwatch)
    publisher = publisher_on(cloudwatch, max_pending=100_000)
    for number in range(16_000):
        call(publisher, failed=0, milliseconds=number + 0.123, at_ms=AT_MS + number % 7 * 1000)
    for number in range(2000):
        publisher.publish("payments-api", {REJECTED: 1}, AT_MS + number * 1000)
    publisher.flush()
    assert len(sent.calls) > 1
    for data, (headers, body) in zip(sent.calls, sent.bodies, strict=True):
        assert len(data) <= 1000
        assert max(len(datum["Values"]) for datum in data) <= UNIQUE_VALUES_PER_METRIC
        assert len(body) <= LARGEST_REQUEST_BYTES
        assert headers["content-encoding"] == "gzip"
    data = [datum for call in sent.calls for datum in call]
    assert sum(sum(datum["Counts"]) for datum in data if datum["MetricName"] == DURATION) == 16_000


def test_a_request_is_below_its_limit_before_compression() -> None:
    """The largest request is below 1 MB in the wordiest protocol that botocore speaks to CloudWatch."""
    session = get_session()
    operation = session.get_service_model("cloudwatch").operation_model("PutMetricData")
    from botocore.serialize import QuerySerializer  # noqa: PLC0415

    cloudwatch = client()
    sent = Requests(cloudwatch)
    publisher = publisher_on(cloudwatch, max_pending=100_000)
    for number in range(10_000):
        publisher.publish("c" * 64, {FAILURE: number % 2, DURATION: number + 123456.789}, AT_MS)
    publisher.flush()
    largest = max(sent.calls, key=len)
    body = QuerySerializer().serialize_to_request(
        {"Namespace": "Recloser", "MetricData": largest}, operation
    )["body"]
    from urllib.parse import urlencode  # noqa: PLC0415

    assert LARGEST_REQUEST_BYTES // 2 < len(urlencode(body)) < LARGEST_REQUEST_BYTES


def test_the_parts_of_a_call_travel_together() -> None:
    """In every request there are as many durations as calls: no rate is ever computed from halves."""
    cloudwatch = client()
    sent = Requests(cloudwatch)
    publisher = publisher_on(cloudwatch, max_pending=100_000)
    for number in range(10_000):
        call(publisher, failed=number % 2, milliseconds=number + 0.5)
    publisher.flush()
    assert len(sent.calls) > 1
    for data in sent.calls:
        counts = {FAILURE: 0.0, DURATION: 0.0}
        for datum in data:
            counts[datum["MetricName"]] += sum(datum["Counts"])
        assert counts[FAILURE] == counts[DURATION]


@pytest.mark.parametrize(("status", "code"), [(400, "Throttling"), (503, "ServiceUnavailable")])
def test_what_is_throttled_is_sent_again(status: int, code: str) -> None:
    """A request that was turned away goes with the next one; nothing is lost, nothing is sent twice."""
    cloudwatch = client()
    sent = Requests(cloudwatch)
    sent.answers = iter([(status, code)])
    publisher = publisher_on(cloudwatch)
    call(publisher, failed=1, milliseconds=1.0)
    publisher.flush()
    call(publisher, failed=0, milliseconds=1.0)
    publisher.flush()
    assert statistics(cloudwatch, FAILURE, "Count") == {"Sum": 1, "SampleCount": 2}
    assert publisher.dropped == 0


def test_after_one_failure_the_others_wait() -> None:
    """When one request fails the others are not even tried: CloudWatch is left alone until the next time."""
    cloudwatch = client()
    sent = Requests(cloudwatch)
    sent.answers = iter([(500, "InternalServiceFault")])
    publisher = publisher_on(cloudwatch, max_pending=100_000)
    for number in range(10_000):
        call(publisher, failed=0, milliseconds=number + 0.5)
    publisher.flush()
    assert len(sent.calls) == 1
    publisher.flush()
    assert statistics(cloudwatch, FAILURE, "Count")["SampleCount"] == 10_000


def test_what_is_refused_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """Values that CloudWatch understood and refused are not sent for ever, but counted and logged."""
    cloudwatch = client()
    sent = Requests(cloudwatch)
    sent.answers = iter([(400, "InvalidParameterValue")])
    publisher = publisher_on(cloudwatch)
    call(publisher, failed=0, milliseconds=1.0)
    publisher.flush()
    publisher.flush()
    assert len(sent.calls) == 1
    assert publisher.dropped == 2
    assert "2 values were given up" in caplog.text


def test_no_network() -> None:
    """Where nothing answers, nothing is raised and nothing is lost before the bound."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    cloudwatch = get_session().create_client(
        "cloudwatch",
        endpoint_url=f"http://127.0.0.1:{port}",
        config=Config(connect_timeout=1, retries={"mode": "standard", "total_max_attempts": 1}),
    )
    publisher = publisher_on(cloudwatch)
    call(publisher, failed=0, milliseconds=1.0)
    publisher.flush()
    assert publisher.dropped == 0
    publisher.close()
    assert publisher.dropped == 2


def test_no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that cannot be made is no error of the caller's; it is made when it can be."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    publisher = CloudWatchPublisher(beside=never)
    call(publisher, failed=0, milliseconds=1.0)
    publisher.flush()
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    publisher.flush()
    assert statistics(client(), FAILURE, "Count")["SampleCount"] == 1


def test_credentials_that_come_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that found no credentials is replaced: what it could not send is sent by the next."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    for variable in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(variable, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    publisher = CloudWatchPublisher(beside=lambda _: None)
    publisher.publish("payments-api", {FAILURE: 1}, AT_MS)
    publisher.flush()
    assert publisher._pending.unique_values == 1
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    publisher.flush()
    assert (publisher._pending.unique_values, publisher.dropped) == (0, 0)
    publisher.close()


@pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException"])
def test_credentials_that_are_no_longer_good(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """What was turned away for its credentials is kept, and sent again by a new client."""
    made = [client(), client()]
    refused = Requests(made[0])
    refused.answers = iter([(403, code)])
    accepted = Requests(made[1])
    waiting = iter(made)
    monkeypatch.setattr(put_metric_data, "cloudwatch_client", lambda: next(waiting))
    publisher = CloudWatchPublisher(beside=lambda _: None)
    publisher.publish("payments-api", {FAILURE: 1}, AT_MS)
    publisher.flush()
    publisher.flush()
    assert (len(refused.calls), len(accepted.calls), publisher.dropped) == (1, 1, 0)
    publisher.close()


def test_endless_failure_keeps_memory_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """While nothing can be sent the newest values are kept, the others given up, and all accounted for."""
    cloudwatch = client()
    sent = Requests(cloudwatch)
    sent.answers = ((503, "ServiceUnavailable") for _ in range(20))
    publisher = publisher_on(cloudwatch, max_pending=1000)
    for second in range(20):
        for number in range(500):
            call(publisher, failed=0, milliseconds=number + second / 100, at_ms=AT_MS + second * 1000)
        publisher.flush()
    dropped = publisher.dropped
    assert f"{dropped} in all" in caplog.text
    publisher.flush()
    kept = sent.calls[-1]
    assert sum(len(datum["Values"]) for datum in kept) <= 1000
    assert max(datum["Timestamp"] for datum in kept) == AT_SECONDS + 19
    assert sum(sum(datum["Counts"]) for datum in kept) + dropped == 20 * 500 * 2


def test_a_full_queue_wakes_the_thread_once() -> None:
    """When half the bound has come together the thread sends early; but only once while that fails."""
    cloudwatch = client()
    sent = Requests(cloudwatch)
    sent.answers = iter([(503, "ServiceUnavailable")] * 50)
    publisher = CloudWatchPublisher(cloudwatch, interval_seconds=60, max_pending=300)
    for number in range(200):
        call(publisher, failed=0, milliseconds=float(number))
    deadline = time.monotonic() + 10
    while not publisher._is_failing:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    for number in range(200):
        call(publisher, failed=0, milliseconds=float(number))
    assert len(sent.calls) == 1
    publisher.close()


def test_the_loop_sends_every_interval() -> None:
    """The thread waits for the interval, sends, and ends when the publisher is closed."""
    cloudwatch = client()
    sent = Requests(cloudwatch)
    waited: list[float] = []
    loops: list[Callable[[], None]] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            publisher.close()
        else:
            call(publisher, failed=0, milliseconds=1.0)

    publisher = CloudWatchPublisher(cloudwatch, interval_seconds=7, beside=loops.append, wait=wait)
    call(publisher, failed=0, milliseconds=1.0)
    [loop] = loops
    loop()
    assert waited == [7, 7, 7]
    assert len(sent.calls) == 2


def test_after_close_values_are_counted_as_dropped() -> None:
    """What comes too late is counted, starts no thread, and is no error. Closing again does nothing."""
    cloudwatch = client()
    sent = Requests(cloudwatch)
    publisher = publisher_on(cloudwatch)
    publisher.close()
    call(publisher, failed=0, milliseconds=1.0)
    publisher.close()
    assert publisher.dropped == 2
    assert sent.calls == []


def test_no_more_threads() -> None:
    """A process that can start no thread any more sends at its end."""
    cloudwatch = client()

    def refuse(_: Callable[[], None]) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    with CloudWatchPublisher(cloudwatch, beside=refuse) as publisher:
        call(publisher, failed=0, milliseconds=1.0)
    assert statistics(cloudwatch, FAILURE, "Count")["SampleCount"] == 1


def test_many_threads_publish() -> None:
    """Whatever many threads publish while another sends: each value arrives once."""
    cloudwatch = client()
    publisher = publisher_on(cloudwatch)

    def work() -> None:
        for number in range(500):
            call(publisher, failed=1, milliseconds=float(number % 10))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        publisher.flush()
    publisher.close()
    assert statistics(cloudwatch, FAILURE, "Count") == {"Sum": 2000, "SampleCount": 2000}


def test_a_breaker_publishes_by_it() -> None:
    """A breaker that is given the publisher counts its calls, failures and refusals by PutMetricData."""
    cloudwatch = client()
    world = World()
    world.clock.advance(AT_SECONDS - world.clock())
    publisher = publisher_on(cloudwatch)
    breaker = world.breaker("payments-api", publisher=publisher)
    breaker.call(lambda: None)
    with pytest.raises(ZeroDivisionError):
        breaker.call(lambda: 1 / 0)
    world.force_open("payments-api")
    world.clock.advance(5)
    with pytest.raises(CircuitOpen):
        breaker.call(lambda: None)
    publisher.flush()
    assert statistics(cloudwatch, FAILURE, "Count") == {"Sum": 1, "SampleCount": 2}
    assert statistics(cloudwatch, REJECTED, "Count") == {"Sum": 1, "SampleCount": 1}


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"interval_seconds": 0}, "interval_seconds = 0 is not allowed: more than 0 and at most 60 seconds"),
        ({"interval_seconds": 61}, "interval_seconds = 61 is not allowed: more than 0 and at most 60"),
        ({"max_pending": 299}, "max_pending = 299 is not allowed: a whole number from 300 on"),
    ],
)
def test_bad_settings(settings: dict[str, Any], complaint: str) -> None:
    """A setting out of its range is an error that names it, its value and the range."""
    with pytest.raises(ValueError, match=complaint):
        CloudWatchPublisher(**settings)


PROCESS = """
import json, os, sys
from recloser.metrics.put_metric_data import CloudWatchPublisher

class Client:
    def put_metric_data(self, Namespace, MetricData):
        line = [os.getpid(), sum(sum(datum["Counts"]) for datum in MetricData)]
        os.write(1, (json.dumps(line) + "\\n").encode())

publisher = CloudWatchPublisher(Client(), interval_seconds=60)
for _ in range(3):
    publisher.publish("a", {"Failure": 0}, 1_795_000_000_000)
"""


def run(program: str, *arguments: str) -> list[list[float]]:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_end_of_the_process_sends_what_is_left() -> None:
    """A process that ends sends what it has gathered, without being told to."""
    [[_, values]] = run(PROCESS)
    assert values == 3


def test_a_forked_child_sends_its_own() -> None:
    """After a fork parent and child send what each has counted: nothing twice, nothing lost."""
    program = PROCESS + (
        "child = os.fork()\n"
        "publisher.publish('a', {'Failure': 0}, 1_795_000_000_000)\n"
        "if child:\n"
        "    os.waitpid(child, 0)\n"
        "    print(json.dumps([child, 0]))\n"
    )
    values: dict[float, float] = {}
    lines = run(program)
    for process, count in lines:
        values[process] = values.get(process, 0) + count
    assert sorted(values.values()) == [1, 4]


CONNECTIONS = """
import json, os, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from botocore.session import get_session
from recloser.metrics.put_metric_data import CloudWatchPublisher

ports = []

class CloudWatch(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        ports.append(self.client_address[1])
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), CloudWatch)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["AWS_ENDPOINT_URL_CLOUDWATCH"] = f"http://127.0.0.1:{server.server_port}"
client = get_session().create_client("cloudwatch") if sys.argv[1] == "given" else None
publisher = CloudWatchPublisher(client, interval_seconds=60)

def send():
    publisher.publish("a", {"Failure": 0}, 1_795_000_000_000)
    publisher.flush()

send()
child = os.fork()
if child == 0:
    send()
    os._exit(0)
os.waitpid(child, 0)
send()
publisher.close()
print(json.dumps([port == ports[0] for port in ports]))
"""


@pytest.mark.parametrize("client", ["own", "given"])
def test_a_forked_child_opens_connections_of_its_own(client: str) -> None:
    """Parent and child never speak on one connection, also where the user made the client."""
    assert run(CONNECTIONS, client) == [[True, False, True]]


def test_importing_it_does_not_import_botocore() -> None:
    """Neither the import nor making a publisher loads botocore: the thread that sends does."""
    program = (
        "import sys\n"
        "from recloser.metrics.put_metric_data import CloudWatchPublisher\n"
        "CloudWatchPublisher()\n"
        "print([any(name.startswith('boto') for name in sys.modules) + 0])\n"
    )
    assert run(program) == [[0]]
