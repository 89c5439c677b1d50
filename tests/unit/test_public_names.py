"""What `recloser` exports, and what importing it costs those who need only a part."""

from __future__ import annotations

import subprocess
import sys

import recloser

PROGRAM = """
import sys
import recloser.control.control
print(sorted(name for name in sys.modules if name.startswith("recloser.caller")))
from recloser import CircuitBreaker
print("recloser.caller.breaker" in sys.modules)
"""


def test_every_name_is_there() -> None:
    """Each public name is one attribute, and there are no others to complete."""
    assert all(getattr(recloser, name) is not None for name in recloser.__all__)
    assert dir(recloser) == sorted(recloser.__all__)
    assert set(recloser._HOMES) == set(recloser.__all__)


def test_a_name_that_is_not_there() -> None:
    """It is an AttributeError, as of any module."""
    assert not hasattr(recloser, "breaker")


def test_the_control_side_loads_no_callers() -> None:
    """The stack's functions start without the callers' half."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["[]", "True"]
