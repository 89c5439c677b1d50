"""A real outage from beginning to end, on the deployed stack."""

from __future__ import annotations

import time
from collections.abc import Callable

from scene import Scene

from recloser import Circuit, State
from recloser.caller.flag_cache import JITTER
from recloser.caller.options import CLOSED_CACHE_SECONDS
from recloser.circuit import Cause
from recloser.lab.demo.observer import Outcome
from recloser.lab.local_aws.dependency import FAILING, HEALTHY

# An environment that was not called since the trip may go by a closed flag that is so old: twice its time,
# and its jitter.
OLDEST_FLAG_MS = int(2 * CLOSED_CACHE_SECONDS * (1 + JITTER) * 1000) + 500


def test_a_real_outage(scene: Callable[[str], Scene]) -> None:
    """Failing calls trip the circuit, a failed probe opens it again for longer, good probes close it."""
    api = scene("real-failures-api")
    api.set_policy(recovery_timeout_seconds=4, backoff=3, jitter=0)
    dependency = api.aws.dependency

    with api.traffic():
        api.wait_for_outcome(Outcome.SUCCEEDED)

        dependency.behave(FAILING, api.name)
        tripped = api.wait_for_state(State.OPEN, 60)
        assert tripped.cause is Cause.ALARM
        assert tripped.alarm == api.alarm
        assert api.alarm_state()[0] == "ALARM"
        assert wait_ms(tripped) == 4_000
        api.wait_for_outcome(Outcome.REFUSED)

        reopened = api.wait_for("failed probe", lambda circuit: circuit.trips == 2, 20)
        assert reopened.cause is Cause.PROBE_FAILED
        assert reopened.generation == tripped.generation + 1
        assert wait_ms(reopened) == 12_000
        assert api.granted(tripped.generation) == 1

        dependency.behave(HEALTHY, api.name)
        sleep_until_ms((tripped.opened_at_ms or 0) + OLDEST_FLAG_MS)
        received = dependency.counts(api.name).received
        sleep_until_ms((reopened.retry_at_ms or 0) - 300)
        assert dependency.counts(api.name).received == received, "an open circuit lets nobody through"

        closed = api.wait_for_state(State.CLOSED, 20)
        assert closed.cause is Cause.PROBES_SUCCEEDED
        assert closed.generation == reopened.generation + 1
        assert 5 <= api.granted(reopened.generation) <= 10
        api.wait_for_outcome(Outcome.SUCCEEDED)

    moves = [(line.from_state, line.to_state) for line in closed.history if line.from_state != line.to_state]
    assert moves[0] == (State.CLOSED, State.OPEN)
    assert moves[-1] == (State.HALF_OPEN, State.CLOSED)
    api.wait_for_alarm_event("OK", "Recloser: ")


def wait_ms(circuit: Circuit) -> int:
    assert circuit.retry_at_ms is not None
    assert circuit.opened_at_ms is not None
    return circuit.retry_at_ms - circuit.opened_at_ms


def sleep_until_ms(at_ms: int) -> None:
    time.sleep(max(0.0, at_ms / 1000 - time.time()))
