"""The units that CloudWatch knows (API reference, MetricDatum)."""

_PREFIXES = ("", "Kilo", "Mega", "Giga", "Tera")


def _sizes(name: str) -> list[str]:
    return [f"{prefix}{name}" if prefix == "" else f"{prefix}{name.lower()}" for prefix in _PREFIXES]


_PLAIN = ["Seconds", "Microseconds", "Milliseconds", *_sizes("Bytes"), *_sizes("Bits"), "Percent", "Count"]
_PER_SECOND = [f"{unit}/Second" for unit in [*_sizes("Bytes"), *_sizes("Bits"), "Count"]]

UNITS = frozenset([*_PLAIN, *_PER_SECOND, "None"])
