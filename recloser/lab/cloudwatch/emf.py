"""The embedded metric format: what CloudWatch extracts from a log line, and what it drops.

Source: "Specification: Embedded metric format" in the CloudWatch user guide, with the limits of its current edition.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from recloser.lab.cloudwatch.metrics import NO_UNIT, Metric, Sample
from recloser.lab.cloudwatch.units import UNITS

MAXIMUM_DOCUMENT_BYTES = 1024 * 1024
MAXIMUM_METRICS = 100
MAXIMUM_VALUES = 100
MAXIMUM_DIMENSIONS = 30
MAXIMUM_NAMESPACE_LENGTH = 1024
MAXIMUM_NAME_LENGTH = 1024
MAXIMUM_DIMENSION_VALUE_LENGTH = 1024
MAXIMUM_VALUE = 2.0**360
MS_PER_DAY = 86_400_000
OLDEST_MS = 14 * MS_PER_DAY
NEWEST_MS = 2 * 3_600_000


class Extraction(NamedTuple):
    """Samples that CloudWatch takes out of a log line, and why it drops the rest."""

    samples: list[Sample]
    dropped: list[str]


def extract(line: str, now_ms: int, available_at_ms: int | None = None) -> Extraction:
    """Reads one log line. A line that is no EMF document gives neither samples nor complaints.

    Lambda may put its own fields before the document, so the document is looked for from the first brace on.
    `available_at_ms` (default `now_ms`) is when queries can see the samples.
    """
    start = line.find("{")
    if start < 0 or '"_aws"' not in line:
        return Extraction([], [])
    try:
        document = json.loads(line[start:])
    except ValueError as error:
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
    reader = _Document(document, now_ms, now_ms if available_at_ms is None else available_at_ms)
    reader.read()
    return Extraction(reader.samples, reader.dropped)


class _Document:
    def __init__(self, document: Mapping[str, Any], now_ms: int, available_at_ms: int) -> None:
        self.document = document
        self.now_ms = now_ms
        self.available_at_ms = available_at_ms
        self.samples: list[Sample] = []
        self.dropped: list[str] = []
        self.timestamp_ms = 0

    def read(self) -> None:
        metadata = self.document.get("_aws")
        if not isinstance(metadata, Mapping):
            return self._drop("_aws must be an object")
        timestamp, directives = metadata.get("Timestamp"), metadata.get("CloudWatchMetrics")
        if not _is_number(timestamp):
            return self._drop(f"_aws.Timestamp must be a number of milliseconds, not {timestamp!r}")
        if not isinstance(directives, Sequence) or isinstance(directives, str):
            return self._drop("_aws.CloudWatchMetrics must be a list")
        assert isinstance(timestamp, int | float)
        self.timestamp_ms = int(timestamp)
        if not self.now_ms - OLDEST_MS <= self.timestamp_ms <= self.now_ms + NEWEST_MS:
            return self._drop(
                f"_aws.Timestamp {timestamp} is older than two weeks or more than two hours ahead"
            )
        for directive in directives:
            self._directive(directive)
        return None

    def _directive(self, directive: Any) -> None:
        if not isinstance(directive, Mapping):
            return self._drop(f"a metric directive must be an object, not {directive!r}")
        namespace = directive.get("Namespace")
        if not isinstance(namespace, str) or not 1 <= len(namespace) <= MAXIMUM_NAMESPACE_LENGTH:
            return self._drop(
                f"Namespace must be 1 to {MAXIMUM_NAMESPACE_LENGTH} characters, not {namespace!r}"
            )
        sets, definitions = directive.get("Dimensions"), directive.get("Metrics")
        if not _is_list(sets) or not sets:
            return self._drop(f"Dimensions of {namespace!r} must be a list with at least one set")
        if not _is_list(definitions):
            return self._drop(f"Metrics of {namespace!r} must be a list")
        assert sets is not None
        assert definitions is not None
        if len(definitions) > MAXIMUM_METRICS:
            return self._drop(
                f"Metrics of {namespace!r} holds {len(definitions)}; {MAXIMUM_METRICS} are allowed"
            )
        dimension_sets = [found for one in sets if (found := self._dimensions(one)) is not None]
        for definition in definitions:
            self._metric(namespace, dimension_sets, definition)
        return None

    def _dimensions(self, keys: Any) -> tuple[tuple[str, str], ...] | None:
        if not _is_list(keys):
            return self._drop(f"a dimension set must be a list of names, not {keys!r}")
        if len(keys) > MAXIMUM_DIMENSIONS:
            return self._drop(f"a dimension set holds {len(keys)} names; {MAXIMUM_DIMENSIONS} are allowed")
        found = []
        for key in keys:
            value = self.document.get(key) if isinstance(key, str) else None
            if not isinstance(value, str) or not 1 <= len(value) <= MAXIMUM_DIMENSION_VALUE_LENGTH:
                return self._drop(
                    f"dimension {key!r} must be a text of 1 to {MAXIMUM_DIMENSION_VALUE_LENGTH} characters at the "
                    f"root, not {value!r}"
                )
            found.append((key, value))
        return tuple(sorted(found))

    def _metric(
        self, namespace: str, dimension_sets: list[tuple[tuple[str, str], ...]], definition: Any
    ) -> None:
        name = definition.get("Name") if isinstance(definition, Mapping) else None
        if not isinstance(name, str) or not 1 <= len(name) <= MAXIMUM_NAME_LENGTH:
            return self._drop(f"a metric needs a Name of 1 to {MAXIMUM_NAME_LENGTH} characters, not {name!r}")
        unit = definition.get("Unit", NO_UNIT)
        if unit not in UNITS:
            return self._drop(f"metric {name!r} has the unknown Unit {unit!r}")
        resolution = definition.get("StorageResolution", 60)
        if resolution not in (1, 60):
            return self._drop(f"metric {name!r} has StorageResolution {resolution!r}; 1 and 60 are allowed")
        for value in self._values(name):
            for dimensions in dimension_sets:
                self.samples.append(
                    Sample(
                        Metric(namespace, name, dimensions),
                        self.timestamp_ms,
                        value,
                        1.0,
                        self.available_at_ms,
                        unit,
                        resolution,
                    )
                )
        return None

    def _values(self, name: str) -> Iterator[float]:
        if name not in self.document:
            self._drop(f"metric {name!r} has no member of that name at the root")
            return
        target = self.document[name]
        values = target if isinstance(target, list) else [target]
        if len(values) > MAXIMUM_VALUES:
            self._drop(f"metric {name!r} has {len(values)} values; {MAXIMUM_VALUES} are allowed")
            return
        for value in values:
            if not _is_number(value):
                self._drop(f"metric {name!r} must be a number or a list of numbers, not {value!r}")
            else:
                yield float(value)

    def _drop(self, why: str) -> None:
        self.dropped.append(why)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and abs(value) <= MAXIMUM_VALUE
    )
