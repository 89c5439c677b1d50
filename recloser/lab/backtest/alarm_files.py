"""Alarms out of a file: one definition, a list of them, or the answer of DescribeAlarms."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recloser.lab.backtest.input_files import InputFileError, read_text
from recloser.lab.cloudwatch import (
    CompositeAlarm,
    InvalidAlarmError,
    MetricAlarm,
    composite_alarm,
    metric_alarm,
)

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


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An alarm that cannot be evaluated, and why."""

    alarm_name: str
    problem: str


@dataclass(frozen=True, slots=True)
class AlarmFile:
    """The alarms of a file, in its order, and those that cannot be evaluated.

    `is_described`: the file is what DescribeAlarms answered, so that every alarm in it is one of an account.
    """

    found: list[FoundAlarm]
    left_out: list[LeftOut]
    is_described: bool = False


def read_alarms(path: Path) -> AlarmFile:
    """The alarms of a file.

    Of what DescribeAlarms printed, alarms that cannot be evaluated are left out: they are in the account, and
    right. Raises InputFileError, also if no alarm is left.
    """
    text = read_text(path)
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputFileError(path, error.lineno, f"is not JSON: {error.msg}") from error
    definitions = _definitions(document)
    if not definitions:
        raise InputFileError(path, 1, f"holds no alarm: it must be {FORMS}")
    places = _places(text)
    alarms: list[FoundAlarm] = []
    left_out: list[LeftOut] = []
    problems: list[InputFileError] = []
    for number, definition in enumerate(definitions):
        if not isinstance(definition, Mapping):
            raise InputFileError(path, 1, f"alarm {number + 1} is no object: the file must be {FORMS}")
        named = places.get(str(definition.get("AlarmName")), [])
        place = named.pop(0) if named else (0, len(text))
        try:
            alarms.append(FoundAlarm(alarm_of(definition), path, _line_of_name(text, place)))
        except InvalidAlarmError as error:
            if not _is_described(document):
                raise InputFileError(path, _line_of(text, place, error.problem), str(error)) from error
            left_out.append(LeftOut(str(error.alarm_name), error.problem))
            problems.append(InputFileError(path, _line_of(text, place, error.problem), str(error)))
    if not alarms:
        raise problems[0]
    return AlarmFile(alarms, left_out, _is_described(document))


def _definitions(document: Any) -> list[Any]:
    if isinstance(document, list):
        return document
    if not isinstance(document, Mapping) or not document:
        return []
    if _is_described(document):
        return [*document.get("MetricAlarms", []), *document.get("CompositeAlarms", [])]
    return [document]


def _is_described(document: Any) -> bool:
    """Whether the file is what DescribeAlarms answers, also a list out of it (`--query MetricAlarms`)."""
    if isinstance(document, list):
        return any(isinstance(entry, Mapping) and "AlarmArn" in entry for entry in document)
    return isinstance(document, Mapping) and ("MetricAlarms" in document or "CompositeAlarms" in document)


def _places(text: str) -> dict[str, list[tuple[int, int]]]:
    """Where the objects with an AlarmName begin and end, by that name, in the order of the text."""
    decoder = json.JSONDecoder()
    places: dict[str, list[tuple[int, int]]] = {}
    for brace in re.finditer(r"\{", text):
        try:
            value, end = decoder.raw_decode(text, brace.start())
        except json.JSONDecodeError:  # a brace within a text
            continue
        if isinstance(value, dict) and "AlarmName" in value:
            places.setdefault(str(value["AlarmName"]), []).append((brace.start(), end))
    return places


def _line_of(text: str, place: tuple[int, int], problem: str) -> int:
    """The line of an alarm that a problem is about: of what it quotes, or of the setting that it names."""
    mentioned = re.findall(r"'([^']+)'", problem) + re.findall(r"\b[A-Z][A-Za-z]+\b", problem)
    for word in mentioned:
        at = text.find(json.dumps(word), *place)
        if at >= 0:
            return _line(text, at)
    return _line_of_name(text, place)


def _line_of_name(text: str, place: tuple[int, int]) -> int:
    at = text.find('"AlarmName"', *place)
    return _line(text, max(at, place[0]))


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
