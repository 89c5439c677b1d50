"""What the end of a call tells: the metrics, the local trip, the fleet, and the table of permits."""

from __future__ import annotations

import logging

from recloser.caller.admitted import AdmittedCall
from recloser.caller.local_circuit import LocalCircuit
from recloser.caller.outcome import Outcome
from recloser.caller.process import Process
from recloser.circuit import State
from recloser.errors import StoreError
from recloser.metrics.recorder import Recorder
from recloser.store.report_rows import Report

# Within a second a circuit cannot open and close again: no need to look.
SHORT_CALL_SECONDS = 1.0

logger = logging.getLogger(__name__)


class EndedCalls:
    """Counts the calls of one breaker that have ended, and reports its probes and failures.

    Args:
        name: the circuit.
        slow_after_seconds: calls that take longer are counted as slow; None: no call is.
        process: whose tables are told.
        local: what this process knows of the circuit.
        recorder: takes the metrics.

    """

    def __init__(
        self,
        name: str,
        slow_after_seconds: float | None,
        process: Process,
        local: LocalCircuit,
        recorder: Recorder,
    ) -> None:
        self._name = name
        self._slow_after_seconds = slow_after_seconds
        self._process = process
        self._clock = process.clock
        self._local = local
        self._recorder = recorder

    def count(
        self, call: AdmittedCall, outcome: Outcome, retry_after: float | None = None, *, may_read: bool = True
    ) -> None:
        """Count a call that ends now.

        Args:
            call: the call.
            outcome: how it ended.
            retry_after: how long the dependency asks to be left alone, in seconds.
            may_read: whether the flag may be read anew, where `may_read_flag` says that it is needed.

        """
        now = self._clock()
        if outcome is Outcome.IGNORED:
            if call.is_trial:
                self._local.made_hold().end_trial()
            return
        is_past = call.is_counted and self._is_past(call, now, may_read=may_read)
        failed = outcome is Outcome.FAILURE
        if failed:
            self._local.known.refresh_soon(self._process.uniform)
        if call.permit is not None:
            self._recorder.probed(failed=failed)
        if not call.is_counted or is_past:
            return
        seconds = now - call.started
        if failed:
            self._local.made_hold().failure(now, retry_after, is_trial=call.is_trial)
            self._recorder.failed(seconds)
        else:
            hold = self._local.hold
            if hold is not None and hold.failures_in_a_row:
                hold.success()
            self._recorder.succeeded(seconds)
        if failed or self._local.reports is not None:
            self._local.made_reports().count(now, failed=failed)
            self.report_failures(now)
        if self._slow_after_seconds is not None:
            self._recorder.slow(is_slow=seconds > self._slow_after_seconds)

    def may_read_flag(self, started: float, now: float) -> bool:
        """Tell whether counting a call that began at `started`, epoch seconds, may read the flag anew."""
        flag = self._local.known.flag
        return now - started >= SHORT_CALL_SECONDS and not (flag is not None and flag.may_serve(now))

    def _is_past(self, call: AdmittedCall, now: float, *, may_read: bool) -> bool:
        """Tell whether a call was let through before the circuit last opened.

        What belongs to an older generation changes nothing. Counted now, the end of a call that hung through
        an outage would look like news from after the close, and trip again.
        """
        if now - call.started < SHORT_CALL_SECONDS:
            return False
        known = self._local.known
        flag = self._process.flags.read(known, now) if may_read else known.flag
        circuit = None if flag is None else flag.circuit
        if flag is None or circuit is None:
            return False
        # A close that lies ahead was written by a clock that is fast: it must not silence calls made since.
        closed_at = (circuit.closed_at_ms or 0) / 1000
        return not flag.is_closed(now) or call.started < closed_at <= now

    def report_failures(self, now: float) -> None:
        """Tell the fleet of the failures of the closed circuit, in the background, if it is time to."""
        flag = self._local.known.flag
        if flag is None or flag.circuit is None or flag.circuit.state is not State.CLOSED:
            return
        due = self._local.made_reports().due(now)
        if due:
            generation = flag.circuit.generation
            self._process.report_in_background(lambda: self._send_report(generation, *due))

    def _send_report(self, generation: int, shard: int, report: Report) -> None:
        try:
            self._process.tables.report_failures(self._name, generation, shard, report)
        except Exception as error:
            # The alarm sees the same calls, only later.
            logger.warning(
                "circuit %s: failures cannot be reported: %s",
                self._name,
                error,
                exc_info=not isinstance(error, StoreError),
            )

    def report_probe(self, permit: tuple[int, int], outcome: Outcome) -> None:
        """Say how a probe ended, or give its permit back if it says nothing. It waits for the store.

        Args:
            permit: the generation and the probe's number.
            outcome: how it ended.

        """
        generation, number = permit
        tables = self._process.tables
        try:
            if outcome is Outcome.IGNORED:
                tables.give_back(self._name, generation, number)
            else:
                tables.report(self._name, generation, number, succeeded=outcome is Outcome.SUCCESS)
        except Exception as error:
            # The permit counts as lost at the probe deadline; the caller's answer is not ours to spoil.
            logger.warning(
                "circuit %s: probe %d cannot be reported: %s",
                self._name,
                number,
                error,
                exc_info=not isinstance(error, StoreError),
            )
