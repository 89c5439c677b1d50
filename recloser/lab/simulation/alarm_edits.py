"""Somebody edits the circuit's failure-rate alarms while the fleet runs: other limits, another rule, none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from recloser.lab.simulation.context import Context
from recloser.lab.simulation.control_plane import ControlPlane

THRESHOLDS_PERCENT = (20.0, 50.0, 80.0, 95.0)
# Of what an edit does to the alarms, so many in ten: delete them, or put a rule that states no failure rate.
DELETED, OF_ANOTHER_RULE, OF_TEN = 1, 2, 10


class AlarmEdits:
    """An operator at the console. When the faults end the alarms are put back as they were deployed.

    Args:
        context: of the simulation.
        plane: where the alarms are.
        alarms: as they were deployed.

    """

    def __init__(self, context: Context, plane: ControlPlane, alarms: Iterable[dict[str, Any]]) -> None:
        self._queue = context.queue
        self._faults = context.faults
        self._observer = context.observer
        self._plane = plane
        self._deployed = [each for each in alarms if ":failure-rate-" in each["AlarmName"]]
        self._are_edited = False

    def start(self) -> None:
        """Look every second, as long as the scenario has such faults."""
        if self._faults.now.edited_alarms or self._are_edited:
            self._queue.after(1, self._second)

    def _second(self) -> None:
        if not self._faults.now.edited_alarms:
            self._put_back()
        elif self._faults.random.happens(self._faults.now.edited_alarms):
            self._edit()
        self.start()

    def _put_back(self) -> None:
        self._are_edited = False
        self._plane.put_alarms(self._deployed)
        self._tell(self._deployed[0]["Threshold"] if self._deployed else None)

    def _edit(self) -> None:
        self._are_edited = True
        numbers = self._faults.random.numbers
        draw, threshold = numbers.randrange(OF_TEN), numbers.choice(THRESHOLDS_PERCENT)
        if draw < DELETED:
            self._plane.delete_alarms([each["AlarmName"] for each in self._deployed])
            self._tell(None)
            return
        is_another = draw < OF_ANOTHER_RULE
        edited = [{**alarm, "Threshold": threshold} for alarm in self._deployed]
        self._plane.put_alarms(map(_with_another_rule, edited) if is_another else edited)
        self._tell(None if is_another else threshold)

    def _tell(self, threshold_percent: float | None) -> None:
        if self._observer is not None:
            self._observer.alarms_edited(threshold_percent, self._queue.now_ms)


def _with_another_rule(alarm: dict[str, Any]) -> dict[str, Any]:
    """Let it judge the number of failures, whatever the number of calls."""
    rate, *metrics = alarm["Metrics"]
    return {**alarm, "Metrics": [{**rate, "Expression": "failures + 0 * calls"}, *metrics]}
