"""The watchdog's thread: deadlines in order, once, cheap when called off, and its own in every process."""

from __future__ import annotations

import functools
import logging
import subprocess
import sys
import threading
import time

import pytest

from recloser.caller.watchdog import ThreadWatchdog


def test_in_order_of_their_times() -> None:
    """Deadlines come in order of their times, in whatever order they were set."""
    watchdog, last = ThreadWatchdog(), threading.Event()
    came: list[str] = []
    now = time.time()
    watchdog.watch(now + 60, lambda: came.append("far"))
    watchdog.watch(now + 0.10, last.set)
    watchdog.watch(now + 0.05, lambda: came.append("second"))
    watchdog.watch(now, lambda: came.append("first"))
    assert last.wait(timeout=10)
    assert came == ["first", "second"]


def test_called_off() -> None:
    """A deadline that is called off does not come, and holds nobody else's up."""
    watchdog, last = ThreadWatchdog(), threading.Event()
    came: list[str] = []
    now = time.time()
    deadline = watchdog.watch(now + 0.02, lambda: came.append("called off"))
    watchdog.watch(now + 0.05, last.set)
    deadline.call_off()
    assert last.wait(timeout=10)
    assert came == []


def test_an_error_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """What a deadline's work raises is logged, and the next one comes."""
    watchdog, last = ThreadWatchdog(), threading.Event()

    def wrong() -> None:
        raise ValueError("wrong")

    with caplog.at_level(logging.ERROR):
        watchdog.watch(time.time(), wrong)
        watchdog.watch(time.time() + 0.01, last.set)
        assert last.wait(timeout=10)
    assert "the watchdog's work failed" in caplog.text


def test_one_thread_for_all() -> None:
    """A thousand deadlines from ten threads need one thread, and each comes once."""
    watchdog = ThreadWatchdog()
    came: list[int] = []
    before = threading.active_count()

    def sets(first: int) -> None:
        for number in range(first, first + 100):
            watchdog.watch(time.time() + 0.05, functools.partial(came.append, number))

    threads = [threading.Thread(target=sets, args=(100 * index,)) for index in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert threading.active_count() == before + 1
    done = threading.Event()
    watchdog.watch(time.time() + 0.1, done.set)
    assert done.wait(timeout=10)
    assert sorted(came) == list(range(1000))


def test_deadlines_called_off_are_forgotten() -> None:
    """A hundred thousand calls that ended in time leave no trail behind a deadline of an hour."""
    watchdog = ThreadWatchdog()
    watchdog.watch(time.time() + 3600, lambda: None)
    for _ in range(100_000):
        watchdog.watch(time.time() + 3700, lambda: None).call_off()
    assert len(watchdog._deadlines) < 1000


def test_a_clock_that_is_set_back() -> None:
    """Deadlines go back with the clock: those that wait do not come an hour late, nor at once."""
    set_back_seconds = 0.0
    watchdog, last = ThreadWatchdog(lambda: time.time() - set_back_seconds), threading.Event()
    came: list[str] = []
    began = time.monotonic()
    watchdog.watch(time.time() + 1.5, lambda: came.append("far"))
    watchdog.watch(time.time() + 1.6, last.set)
    watchdog.watch(time.time() + 600, lambda: came.append("very far"))
    set_back_seconds = 3600.0
    watchdog.watch(time.time() - set_back_seconds + 0.05, lambda: came.append("near"))
    assert last.wait(timeout=30)
    assert came == ["near", "far"]
    assert time.monotonic() - began >= 1.5


def test_a_clock_that_is_set_back_while_it_sleeps() -> None:
    """The thread looks at the clock again when the time it slept for has passed."""
    set_back_seconds = 0.0
    watchdog, came = ThreadWatchdog(lambda: time.time() - set_back_seconds), threading.Event()
    watchdog.watch(time.time() + 0.5, came.set)
    set_back_seconds = 3600.0
    assert came.wait(timeout=30)


def test_a_clock_that_is_set_forward_and_back() -> None:
    """What was set while the clock was ahead comes in its time, too."""
    ahead_seconds = 3600.0
    watchdog, came = ThreadWatchdog(lambda: time.time() + ahead_seconds), threading.Event()
    watchdog.watch(time.time() + ahead_seconds + 0.3, came.set)
    ahead_seconds = 0.0
    watchdog.watch(time.time() + 60, lambda: None)
    assert came.wait(timeout=30)


FORKING = """
import os, sys, threading, time
from recloser.caller.process import Process
process = Process()
process.watchdog.watch(time.time() + 0.3, lambda: os.write(1, b"parent's deadline in %d\\n" % os.getpid()))
time.sleep(0.1)
if len(sys.argv) > 1:
    held = process.watchdog._changed
    held.acquire()  # as it is while the thread looks for what is next
child = os.fork()
if child == 0:
    near = threading.Event()
    process.watchdog.watch(time.time() + 60, lambda: None)
    time.sleep(0.1)  # the child's thread waits for the far one now
    process.watchdog.watch(time.time() + 0.05, near.set)
    print("near:", near.wait(timeout=5), flush=True)
    time.sleep(0.5)
    os._exit(0)
if len(sys.argv) > 1:
    held.release()
_, status = os.waitpid(child, 0)
print("parent is", os.getpid(), "child ended with", status)
"""


@pytest.mark.parametrize("arguments", [[], ["with its lock held"]], ids=["", "lock held"])
def test_a_fork(arguments: list[str]) -> None:
    """A forked child has a watchdog that works, and none of its parent's deadlines."""
    done = subprocess.run(
        [sys.executable, "-c", FORKING, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    lines = done.stdout.splitlines()
    assert "near: True" in lines
    parent = next(line for line in lines if line.startswith("parent is")).split()[2]
    assert [line for line in lines if "deadline in" in line] == [f"parent's deadline in {parent}"]
    assert done.stdout.endswith("child ended with 0\n")


def test_where_no_thread_can_be_started(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said in the log; the next deadline that can be kept brings the others along."""
    watchdog, came = ThreadWatchdog(), threading.Event()

    def no_more_threads(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr(threading.Thread, "start", no_more_threads)
        watchdog.watch(time.time(), came.set)
    assert "can't start new thread" in caplog.text
    watchdog.watch(time.time() + 60, lambda: None)
    assert came.wait(timeout=10)


@pytest.mark.parametrize("seconds", [1e10, 1e30, float("inf")])
def test_a_deadline_that_no_lock_can_wait_for(seconds: float) -> None:
    """A deadline may lie any time ahead; the watchdog goes on to see the others."""
    watchdog, came = ThreadWatchdog(), threading.Event()
    watchdog.watch(time.time() + seconds, lambda: None)
    watchdog.watch(time.time() + 0.05, came.set)  # it goes back to the first before it is asked for the next
    assert came.wait(timeout=10)
    came.clear()
    watchdog.watch(time.time(), came.set)
    assert came.wait(timeout=10)
