"""What one process knows of one circuit. All its breakers of that name share it."""

from __future__ import annotations

import math
import threading

from recloser.admit import View
from recloser.caller.failure_reports import FailureReports
from recloser.caller.flag_cache import Flag, KnownFlag, Uniform
from recloser.caller.local_trip import LocalHold, LocalTrip
from recloser.caller.probing import PermitPacing, ProbesUnderWay
from recloser.circuit import State

_making = threading.Lock()


class LocalCircuit:
    """The flag as it was last read; and, once there was a failure or a probe, what this process makes of it.

    Args:
        known: the flag.
        local_trip: when this process refuses by itself; None: never.
        uniform: random numbers between two bounds.

    Attributes:
        known: the flag, and how long it is trusted.
        hold: the state of the local trip; None before the first failure.
        pacing: when this process may claim a permit; None before it had to ask.
        probes: its probes and trials that run now; None before the first.
        reports: what it tells the fleet while calls fail; None before the first failure.

    """

    def __init__(self, known: KnownFlag, local_trip: LocalTrip | None, uniform: Uniform) -> None:
        self.known = known
        self.hold: LocalHold | None = None
        self.pacing: PermitPacing | None = None
        self.probes: ProbesUnderWay | None = None
        self.reports: FailureReports | None = None
        self._local_trip = local_trip
        self._uniform = uniform

    def view(self, flag: Flag, now: float, drawn: float, *, is_enabled: bool) -> View:
        """Put together what `admit` must know.

        Args:
            flag: the reading to go by.
            now: epoch seconds.
            drawn: a random number from 0 to 1.
            is_enabled: whether Recloser is switched on.

        """
        circuit, hold = flag.circuit, self.hold
        if hold is not None and circuit is not None:
            hold.see(circuit.generation)
            if self.reports is not None:
                self.reports.see(circuit.generation)
        is_plain = circuit is None or (circuit.state is State.CLOSED and circuit.override is None)
        return View(
            circuit=circuit,
            fresh_until=flag.fresh_until,
            is_stale=flag.is_stale,
            is_enabled=is_enabled,
            held_from=0.0 if hold is None else hold.since,
            held_until=0.0 if hold is None else hold.until,
            failed_lately=self.reports is not None and not self.reports.is_calm,
            is_trial_due=hold is not None and hold.is_trial_due(now),
            claim_from=math.inf if is_plain else self.made_pacing().claim_from(flag),
            may_join=self.probes is not None and self.probes.may_join(),
            drawn=drawn,
        )

    # Made when they are needed, once, whatever threads meet.

    def made_hold(self) -> LocalHold:
        """Return the state of the local trip, which begins with the circuit's present generation."""
        if self.hold is None:
            self._make("hold", LocalHold(self._local_trip, self._generation()))
        assert self.hold is not None  # noqa: S101  (said to the type checker)
        return self.hold

    def made_pacing(self) -> PermitPacing:
        """Return what decides when this process may claim a permit."""
        if self.pacing is None:
            self._make("pacing", PermitPacing(self._uniform, self.known.not_closed_seconds))
        assert self.pacing is not None  # noqa: S101
        return self.pacing

    def made_probes(self) -> ProbesUnderWay:
        """Return the probes and trials that run now."""
        if self.probes is None:
            self._make("probes", ProbesUnderWay())
        assert self.probes is not None  # noqa: S101
        return self.probes

    def made_reports(self) -> FailureReports:
        """Return what is told to the fleet while calls fail, from the circuit's present generation on."""
        if self.reports is None:
            reports = FailureReports(self._uniform)
            reports.see(self._generation())
            self._make("reports", reports)
        assert self.reports is not None  # noqa: S101
        return self.reports

    def _generation(self) -> int:
        flag = self.known.flag
        return 0 if flag is None or flag.circuit is None else flag.circuit.generation

    def _make(self, name: str, made: object) -> None:
        with _making:
            if getattr(self, name) is None:
                setattr(self, name, made)
