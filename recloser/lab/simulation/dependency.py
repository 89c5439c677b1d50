"""The dependency: how it would answer a call that is made at a time."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from statistics import NormalDist
from typing import NamedTuple

from recloser.lab.simulation.scenario import AlarmSettings, Health, Latency, Scenario, Span

QUANTILES = 4096  # whole milliseconds from so many quantiles: drawing a latency is looking one up
NEVER_MS = 7 * 24 * 3600 * 1000
_P99 = NormalDist().inv_cdf(0.99)


class DependencyFailed(Exception):  # noqa: N818
    """What callers of the simulated dependency see when it fails."""


class Fate(NamedTuple):
    """How a call would end, if it were made."""

    milliseconds: int
    fails: bool


@dataclass(frozen=True, slots=True)
class _Phase:
    answering: float  # the share of calls that do not fail or hang by themselves
    hanging: float
    latencies: tuple[Fate, ...]


class Dependency:
    """Draws what becomes of calls.

    Args:
        scenario: whose dependency it is.
        start_ms: when the scenario begins, epoch milliseconds.
        numbers: the chance of the calls.

    """

    def __init__(self, scenario: Scenario, start_ms: int, numbers: Random) -> None:
        timeout = scenario.caller.client_timeout_seconds
        self._timeout_ms = None if timeout is None else round(timeout * 1000)
        self._phases = [self._phase(each) for each in scenario.dependency]
        self._starts = [start_ms + round(each.from_seconds * 1000) for each in scenario.dependency]
        self._random = numbers.random
        self._hangs = self._given_up(NEVER_MS)

    def fate(self, at_ms: int) -> Fate:
        """Draw how a call made at `at_ms` would end."""
        phase = self._phases[bisect_right(self._starts, at_ms) - 1]
        draw, latency = self._random(), phase.latencies[int(self._random() * QUANTILES)]
        if draw < phase.answering:
            return latency
        if draw >= 1 - phase.hanging:
            return self._hangs
        return Fate(latency.milliseconds, fails=True)

    def _phase(self, health: Health) -> _Phase:
        fates = tuple(self._given_up(milliseconds) for milliseconds in latencies_ms(health.latency))
        return _Phase(1 - health.failure_rate - health.hang_rate, health.hang_rate, fates)

    def _given_up(self, milliseconds: int) -> Fate:
        """The client gives up at its timeout."""
        if self._timeout_ms is None or milliseconds < self._timeout_ms:
            return Fate(milliseconds, fails=False)
        return Fate(self._timeout_ms, fails=True)


def latencies_ms(latency: Latency) -> list[int]:
    """The quantiles of a log-normal distribution, in whole milliseconds."""
    spread = math.log(latency.p99_ms / latency.median_ms) / _P99
    draw = NormalDist(math.log(latency.median_ms), spread).inv_cdf if spread > 0 else None
    return [
        max(1, round(math.exp(draw((index + 0.5) / QUANTILES)) if draw else latency.median_ms))
        for index in range(QUANTILES)
    ]


def outages(scenario: Scenario) -> list[Span]:
    """The spans in which the alarms, as they are set, ought to trip. An open end is the scenario's end."""
    bounds = [*(each.from_seconds for each in scenario.dependency), scenario.duration_seconds]
    found: list[Span] = []
    for health, (begin, end) in zip(scenario.dependency, pairwise(bounds), strict=True):
        if not is_outage(health, scenario) or begin >= end:
            continue
        if found and found[-1].until_seconds == begin:
            found[-1] = Span(found[-1].from_seconds, end)
        else:
            found.append(Span(begin, end))
    return found


def is_outage(health: Health, scenario: Scenario) -> bool:
    """Tell whether so many calls fail, or are so slow, that an alarm ought to raise."""
    alarms, timeout = scenario.alarms, scenario.caller.client_timeout_seconds
    milliseconds = latencies_ms(health.latency)
    given_up = 0 if timeout is None else sum(each >= timeout * 1000 for each in milliseconds)
    bad = health.failure_rate + health.hang_rate
    failing = bad + (1 - bad) * given_up / QUANTILES
    return failing * 100 >= alarms.failure_threshold_percent or _is_slow(milliseconds, alarms)


def _is_slow(milliseconds: list[int], alarms: AlarmSettings) -> bool:
    slow = sum(each >= alarms.slow_call_milliseconds for each in milliseconds)
    return alarms.fast_alarms and 100 * slow / QUANTILES > alarms.slow_share_percent
