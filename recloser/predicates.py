"""Ready-made words on what is a failure, for three libraries. None is imported before it is asked about.

Each says true (the dependency failed), false (it answered), or None where an exception says nothing of it: a
request that could not be sent, or somebody else's exception. Such a call is no proof of health.
"""

from __future__ import annotations

from typing import Any

_TOO_MANY_REQUESTS = 429
_FIRST_SERVER_ERROR = 500

# The codes that botocore's own retries treat as throttling.
_THROTTLING = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)


def failing_status(answer: Any) -> bool:
    """For `failure_if_returned`: an answer with a status of 500 or more, or 429."""
    return _is_failing(answer.status_code)


def httpx_failure(error: BaseException) -> bool | None:
    """For `failure_if_raised`: no answer, or one of 500 or more, or 429."""
    import httpx  # noqa: PLC0415  (only where it is asked about)

    if isinstance(error, httpx.HTTPStatusError):
        return _is_failing(error.response.status_code)
    if not isinstance(error, httpx.HTTPError) or isinstance(
        error, httpx.UnsupportedProtocol | httpx.LocalProtocolError
    ):
        return None
    return isinstance(error, httpx.TransportError)


def requests_failure(error: BaseException) -> bool | None:
    """For `failure_if_raised`: no answer, or one of 500 or more, or 429."""
    import requests  # noqa: PLC0415
    from requests.exceptions import ChunkedEncodingError, RetryError  # noqa: PLC0415

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _is_failing(error.response.status_code)
    if isinstance(error, requests.ConnectionError | requests.Timeout | ChunkedEncodingError | RetryError):
        return True
    # A request that could not be built is a ValueError too: InvalidURL, MissingSchema and their like.
    is_answer = isinstance(error, requests.RequestException) and not isinstance(error, ValueError)
    return False if is_answer or isinstance(error, requests.JSONDecodeError) else None


def botocore_failure(error: BaseException) -> bool | None:
    """For `failure_if_raised`: no answer, a status of 500 or more, or throttling."""
    from botocore.exceptions import (  # noqa: PLC0415
        ClientError,
        ConnectionError,  # noqa: A004
        HTTPClientError,
        IncompleteReadError,
    )

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return _is_failing(status) or error.response.get("Error", {}).get("Code") in _THROTTLING
    return True if isinstance(error, ConnectionError | HTTPClientError | IncompleteReadError) else None


def _is_failing(status: int) -> bool:
    return status >= _FIRST_SERVER_ERROR or status == _TOO_MANY_REQUESTS
