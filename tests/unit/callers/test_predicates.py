"""The ready-made predicates, asked about what httpx, requests and botocore really raise."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import boto3.exceptions
import botocore.exceptions
import botocore.session
import httpx
import pytest
import requests
import s3transfer.exceptions
import tenacity
from botocore.config import Config
from botocore.retries.standard import ThrottledRetryableChecker
from botocore.stub import Stubber
from urllib3.util import Retry

from recloser import CircuitOpen, LocalTrip
from recloser.caller.retry_after import retry_after_seconds
from recloser.predicates import (
    _THROTTLING,
    botocore_failure,
    failing_status,
    httpx_failure,
    requests_failure,
    urllib_failure,
)
from recloser.testing import World


class Answering(BaseHTTPRequestHandler):
    """Answers `/503` with 503, `/torn` with half an answer, `/silent` never, `/loop` with itself."""

    def do_GET(self) -> None:
        word = self.path.strip("/")
        if word == "silent":
            self.server.silence.wait(timeout=30)  # type: ignore[attr-defined]
            return
        status = int(word) if word.isdecimal() else {"loop": 302, "torn": 200}[word]
        self.send_response(status)
        if word == "loop":
            self.send_header("Location", "/loop")
        if status in (429, 503):
            self.send_header("Retry-After", "30")
        self.send_header("Content-Length", "100" if word == "torn" else "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as running:
        running.silence = threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.silence.set()  # type: ignore[attr-defined]
        running.shutdown()
        thread.join(timeout=10)


@pytest.fixture(scope="module")
def nobody() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def get_by_httpx(url: str) -> Any:
    with httpx.Client(trust_env=False) as client:
        return client.get(url, timeout=0.3, follow_redirects=True).raise_for_status()


def get_by_requests(url: str) -> Any:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(url, timeout=0.3)
        answer.raise_for_status()
        return answer


def get_by_urllib(url: str) -> Any:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=0.3) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        error.close()  # it is the answer, with a connection
        raise


CLIENTS = pytest.mark.parametrize(
    ("get", "predicate"),
    [(get_by_httpx, httpx_failure), (get_by_requests, requests_failure), (get_by_urllib, urllib_failure)],
)


def raised_by(get: Callable[[str], Any], url: str) -> BaseException:
    with pytest.raises(Exception) as raised:  # noqa: PT011  (whatever the library raises)
        get(url)
    return raised.value


@CLIENTS
@pytest.mark.parametrize("path", ["500", "502", "503", "429", "torn", "silent"])
def test_a_failing_dependency(server: str, get: Any, predicate: Any, path: str) -> None:
    """A status of 500 or more or 429, half an answer, and none in time are failures."""
    assert predicate(raised_by(get, f"{server}/{path}")) is True


@CLIENTS
def test_nobody_listens(nobody: str, get: Any, predicate: Any) -> None:
    """A refused connection is a failure."""
    assert predicate(raised_by(get, nobody)) is True


@CLIENTS
@pytest.mark.parametrize("path", ["400", "404", "409", "loop"])
def test_an_answer_to_a_wrong_request(server: str, get: Any, predicate: Any, path: str) -> None:
    """A status below 500 and a redirect without end are answers of a dependency that works."""
    assert predicate(raised_by(get, f"{server}/{path}")) is False


@CLIENTS
@pytest.mark.parametrize("url", ["payments", "gopher://payments", "http://", "http://[::1"])
def test_a_request_that_never_left(get: Any, predicate: Any, url: str) -> None:
    """A mistake in the request says nothing about the dependency: neither failure nor success."""
    assert predicate(raised_by(get, url)) is None


@pytest.mark.parametrize("predicate", [httpx_failure, requests_failure, urllib_failure, botocore_failure])
def test_somebody_elses_exceptions(predicate: Any) -> None:
    """An exception that is not the library's is not counted: a bug of the caller proves nothing."""
    assert predicate(KeyError("amount")) is None


def test_retries_that_came_to_an_end(server: str) -> None:
    """When requests gives up retrying on a status, that is a failure."""
    with requests.Session() as session:
        session.trust_env = False
        retries = Retry(total=1, status_forcelist=[502], backoff_factor=0)
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retries))
        error = raised_by(lambda url: session.get(url, timeout=5), f"{server}/502")
    assert isinstance(error, requests.exceptions.RetryError)
    assert requests_failure(error) is True


@CLIENTS
def test_retry_after(server: str, get: Any, predicate: Any) -> None:
    """What the library raises for a 503 carries the hint."""
    assert retry_after_seconds(raised_by(get, f"{server}/503")) == 30
    assert retry_after_seconds(raised_by(get, f"{server}/500")) is None


