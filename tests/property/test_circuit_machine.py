"""A circuit under what a distributed system does to it: messages late, twice, never and out of order."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from recloser.circuit import Cause, Circuit, Override, Probes, State
from recloser.control.control import Control
from recloser.control.minute import Minute
from recloser.decide import decide
from recloser.errors import Conflict
from recloser.policy import RecoveryPolicy
from recloser.signals import AlarmRaised, OverrideReleased, OverrideSet, ProbesReported, Reset
from recloser.store.memory import MemoryTables

NAME = "payments-api"
POLICY = RecoveryPolicy(
    recovery_timeout_seconds=10, jitter=0.1, permits=4, successes_to_close=3, stable_after_seconds=60
)

# What may happen to (state, generation) in one write: from, to, and how far the generation moves.
LEGAL = {
    (State.CLOSED, State.OPEN, 1),
    (State.OPEN, State.HALF_OPEN, 0),
    (State.OPEN, State.OPEN, 1),
    (State.OPEN, State.CLOSED, 1),
    (State.HALF_OPEN, State.OPEN, 1),
    (State.HALF_OPEN, State.CLOSED, 1),
    (State.CLOSED, State.CLOSED, 1),  # a reset
    *((state, state, 0) for state in State),
}


class FaultMachine(RuleBasedStateMachine):
    """One circuit, a fleet's probes, and messages that are delivered in random order."""

    messages = Bundle("messages")
    probes_out = Bundle("probes_out")

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 1_000_000
        self.tables = MemoryTables(on_circuit=self.written, on_probes=self.streamed)
        self.control = Control(self.tables, defaults=POLICY, now_ms=lambda: self.now_ms)
        self.stream: list[Probes] = []
        self.undelivered: list[Probes] = []
        self.granted: Counter[int] = Counter()
        self.replaced: Counter[int] = Counter()
        self.succeeded: dict[int, set[int]] = {}
        self.failed: dict[int, set[int]] = {}
        self.returned: dict[int, set[int]] = {}

    # --- The model: what every write must keep ---------------------------------------------------

    def written(self, before: Circuit, after: Circuit) -> None:
        assert after.revision == before.revision + 1
        step = (before.state, after.state, after.generation - before.generation)
        assert step in LEGAL, step
        if before.generation == after.generation:
            assert after.opened_at_ms == before.opened_at_ms
            self.replaced[after.generation] += max(0, after.permits - max(before.permits, POLICY.permits))
        if (
            after.state is State.CLOSED
            and before.state is not State.CLOSED
            and after.cause is not Cause.RESET
        ):
            assert len(self.succeeded.get(before.generation, ())) >= POLICY.successes_to_close
            assert after.closed_at_ms == self.now_ms
        held = before.active_override(self.now_ms)
        if held is not None and held.state is State.OPEN:
            assert after.cause in {Cause.OPERATOR, Cause.RELEASED, Cause.RESET}, after.reason

    def streamed(self, name: str, probes: Probes) -> None:
        assert name == NAME
        self.stream.append(probes)
        self.undelivered.append(probes)

    @property
    def circuit(self) -> Circuit:
        return self.tables.read(NAME)

    # --- What the world does ---------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.001, 1, 9, 31, 61]))
    def time_passes(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)

    @rule()
    def time_passes_until_something_is_due(self) -> None:
        self.now_ms = max(self.now_ms, self.circuit.due_at_ms or 0)

    @rule()
    def the_scheduler_ticks(self) -> None:
        Minute(self.control).run().raise_problems()

    @rule(target=messages, age_seconds=st.sampled_from([0, 5, 20, 90]))
    def an_alarm_raises(self, age_seconds: int) -> AlarmRaised:
        raised = AlarmRaised("fast", "failures", self.now_ms - age_seconds * 1000)
        self.control.apply(NAME, raised)
        return raised

    @rule(target=messages)
    @precondition(lambda self: self.circuit.state is State.HALF_OPEN)
    def someone_sets_the_alarm_by_hand(self) -> AlarmRaised:
        return AlarmRaised("fast", "drill", None)

    @rule(target=probes_out)
    @precondition(lambda self: self.circuit.state is not State.CLOSED)
    def a_caller_claims_a_permit(self) -> tuple[int, int] | None:
        generation = self.circuit.generation
        number = self.tables.claim(NAME, generation, self.now_ms)
        if number is None:
            return None
        self.granted[generation] += 1
        return generation, number

    @rule(probe=consumes(probes_out), succeeded=st.sampled_from([True, True, True, False]))
    def a_probe_ends(self, probe: tuple[int, int] | None, succeeded: bool) -> None:  # noqa: FBT001
        if probe is None:
            return
        generation, number = probe
        (self.succeeded if succeeded else self.failed).setdefault(generation, set()).add(number)
        for _ in range(2):  # every report is sent twice
            self.tables.report(NAME, generation, number, succeeded=succeeded)

    @rule(probe=consumes(probes_out))
    def a_probe_gives_its_permit_back(self, probe: tuple[int, int] | None) -> None:
        if probe is not None:
            self.returned.setdefault(probe[0], set()).add(probe[1])
            for _ in range(2):
                self.tables.give_back(NAME, *probe)

    @rule()
    @precondition(lambda self: self.undelivered)
    def the_stream_catches_up(self) -> None:
        while self.undelivered:
            self.control.apply(NAME, ProbesReported(self.undelivered.pop(0)))

    @rule(target=messages, which=st.integers(min_value=0, max_value=50))
    @precondition(lambda self: self.stream)
    def the_stream_repeats_a_record(self, which: int) -> ProbesReported:
        record = ProbesReported(self.stream[which % len(self.stream)])
        self.control.apply(NAME, record)
        return record

    @rule(message=messages)
    def a_message_arrives_twice_in_a_row(self, message: AlarmRaised | ProbesReported) -> None:
        """And is not consumed: it may arrive again, much later."""
        self.control.apply(NAME, message)
        before = self.circuit
        again = self.control.apply(NAME, message)
        by_hand = isinstance(message, AlarmRaised) and message.newest_data_ends_ms is None
        assert by_hand or again.decision.circuit is None
        assert by_hand or self.circuit == before

    @rule(slow=messages, quick=messages)
    def two_writers_at_once(
        self, slow: AlarmRaised | ProbesReported, quick: AlarmRaised | ProbesReported
    ) -> None:
        before = self.circuit
        decision = decide(before, slow, self.now_ms, POLICY)
        self.control.apply(NAME, quick)
        after = self.circuit
        permits = self.tables.read_probes(NAME, after.generation)
        if decision.circuit is not None and after.revision != before.revision:
            with pytest.raises(Conflict):
                self.tables.commit(before, decision)
        assert self.circuit == after
        assert self.tables.read_probes(NAME, after.generation) == permits

    # --- What always holds -----------------------------------------------------------------------

    @invariant()
    def a_generation_never_has_more_probes_than_it_may(self) -> None:
        for generation, granted in self.granted.items():
            returned = len(self.returned.get(generation, ()))
            assert granted <= POLICY.permits + returned + self.replaced[generation]
            if not self.succeeded.get(generation):
                assert granted <= 1 + returned, "the canary goes alone"

    @invariant()
    def nothing_is_ever_stuck(self) -> None:
        """What is not closed, and not held open, is due at some time and has permits to claim or to lose."""
        circuit = self.circuit
        held = circuit.override is not None and circuit.override.state is State.OPEN
        if circuit.state is not State.CLOSED and not held:
            assert circuit.due_at_ms is not None
            assert circuit.retry_at_ms is not None
            probes = self.tables.read_probes(NAME, circuit.generation)
            assert probes is not None
            assert probes.allowed == circuit.permits + len(probes.returned)

    def teardown(self) -> None:
        """Whatever happened: once the operators let go, a healthy dependency ends closed."""
        self.control.apply(NAME, OverrideReleased("ann"))
        for _ in range(20):
            self.now_ms += 60_000
            Minute(self.control).run().raise_problems()
            generation = self.circuit.generation
            while (number := self.tables.claim(NAME, generation, self.now_ms)) is not None:
                self.tables.report(NAME, generation, number, succeeded=True)
                probes = self.tables.read_probes(NAME, generation)
                assert probes is not None
                self.succeeded[generation] = set(probes.succeeded)
                self.granted[generation] += 1
                self.control.apply(NAME, ProbesReported(probes))
        assert self.circuit.state is State.CLOSED


