"""Ready-made words on what is a failure, for three libraries. None is imported before it is asked about."""

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


def httpx_failure(error: BaseException) -> bool:
    """For `failure_if_raised`: no answer, or one of 500 or more, or 429."""
    import httpx  # noqa: PLC0415  (only where it is asked about)

    if isinstance(error, httpx.HTTPStatusError):
        return _is_failing(error.response.status_code)
    return isinstance(error, httpx.TransportError)


def requests_failure(error: BaseException) -> bool:
    """For `failure_if_raised`: no answer, or one of 500 or more, or 429."""
    import requests  # noqa: PLC0415

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _is_failing(error.response.status_code)
    return isinstance(
        error, requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError
    )


def botocore_failure(error: BaseException) -> bool:
    """For `failure_if_raised`: no answer, a status of 500 or more, or throttling."""
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004, PLC0415

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return _is_failing(status) or error.response.get("Error", {}).get("Code") in _THROTTLING
    return isinstance(error, ConnectionError | HTTPClientError)


def _is_failing(status: int) -> bool:
    return status >= _FIRST_SERVER_ERROR or status == _TOO_MANY_REQUESTS