@pytest.mark.parametrize("get", [httpx.get, requests.get])
def test_answers_by_their_status(server: str, get: Any) -> None:
    """failing_status classifies an answer of either library that nobody raised for."""
    found = [failing_status(get(f"{server}/{status}")) for status in (404, 429, 500)]
    assert found == [False, True, True]
    assert retry_after_seconds(get(f"{server}/429")) == 30


def test_answers_of_http_client(server: str) -> None:
    """The same for http.client, which never raises for a status."""
    found = []
    for status in (404, 429, 500):
        connection = http.client.HTTPConnection(server.removeprefix("http://"), timeout=5)
        connection.request("GET", f"/{status}")
        answer = connection.getresponse()
        found.append((failing_status(answer), retry_after_seconds(answer)))
        connection.close()
    assert found == [(False, None), (True, 30), (True, None)]


@pytest.mark.parametrize(
    ("answer", "is_failing"),
    [
        ({"ResponseMetadata": {"HTTPStatusCode": 503}}, True),
        ({"ResponseMetadata": {"HTTPStatusCode": 200}, "StatusCode": 500}, False),
        ({"statusCode": 502, "body": ""}, True),
        ({"statusCode": 404}, False),
        (urllib.error.HTTPError("http://x", 500, "", None, None), True),  # type: ignore[arg-type]
        (urllib.error.HTTPError("http://x", 404, "", None, None), False),  # type: ignore[arg-type]
    ],
)
def test_other_answers_with_a_status(answer: Any, *, is_failing: bool) -> None:
    """botocore's answers, a Lambda proxy's, and urllib's errors have a status too."""
    assert failing_status(answer) is is_failing


@pytest.mark.parametrize("answer", [None, "503", {}, {"status": "down"}, {"statusCode": True}, object()])
def test_an_answer_without_a_status(answer: Any) -> None:
    """It is an error that says what is allowed: a breaker logs it once and goes on without the predicate."""
    with pytest.raises(TypeError, match="has no status: status_code, status, code, or a mapping"):
        failing_status(answer)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (urllib.error.URLError("timed out"), True),
        (urllib.error.URLError(socket.gaierror(-3, "Temporary failure in name resolution")), True),
        (urllib.error.URLError(ssl.SSLCertVerificationError("expired")), True),
        (urllib.error.URLError("unknown url type: gopher"), None),
        (urllib.error.URLError("no host given"), None),
        (urllib.error.ContentTooShortError("short", (b"", None)), True),  # type: ignore[arg-type]
        (ConnectionResetError(104, "Connection reset by peer"), True),
        (BrokenPipeError(32, "Broken pipe"), True),
        (TimeoutError("The read operation timed out"), True),
        (OSError(errno.EHOSTUNREACH, "No route to host"), True),
        (http.client.RemoteDisconnected("closed without response"), True),
        (http.client.BadStatusLine("nonsense"), True),
        (http.client.CannotSendRequest(), None),
        (FileNotFoundError(2, "No such file or directory"), None),
        (PermissionError(13, "Permission denied"), None),
    ],
    ids=repr,
)
def test_what_urllib_and_sockets_raise(error: BaseException, said: bool | None) -> None:  # noqa: FBT001
    """What the network does is a failure; a URL that no request can be made of and a file are not."""
    assert urllib_failure(error) is said


def test_unknown_orders_refuse_no_good_one(world: World, server: str) -> None:
    """However many a 404 the dependency answers, it works."""
    breaker = world.breaker("payments", failure_if_raised=urllib_failure)
    for _ in range(6):
        with pytest.raises(urllib.error.HTTPError):
            breaker.call(get_by_urllib, f"{server}/404")
    assert breaker.call(get_by_urllib, f"{server}/200") == b"{}"
    assert world.metric("Failure") == [0] * 7


# --- Exceptions that carry others ----------------------------------------------------------------

OF_A_LIBRARY: list[tuple[Callable[[BaseException], bool | None], Exception]] = [
    (httpx_failure, httpx.ConnectTimeout("")),
    (requests_failure, requests.ConnectTimeout("")),
    (urllib_failure, urllib.error.URLError("")),
    (botocore_failure, botocore.exceptions.ReadTimeoutError(endpoint_url="")),
]
PREDICATES = pytest.mark.parametrize(
    ("predicate", "error"), OF_A_LIBRARY, ids=["httpx", "requests", "urllib", "botocore"]
)


