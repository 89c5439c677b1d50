"""How the command finds the deployment, and what it says when it cannot."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from typer.testing import Result

from recloser.cli.account import CIRCUIT_TABLE_OUTPUT, DEFAULT_STACK, PROBE_TABLE_OUTPUT, _environment_of
from recloser.policy import RecoveryPolicy
from recloser.store.dynamodb import DynamoDBTables

TEMPLATE = Path(__file__).parents[3] / "template.yaml"


class _Untagged(yaml.SafeLoader):
    """Reads a template without evaluating CloudFormation's short forms."""


def _argument(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node)


_Untagged.add_multi_constructor("!", _argument)


def test_template_agrees() -> None:
    """The deployed template has the outputs that are looked for, and every parameter reaches its setting."""
    template = yaml.load(TEMPLATE.read_text(), _Untagged)
    assert {CIRCUIT_TABLE_OUTPUT, PROBE_TABLE_OUTPUT} <= template["Outputs"].keys()
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    settings = {field.name.upper() for field in fields(RecoveryPolicy)}
    of_policy = {
        variable: parameter
        for variable, parameter in variables.items()
        if variable.removeprefix("RECLOSER_") in settings
    }
    assert of_policy
    values = {parameter: f"value of {parameter}" for parameter in of_policy.values()}
    assert _environment_of(values) == {
        variable: f"value of {parameter}" for variable, parameter in of_policy.items()
    }


