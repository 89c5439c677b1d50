"""The dependency: how it would answer a call that is made at a time."""

from __future__ import annotations

import functools
import math
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
    """Steady health: a random number below `answering` answers, below `failing` fails, else hangs."""

    since_ms: float
    until_ms: float
    answering: float
    failing: float
    answers: tuple[Fate, ...]
    failures: tuple[Fate, ...]


class Dependency:
    """Decides at random how calls end.

    Args:
        scenario: whose dependency it is.
        start_ms: when the scenario begins, epoch milliseconds.
        numbers: the random numbers of the calls.

    """

    def __init__(self, scenario: Scenario, start_ms: int, numbers: Random) -> None:
        timeout = scenario.caller.client_timeout_seconds
        self._timeout_ms = None if timeout is None else round(timeout * 1000)
        starts = [start_ms + each.from_seconds * 1000 for each in scenario.dependency]
        self._phases = [
            self._phase(health, since, until)
            for health, since, until in zip(scenario.dependency, starts, [*starts[1:], math.inf], strict=True)
        ]
        self._now = self._phases[0]
        self._random = numbers.random
        self._hangs = _given_up(NEVER_MS, self._timeout_ms)

    def fate(self, at_ms: int) -> Fate:
        """Say how a call made at `at_ms` would end. One random number decides whether and how fast."""
        phase = self._now
        if not phase.since_ms <= at_ms < phase.until_ms:
            phase = self._now = next(each for each in self._phases if at_ms < each.until_ms)
        number = self._random()
        if number < phase.answering:
            return phase.answers[int(number / phase.answering * QUANTILES)]
        if number < phase.failing:
            share = (number - phase.answering) / (phase.failing - phase.answering)
            return phase.failures[int(share * QUANTILES)]
        return self._hangs

    def _phase(self, health: Health, since_ms: float, until_ms: float) -> _Phase:
        answers, failures = _fates(health.latency, self._timeout_ms)
        failing = 1.0 - health.hang_rate
        return _Phase(since_ms, until_ms, failing - health.failure_rate, failing, answers, failures)


def _given_up(milliseconds: int, timeout_ms: int | None) -> Fate:
    """The client gives up at its timeout."""
    if timeout_ms is None or milliseconds < timeout_ms:
        return Fate(milliseconds, fails=False)
    return Fate(timeout_ms, fails=True)


@functools.cache
def _fates(latency: Latency, timeout_ms: int | None) -> tuple[tuple[Fate, ...], tuple[Fate, ...]]:
    """Every possible answer, and the same as failures."""
    answers = tuple(_given_up(milliseconds, timeout_ms) for milliseconds in latencies_ms(latency))
    return answers, tuple(Fate(each.milliseconds, fails=True) for each in answers)


@functools.cache
def latencies_ms(latency: Latency) -> tuple[int, ...]:
    """The quantiles of a log-normal distribution, in whole milliseconds."""
    spread = math.log(latency.p99_ms / latency.median_ms) / _P99
    quantile = NormalDist(math.log(latency.median_ms), spread).inv_cdf if spread > 0 else None
    return tuple(
        max(1, round(math.exp(quantile((index + 0.5) / QUANTILES)) if quantile else latency.median_ms))
        for index in range(QUANTILES)
    )


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
    alarms = scenario.alarms
    failing = 100 * failing_share(health, scenario.caller.client_timeout_seconds)
    return failing >= alarms.failure_threshold_percent or _is_slow(latencies_ms(health.latency), alarms)


def failing_share(health: Health, timeout_seconds: float | None) -> float:
    """Return the share of calls that fail, hang, or take as long as a timeout."""
    given_up = 0
    if timeout_seconds is not None:
        given_up = sum(each >= timeout_seconds * 1000 for each in latencies_ms(health.latency))
    bad = health.failure_rate + health.hang_rate
    return bad + (1 - bad) * given_up / QUANTILES


def _is_slow(milliseconds: tuple[int, ...], alarms: AlarmSettings) -> bool:
    slow = sum(each >= alarms.slow_call_milliseconds for each in milliseconds)
    return alarms.fast_alarms and 100 * slow / QUANTILES > alarms.slow_share_percent
