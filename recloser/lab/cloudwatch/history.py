"""DescribeAlarmHistory: what alarms and their contributors did, newest first."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from recloser.lab.cloudwatch.contributors import Contributor
from recloser.lab.cloudwatch.states import AlarmState
from recloser.lab.cloudwatch.times import iso_milliseconds

CONFIGURATION_UPDATE = "ConfigurationUpdate"
STATE_UPDATE = "StateUpdate"
CONTRIBUTOR_STATE_UPDATE = "AlarmContributorStateUpdate"
CONTRIBUTOR_KINDS = (CONTRIBUTOR_STATE_UPDATE, "AlarmContributorAction")


@dataclass(frozen=True, slots=True)
class _Item:
    alarm: str
    kind: str
    at_ms: int
    summary: str
    data: Mapping[str, Any]
    contributor: Contributor | None = None

    def shown(self) -> dict[str, Any]:
        item: dict[str, Any] = {
            "AlarmName": self.alarm,
            "AlarmType": "MetricAlarm",
            "Timestamp": iso_milliseconds(self.at_ms),
            "HistoryItemType": self.kind,
            "HistorySummary": self.summary,
            "HistoryData": json.dumps({"version": "1.0", **self.data}, separators=(",", ":")),
        }
        if self.contributor is not None:
            item["AlarmContributorId"] = self.contributor.id
            item["AlarmContributorAttributes"] = dict(self.contributor.attributes)
        return item


class History:
    """The history of a region's metric alarms. Actions are not part of it: no action is taken here."""

    def __init__(self) -> None:
        self._items: list[_Item] = []

    def configured(self, alarm: str, operation: str, at_ms: int) -> None:
        words = {"create": "created", "update": "updated", "delete": "deleted"}[operation]
        self._items.append(
            _Item(alarm, CONFIGURATION_UPDATE, at_ms, f'Alarm "{alarm}" {words}', {"type": operation.title()})
        )

    def changed(self, alarm: str, before: AlarmState, after: AlarmState) -> None:
        """A state, or only its reason, has changed."""
        summary = f"Alarm updated from {before.value.value} to {after.value.value}"
        data = {"oldState": _shown(before), "newState": _shown(after)}
        self._items.append(_Item(alarm, STATE_UPDATE, after.updated_ms, summary, data))

    def contributor_changed(self, alarm: str, contributor: Contributor, state: AlarmState) -> None:
        """Captured: such an item has a `newState` only. The summary's words are ours."""
        summary = f"Alarm contributor updated to {state.value.value}"
        self._items.append(
            _Item(
                alarm,
                CONTRIBUTOR_STATE_UPDATE,
                state.updated_ms,
                summary,
                {"newState": _shown(state)},
                contributor,
            )
        )

    def describe(
        self, alarm: str | None = None, kind: str | None = None, contributor_id: str | None = None
    ) -> list[dict[str, Any]]:
        """Items newest first. Contributors' are shown only if their kind or one of their ids is asked for."""
        return [item.shown() for item in self._selected(alarm, kind, contributor_id)]

    def _selected(self, alarm: str | None, kind: str | None, contributor_id: str | None) -> Iterator[_Item]:
        for item in reversed(self._items):
            found = None if item.contributor is None else item.contributor.id
            if (
                (alarm is None or item.alarm == alarm)
                and (kind is None or item.kind == kind)
                and (contributor_id is None or found == contributor_id)
                and (found is None or contributor_id is not None or kind in CONTRIBUTOR_KINDS)
            ):
                yield item


def _shown(state: AlarmState) -> dict[str, Any]:
    shown: dict[str, Any] = {"stateValue": state.value.value, "stateReason": state.reason}
    if state.reason_data is not None:
        shown["stateReasonData"] = _parsed(state.reason_data)
    return shown


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # SetAlarmState takes any text
        return text