def test_another_stack(
    recloser: Callable[..., Result], tables: DynamoDBTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--stack-name, or RECLOSER_STACK, names the stack; it beats the tables in the environment."""
    monkeypatch.setenv("RECLOSER_CIRCUIT_TABLE", "somewhere-else")
    monkeypatch.setenv("RECLOSER_PROBE_TABLE", "somewhere-else")

    assert recloser("status").exit_code == 1
    assert "payments-api" in recloser("--stack-name", DEFAULT_STACK, "status").stdout
    monkeypatch.setenv("RECLOSER_STACK", DEFAULT_STACK)
    assert "payments-api" in recloser("status").stdout


def test_tables_by_environment(
    recloser: Callable[..., Result], tables: DynamoDBTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables that callers have work here too, with the default policy that functions read there."""
    monkeypatch.setenv("RECLOSER_CIRCUIT_TABLE", tables._circuit_table)
    monkeypatch.setenv("RECLOSER_PROBE_TABLE", tables._probe_table)
    monkeypatch.setenv("RECLOSER_PERMITS", "77")
    boto3.client("cloudformation").delete_stack(StackName="a-stack-that-is-not-needed")

    recloser("open", "payments-api", "--new", "--reason", "outage")

    assert [document["circuit"] for document in json.loads(recloser("status", "--json").stdout)] == [
        "payments-api"
    ]
    assert json.loads(recloser("policy", "payments-api", "--json").stdout)["policy"]["permits"] == 77


def failed(answer: Any, exit_code: int, message: str) -> None:
    """Assert that a command failed with one line."""
    assert answer.exit_code == exit_code
    assert answer.stdout == ""
    assert re.fullmatch(f"recloser: {message}\n", answer.stderr), answer.stderr


def test_half_an_environment(recloser: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """One table without the other is bad input."""
    monkeypatch.setenv("RECLOSER_CIRCUIT_TABLE", "circuits")
    told = "environment variable RECLOSER_PROBE_TABLE '' is not allowed: it must be set, because .* is"
    failed(recloser("status"), 2, told)


def test_bad_default(recloser: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """A default policy that does not validate is told, with the variable."""
    monkeypatch.setenv("RECLOSER_CIRCUIT_TABLE", "circuits")
    monkeypatch.setenv("RECLOSER_PROBE_TABLE", "probes")
    monkeypatch.setenv("RECLOSER_PERMITS", "many")
    told = "environment variable RECLOSER_PERMITS = 'many' is not allowed: a whole number"
    failed(recloser("status"), 1, told)


def test_no_stack(recloser: Callable[..., Result], aws: None) -> None:
    """A stack that is not there is named, with the Region and the ways out."""
    told = "stack 'nowhere' was not found in eu-central-1: name it with --stack-name and --region, or set .*"
    failed(recloser("--stack-name", "nowhere", "--region", "eu-central-1", "status"), 1, told)


def test_somebody_elses_stack(recloser: Callable[..., Result], aws: None) -> None:
    """A stack without our outputs is not ours."""
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    boto3.client("cloudformation").create_stack(StackName="other", TemplateBody=json.dumps(template))
    told = r"stack other \(CREATE_COMPLETE\) has no output CircuitTableName: it is not Recloser's.*"
    failed(recloser("--stack-name", "other", "status"), 1, told)


def test_no_table(recloser: Callable[..., Result], aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that is not there is one line too."""
    monkeypatch.setenv("RECLOSER_CIRCUIT_TABLE", "circuits")
    monkeypatch.setenv("RECLOSER_PROBE_TABLE", "probes")
    failed(recloser("status", "payments-api"), 1, ".*ResourceNotFoundException.*")


def test_no_credentials(recloser: Callable[..., Result]) -> None:
    """Without credentials the operator hears what to do."""
    told = "no AWS credentials were found: sign in, or name a profile with --profile"
    failed(recloser("--region", "eu-west-1", "status"), 1, told)


def test_no_credentials_for_the_tables(
    recloser: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same where the first thing asked is the table."""
    monkeypatch.setenv("RECLOSER_CIRCUIT_TABLE", "circuits")
    monkeypatch.setenv("RECLOSER_PROBE_TABLE", "probes")
    failed(recloser("--region", "eu-west-1", "status"), 1, "DynamoDB scan: .*: sign in, or name a profile .*")


def test_no_region(recloser: Callable[..., Result]) -> None:
    """Without a Region too."""
    failed(recloser("status"), 1, "no AWS Region is set: name it with --region or AWS_REGION")


def test_bad_region(recloser: Callable[..., Result], aws: None) -> None:
    """A Region of a wrong form is bad input."""
    told = "region 'eu west' is not allowed: the name of an AWS Region, as eu-west-1"
    failed(recloser("--region", "eu west", "status"), 2, told)


def test_bad_profile(recloser: Callable[..., Result], tmp_path: Path) -> None:
    """A profile that is not there is told with those that are."""
    failed(
        recloser("--profile", "nobody", "status"), 2, "profile 'nobody' is not allowed: .*: there are none"
    )
    (tmp_path / "config").write_text("[profile work]\nregion = eu-west-1\n[default]\n")
    failed(recloser("--profile", "nobody", "status"), 2, "profile 'nobody' .*configuration: default, work")


def test_profile(
    recloser: Callable[..., Result], tables: DynamoDBTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The profile's Region and credentials count."""
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable)
    (tmp_path / "config").write_text(
        "[profile work]\nregion = eu-west-1\naws_access_key_id = work\naws_secret_access_key = secret\n"
    )
    assert "payments-api" in recloser("--profile", "work", "status").stdout


def test_endpoint(recloser: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_ENDPOINT_URL is where everything goes; when nobody is there, one line says so."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        answer = recloser("--region", "eu-west-1", "status")
    failed(answer, 1, f'cloudformation: Could not connect to the endpoint URL: "{endpoint}/": is the .*')


@pytest.mark.parametrize("endpoint", ["http://[", "http://127.0.0.1:99999", "http://127.0.0.1:x", "nowhere"])
def test_an_endpoint_that_is_no_url(
    recloser: Callable[..., Result], tables: DynamoDBTables, endpoint: str
) -> None:
    """An endpoint that is no URL, or has no such port, is bad input."""
    failed(
        recloser("--endpoint-url", endpoint, "status"), 2, "endpoint .* is not allowed: a URL, as http://.*"
    )


@pytest.mark.parametrize("stack", ["\udcff", "\x1b[31m", "a stack"])
def test_a_stack_that_cannot_be(recloser: Callable[..., Result], aws: None, stack: str) -> None:
    """What cannot name a stack is bad input, and AWS is not asked."""
    failed(recloser("--stack-name", stack, "status"), 2, "stack .* is not allowed: the name of a .*")


class _WebPage(BaseHTTPRequestHandler):
    """Answers as a proxy's sign-in page does, or any other web server."""

    def do_POST(self) -> None:
        page = b"<html>Sign in</html>"
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("command", [("status",), ("status", "orders"), ("open", "orders", "--reason", "r")])
def test_a_web_page_in_the_place_of_aws(
    recloser: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """Where a proxy or another server answers, one line says so; its page is never taken for an answer."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("RECLOSER_CIRCUIT_TABLE", "circuits")
    monkeypatch.setenv("RECLOSER_PROBE_TABLE", "probes")
    with ThreadingHTTPServer(("127.0.0.1", 0), _WebPage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        answer = recloser("--region", "eu-west-1", "--endpoint-url", endpoint, *command)
        server.shutdown()
    failed(answer, 1, "the answer is a web page, not one of AWS: .*")
