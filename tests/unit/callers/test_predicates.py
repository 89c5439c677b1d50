"""The ready-made predicates, asked about what httpx, requests and botocore really raise."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.exceptions
import botocore.session
import httpx
import pytest
import requests
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


CLIENTS = pytest.mark.parametrize(
    ("get", "predicate"), [(get_by_httpx, httpx_failure), (get_by_requests, requests_failure)]
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


@pytest.mark.parametrize("predicate", [httpx_failure, requests_failure, botocore_failure])
def test_somebody_elses_exceptions(predicate: Any) -> None:
    """An exception that is not the library's says nothing: a bug beside a call is no proof of health."""
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


@pytest.mark.parametrize("module", [httpx, requests])
def test_answers_by_their_status(server: str, module: Any) -> None:
    """failing_status judges an answer of either library that nobody raised for."""
    found = [failing_status(module.get(f"{server}/{status}")) for status in (404, 429, 500)]
    assert found == [False, True, True]
    assert retry_after_seconds(module.get(f"{server}/429")) == 30


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
