"""Scenarios as YAML files: read, checked, and refused with the file, the line and what is allowed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from recloser.caller.local_trip import LocalTrip
from recloser.lab.simulation.scenario import (
    AlarmSettings,
    Caller,
    Calls,
    Delays,
    Environments,
    Faults,
    Health,
    Latency,
    Lateness,
    Operation,
    Scenario,
    Span,
    TrafficChange,
)
from recloser.policy import PolicyError, RecoveryPolicy

Place = tuple[str | int, ...]


class ScenarioError(ValueError):
    """A scenario is not allowed; the message names the file, the line, the value and what is allowed."""


def load_scenario(path: Path) -> Scenario:
    """Read a scenario.

    Raises:
        ScenarioError: the file cannot be read, is not YAML, or does not describe a scenario.

    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: cannot be read: {error}") from error
    return parse_scenario(text, str(path))


def parse_scenario(text: str, source: str) -> Scenario:
    """Read a scenario from YAML.

    Args:
        text: the YAML.
        source: the file's name, for messages.

    Raises:
        ScenarioError: it does not describe a scenario.

    """
    document = _Document(text, source)
    for place, number in _not_finite(document.content, ()):
        raise document.error(place, f"{number!r} is not allowed: a finite number")
    error = best_match(_validator().iter_errors(document.content))
    if error is not None:
        raise document.error(tuple(error.absolute_path), _explained(error))
    for place, problem in _problems(document.content):
        raise document.error(place, problem)
    return _built(document.content)


class _Document:
    """YAML that remembers in which line each value stands."""

    def __init__(self, text: str, source: str) -> None:
        self._source = source
        self._lines: dict[Place, int] = {(): 1}
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
            if root is not None:
                self._note(root, ())
            self.content: Any = yaml.safe_load(text)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = 1 if mark is None else mark.line + 1
            raise ScenarioError(f"{source}, line {line}: not YAML: {error.problem}") from error
        except yaml.YAMLError as error:
            raise ScenarioError(f"{source}: not YAML: {error}") from error

    def error(self, place: Place, problem: str) -> ScenarioError:
        known = place
        while known not in self._lines:
            known = known[:-1]
        name = ".".join(map(str, place)) or "the scenario"
        return ScenarioError(f"{self._source}, line {self._lines[known]}: {name}: {problem}")

    def _note(self, node: yaml.Node, place: Place) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = (*place, key.value)
                line = key.start_mark.line + 1
                if inner in self._lines:
                    raise ScenarioError(f"{self._source}, line {line}: {key.value} stands here twice")
                self._lines[inner] = line
                self._note(value, inner)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._lines[(*place, index)] = value.start_mark.line + 1
                self._note(value, (*place, index))


def _validator() -> Draft202012Validator:
    schema = files("recloser.lab.simulation").joinpath("scenario.schema.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(schema))


def _explained(error: ValidationError) -> str:
    """Say what is allowed, in the words of a scenario rather than of JSON Schema."""
    wanted: Any = error.validator_value
    schema: Any = error.schema
    value: Any = error.instance
    match error.validator:
        case "additionalProperties":
            allowed = sorted(schema["properties"])
            unknown = ", ".join(map(str, sorted(set(value) - set(allowed), key=str)))
            return f"{unknown} is unknown; allowed are {', '.join(allowed)}"
        case "required":
            return f"{', '.join(name for name in wanted if name not in value)} is missing"
        case "enum":
            return f"{value!r} is not allowed: one of {', '.join(map(str, wanted))}"
        case "type":
            kinds = [wanted] if isinstance(wanted, str) else wanted
            return f"{value!r} is not allowed: {' or '.join(_KINDS[kind] for kind in kinds)}"
        case "minimum" | "maximum" | "exclusiveMinimum":
            return f"{value!r} is not allowed: {_bounds(schema)}"
    return error.message


_KINDS = {
    "object": "settings by name",
    "array": "a list",
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}


def _bounds(schema: Mapping[str, Any]) -> str:
    words = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}
    return ", ".join(f"{text} {schema[word]}" for word, text in words.items() if word in schema)


