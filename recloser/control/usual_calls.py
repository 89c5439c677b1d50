"""How many calls a closed circuit usually makes, from its metrics of the last two minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recloser.circuit import Circuit

PERIOD_MS = 10_000
LOOK_BACK_MS = 120_000
# What callers publish is readable some seconds later, and the newest period is not whole.
INGESTION_MS = 15_000
FEWEST_PERIODS = 2  # 20 seconds


def closed_calls_per_second(circuit: Circuit, calls: Mapping[int, float], now_ms: int) -> float | None:
    """Return how many calls a second were made while the circuit was closed; None: too little is known.

    Args:
        circuit: as it is now.
        calls: when each period of ten seconds began, epoch milliseconds, and how many calls it holds; a
            period without calls is not in it.
        now_ms: epoch milliseconds.

    """
    measured = [
        begins_ms
        for begins_ms in periods(now_ms)
        if begins_ms >= min(calls, default=now_ms) and is_closed_time(circuit, begins_ms, now_ms)
    ]
    if len(measured) < FEWEST_PERIODS:
        return None
    # Traffic that grows makes the newest periods the usual ones: too few usual calls would trip too early.
    return max(_per_second(calls, measured), _per_second(calls, measured[-FEWEST_PERIODS:]))


def _per_second(calls: Mapping[int, float], begun_ms: Sequence[int]) -> float:
    return sum(calls.get(begins_ms, 0.0) for begins_ms in begun_ms) / (len(begun_ms) * PERIOD_MS / 1000)


def periods(now_ms: int) -> range:
    """When the periods of the last two minutes that are whole and readable began, epoch milliseconds."""
    newest_ms = now_ms - INGESTION_MS
    ends_ms = newest_ms - newest_ms % PERIOD_MS
    return range(ends_ms - LOOK_BACK_MS, ends_ms, PERIOD_MS)


def is_closed_time(circuit: Circuit, begins_ms: int, now_ms: int) -> bool:
    """Tell whether a whole period lies within the time for which the circuit has been closed."""
    closed_at_ms, opened_at_ms = circuit.closed_at_ms, circuit.opened_at_ms
    if closed_at_ms is None or closed_at_ms > now_ms:  # never closed again, or by a clock that is fast
        return opened_at_ms is None or begins_ms >= opened_at_ms
    return begins_ms >= closed_at_ms
