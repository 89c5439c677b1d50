"""What a library costs before its first answer: each figure comes from a fresh interpreter of its own.

The interpreter runs with `-I -S` and imports `site` by itself: it has what every Python has at its start (os,
io, codecs), and nothing that the `.pth` files of an environment may load. Byte code is warm. The clock runs
inside that process, so the start of the interpreter itself is in no figure.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable
from pathlib import Path

TimeFunction = Callable[[int], float]

ROOT = Path(__file__).parent.parent

# What Lambda's Python runtime has loaded before it loads the handler's module, as far as the standard library
# goes: bootstrap.py, lambda_runtime_client.py and lambda_runtime_marshaller.py of awslambdaric.
LOADED_BY_LAMBDA = "import decimal, importlib, json, logging, math, os, sys, time, traceback"

POWERTOOLS = "from aws_lambda_powertools.utilities.circuit_breaker import circuit_breaker"
POWERTOOLS_STORE = POWERTOOLS.replace(
    "circuit_breaker import circuit_breaker",
    "circuit_breaker.persistence import CircuitBreakerDynamoDBPersistence",
)

IMPORTS = {
    "recloser": "from recloser import CircuitBreaker",
    "powertools": POWERTOOLS,
    "powertools-dynamodb": f"{POWERTOOLS}\n{POWERTOOLS_STORE}",
    "circuitbreaker": "from circuitbreaker import CircuitBreaker",
    "pybreaker": "from pybreaker import CircuitBreaker",
    "purgatory": "from purgatory import SyncCircuitBreakerFactory",
    "aiobreaker": "from aiobreaker import CircuitBreaker",
    # For comparison, what the standard library alone takes:
    "dataclasses-logging": "import dataclasses, logging, threading, typing",
}

_CALL = "\n@{guard}\ndef call(): pass\ncall()"

FIRST_CALLS = {
    "recloser": IMPORTS["recloser"] + _CALL.format(guard="CircuitBreaker('payments-api')"),
    "recloser-dynamodb": IMPORTS["recloser"] + _CALL.format(guard="CircuitBreaker('payments-api')"),
    "powertools-dynamodb": IMPORTS["powertools-dynamodb"]
    + _CALL.format(guard="circuit_breaker('payments-api', CircuitBreakerDynamoDBPersistence('circuits'))"),
    "circuitbreaker": IMPORTS["circuitbreaker"] + _CALL.format(guard="CircuitBreaker()"),
    "pybreaker": IMPORTS["pybreaker"] + _CALL.format(guard="CircuitBreaker()"),
    "purgatory": IMPORTS["purgatory"] + _CALL.format(guard="SyncCircuitBreakerFactory()('payments-api')"),
    "aiobreaker": IMPORTS["aiobreaker"] + _CALL.format(guard="CircuitBreaker()"),
}

PROGRAM = """
import site, sys, time
sys.path[:0] = {path!r}
{before}
started = time.perf_counter()
{measured}
seconds = time.perf_counter() - started
sys.stderr.write(str(seconds))
"""


def fresh(measured: str, before: str = "", environment: dict[str, str] | None = None) -> float:
    """Return the seconds that a piece of code takes in a fresh interpreter."""
    path = [str(ROOT), sysconfig.get_path("purelib")]
    program = PROGRAM.format(path=path, before=before, measured=measured)
    done = subprocess.run(
        [os.path.realpath(sys.executable), "-I", "-S", "-W", "ignore", "-c", program],
        env=environment or {},
        check=True,
        text=True,
        capture_output=True,
    )
    return float(done.stderr)


def importing(statement: str, before: str = "") -> TimeFunction:
    return lambda loops: sum(fresh(statement, before) for _ in range(loops))


def first_call(program: str, *, asks_dynamodb: bool) -> TimeFunction:
    if not asks_dynamodb:
        return lambda loops: sum(fresh(program) for _ in range(loops))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), EmptyTable)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "RECLOSER_CIRCUIT_TABLE": "circuits",
        "RECLOSER_PROBE_TABLE": "probes",
    }
    return lambda loops: sum(fresh(program, environment=environment) for _ in range(loops))


class EmptyTable(http.server.BaseHTTPRequestHandler):
    """DynamoDB, answering at once that there is no such item."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


BENCHMARKS: dict[str, Callable[[], TimeFunction]] = {
    **{f"import/{name}": functools.partial(importing, code) for name, code in IMPORTS.items()},
    **{
        f"import-lambda/{name}": functools.partial(importing, code, LOADED_BY_LAMBDA)
        for name, code in IMPORTS.items()
    },
    "import-lambda/recloser-beside-botocore": functools.partial(
        importing, IMPORTS["recloser"], f"{LOADED_BY_LAMBDA}\nimport botocore.session"
    ),
    **{
        f"first/{name}": functools.partial(first_call, code, asks_dynamodb=name.endswith("dynamodb"))
        for name, code in FIRST_CALLS.items()
    },
}
