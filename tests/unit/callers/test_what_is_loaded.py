"""What a caller's cold start loads: held by names here, on any machine. `make bench` measures the time."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import recloser

# What AWS's runtime client (awslambdaric 2.0 to 4.2) has loaded before it loads a handler's module.
LOADED_BY_LAMBDA = "import decimal, importlib, json, logging, math, os, sys, time, traceback"

# What importing `CircuitBreaker` must not load, and who does need it.
NOT_LOADED = {
    "typing": "type checkers: every module says TYPE_CHECKING",
    "dataclasses": "who looks into a type of ours by it: see `recloser.frozen`",
    "inspect": "who gives a fallback or a predicate that is a function; it brings ast, dis and opcode",
    "ast": "inspect",
    "dis": "inspect",
    "copy": "a fallback that keeps an answer",
    "asyncio": "async calls, whose caller has it",
    "concurrent.futures": "work in the background",
    "random": "a request to a table that is repeated; our own random numbers come from the system",
    "datetime": "Retry-After with a date",
    "email": "Retry-After with a date",
    "socket": "the predicates",
    "botocore": "the first call that asks a table",
    "boto3": "nobody",
    "recloser.control": "who decides",
    "recloser.decide": "who decides",
    "recloser.predicates": "who asks for a predicate",
    "recloser.store.dynamodb": "the first call that asks a table",
    "recloser.caller.fallback_kinds": "who makes a fallback",
}

PROGRAM = """
import site
import sys
sys.path[:0] = {path!r}
{before}
before = set(sys.modules)
{measured}
print(json.dumps(sorted(set(sys.modules) - before)))
"""

IMPORT = "from recloser import CircuitBreaker"

FIRST_CALL = """
from recloser import CircuitBreaker, Circuit, Process

class Tables:
    def read_many(self, names):
        return {name: Circuit(name) for name in names}

breaker = CircuitBreaker("payments-api", process=Process(tables=Tables()))

@breaker
def pay() -> str:
    return "paid"

assert pay() == "paid"
"""


def loaded_by(measured: str) -> set[str]:
    """The modules that code loads in a fresh interpreter, in which no .pth file has loaded any."""
    path = [str(Path(recloser.__file__).parents[1]), sysconfig.get_path("purelib")]
    program = PROGRAM.format(path=path, before=LOADED_BY_LAMBDA, measured=measured)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
    return set(loaded)


@pytest.mark.parametrize("measured", [IMPORT, FIRST_CALL], ids=["import", "first call"])
def test_nothing_is_loaded_that_an_ordinary_call_does_not_need(measured: str) -> None:
    """Neither the import nor the first call of a breaker with tables loads what only others need."""
    loaded = loaded_by(measured)
    assert "recloser.caller.breaker" in loaded
    assert loaded.isdisjoint(NOT_LOADED)


def test_what_is_not_loaded_would_be_seen() -> None:
    """Each of these names is a module's, or the test above could not fail by it."""
    modules = sorted(NOT_LOADED.keys() - {"boto3"})  # which is not among what we install
    assert set(modules) <= loaded_by("\n".join(f"import {name}" for name in modules))
