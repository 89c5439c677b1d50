"""The embedded metric format: what CloudWatch extracts from a log line, and what it drops.

Source: "Specification: Embedded metric format" in the CloudWatch user guide, with its current limits.
The specification does not say how much of a document with one fault is dropped: here it is the smallest part
that the fault makes unusable (a value, a metric, a dimension set, a directive, or the whole).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

from recloser.lab.cloudwatch.metrics import NO_UNIT, Metric, Sample
from recloser.lab.cloudwatch.publication import MAXIMUM_VALUE, is_timely
from recloser.lab.cloudwatch.units import UNITS

MAXIMUM_DOCUMENT_BYTES = 1024 * 1024
MAXIMUM_METRICS = 100
MAXIMUM_VALUES = 100
MAXIMUM_DIMENSIONS = 30
MAXIMUM_TEXT_LENGTH = 1024

Dimensions = tuple[tuple[str, str], ...]


class Extraction(NamedTuple):
    """Samples that CloudWatch takes out of a log line, and why it drops the rest."""

    samples: list[Sample]
    dropped: list[str]


class _Dropped(Exception):  # noqa: N818 - no error: it says which part of a document is left out, and why
    """A part of a document that CloudWatch would not extract."""


def extract(line: str, now_ms: int, available_at_ms: int | None = None) -> Extraction:
    """Reads one log line at `now_ms`. A line that is no EMF document gives neither samples nor complaints.

    Lambda may put its own fields before the document, so it is looked for from the first brace on.
    `available_at_ms` (default `now_ms`) is when queries can see the samples.
    """
    start = line.find("{")
    if start < 0 or '"_aws"' not in line:
        return Extraction([], [])
    try:
        document = json.loads(line[start:])
    except (ValueError, RecursionError) as error:
        return Extraction([], [f"not valid JSON: {error}"])
    if not isinstance(document, dict) or "_aws" not in document:
        return Extraction([], [])
    size = len(line.encode())
    if size > MAXIMUM_DOCUMENT_BYTES:
        return Extraction(
            [], [f"the document has {size} bytes; at most {MAXIMUM_DOCUMENT_BYTES} are allowed"]
        )
    return extract_document(document, now_ms, available_at_ms)


def extract_document(
    document: Mapping[str, Any], now_ms: int, available_at_ms: int | None = None
) -> Extraction:
    """The same for a document that is already parsed."""
    reader = _Document(document, now_ms if available_at_ms is None else available_at_ms)
    try:
        reader.read(now_ms)
    except _Dropped as reason:
        reader.dropped.append(str(reason))
    return Extraction(reader.samples, reader.dropped)


class _Document:
    def __init__(self, document: Mapping[str, Any], available_at_ms: int) -> None:
        self.document = document
        self.available_at_ms = available_at_ms
        self.timestamp_ms = 0
        self.samples: list[Sample] = []
        self.dropped: list[str] = []

    def read(self, now_ms: int) -> None:
        metadata = self.document["_aws"]
        if not isinstance(metadata, Mapping):
            raise _Dropped("_aws must be an object")
        timestamp = metadata.get("Timestamp")
        if not _is_number(timestamp) or not is_timely(timestamp, now_ms):
            raise _Dropped(
                "_aws.Timestamp must be milliseconds of the last two weeks or the next two hours, "
                f"not {timestamp!r}"
            )
        self.timestamp_ms = int(timestamp)
        for directive in _list(metadata.get("CloudWatchMetrics"), "_aws.CloudWatchMetrics"):
            try:
                self._directive(directive)
            except _Dropped as reason:
                self.dropped.append(str(reason))

    def _directive(self, directive: Any) -> None:
        if not isinstance(directive, Mapping):
            raise _Dropped(f"a metric directive must be an object, not {directive!r}")
        namespace = _text(directive.get("Namespace"), "Namespace")
        sets = _list(directive.get("Dimensions"), f"Dimensions of {namespace!r}")
        if not sets:
            raise _Dropped(f"Dimensions of {namespace!r} must have at least one set")
        definitions = _list(directive.get("Metrics"), f"Metrics of {namespace!r}", MAXIMUM_METRICS)
        dimension_sets: list[Dimensions] = []
        for keys in sets:
            try:
                dimension_sets.append(self._dimensions(keys))
            except _Dropped as reason:
                self.dropped.append(str(reason))
        for definition in definitions:
            try:
                self._metric(namespace, dimension_sets, definition)
            except _Dropped as reason:
                self.dropped.append(str(reason))

    def _dimensions(self, keys: Any) -> Dimensions:
        names = _list(keys, "a dimension set", MAXIMUM_DIMENSIONS)
        return tuple(
            sorted(
                (_text(name, "the name of a dimension"), _text(self._target(name), f"dimension {name!r}"))
                for name in names
            )
        )

    def _metric(self, namespace: str, dimension_sets: list[Dimensions], definition: Any) -> None:
        if not isinstance(definition, Mapping):
            raise _Dropped(f"a metric definition must be an object, not {definition!r}")
        name = _text(definition.get("Name"), "the Name of a metric")
        unit = definition.get("Unit", NO_UNIT)
        if not isinstance(unit, str) or unit not in UNITS:
            raise _Dropped(f"metric {name!r} has the unknown Unit {unit!r}")
        resolution = definition.get("StorageResolution", 60)
        if not _is_number(resolution) or resolution not in {1, 60}:
            raise _Dropped(f"metric {name!r} has StorageResolution {resolution!r}; 1 and 60 are allowed")
        metrics = [Metric(namespace, name, dimensions) for dimensions in dimension_sets]
        for value in self._values(name):
            if not _is_number(value):
                self.dropped.append(f"metric {name!r} must be a number or a list of numbers, not {value!r}")
                continue
            self.samples += [
                Sample(
                    metric, self.timestamp_ms, float(value), 1.0, self.available_at_ms, unit, int(resolution)
                )
                for metric in metrics
            ]

    def _values(self, name: str) -> Sequence[Any]:
        target = self._target(name)
        if not isinstance(target, list):
            return [target]
        return _list(target, f"metric {name!r}", MAXIMUM_VALUES)

    def _target(self, name: Any) -> Any:
        if not isinstance(name, str) or name not in self.document:
            raise _Dropped(f"{name!r} is no member at the root of the document")
        return self.document[name]


def _list(value: Any, what: str, maximum: int | None = None) -> Sequence[Any]:
    if not isinstance(value, list):
        raise _Dropped(f"{what} must be a list, not {value!r}")
    if maximum is not None and len(value) > maximum:
        raise _Dropped(f"{what} holds {len(value)} entries; {maximum} are allowed")
    return value


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= MAXIMUM_TEXT_LENGTH:
        raise _Dropped(f"{what} must be a text of 1 to {MAXIMUM_TEXT_LENGTH} characters, not {value!r}")
    return value


def _is_number(value: Any) -> TypeGuard[float]:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) <= MAXIMUM_VALUE  # neither NaN is, nor a whole number too large for a float
    )
