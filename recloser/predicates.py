"""Ready-made predicates on what is a failure, for four libraries. None is imported before it is asked about.

Each says true (the dependency failed), false (it answered), or None where an exception says nothing of it: a
request that could not be sent, or somebody else's exception. Such a call is no proof of health.

Each looks into exception groups and tenacity's RetryError, and at what somebody else's exception was raised
`from`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import Any

from recloser.wrapped import carried, chain

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
# Errors within a stream come without a status, and with a small first letter.
_SERVER_ERRORS = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServerException",
        "ModelStreamErrorException",
        "ModelTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
_FAILING_CODES = frozenset(code.lower() for code in _THROTTLING | _SERVER_ERRORS)

_NETWORK_ERRNOS = frozenset(
    {errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH, errno.ENETRESET, errno.ETIMEDOUT}
)

Said = bool | None


def failing_status(answer: Any) -> bool:
    """For `failure_if_returned`: an answer with a status of 500 or more, or 429.

    Args:
        answer: of httpx, requests, urllib or botocore; or anything with a `status_code`, `status` or `code`.

    Raises:
        TypeError: it has none of these.

    """
    status = _status_of(answer)
    if status is None:
        raise TypeError(
            f"{type(answer).__name__} has no status: status_code, status, code, or a mapping with "
            "ResponseMetadata or statusCode is allowed"
        )
    return _is_failing(status)


def httpx_failure(error: BaseException) -> bool | None:
    """For `failure_if_raised`: no answer, or one of 500 or more, or 429."""
    return _said_of(error, _httpx_failure)


def requests_failure(error: BaseException) -> bool | None:
    """For `failure_if_raised`: no answer, or one of 500 or more, or 429."""
    return _said_of(error, _requests_failure)


def urllib_failure(error: BaseException) -> bool | None:
    """For `failure_if_raised`: no answer, or one of 500 or more, or 429.

    It knows what `urllib.request`, `http.client` and plain sockets raise.
    """
    return _said_of(error, _urllib_failure)


def botocore_failure(error: BaseException) -> bool | None:
    """For `failure_if_raised`: no answer, a status of 500 or more, or throttling.

    It sees through what boto3 wraps these in: S3UploadFailedError, RetriesExceededError, WaiterError.
    """
    return _said_of(error, _botocore_failure)


# --- Each library --------------------------------------------------------------------------------


def _httpx_failure(error: BaseException) -> Said:
    import httpx  # noqa: PLC0415  (only where it is asked about)

    if isinstance(error, httpx.HTTPStatusError):
        return _is_failing(error.response.status_code)
    if not isinstance(error, httpx.HTTPError) or isinstance(
        error, httpx.UnsupportedProtocol | httpx.LocalProtocolError
    ):
        return None
    return isinstance(error, httpx.TransportError)


def _requests_failure(error: BaseException) -> Said:
    import requests  # noqa: PLC0415
    from requests.exceptions import ChunkedEncodingError, RetryError  # noqa: PLC0415

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _is_failing(error.response.status_code)
    if isinstance(error, requests.ConnectionError | requests.Timeout | ChunkedEncodingError | RetryError):
        return True
    # A request that could not be built is a ValueError too: InvalidURL, MissingSchema and their like.
    is_answer = isinstance(error, requests.RequestException) and not isinstance(error, ValueError)
    return False if is_answer or isinstance(error, requests.JSONDecodeError) else None


def _urllib_failure(error: BaseException) -> Said:
    from http import client  # noqa: PLC0415
    from urllib.error import HTTPError, URLError  # noqa: PLC0415

    if isinstance(error, HTTPError):
        return _is_failing(error.code)
    if isinstance(error, URLError):
        # With text as its reason it is mostly a URL that no request can be made of.
        return True if not isinstance(error.reason, str) else not _never_left(error.reason) or None
    if isinstance(error, client.HTTPException):
        return None if isinstance(error, client.InvalidURL | client.ImproperConnectionState) else True
    return True if _is_network_error(error) else None


def _never_left(reason: str) -> bool:
    return reason.startswith(("unknown url type", "no host given", "file ", "ftp error: no host given"))


def _is_network_error(error: BaseException) -> bool:
    import socket  # noqa: PLC0415
    import ssl  # noqa: PLC0415

    if isinstance(error, TimeoutError | ConnectionError | ssl.SSLError | socket.gaierror | socket.herror):
        return True
    return isinstance(error, OSError) and error.errno in _NETWORK_ERRNOS


def _botocore_failure(error: BaseException) -> Said:
    from botocore.exceptions import (  # noqa: PLC0415
        ClientError,
        ConnectionError,  # noqa: A004
        HTTPClientError,
        IncompleteReadError,
        WaiterError,
    )

    if isinstance(error, ClientError):
        return _is_failing_answer(error.response)
    if isinstance(error, WaiterError):
        return _is_failing_answer(error.last_response)
    if isinstance(error, ConnectionError | HTTPClientError | IncompleteReadError):
        return True
    if type(error).__module__ in ("boto3.exceptions", "s3transfer.exceptions"):
        return _transfer_failure(error)
    return None


def _transfer_failure(error: BaseException) -> Said:
    """Tell of a transfer what the request in it failed of; boto3 does not say `from`."""
    last = getattr(error, "last_exception", None)
    if last is not None:  # only what the network does is tried again, until the retries are exceeded
        said = botocore_failure(last)
        return True if said is None else said
    inner = error.__cause__ or error.__context__
    return None if inner is None else botocore_failure(inner)


def _is_failing_answer(answer: Any) -> Said:
    """Tell it of what AWS answered; None: there is no answer."""
    status = _status_of(answer)
    code = (answer.get("Error") or {}).get("Code") if isinstance(answer, Mapping) else None
    if status is None and not code:
        return None
    return _is_failing(status or 0) or str(code).lower() in _FAILING_CODES


# --- What they share -----------------------------------------------------------------------------


def _said_of(
    error: BaseException, ask: Callable[[BaseException], Said], within: tuple[BaseException, ...] = ()
) -> Said:
    said = {_said_of_chain(each, ask, (*within, error)) for each in carried(error)}
    if True in said:
        return True
    return False if False in said else None


def _said_of_chain(
    error: BaseException, ask: Callable[[BaseException], Said], within: tuple[BaseException, ...]
) -> Said:
    for each in chain(error):
        if any(inner is each for inner in carried(each)):
            said = ask(each)
        elif any(outer is each for outer in within):
            said = None  # `raise group.exceptions[0] from group`: it is being looked into
        else:
            said = _said_of(each, ask, within)
        if said is not None:
            return said
    return None


def _status_of(answer: Any) -> int | None:
    if isinstance(answer, Mapping):
        metadata = answer.get("ResponseMetadata")
        found = [metadata.get("HTTPStatusCode")] if isinstance(metadata, Mapping) else []
        found += [answer.get(key) for key in ("statusCode", "status_code", "StatusCode", "status")]
    else:
        found = [getattr(answer, name, None) for name in ("status_code", "status", "code")]
    for status in found:
        if isinstance(status, int) and not isinstance(status, bool):
            return int(status)
    return None


def _is_failing(status: int) -> bool:
    return status >= _FIRST_SERVER_ERROR or status == _TOO_MANY_REQUESTS
