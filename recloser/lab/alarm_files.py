"""Alarms out of a file: one definition, a list of them, or the answer of DescribeAlarms."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recloser.lab.cloudwatch import (
    CompositeAlarm,
    InvalidAlarmError,
    MetricAlarm,
    composite_alarm,
    metric_alarm,
)
from recloser.lab.input_files import InputFileError, read_text

Alarm = MetricAlarm | CompositeAlarm
FORMS = "one alarm, a list of alarms, or what `aws cloudwatch describe-alarms` prints"


@dataclass(frozen=True, slots=True)
class AlarmSet:
    """Alarms to run side by side."""

    metric_alarms: tuple[MetricAlarm, ...]
    composite_alarms: tuple[CompositeAlarm, ...]

    @property
    def alarms(self) -> list[Alarm]:
        return [*self.metric_alarms, *self.composite_alarms]


def alarm_of(definition: Mapping[str, Any]) -> Alarm:
    """The alarm that a definition makes. Raises InvalidAlarmError."""
    return composite_alarm(definition) if "AlarmRule" in definition else metric_alarm(definition)


def alarm_set(alarms: Sequence[Alarm]) -> AlarmSet:
    """The alarms in an order in which they can be made: composite alarms after all that they refer to.

    Raises InvalidAlarmError for a name that occurs twice, an unknown child, or a circle.
    """
    by_name: dict[str, Alarm] = {}
    for alarm in alarms:
        if alarm.name in by_name:
            raise InvalidAlarmError(alarm.name, "AlarmName occurs twice")
        by_name[alarm.name] = alarm
    ordered: dict[str, CompositeAlarm] = {}

    def place(alarm: CompositeAlarm, above: tuple[str, ...]) -> None:
        for name in alarm.depends_on:
            child = by_name.get(name)
            if child is None:
                raise InvalidAlarmError(
                    alarm.name, f"AlarmRule refers to {name!r}, which is not among the alarms"
                )
            if name in above:
                raise InvalidAlarmError(alarm.name, f"AlarmRule goes in a circle over {name!r}")
            if isinstance(child, CompositeAlarm):
                place(child, (*above, name))
        ordered[alarm.name] = alarm

    for alarm in alarms:
        if isinstance(alarm, CompositeAlarm) and alarm.name not in ordered:
            place(alarm, (alarm.name,))
    return AlarmSet(
        tuple(alarm for alarm in alarms if isinstance(alarm, MetricAlarm)), tuple(ordered.values())
    )


@dataclass(frozen=True, slots=True)
class FoundAlarm:
    """An alarm, and the file and line where it was found."""

    alarm: Alarm
    path: Path
    line: int


def read_alarms(path: Path) -> list[FoundAlarm]:
    """The alarms of a file, in its order. Raises InputFileError."""
    text = read_text(path)
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputFileError(path, error.lineno, f"is not JSON: {error.msg}") from error
    definitions = _definitions(document)
    if not definitions:
        raise InputFileError(path, 1, f"holds no alarm: it must be {FORMS}")
    alarms = []
    for number, definition in enumerate(definitions):
        if not isinstance(definition, Mapping):
            raise InputFileError(path, 1, f"alarm {number + 1} is no object: the file must be {FORMS}")
        try:
            alarm = alarm_of(definition)
            alarms.append(FoundAlarm(alarm, path, _line(text, _span(text, alarm.name)[0])))
        except InvalidAlarmError as error:
            raise InputFileError(path, line_of(text, error), str(error)) from error
    return alarms


def _definitions(document: Any) -> list[Any]:
    if isinstance(document, list):
        return document
    if not isinstance(document, Mapping):
        return []
    if "MetricAlarms" in document or "CompositeAlarms" in document:
        return [*document.get("MetricAlarms", []), *document.get("CompositeAlarms", [])]
    return [document]


def line_of(text: str, error: InvalidAlarmError) -> int:
    """The line that an error is about: what it quotes, or the setting it names, within its alarm."""
    start, end = _span(text, error.alarm_name)
    for quoted in _mentioned(error.problem):
        at = text.find(json.dumps(quoted), start, end)
        if at >= 0:
            return _line(text, at)
    return _line(text, start)


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _mentioned(problem: str) -> Iterator[str]:
    yield from re.findall(r"'([^']+)'", problem)
    yield from re.findall(r"\b[A-Z][A-Za-z]+\b", problem)


def _span(text: str, name: object) -> tuple[int, int]:
    """Where the object with this AlarmName begins and ends; the whole text if there is none."""
    found = re.search(rf'"AlarmName"\s*:\s*{re.escape(json.dumps(name))}', text)
    if found is None:
        return 0, len(text)
    for start, end in _objects(text):
        if start <= found.start() < end:
            return start, end
    return 0, len(text)


def _objects(text: str) -> Iterator[tuple[int, int]]:
    """Where the objects begin and end that have an AlarmName."""
    decoder = json.JSONDecoder()
    for brace in re.finditer(r"\{", text):
        try:
            value, end = decoder.raw_decode(text, brace.start())
        except json.JSONDecodeError:  # a brace within a text
            continue
        if isinstance(value, dict) and "AlarmName" in value:
            yield brace.start(), end