class PaymentFailed(Exception):  # noqa: N818
    """An application's own error."""


def wrapped(error: BaseException) -> Exception:
    wrapper = PaymentFailed()
    wrapper.__cause__ = error
    return wrapper


def retried(error: BaseException) -> Exception:
    attempts = tenacity.Retrying(stop=tenacity.stop_after_attempt(1))

    def attempt() -> None:
        raise error

    with pytest.raises(tenacity.RetryError) as raised:
        attempts(attempt)
    carrier: Exception = raised.value
    return carrier


@PREDICATES
def test_predicates_look_into_what_carries_others(predicate: Any, error: Exception) -> None:
    """Groups, tenacity's RetryError, and what an application's error was raised from are looked into."""
    for carrier in (wrapped, retried, lambda each: ExceptionGroup("tasks", [KeyError(), each])):
        assert predicate(carrier(error)) is True
        assert predicate(carrier(carrier(error))) is True
        assert predicate(carrier(KeyError())) is None
    assert predicate(wrapped(ExceptionGroup("tasks", [retried(wrapped(error))]))) is True


def unwrapped(carrier: Any, error: BaseException) -> BaseException:
    """`error` as `raise error from carrier` raises it, where `carrier` carries it."""
    error.__cause__ = carrier
    return error


@PREDICATES
@pytest.mark.parametrize("carry", [retried, lambda each: ExceptionGroup("tasks", [each])])
def test_predicates_of_what_was_taken_out(predicate: Any, error: Exception, carry: Any) -> None:
    """An error that was raised `from` the group it was taken out of is looked at once."""
    assert predicate(unwrapped(carry(KeyError("no")), error)) is True
    for other in (KeyError(), KeyError()):
        assert predicate(unwrapped(carry(other), other)) is None
        assert predicate(ExceptionGroup("outer", [other])) is None


@PREDICATES
def test_predicates_look_at_no_context(predicate: Any, error: Exception) -> None:
    """What was handled when an error was raised may be another call's: it says nothing of this one."""
    other = KeyError()
    other.__context__ = error
    assert predicate(other) is None


def test_retry_after_of_what_is_carried(server: str) -> None:
    """The hint is found as deep as the failure is."""
    error = raised_by(get_by_urllib, f"{server}/503")
    assert retry_after_seconds(wrapped(error)) == 30
    assert retry_after_seconds(retried(error)) == 30
    assert retry_after_seconds(ExceptionGroup("tasks", [KeyError(), retried(error)])) == 30


def test_in_a_breaker(world: World, server: str) -> None:
    """Only what the predicate calls a failure counts as one, and Retry-After sets the hold."""
    breaker = world.breaker("payments", failure_if_raised=httpx_failure, local_trip=LocalTrip(failures=2))
    for path in ("404", "503", "503"):
        with pytest.raises(httpx.HTTPStatusError):
            breaker.call(get_by_httpx, f"{server}/{path}")
    with pytest.raises(httpx.UnsupportedProtocol):
        World().breaker("payments", failure_if_raised=httpx_failure).call(get_by_httpx, "payments")
    assert world.metric("Failure") == [0, 1, 1]
    with pytest.raises(CircuitOpen) as refusal:
        breaker.call(get_by_httpx, f"{server}/200")
    assert refusal.value.retry_after == pytest.approx(30)


# --- botocore ------------------------------------------------------------------------------------


def dynamodb(endpoint: str | None = None) -> Any:
    return botocore.session.Session().create_client(
        "dynamodb",
        region_name="eu-west-1",
        endpoint_url=endpoint,
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=Config(connect_timeout=0.3, read_timeout=0.3, retries={"total_max_attempts": 1}, proxies={}),
    )


ONCE = Config(retries={"total_max_attempts": 1}, proxies={})


def client_error(code: str, status: int) -> BaseException:
    client = dynamodb()
    with Stubber(client) as stub:
        stub.add_client_error(
            "get_item", code, http_status_code=status, response_meta={"HTTPHeaders": {"retry-after": "9"}}
        )
        return raised_by(lambda table: client.get_item(TableName=table, Key={"k": {"S": "1"}}), "t")


@pytest.mark.parametrize(
    ("code", "status", "is_failure"),
    [
        ("InternalServerError", 500, True),
        ("ServiceUnavailable", 503, True),
        ("ThrottlingException", 400, True),
        ("ProvisionedThroughputExceededException", 400, True),
        ("TooManyRequestsException", 429, True),
        ("ConditionalCheckFailedException", 400, False),
        ("AccessDeniedException", 403, False),
        ("ResourceNotFoundException", 404, False),
    ],
)
def test_client_errors(code: str, status: int, *, is_failure: bool) -> None:
    """A status of 500 or more, 429 and every throttling are failures; other refusals are answers."""
    error = client_error(code, status)
    assert botocore_failure(error) is is_failure
    assert retry_after_seconds(error) == (9 if status in (429, 503) else None)