def _not_finite(value: Any, place: Place) -> Iterator[tuple[Place, float]]:
    """YAML knows .nan and .inf; no comparison with a bound of the schema finds the first."""
    if isinstance(value, float) and not math.isfinite(value):
        yield place, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _not_finite(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _not_finite(inner, (*place, index))


def _problems(content: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """What a schema cannot say."""
    yield from _dependency_problems(content["dependency"])
    yield from _order_problems(content["calls"].get("changes", []), ("calls", "changes"))
    yield from _problems_after_end(content)
    for name, bounds in content.get("delays", {}).items():
        if bounds[0] > bounds[1]:
            yield ("delays", name), f"{bounds!r} is not allowed: the smaller first"
    for fault in ("dead_scheduler", "unreachable_tables"):
        for index, span in enumerate(content.get("faults", {}).get(fault, [])):
            if span["from_seconds"] >= span["until_seconds"]:
                yield ("faults", fault, index), "until_seconds must be after from_seconds"
    for index, operation in enumerate(content.get("operators", [])):
        yield from _operation_problems(("operators", index), operation)
    policy: RecoveryPolicy | None = None
    for name in ("policy", "own_policy"):
        try:
            policy = (policy or RecoveryPolicy()).with_overrides(content.get(name, {}))
        except PolicyError as error:
            yield (name,), str(error)


def _dependency_problems(phases: list[Mapping[str, Any]]) -> Iterator[tuple[Place, str]]:
    since = phases[0]["from_seconds"]
    if since != 0:
        yield ("dependency", 0, "from_seconds"), f"{since!r} is not allowed: the first begins at 0"
    yield from _order_problems(phases, ("dependency",))
    for index, phase in enumerate(phases):
        if phase.get("failure_rate", 0) + phase.get("hang_rate", 0) > 1:
            yield ("dependency", index), "failure_rate and hang_rate together are at most 1"
        latency = phase.get("latency")
        if latency is not None and latency["p99_ms"] < latency["median_ms"]:
            yield ("dependency", index, "latency"), "p99_ms is at least median_ms"


def _order_problems(steps: list[Mapping[str, Any]], place: Place) -> Iterator[tuple[Place, str]]:
    for index, (before, step) in enumerate(pairwise(steps), 1):
        since, least = step["from_seconds"], before["from_seconds"]
        if since <= least:
            yield (*place, index, "from_seconds"), f"{since!r} is not allowed: more than {least}"


def _problems_after_end(content: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """What begins when the run is over would be ignored in silence."""
    faults = content.get("faults", {})
    steps: list[tuple[Place, float]] = [
        *_begins(content["dependency"], ("dependency",), "from_seconds"),
        *_begins(content["calls"].get("changes", []), ("calls", "changes"), "from_seconds"),
        *_begins(content.get("operators", []), ("operators",), "at_seconds"),
        *_begins(faults.get("dead_scheduler", []), ("faults", "dead_scheduler"), "from_seconds"),
        *_begins(faults.get("unreachable_tables", []), ("faults", "unreachable_tables"), "from_seconds"),
    ]
    end = content["duration_seconds"]
    for place, seconds in steps:
        if seconds >= end:
            yield place, f"{seconds!r} is not allowed: less than duration_seconds = {end!r}"


def _begins(steps: list[Mapping[str, Any]], place: Place, name: str) -> Iterator[tuple[Place, float]]:
    for index, step in enumerate(steps):
        yield (*place, index, name), step[name]


def _operation_problems(place: Place, operation: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    until = operation.get("until_seconds")
    if until is None:
        return
    if operation["action"] not in ("open", "close"):
        yield (*place, "until_seconds"), "only an open or a close can expire"
    if until <= operation["at_seconds"]:
        yield (*place, "until_seconds"), f"{until!r} is not allowed: more than at_seconds"


# --- From plain data to a scenario ---------------------------------------------------------------


def _built(content: Mapping[str, Any]) -> Scenario:
    settings = dict(content)
    settings["environments"] = Environments(**content["environments"])
    settings["calls"] = _calls(content["calls"])
    settings["dependency"] = tuple(map(_health, content["dependency"]))
    settings["policy"] = RecoveryPolicy(**content.get("policy", {}))
    settings["caller"] = _caller(content.get("caller", {}))
    settings["alarms"] = AlarmSettings(**content.get("alarms", {}))
    settings["delays"] = Delays(**{name: tuple(each) for name, each in content.get("delays", {}).items()})
    settings["faults"] = _faults(content.get("faults", {}))
    settings["operators"] = tuple(Operation(**each) for each in content.get("operators", []))
    return Scenario(**settings)


def _calls(content: Mapping[str, Any]) -> Calls:
    changes = tuple(TrafficChange(**each) for each in content.get("changes", []))
    return Calls(**{**content, "changes": changes})


def _health(content: Mapping[str, Any]) -> Health:
    settings = dict(content)
    if "latency" in settings:
        settings["latency"] = Latency(**settings["latency"])
    return Health(**settings)


def _caller(content: Mapping[str, Any]) -> Caller:
    settings = dict(content)
    if settings.get("local_trip") is not None:
        settings["local_trip"] = LocalTrip(**settings["local_trip"])
    return Caller(**settings)


def _faults(content: Mapping[str, Any]) -> Faults:
    settings = dict(content)
    for name, value in content.items():
        if isinstance(value, dict):
            settings[name] = Lateness(**value)
        elif isinstance(value, list):
            settings[name] = tuple(Span(**span) for span in value)
    return Faults(**settings)
