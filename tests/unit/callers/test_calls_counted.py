"""How much of the library a call goes through: a newcomer can follow it in a debugger."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import Context
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import recloser
from recloser.admit import View, admit
from recloser.caller import tracing
from recloser.circuit import Circuit
from recloser.testing import World

LIBRARY = Path(recloser.__file__).parent


def calls_of(work: Callable[[], object]) -> list[Path]:
    """The file of each of the library's functions that are called meanwhile, but for the test's own clock."""
    files: list[Path] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        file = Path(frame.f_code.co_filename)
        if event == "call" and file.is_relative_to(LIBRARY) and file.name != "testing.py":
            files.append(file)

    def noted() -> None:
        sys.setprofile(note)
        try:
            work()
        finally:
            sys.setprofile(None)

    Context().run(noted)  # a thread's own may hold a probe that another test has left elsewhere
    return files


@pytest.fixture(autouse=True)
def untraced(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has loaded no tracer; other tests may have."""
    monkeypatch.setattr(tracing, "TRACERS", frozenset())


def test_the_first_call_of_a_breaker(world: World) -> None:
    """It makes what the breaker needs, reads the flag, admits, calls and publishes."""
    admit(View(Circuit("another")), 0.0, "last-known")  # a process defines how its types are made once
    breaker = world.breaker("payments-api")
    files = calls_of(lambda: breaker.call(lambda: "paid"))
    assert len(files) <= 40, [file.stem for file in files]
    assert len(set(files)) <= 10, {file.stem for file in files}


def test_an_ordinary_call(world: World) -> None:
    """It finds the answer remembered, calls and publishes."""
    breaker = world.breaker("payments-api")

    def pay() -> str:
        return "paid"

    breaker.call(pay)
    files = calls_of(lambda: breaker.call(pay))
    assert len(files) <= 12, [file.stem for file in files]
    assert len(set(files)) <= 5, {file.stem for file in files}