def test_throttling_is_what_botocore_says() -> None:
    """The codes are those that botocore itself takes for throttling."""
    assert set(vars(ThrottledRetryableChecker)["_THROTTLED_ERROR_CODES"]) == _THROTTLING


@pytest.mark.parametrize("path", ["", "/silent"])
def test_no_answer_of_aws(server: str, nobody: str, path: str) -> None:
    """A refused connection and a read timeout are failures."""
    client = dynamodb(nobody if not path else server + path)
    error = raised_by(lambda table: client.get_item(TableName=table, Key={"k": {"S": "1"}}), "t")
    assert isinstance(error, botocore.exceptions.HTTPClientError | botocore.exceptions.ConnectionError)
    assert botocore_failure(error) is True


@pytest.mark.parametrize(
    "error",
    [
        botocore.exceptions.ParamValidationError(report="Key"),
        botocore.exceptions.NoCredentialsError(),
        botocore.exceptions.NoRegionError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_request_that_aws_never_saw(error: BaseException) -> None:
    """What botocore raises before it asks says nothing about the service."""
    assert botocore_failure(error) is None


def uploading(status: int) -> BaseException:
    """What boto3 raises when S3 answers an upload with this status."""
    client = boto3.client(
        "s3", region_name="eu-west-1", aws_access_key_id="none", aws_secret_access_key="none", config=ONCE
    )
    with Stubber(client) as stub:
        stub.add_client_error("put_object", "Any", http_status_code=status)
        with pytest.raises(boto3.exceptions.S3UploadFailedError) as raised:
            client.upload_file(__file__, "bucket", "key")
    return raised.value


@pytest.mark.parametrize(("status", "said"), [(503, True), (500, True), (403, False), (404, False)])
def test_an_upload_that_failed(status: int, *, said: bool) -> None:
    """boto3's S3UploadFailedError is what S3 answered within it."""
    assert botocore_failure(uploading(status)) is said


@pytest.mark.parametrize("module", [boto3.exceptions, s3transfer.exceptions])
@pytest.mark.parametrize(
    "last",
    [OSError("reset"), botocore.exceptions.ReadTimeoutError(endpoint_url=""), TimeoutError()],
    ids=repr,
)
def test_a_download_whose_retries_are_exceeded(module: Any, last: Exception) -> None:
    """RetriesExceededError is a failure: only what the network does is tried again."""
    assert botocore_failure(module.RetriesExceededError(last)) is True


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 503}}, True),
        ({"Error": {"Code": "ThrottlingException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, True),
        ({"Error": {"Code": "404"}, "ResponseMetadata": {"HTTPStatusCode": 404}}, False),
        ({"Status": "PENDING", "ResponseMetadata": {"HTTPStatusCode": 200}}, False),
        ({}, None),
    ],
)
def test_a_waiter_that_gave_up(answer: Any, said: bool | None) -> None:  # noqa: FBT001
    """WaiterError is what the last answer says; that something is not ready yet is an answer."""
    assert botocore_failure(botocore.exceptions.WaiterError("name", "reason", answer)) is said


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("throttlingException", True),
        ("internalServerException", True),
        ("ServiceUnavailableException", True),
        ("validationException", False),
    ],
)
def test_an_error_within_a_stream(code: str, *, said: bool) -> None:
    """An event stream's error has a code and no status."""
    error = botocore.exceptions.EventStreamError({"Error": {"Code": code}}, "InvokeModel")
    assert botocore_failure(error) is said


# --- Imports -------------------------------------------------------------------------------------


def test_nothing_is_imported_before_it_is_asked_about() -> None:
    """Neither `import recloser` nor the predicates' module loads a client library, botocore or asyncio."""
    program = """
import sys, recloser, recloser.predicates
OTHERS = {"boto3", "botocore", "httpx", "requests", "asyncio", "aws_xray_sdk", "opentelemetry"}
def loaded():
    return sorted(OTHERS & set(sys.modules))
print(loaded())
recloser.predicates.httpx_failure(KeyError())
print(loaded())
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    before, after = done.stdout.splitlines()
    assert before == "[]"
    assert "httpx" in after
    assert "requests" not in after