class OperatorMachine(FaultMachine):
    """The same, with operators who force, release and reset."""

    @rule(state=st.sampled_from([State.OPEN, State.CLOSED]), seconds=st.sampled_from([None, 5, 60]))
    def an_operator_overrides(self, state: State, seconds: int | None) -> None:
        until_ms = None if seconds is None else self.now_ms + seconds * 1000
        override = Override(state, by="ann", why="drill", at_ms=self.now_ms, until_ms=until_ms)
        self.control.apply(NAME, OverrideSet(override))
        assert self.circuit.state_for_callers(self.now_ms) is state

    @rule()
    @precondition(lambda self: self.circuit.override is not None)
    def an_operator_releases(self) -> None:
        held = self.circuit.active_override(self.now_ms)
        self.control.apply(NAME, OverrideReleased("ann"))
        assert self.circuit.override is None
        if held is not None and held.state is State.OPEN:
            assert (self.circuit.state, self.circuit.retry_at_ms) == (State.OPEN, self.now_ms)

    @rule()
    @precondition(lambda self: self.circuit.state is not State.CLOSED)
    def an_operator_resets(self) -> None:
        self.control.apply(NAME, Reset("ann", "all is well"))
        assert (self.circuit.state, self.circuit.override, self.circuit.trips) == (State.CLOSED, None, 0)


TestFaults = FaultMachine.TestCase
TestFaults.settings = settings(max_examples=300, stateful_step_count=80)

TestOperators = OperatorMachine.TestCase
TestOperators.settings = settings(max_examples=150, stateful_step_count=80)
