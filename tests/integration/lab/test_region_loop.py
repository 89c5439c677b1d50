"""The region's heartbeat."""

from __future__ import annotations

import threading

import pytest

from recloser.lab.local_aws.region_loop import RegionLoop


def test_steps_in_order_again_and_again() -> None:
    """Each round takes the steps in order; leaving the block ends the loop."""
    taken: list[str] = []
    enough = threading.Event()

    def last(_now_ms: int) -> None:
        taken.append("last")
        if len(taken) >= 6:
            enough.set()

    with RegionLoop(lambda _: taken.append("first"), last, interval_seconds=0):
        assert enough.wait(5)
    assert taken[:6] == ["first", "last"] * 3


def test_a_problem_is_raised() -> None:
    """A step that fails ends the loop, and both `check` and the end of the block say why."""
    failed = threading.Event()

    def fail(_now_ms: int) -> None:
        failed.set()
        raise OSError("no such table")

    loop = RegionLoop(fail, interval_seconds=0)
    loop.__enter__()
    assert failed.wait(5)
    loop._thread.join(5)
    with pytest.raises(RuntimeError, match="no such table"):
        loop.check()
    with pytest.raises(RuntimeError, match="no such table"):
        loop.__exit__(None, None, None)
