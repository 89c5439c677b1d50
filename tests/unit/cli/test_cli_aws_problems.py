"""What goes wrong at AWS is one line that says what to do, whichever command meets it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from typer.testing import Result

from recloser.store.dynamodb import DynamoDBTables

COMMANDS = [
    ("status",),
    ("status", "payments-api"),
    ("history", "payments-api"),
    ("open", "payments-api", "--reason", "outage"),
    ("close", "payments-api", "search", "--reason", "outage", "--yes"),
    ("release", "payments-api"),
    ("reset", "payments-api", "--reason", "outage"),
    ("policy", "payments-api"),
    ("policy", "payments-api", "permits=20"),
    ("alarms",),
    ("alarms", "tune", "payments-api", "--threshold", "80"),
    ("backtest", "payments-api"),
    ("backtest", "--from-aws", "--alarm", "steady"),
    ("cost",),
    ("export",),
    ("forget", "payments-api"),
]
Run = Callable[..., Result]


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "SomeOperation")


def fail_with(monkeypatch: pytest.MonkeyPatch, error: Exception, *, but: str = "") -> None:
    """Let every call of this thread fail, but those of one service. A local AWS has threads of its own."""
    here = threading.current_thread()
    call: Any = BaseClient._make_api_call  # type: ignore[attr-defined]  # private to botocore

    def answer(self: Any, operation: str, request: Any) -> Any:
        is_theirs = threading.current_thread() is not here
        if is_theirs or self.meta.service_model.service_name == but:
            return call(self, operation, request)
        raise error

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)


def told(answer: Result) -> str:
    """What an operator sees: it failed, in lines of the command's own, and nothing was a bug."""
    assert isinstance(answer.exception, SystemExit), answer.exception
    assert answer.exit_code == 1
    lines = answer.stderr.splitlines()
    assert lines
    assert all(line.startswith("recloser: ") for line in lines), answer.stderr
    return lines[-1]


@pytest.mark.parametrize("but", ["", "cloudformation"])
def test_denied(recloser: Run, tables: DynamoDBTables, monkeypatch: pytest.MonkeyPatch, but: str) -> None:
    """Whatever the command and whichever call is denied: one line, with the policies that allow it."""
    fail_with(monkeypatch, client_error("AccessDeniedException"), but=but)
    for command in COMMANDS:
        answer = recloser(*command)
        assert "ReaderPolicy" in told(answer), command
        assert answer.stdout == "", command


KINDS: list[tuple[Exception, str]] = [
    (client_error("ExpiredToken"), "the AWS credentials have expired: sign in again"),
    (client_error("ExpiredTokenException"), "the AWS credentials have expired: sign in again"),
    (client_error("InvalidClientTokenId"), "AWS does not know these credentials"),
    (client_error("UnrecognizedClientException"), "AWS does not know these credentials"),
    (client_error("SignatureDoesNotMatch"), "AWS does not know these credentials"),
    (client_error("RequestTimeTooSkewed"), "this machine's clock is off AWS's"),
    (client_error("Throttling"), "try again in a minute"),
    (client_error("ThrottlingException"), "try again in a minute"),
    (client_error("RequestLimitExceeded"), "try again in a minute"),
    (client_error("InternalFailure"), "AWS itself failed: try again"),
    (client_error("SomethingNew"), "(SomethingNew)"),
    (NoCredentialsError(), "sign in, or name a profile with --profile"),
    (PartialCredentialsError(provider="env", cred_var="secret"), "sign in again, or name a profile"),
    (CredentialRetrievalError(provider="process", error_msg="no"), "sign in again, or name a profile"),
    (SSOTokenLoadError(error_msg="none"), "sign in again, or name a profile"),
    (UnauthorizedSSOTokenError(), "sign in again, or name a profile"),
    (TokenRetrievalError(provider="sso", error_msg="no"), "sign in again, or name a profile"),
    (EndpointConnectionError(endpoint_url="http://127.0.0.1:9"), "is the network up"),
    (ConnectTimeoutError(endpoint_url="http://127.0.0.1:9"), "is the network up"),
    (ReadTimeoutError(endpoint_url="http://127.0.0.1:9"), "is the network up"),
    (BotoCoreError(), "An unspecified error occurred"),
]


def test_kinds(recloser: Run, tables: DynamoDBTables, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind has its advice, where the stack is asked and where the tables are."""
    for error, advice in KINDS:
        for but in ("cloudformation", ""):
            with monkeypatch.context() as patched:
                fail_with(patched, error, but=but)
                assert advice in told(recloser("status", "payments-api")), error


def test_one_circuit_of_several(
    recloser: Run, tables: DynamoDBTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several circuits each has its line."""
    call: Any = BaseClient._make_api_call  # type: ignore[attr-defined]  # private to botocore

    def answer(self: Any, operation: str, request: Any) -> Any:
        if operation in {"UpdateItem", "PutItem"}:
            raise client_error("AccessDeniedException")
        return call(self, operation, request)

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    failed = recloser("open", "payments-api", "search", "--reason", "outage", "--yes", "--by", "ann")
    assert "ReaderPolicy" in told(failed)
    assert [line.split(": ")[1] for line in failed.stderr.splitlines()] == ["payments-api", "search"]


@pytest.mark.parametrize(
    "variables",
    [
        {"AWS_MAX_ATTEMPTS": "many"},
        {"AWS_RETRY_MODE": "often"},
        {"AWS_ENDPOINT_URL": "nowhere"},
        {"AWS_CONFIG_FILE": "/dev/null/config"},
        {"AWS_USE_FIPS_ENDPOINT": "maybe"},
        {"AWS_CA_BUNDLE": "/nowhere"},
    ],
    ids=str,
)
def test_a_configuration_that_is_none(
    recloser: Run, tables: DynamoDBTables, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """What botocore does not understand of the environment is no traceback, either."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    answer = recloser("status")
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception


def test_a_bug_is_no_operators_line(
    recloser: Run, tables: DynamoDBTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw keeps its traceback, which helps to report it."""
    fail_with(monkeypatch, ZeroDivisionError())
    assert isinstance(recloser("status").exception, ZeroDivisionError)
