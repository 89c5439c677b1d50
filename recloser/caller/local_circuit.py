"""What one process knows of one circuit. All its breakers of that name share it."""

from __future__ import annotations

from recloser.admit import View
from recloser.caller.failure_reports import FailureReports
from recloser.caller.flag_cache import Flag, KnownFlag
from recloser.caller.local_trip import LocalHold, LocalTrip
from recloser.caller.probing import PermitPacing, ProbesUnderWay


class LocalCircuit:
    """The flag as it was last read, the local hold, and this process's probes.

    Attributes:
        known: the flag, and how long it is trusted.
        hold: the state of the local trip.
        pacing: when this process may claim a permit.
        probes: its probes and trials that run now.
        reports: what it tells the fleet while calls fail.

    """

    def __init__(
        self,
        known: KnownFlag,
        local_trip: LocalTrip | None,
        pacing: PermitPacing,
        reports: FailureReports,
    ) -> None:
        self.known = known
        self.hold = LocalHold(local_trip)
        self.pacing = pacing
        self.probes = ProbesUnderWay()
        self.reports = reports

    def view(self, flag: Flag, now: float, drawn: float, *, is_enabled: bool) -> View:
        """Put together what `admit` must know.

        Args:
            flag: the reading to go by.
            now: epoch seconds.
            drawn: a random number from 0 to 1.
            is_enabled: whether Recloser is switched on.

        """
        hold = self.hold
        if flag.circuit is not None:
            hold.see(flag.circuit.generation)
            self.reports.see(flag.circuit.generation)
        return View(
            circuit=flag.circuit,
            fresh_until=flag.fresh_until,
            is_stale=flag.is_stale,
            is_enabled=is_enabled,
            held_from=hold.since,
            held_until=hold.until,
            failed_lately=not self.reports.is_calm,
            is_trial_due=hold.is_trial_due(now),
            claim_from=self.pacing.claim_from(flag),
            may_join=self.probes.may_join(),
            drawn=drawn,
        )
