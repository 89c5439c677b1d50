"""Nobody waits for the store longer than the deadline, and what comes too late is not lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from recloser.errors import StoreError
from recloser.store.deadline import MOST_OVERDUE, Budget, Deadline, NoAnswer

SOON = 0.02


class Store:
    """Answers when it is let, and not before."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.asked = 0

    def hang(self, _: Budget) -> str:
        self.asked += 1
        self.may_answer.wait(30)
        return "late"


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    yield store
    store.may_answer.set()


def answer(_: Budget) -> str:
    return "answer"


def test_an_answer_in_time() -> None:
    """It is returned as it came."""
    assert Deadline().run("read", answer) == "answer"


def test_an_error_in_time() -> None:
    """It is raised as it came, and the time has no part in it."""

    def refuse(_: Budget) -> str:
        raise StoreError("denied")

    with pytest.raises(StoreError, match="denied") as raised:
        Deadline().run("read", refuse)
    assert not isinstance(raised.value, NoAnswer)


def test_no_answer_in_time(store: Store) -> None:
    """It is an error that says how long was waited for what."""
    with pytest.raises(NoAnswer, match=r"^read: no answer within 0\.5 s$"):
        Deadline(seconds=0.5).run("read", store.hang)


def test_what_was_spent_before_counts(store: Store) -> None:
    """The time that the caller has spent in getting ready is taken off, down to half a second."""
    with pytest.raises(NoAnswer, match=r"within 0\.6 s"):
        Deadline(seconds=1.5).run("read", store.hang, spent_seconds=0.9)
    with pytest.raises(NoAnswer, match=r"within 0\.5 s"):
        Deadline(seconds=1.5).run("read", store.hang, spent_seconds=60)


def silenced(store: Store) -> Deadline:
    """A deadline of a store that has not answered."""
    deadline = Deadline(seconds=0.5, silent_seconds=SOON)
    with pytest.raises(NoAnswer):
        deadline.run("read", store.hang)
    return deadline


def test_a_silent_store_is_hardly_waited_for(store: Store) -> None:
    """Who asks after that waits for a moment only."""
    deadline = silenced(store)
    for _ in range(3):
        with pytest.raises(NoAnswer, match=r"within 0\.0 s"):
            deadline.run("read", store.hang)


def test_an_unreachable_store_is_hardly_waited_for(store: Store) -> None:
    """The same where the network says at once that nobody is there."""

    def unreachable(_: Budget) -> str:
        raise NoAnswer("no route to host")

    deadline = Deadline(seconds=0.5, silent_seconds=SOON)
    with pytest.raises(NoAnswer, match="no route"):
        deadline.run("read", unreachable)
    with pytest.raises(NoAnswer, match=r"within 0\.0 s"):
        deadline.run("read", store.hang)


def test_a_late_answer_ends_the_silence(store: Store) -> None:
    """Once the store has answered, however late, it is waited for as before."""
    deadline = silenced(store)
    came = threading.Event()
    with pytest.raises(NoAnswer):
        deadline.run("read", store.hang, if_late=lambda _: came.set())
    store.may_answer.set()
    assert came.wait(10)
    other = Store()
    with pytest.raises(NoAnswer, match=r"within 0\.5 s"):
        deadline.run("read", other.hang)
    other.may_answer.set()


def test_a_refusal_ends_the_silence(store: Store) -> None:
    """A store that says no has answered."""

    def refuse(_: Budget) -> str:
        raise StoreError("denied")

    deadline = silenced(store)
    with pytest.raises(StoreError):
        deadline.run("read", refuse)
    assert not deadline._is_silent


def test_threads_are_few(store: Store) -> None:
    """While a network lets no request go, no more than eight hang in it; others are turned away at once."""
    deadline = Deadline(seconds=0.5, silent_seconds=SOON)
    for _ in range(MOST_OVERDUE):
        with pytest.raises(NoAnswer, match="no answer within"):
            deadline.run("read", store.hang)
    with pytest.raises(NoAnswer, match="read: not asked, because 8 earlier requests have no answer yet"):
        deadline.run("read", store.hang)
    assert store.asked == MOST_OVERDUE


def test_threads_come_back(store: Store) -> None:
    """When the network lets them go, the store is asked again."""
    deadline = silenced(store)
    ended = threading.Event()
    with pytest.raises(NoAnswer):
        deadline.run("read", store.hang, if_late=lambda _: ended.set())
    assert deadline._overdue == 2
    store.may_answer.set()
    assert ended.wait(10)
    for thread in threading.enumerate():
        if thread.name == "recloser-store":
            thread.join(10)
    assert deadline._overdue == 0
    assert deadline.run("read", answer) == "answer"


def test_a_late_answer_is_taken(store: Store) -> None:
    """An answer for which nobody waits any more goes where it was told to."""
    late: list[str] = []
    taken = threading.Event()

    def take(said: str) -> None:
        late.append(said)
        taken.set()

    with pytest.raises(NoAnswer):
        Deadline(seconds=0.5).run("claim", store.hang, if_late=take)
    assert late == []
    store.may_answer.set()
    assert taken.wait(10)
    assert late == ["late"]


def test_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that can start no thread asks in the caller's: the flag counts more than the deadline."""

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert Deadline().run("read", answer) == "answer"


def test_a_call_that_waits_elsewhere_is_not_held_up(store: Store) -> None:
    """One exchange that hangs holds up no other."""
    deadline = Deadline(seconds=5)
    found: list[str] = []
    waiting = threading.Thread(target=lambda: found.append(deadline.run("read", store.hang)))
    waiting.start()
    assert deadline.run("read", answer) == "answer"
    assert found == []
    store.may_answer.set()
    waiting.join(timeout=10)


def test_pauses_grow_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pause is random in the upper half of a time that doubles."""
    drawn: list[tuple[float, float]] = []

    def highest(low: float, high: float) -> float:
        drawn.append((low, high))
        return high

    monkeypatch.setattr("random.uniform", highest)
    slept: list[float] = []
    budget = Budget(10, slept.append)
    assert all(budget.pause(attempt) for attempt in (1, 2, 3))
    assert slept == [0.05, 0.1, 0.2]
    assert drawn == [(0.5, 1)] * 3


def test_no_pause_beyond_the_budget() -> None:
    """Where the pause would take more time than there is, there is no other attempt."""
    slept: list[float] = []
    assert not Budget(0.02, slept.append).pause(1)
    assert slept == []
