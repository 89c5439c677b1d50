"""What goes wrong at AWS, as one line that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from recloser.cli.problems import BadInput, Problem

SIGN_IN = "sign in again, or name a profile with --profile"
_EXPIRED = "the AWS credentials have expired"
_REFUSED = "AWS does not know these credentials, or not in this Region"
_CLOCK = "this machine's clock is off AWS's: set it (NTP), then try again"
_THROTTLED = "AWS is throttling this account just now: try again in a minute"
_DENIED = "the stack's ReaderPolicy allows what looks, its OperatorPolicy what changes: ask for one of them"
_NOT_THERE = "is it another --region or --stack-name?"
_OF_ENDPOINTS = ("endpoint", "URL", "Port ")  # words of botocore's and Python's for one that is no URL
_ADDRESS = "is that the address (--endpoint-url, AWS_ENDPOINT_URL)?"
_AWS_FAILED = "AWS itself failed: try again"

# By the code of the answer ("Common errors" of the services' API references).
_ADVICE: dict[str, str] = {
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"),
        f"{_EXPIRED}: {SIGN_IN}",
    ),
    **dict.fromkeys(
        (
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "AuthFailure",
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "InvalidAccessKeyId",
            "NotAuthorized",
            "OptInRequired",
        ),
        f"{_REFUSED}: {SIGN_IN}",
    ),
    "RequestTimeTooSkewed": _CLOCK,
    **dict.fromkeys(
        (
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestThrottled",
            "RequestThrottledException",
            "RequestLimitExceeded",
            "TooManyRequestsException",
            "ProvisionedThroughputExceededException",
            "LimitExceededException",
            "SlowDown",
        ),
        _THROTTLED,
    ),
    **dict.fromkeys(
        (
            "AccessDenied",
            "AccessDeniedException",
            "UnauthorizedOperation",
            "AuthorizationError",
            "KMSAccessDeniedException",
        ),
        _DENIED,
    ),
    **dict.fromkeys(("ResourceNotFoundException", "ResourceNotFound"), _NOT_THERE),
    **dict.fromkeys(
        ("InternalFailure", "InternalServerError", "InternalServiceError", "ServiceUnavailable"), _AWS_FAILED
    ),
}


def aws_errors(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """Return what botocore raises where AWS cannot be asked, says no, or is not who answers; and `others`."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  (slow to import)
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    return (BotoCoreError, ClientError, ResponseParserError, *others)


@contextmanager
def aws_problems(service: str) -> Iterator[None]:
    """Turn what goes wrong at AWS into a Problem that says what to do."""
    try:
        yield
    except aws_errors() as error:
        raise problem_of(error, service) from error
    except ValueError as error:
        if not any(word in str(error) for word in _OF_ENDPOINTS):
            raise
        raise BadInput("endpoint", str(error), "a URL, as http://127.0.0.1:4566") from error


def refuse_web_page(**event: Any) -> None:
    """Refuse, before botocore reads it, what only a proxy or another server answers.

    Raises:
        Problem: it is a web page.

    """
    if event["response_dict"]["headers"].get("content-type", "").startswith("text/html"):
        raise Problem(f"the answer is a web page, not one of AWS: {_ADDRESS}")


def text_of(error: BaseException) -> str:
    """Return an error as one line, with what to do where AWS is its cause."""
    if isinstance(error, Problem):
        return str(error)
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, aws_errors()):
        cause = cause.__cause__
    if cause is None:
        return str(error)
    if cause is error and isinstance(error, Exception):
        return str(problem_of(error, "AWS"))
    advice = _advice(cause)
    return f"{error}: {advice}" if advice else str(error)


def problem_of(error: Exception, service: str) -> Problem:
    """Return what an operator is told of an error of botocore's or of AWS's."""
    from botocore.exceptions import InvalidRegionError, NoCredentialsError, NoRegionError  # noqa: PLC0415
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    if isinstance(error, ResponseParserError):  # its own words hold the whole page
        return Problem(f"{service}: the answer is not one of AWS: {_ADDRESS}")
    if isinstance(error, NoCredentialsError):
        return Problem("no AWS credentials were found: sign in, or name a profile with --profile")
    if isinstance(error, NoRegionError):
        return Problem("no AWS Region is set: name it with --region or AWS_REGION")
    if isinstance(error, InvalidRegionError):
        region = error.kwargs["region_name"]
        return BadInput("region", region, "the name of an AWS Region, as eu-west-1")
    advice = _advice(error)
    return Problem(f"{service}: {error}: {advice}" if advice else f"{service}: {error}")


def _advice(error: BaseException) -> str | None:
    """What to do about it; None: its own words say all that is known."""
    from botocore.exceptions import (  # noqa: PLC0415
        ClientError,
        ConnectionError,  # noqa: A004  (botocore's, for every way of not being connected)
        CredentialRetrievalError,
        HTTPClientError,
        NoAuthTokenError,
        NoCredentialsError,
        PartialCredentialsError,
        SSOError,
        TokenRetrievalError,
    )

    if isinstance(error, ClientError):
        return _ADVICE.get(error.response.get("Error", {}).get("Code", ""))
    if isinstance(error, NoCredentialsError):
        return "sign in, or name a profile with --profile"
    if isinstance(
        error,
        CredentialRetrievalError
        | PartialCredentialsError
        | SSOError
        | TokenRetrievalError
        | NoAuthTokenError,
    ):
        return SIGN_IN
    if isinstance(error, ConnectionError | HTTPClientError):
        return f"is the network up, and {_ADDRESS}"
    return None
