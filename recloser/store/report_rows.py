"""How the failures that environments report stand in the table of permits.

An item holds 20 seconds of one circuit's generation: for each second how many calls were counted, and how
many of them failed. Environments add to it; so that many may do so at once, the item exists several times, by
shard. The names of its attributes are a finite list, which the policy of callers can name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from recloser.circuit import validate_name
from recloser.frozen import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

SECONDS_PER_ITEM: Final = 20
SHARDS: Final = 4  # one item takes about 1,000 writes a second
# Further shards hold what processes counted after their first report.
FIRST_LATER_SHARD: Final = SHARDS
# The last ones hold calls that local trips refused: nobody knows how they would have ended.
FIRST_HELD_SHARD: Final = FIRST_LATER_SHARD + SHARDS
HELD_SHARDS: Final = 2
ALL_SHARDS: Final = FIRST_HELD_SHARD + HELD_SHARDS
KEPT_SECONDS: Final = 3600
LARGEST_COUNT: Final = 1_000_000_000  # of one second and shard; what is larger was never counted
EXPIRES: Final = "expires"

_KEY = r"(?P<circuit>[^#]+)#(?P<generation>\d{1,15})#failures-(?P<shard>\d)-(?P<span>\d{1,15})"


@dataclass(frozen=True, slots=True)
class Counted:
    """Calls of one second, and how many of them failed.

    `later_calls` and `later_failures` are those among them that a process made after its first report.
    `held_calls` were not made: a local trip refused them.
    """

    calls: int
    failures: int
    later_calls: int = 0
    later_failures: int = 0
    held_calls: int = 0

    def plus(self, other: Counted) -> Counted:
        return Counted(
            self.calls + other.calls,
            self.failures + other.failures,
            self.later_calls + other.later_calls,
            self.later_failures + other.later_failures,
            self.held_calls + other.held_calls,
        )

    def at_most(self, most: int) -> Counted:
        return Counted(
            min(self.calls, most),
            min(self.failures, most),
            min(self.later_calls, most),
            min(self.later_failures, most),
            min(self.held_calls, most),
        )

    def in_shard(self, shard: int) -> Counted:
        """Return the same as that shard means it."""
        if shard >= FIRST_HELD_SHARD:
            return Counted(0, 0, held_calls=self.calls)
        later = (self.calls, self.failures) if shard >= FIRST_LATER_SHARD else (0, 0)
        return Counted(self.calls, self.failures, *later)


Report = Mapping[int, Counted]
"""Seconds since the epoch, and what was counted in each."""


def calls_attribute(second: int) -> str:
    return f"calls_{second % SECONDS_PER_ITEM:02}"


def failures_attribute(second: int) -> str:
    return f"failures_{second % SECONDS_PER_ITEM:02}"


REPORT_ATTRIBUTES: Final = (
    *map(calls_attribute, range(SECONDS_PER_ITEM)),
    *map(failures_attribute, range(SECONDS_PER_ITEM)),
    EXPIRES,
)


def report_key(circuit: str, generation: int, shard: int, second: int) -> str:
    """Name the item that holds a second. No permit has such a key: theirs end in a number alone."""
    return f"{circuit}#{generation}#failures-{shard}-{second // SECONDS_PER_ITEM}"


def is_report_key(key: object) -> bool:
    return isinstance(key, str) and "#failures-" in key


def by_item(report: Report) -> dict[int, dict[int, Counted]]:
    """Split a report by the items that hold it; each is known by its first second."""
    items: dict[int, dict[int, Counted]] = {}
    for second, counted in sorted(report.items()):
        items.setdefault(second - second % SECONDS_PER_ITEM, {})[second] = counted
    return items


def expires_at(second: int) -> int:
    """When the item that holds a second may be removed, epoch seconds."""
    return second - second % SECONDS_PER_ITEM + SECONDS_PER_ITEM + KEPT_SECONDS


def total(reports: Iterable[Report]) -> dict[int, Counted]:
    """Add up what several items hold."""
    summed: dict[int, Counted] = {}
    for report in reports:
        for second, counted in report.items():
            summed[second] = summed.get(second, Counted(0, 0)).plus(counted)
    return summed


def decode_report(item: Mapping[str, Any]) -> tuple[str, int, dict[int, Counted], list[str]]:
    """Read an item.

    Returns:
        The circuit's name, the generation, what was counted, and what is turned away with why: callers may
        write what they like here.

    Raises:
        ValueError: the key is missing or has another form.

    """
    key = item.get("permit", {}).get("S")
    found = re.fullmatch(_KEY, key) if isinstance(key, str) else None
    if found is None:
        raise ValueError(f"permit {key!r} is not of the form CIRCUIT#GENERATION#failures-SHARD-SPAN")
    name = validate_name(found["circuit"])
    first = int(found["span"]) * SECONDS_PER_ITEM
    report: dict[int, Counted] = {}
    problems: list[str] = []
    for second in range(first, first + SECONDS_PER_ITEM):
        calls, failures = item.get(calls_attribute(second)), item.get(failures_attribute(second))
        if calls is None and failures is None:
            continue
        counted = _counted(calls, failures)
        if counted is None:
            problems.append(
                f"second {second}: calls {calls!r:.80}, failures {failures!r:.80} were never counted"
            )
        else:
            report[second] = counted.in_shard(int(found["shard"]))
    return name, int(found["generation"]), report, problems


def _counted(calls: Any, failures: Any) -> Counted | None:
    """Read a second's two numbers; None: nobody can have counted that."""
    numbers = [_whole(value) for value in (calls, failures)]
    if None in numbers:
        return None
    counted = Counted(*(number or 0 for number in numbers))
    return counted if counted.failures <= counted.calls else None


def _whole(value: Any) -> int | None:
    if value is None:
        return 0
    text = value.get("N") if isinstance(value, Mapping) else None
    if not isinstance(text, str) or not re.fullmatch(r"\d{1,10}", text) or int(text) > LARGEST_COUNT:
        return None
    return int(text)
